"""Finding customers who are registered twice."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import phonenumbers
from rapidfuzz import fuzz
from sqlalchemy import Select, delete, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from dxp.api import Actor, NotDuplicate, Platform
from dxp_crm.models import Customer, Duplicate
from dxp_crm.services.folding import fold

THRESHOLD = 60
MAX_BLOCK = 50
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What tells one customer from another, in a form that can be compared."""

    subject_id: uuid.UUID
    name: str
    mailbox: str
    phone: str
    birthday: tuple[int | None, int | None, int | None, str | None] | None

    def blocks(self) -> Iterator[tuple[str, object]]:
        """Keys that at least one duplicate shares, so that not all pairs are compared."""
        if self.mailbox:
            yield "mailbox", self.mailbox.partition("@")[0]
        if self.phone:
            yield "phone", self.phone
        if self.birthday and self.name:
            yield "birthday", (self.birthday, self.name[:1])
        if self.name:
            yield "name", tuple(sorted(token[:4] for token in self.name.split()))


class DuplicateService:
    """Scans for duplicates, and remembers which pairs are none."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def scan(self, session: Session) -> int:
        """Compare customers who share a trait; returns how many pairs were found.

        Blocks of more than 50 tell nothing, such as a switchboard's number, and are left out.
        """
        session.execute(delete(Duplicate))
        blocks: dict[tuple[str, object], list[Traits]] = defaultdict(list)
        customers = session.scalars(select(Customer).execution_options(yield_per=_BATCH))
        for customer in customers:
            traits = traits_of(customer)
            for key in traits.blocks():
                blocks[key].append(traits)
        pairs: dict[tuple[uuid.UUID, uuid.UUID], tuple[int, list[str]]] = {}
        for members in blocks.values():
            if len(members) > MAX_BLOCK:
                continue
            for one, other in itertools.combinations(members, 2):
                low, high = sorted((one, other), key=lambda traits: traits.subject_id)
                pair = (low.subject_id, high.subject_id)
                if pair not in pairs:
                    pairs[pair] = compare(low, high)
        refuted = {
            (row.low_id, row.high_id)
            for row in session.execute(select(NotDuplicate.low_id, NotDuplicate.high_id))
        }
        now = self._platform.clock.now()
        rows = [
            {"low_id": low, "high_id": high, "score": score, "reasons": why, "found_at": now}
            for (low, high), (score, why) in pairs.items()
            if score >= THRESHOLD and (low, high) not in refuted
        ]
        for start in range(0, len(rows), _BATCH):
            session.execute(insert(Duplicate), rows[start : start + _BATCH])
        return len(rows)

    def found(self) -> Select[Duplicate]:
        """The pairs of the last scan, not yet sorted."""
        return select(Duplicate)

    def refute(
        self, session: Session, actor: Actor, *, first_id: uuid.UUID, second_id: uuid.UUID
    ) -> None:
        """Remember that these are two; no scan finds them again."""
        low, high = sorted((first_id, second_id))
        for subject_id in (low, high):
            self._platform.subjects.get(session, subject_id)
        if low != high and session.get(NotDuplicate, (low, high)) is None:
            session.add(
                NotDuplicate(
                    low_id=low,
                    high_id=high,
                    decided_at=self._platform.clock.now(),
                    decided_by=actor.key,
                )
            )
            self._platform.audit.record(
                session,
                actor,
                action="crm.duplicate.refuted",
                object_type="customer",
                object_id=low,
                subject_id=low,
                after={"other": str(high)},
            )
        pair = tuple_(Duplicate.low_id, Duplicate.high_id) == (low, high)
        session.execute(delete(Duplicate).where(pair))


def forget_pairs(session: Session, gone: Collection[uuid.UUID]) -> None:
    """Take those who are erased, or merged into others, out of the pairs that were found."""
    session.execute(
        delete(Duplicate).where(or_(Duplicate.low_id.in_(gone), Duplicate.high_id.in_(gone)))
    )


def traits_of(customer: Customer) -> Traits:
    """Normalised: names folded, mailboxes without tags, telephone numbers as E.164."""
    local, _at, domain = fold(customer.email or "").partition("@")
    birthday = (
        customer.birthday_month,
        customer.birthday_day,
        customer.birthday_year,
        customer.birthday_calendar,
    )
    return Traits(
        subject_id=customer.subject_id,
        name=fold(customer.name or ""),
        mailbox=f"{local.partition('+')[0]}@{domain}" if domain else "",
        phone=_phone(customer.phone, customer.country),
        birthday=birthday if customer.birthday_month is not None else None,
    )


def compare(one: Traits, other: Traits) -> tuple[int, list[str]]:
    """How likely two are one, from 0 to 100, and why."""
    score = 0.0
    reasons: list[str] = []
    alike = fuzz.token_sort_ratio(one.name, other.name) if one.name and other.name else 0.0
    if alike >= 85:
        score += 0.4 * alike
        reasons.append("same_name" if alike == 100 else "similar_name")
    if one.mailbox and one.mailbox == other.mailbox:
        score += 60
        reasons.append("same_mailbox")
    elif one.mailbox and one.mailbox.split("@")[0] == other.mailbox.split("@")[0]:
        score += 20
        reasons.append("similar_mailbox")
    if one.phone and one.phone == other.phone:
        score += 50
        reasons.append("same_phone")
    if one.birthday and other.birthday:
        if one.birthday == other.birthday:
            score += 30
            reasons.append("same_birthday")
        else:
            score -= 30
            reasons.append("other_birthday")
    return max(0, min(100, round(score))), reasons


def _phone(text: str | None, country: str | None) -> str:
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
