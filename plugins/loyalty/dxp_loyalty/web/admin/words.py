"""Codes in the words of the reader."""

from __future__ import annotations

from babel.dates import get_day_names

from dxp.api import gettext as _
from dxp_loyalty.services.undoing import REASON_CODES as REVERSAL_REASONS


def states() -> list[tuple[str, str]]:
    """States of a gift, in the order in which staff look at them."""
    return [
        ("issued", _("Issued")),
        ("planned", _("Planned")),
        ("claimed", _("Claimed")),
        ("missed", _("Missed")),
        ("skipped", _("Skipped")),
        ("lapsed", _("Not claimed in time")),
        ("revoked", _("Revoked")),
        ("cancelled", _("Cancelled")),
    ]


def reason_text(code: str | None) -> str:
    """Why a gift is in its state, or not yet in another."""
    known = {
        "no_consent": _("No consent to the use of the birthday"),
        "guardian_consent_missing": _("A guardian’s consent is missing"),
        "paused": _("Everything is stopped for this member"),
        "too_soon": _("Less than 330 days after the last gift"),
        "too_late": _("More than 14 days late"),
        "set_too_late": _("The birthday was told too late"),
        "date_changed": _("The birthday was changed"),
        "withdrawn": _("The birthday was taken back"),
        "merged": _("The customer was merged with another"),
        "not_meant": _("The rule is for others"),
        "split": _("The customer was separated from another"),
        "erased": _("The customer was erased"),
    }
    return "" if code is None else known.get(code, code)


def kinds() -> dict[str, str]:
    """Kinds of ledger entries."""
    return {
        "earn": _("Earned"),
        "spend": _("Spent"),
        "expire": _("Expired"),
        "adjust": _("Adjusted"),
        "reverse": _("Taken back"),
        "transfer": _("Transferred"),
    }


def tier_causes() -> dict[str, str]:
    """Why a member's tier changed."""
    return {
        "earned": _("Reached"),
        "returned": _("Lost by a return"),
        "ended": _("Its time was over"),
        "manual": _("Given by staff"),
        "manual_ended": _("The given tier was over"),
        "ladder": _("The tiers were changed"),
        "merged": _("Merged with another customer, or split"),
    }


def occasion_kinds() -> list[tuple[str, str]]:
    """What a gift is for, for a chooser."""
    return [
        ("birthday", _("Birthday")),
        ("signup", _("Anniversary of becoming a customer")),
        ("calendar", _("Day of the calendar")),
    ]


def calendars() -> list[tuple[str, str]]:
    """The calendars that days are kept in."""
    return [
        ("gregorian", _("Gregorian")),
        ("jalali", _("Persian (solar Hijri)")),
        ("hijri_umalqura", _("Hijri (Umm al-Qura)")),
    ]


def weekdays(locale: str) -> list[tuple[str, str]]:
    """Monday to Sunday, by their number."""
    return [(str(number), name) for number, name in sorted(get_day_names(locale=locale).items())]


def ordinals() -> list[tuple[int, str]]:
    """Which of a weekday in its month."""
    return [(1, _("First")), (2, _("Second")), (3, _("Third")), (4, _("Fourth")), (-1, _("Last"))]


def windows() -> list[tuple[str, str]]:
    """Periods in which a member's pieces are counted."""
    return [
        ("lifetime", _("lifetime")),
        ("year", _("year")),
        ("month", _("month")),
        ("week", _("week")),
        ("day", _("day")),
    ]


def redemption_states() -> list[tuple[str, str]]:
    """States of a redemption."""
    return [
        ("captured", _("Captured")),
        ("open", _("Authorised")),
        ("voided", _("Voided")),
        ("reversed", _("Taken back")),
    ]


def reversal_reasons() -> list[tuple[str, str]]:
    """Reasons for which a redemption is taken back, for a chooser."""
    known = {
        "not_delivered": _("It was not delivered"),
        "returned": _("The member returned it"),
        "mistake": _("A mistake"),
        "fraud": _("Fraud"),
        "other": _("Other"),
    }
    return [(code, known[code]) for code in REVERSAL_REASONS]


def batch_states() -> dict[str, str]:
    """States of a batch of coupon codes."""
    return {"making": _("Being made"), "ready": _("Ready"), "withdrawn": _("Withdrawn")}
