"""Names for people of what is stored as a code."""

from __future__ import annotations

from dxp.api import gettext as _


def status_name(status: str) -> str:
    """Of a ticket."""
    names = {
        "open": _("Open"),
        "pending": _("Pending"),
        "solved": _("Solved"),
        "closed": _("Closed"),
    }
    return names.get(status, status)


def priority_name(priority: str) -> str:
    """Of a ticket."""
    names = {
        "low": _("Low"),
        "normal": _("Normal"),
        "high": _("High"),
        "urgent": _("Urgent"),
    }
    return names.get(priority, priority)


def message_status_name(status: str) -> str:
    """Of a message."""
    names = {
        "sent": _("Sent"),
        "no_consent": _("Held back: no consent"),
        "no_address": _("Held back: no address"),
    }
    return names.get(status, status)


def consent_name(consent: str) -> str:
    """What the ledger said when a message was to be sent."""
    names = {
        "granted": _("Consent was given"),
        "missing": _("Consent is missing"),
        "not_needed": _("No consent needed"),
    }
    return names.get(consent, consent)
