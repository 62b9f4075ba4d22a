"""The ledger of consents: what customers said, and what counts now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, FieldError, NewEvent, Platform, Unprocessable
from dxp.contracts import ConsentChanged
from dxp_crm.models import Consent


def check_words(words: Sequence[Mapping[str, Any]]) -> None:
    """Refuse words that come together and contradict each other: which was the last is not known.

    Raises:
        Unprocessable: a purpose is granted and withdrawn (`contradictory_consents`).
    """
    said: dict[str, bool] = {}
    for index, word in enumerate(words):
        if said.setdefault(word["purpose"], word["granted"]) != word["granted"]:
            raise Unprocessable(
                f"The purpose {word['purpose']} is both granted and withdrawn, so it is not known "
                "what the customer wants; send the last word on each purpose, once",
                code="contradictory_consents",
                errors=[
                    FieldError(
                        pointer=f"/consents/{index}/granted",
                        code="contradictory",
                        detail="An earlier word on this purpose says the opposite.",
                    )
                ],
            )


class ConsentService:
    """Implements `dxp.contracts.Consents`, and is the only writer of consents."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def record(
        self,
        session: Session,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        purpose: str,
        granted: bool,
        channel: str,
        text_version: str,
        proof: str | None = None,
    ) -> Consent:
        """Add the customer's word; it counts at once.

        Args:
            channel: where it was given, such as `web`.
            text_version: of the text that the customer was shown.
            proof: what shows that it was given, such as a form's id.

        Raises:
            Unprocessable: no plugin declares `purpose` (`invalid_purpose`).
        """
        found = self._platform.subjects.trace(session, subject_id)
        consent = self.draft(
            actor,
            subject_id=found.subject_id,
            origin_id=found.origin_id,
            purpose=purpose,
            granted=granted,
            channel=channel,
            text_version=text_version,
            proof=proof,
        )
        session.add(consent)
        session.flush()
        self._platform.events.publish_many(session, [self.event_of(consent)])
        self.audit(session, actor, consent)
        return consent

    def draft(
        self,
        actor: Actor,
        *,
        subject_id: uuid.UUID,
        purpose: str,
        granted: bool,
        channel: str,
        text_version: str,
        proof: str | None = None,
        origin_id: uuid.UUID | None = None,
    ) -> Consent:
        """The row of a customer's word, checked and not yet written, for who writes many.

        Raises:
            Unprocessable: no plugin declares `purpose` (`invalid_purpose`).
        """
        self._platform.privacy.purposes.check(purpose)
        return Consent(
            subject_id=subject_id,
            origin_id=origin_id,
            purpose=purpose,
            granted=granted,
            channel=channel,
            text_version=text_version,
            proof=proof,
            recorded_at=self._platform.clock.now(),
            actor=actor.key,
        )

    @staticmethod
    def event_of(consent: Consent) -> NewEvent:
        """What is told of a consent that was written."""
        payload = ConsentChanged(
            purpose=consent.purpose,
            granted=consent.granted,
            channel=consent.channel,
            text_version=consent.text_version,
        )
        return NewEvent(
            type=payload.type,
            data=payload.as_data(),
            subject_id=consent.subject_id,
            origin_id=consent.origin_id,
        )

    def audit(self, session: Session, actor: Actor, consent: Consent) -> None:
        """Note a consent that was written."""
        self._platform.audit.record(
            session,
            actor,
            action="crm.consent.recorded",
            object_type="customer",
            object_id=str(consent.subject_id),
            subject_id=consent.subject_id,
            after={
                "purpose": consent.purpose,
                "granted": consent.granted,
                "channel": consent.channel,
            },
        )

    def granted(self, session: Session, subject_id: uuid.UUID, purpose: str) -> bool:
        return bool(self.granted_many(session, [subject_id], purpose))

    def granted_many(
        self, session: Session, subject_ids: Sequence[uuid.UUID], purpose: str
    ) -> set[uuid.UUID]:
        last = _last_words(subject_ids, purpose)
        rows = session.execute(
            select(Consent.subject_id).join(last, Consent.id == last.c.id).where(Consent.granted)
        )
        return {row.subject_id for row in rows}

    def current(self, session: Session, subject_id: uuid.UUID) -> list[Consent]:
        """The last word on each purpose, by purpose."""
        return list(
            session.scalars(
                select(Consent)
                .where(Consent.id.in_(select(_last_words([subject_id]).c.id)))
                .order_by(Consent.purpose)
            )
        )

    def history(self, session: Session, subject_id: uuid.UUID) -> list[Consent]:
        """Everything the customer ever said, latest first."""
        return list(
            session.scalars(
                select(Consent).where(Consent.subject_id == subject_id).order_by(Consent.id.desc())
            )
        )


def _last_words(subject_ids: Iterable[uuid.UUID], purpose: str | None = None) -> Subquery:
    query = select(func.max(Consent.id).label("id")).where(
        Consent.subject_id.in_(list(subject_ids))
    )
    if purpose is not None:
        query = query.where(Consent.purpose == purpose)
    return query.group_by(Consent.subject_id, Consent.purpose).subquery()
