"""The message log: what left for customers, and what was held back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Mail, Platform
from dxp_crm.events import MessageSent
from dxp_crm.models import Customer, MessageEntry
from dxp_crm.services.consents import ConsentService
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.people import author_of

SERVICE = "service"
"""The purpose of answers that a customer asked for, which need no consent."""
EMAIL = "email"


class MessageService:
    """The only writer of the message log; sends e-mails, and asks the ledger before."""

    def __init__(
        self, platform: Platform, *, customers: CustomerService, consents: ConsentService
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._consents = consents

    def send_email(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        purpose: str,
        title: str,
        text: str,
        ticket_id: uuid.UUID | None = None,
    ) -> MessageEntry:
        """Send an e-mail after the commit, unless consent or an address is missing.

        Args:
            purpose: of consent, such as `marketing`; `service` needs none.

        Returns:
            the entry of the log; its `status` tells whether the e-mail left.
        """
        customer = self._customers.get(session, subject_id)
        consent = self._consent(session, customer, purpose)
        status = "no_consent" if consent == "missing" else "sent"
        if status == "sent" and not customer.email:
            status = "no_address"
        if status == "sent" and customer.email:
            header = " ".join(title.split())
            self._platform.mail.send(session, Mail(to=customer.email, subject=header, text=text))
        return self._log(
            session,
            actor,
            customer,
            subject_id,
            {
                "channel": EMAIL,
                "purpose": purpose,
                "consent": consent,
                "status": status,
                "title": title,
                "text": text,
                "ticket_id": ticket_id,
                "created_at": self._platform.clock.now(),
            },
        )

    def record(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        channel: str,
        purpose: str,
        title: str,
        text: str = "",
        sent_at: datetime | None = None,
    ) -> MessageEntry:
        """Note a message that another system sent, with what the ledger says about it."""
        customer = self._customers.get(session, subject_id)
        return self._log(
            session,
            actor,
            customer,
            subject_id,
            {
                "channel": channel,
                "purpose": purpose,
                "consent": self._consent(session, customer, purpose),
                "status": "sent",
                "title": title,
                "text": text,
                "created_at": (sent_at or self._platform.clock.now()).astimezone(UTC),
            },
        )

    def of_customer(self, subject_id: uuid.UUID) -> Select[MessageEntry]:
        """The messages of a customer; page them by (created_at, id), latest first."""
        return select(MessageEntry).where(MessageEntry.subject_id == subject_id)

    def _consent(self, session: Session, customer: Customer, purpose: str) -> str:
        if purpose == SERVICE:
            return "not_needed"
        granted = self._consents.granted(session, customer.subject_id, purpose)
        return "granted" if granted else "missing"

    def _log(
        self,
        session: Session,
        actor: Actor,
        customer: Customer,
        asked: uuid.UUID,
        values: Mapping[str, Any],
    ) -> MessageEntry:
        entry = MessageEntry(subject_id=customer.subject_id, sender=author_of(actor), **values)
        # Of whom the message was asked for, when a merge led on from there.
        entry.origin_id = None if asked == customer.subject_id else asked
        session.add(entry)
        session.flush()
        if entry.status == "sent":
            event = MessageSent(
                message_id=str(entry.id),
                channel=entry.channel,
                purpose=entry.purpose,
                title=entry.title,
            )
            self._platform.events.publish(
                session, event, subject_id=customer.subject_id, origin_id=entry.origin_id
            )
        self._platform.audit.record(
            session,
            actor,
            action="crm.message.logged",
            object_type="crm.message",
            object_id=entry.id,
            subject_id=customer.subject_id,
            after={
                "channel": entry.channel,
                "purpose": entry.purpose,
                "consent": entry.consent,
                "status": entry.status,
            },
        )
        return entry
