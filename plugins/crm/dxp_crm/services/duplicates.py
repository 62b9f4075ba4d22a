"""Finding customers who are registered twice."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import phonenumbers
from rapidfuzz import fuzz
from sqlalchemy import Select, delete, func, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from dxp.api import Actor, NotDuplicate, Platform, dialect_insert
from dxp_crm.models import Customer, Duplicate, DuplicateScan, DuplicateTrait
from dxp_crm.services.folding import fold

THRESHOLD = 60
MAX_BLOCK = 50
READING, COMPARING = "reading", "comparing"
_ONLY = 1
_LOWEST = -(1 << 63)
_CUSTOMERS = 1000
_TRAITS = 3000
_ROWS = 500
_COLUMNS = (
    Customer.subject_id,
    Customer.name,
    Customer.email,
    Customer.phone,
    Customer.country,
    Customer.birthday_month,
    Customer.birthday_day,
    Customer.birthday_year,
    Customer.birthday_calendar,
)

_Pair = tuple[uuid.UUID, uuid.UUID]
_Found = dict[_Pair, tuple[int, list[str]]]
_Write = Callable[[Session, DuplicateScan], None]


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
    """Scans for duplicates, and remembers which pairs are none.

    A scan goes in steps, each a short transaction that notes how far it came, so that it holds up
    nobody, needs the same memory for any number of customers, and goes on where it stood when it
    is killed. First the traits of all customers are written down, then those who share one are
    compared, trait by trait.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def scan(self) -> None:
        """Compare customers who share a trait; a scan that is under way is carried on.

        Traits of more than 50 tell nothing, such as a switchboard's number, and are left out.
        """
        number = self._begin()
        while self._step(number):
            pass

    def state(self, session: Session) -> DuplicateScan | None:
        """How far the scan is, or when the last one ended; None before the first."""
        return session.get(DuplicateScan, _ONLY)

    def _begin(self) -> int:
        now = self._platform.clock.now()
        with self._platform.db.write() as session:
            first = {"id": _ONLY, "number": 0, "stage": READING, "position": "", "read": 0}
            session.execute(
                dialect_insert(session, DuplicateScan)
                .values(**first, to_read=0, started_at=now, finished_at=now)
                .on_conflict_do_nothing()
            )
            scan = session.get_one(DuplicateScan, _ONLY, with_for_update=True)
            if scan.finished_at is not None:
                session.execute(delete(DuplicateTrait))
                scan.number += 1
                scan.stage, scan.position, scan.read = READING, "", 0
                scan.to_read = session.scalar(select(func.count()).select_from(Customer)) or 0
                scan.started_at, scan.finished_at = now, None
            return scan.number

    def _step(self, number: int) -> bool:
        """Take the next step of a scan; whether there may be another.

        What takes long happens before the transaction that writes, so that SQLite's only writer
        does not wait for it; when somebody else took the same step meanwhile, it is dropped.
        """
        with self._platform.db.read() as session:
            scan = self.state(session)
            if scan is None or scan.number != number or scan.finished_at is not None:
                return False
            stage, position = scan.stage, scan.position
            if stage == READING:
                write = self._read(session, position)
            else:
                write = self._compare(session, position)
        with self._platform.db.write() as session:
            held = session.get_one(DuplicateScan, _ONLY, with_for_update=True)
            if (held.number, held.stage, held.position) == (number, stage, position):
                write(session, held)
        return True

    def _read(self, session: Session, position: str) -> _Write:
        """Write down the traits of the next customers."""
        query = select(*_COLUMNS).order_by(Customer.subject_id).limit(_CUSTOMERS)
        if position:
            query = query.where(Customer.subject_id > uuid.UUID(position))
        customers = session.execute(query).all()
        rows = [
            {"trait": trait, "subject_id": customer.subject_id}
            for customer in customers
            for trait in {_hash(*block) for block in traits_of(customer).blocks()}
        ]

        def write(session: Session, scan: DuplicateScan) -> None:
            if rows:
                session.execute(insert(DuplicateTrait), rows)
            scan.read += len(customers)
            if len(customers) < _CUSTOMERS:
                scan.stage, scan.position = COMPARING, str(_LOWEST)
            else:
                scan.position = str(customers[-1].subject_id)

        return write

    def _compare(self, session: Session, position: str) -> _Write:
        """Compare those who share one of the next traits, and cross these traits off."""
        first = int(position)
        rows = session.execute(
            select(DuplicateTrait.trait, DuplicateTrait.subject_id)
            .where(DuplicateTrait.trait >= first)
            .order_by(DuplicateTrait.trait)
            .limit(_TRAITS)
        ).all()
        owners: dict[int, list[uuid.UUID]] = defaultdict(list)
        for row in rows:
            owners[row.trait].append(row.subject_id)
        if len(owners) > 1 and len(rows) == _TRAITS:
            # Its other owners may come after the limit, so it is the first of the next step.
            owners.pop(rows[-1].trait)
        last = max(owners, default=first)
        likely = self._likely(session, owners.values())

        def write(session: Session, scan: DuplicateScan) -> None:
            self._keep(session, likely, found_at=scan.started_at)
            session.execute(delete(DuplicateTrait).where(DuplicateTrait.trait.between(first, last)))
            if len(rows) < _TRAITS:
                session.execute(delete(Duplicate).where(Duplicate.found_at < scan.started_at))
                scan.finished_at = self._platform.clock.now()
            else:
                scan.position = str(last + 1)

        return write

    @staticmethod
    def _likely(session: Session, blocks: Iterable[Sequence[uuid.UUID]]) -> _Found:
        """The pairs of those who share a trait that are likely to be one."""
        shared = [block for block in blocks if 2 <= len(block) <= MAX_BLOCK]
        ids = {subject_id for block in shared for subject_id in block}
        rows = session.execute(select(*_COLUMNS).where(Customer.subject_id.in_(ids)))
        known = {row.subject_id: traits_of(row) for row in rows}
        pairs = {
            (low, high)
            for block in shared
            for low, high in itertools.combinations(sorted(block), 2)
            if low in known and high in known
        }
        found = {(low, high): compare(known[low], known[high]) for low, high in pairs}
        return {pair: what for pair, what in found.items() if what[0] >= THRESHOLD}

    @staticmethod
    def _keep(session: Session, pairs: _Found, *, found_at: datetime) -> None:
        """Write pairs, but those that staff refuted, and those of whom one is gone by now."""
        if not pairs:
            return
        ids = {subject_id for pair in pairs for subject_id in pair}
        there = set(
            session.scalars(
                select(Customer.subject_id)
                .where(Customer.subject_id.in_(ids))
                .order_by(Customer.subject_id)
                .with_for_update(key_share=True, read=True)
            )
        )
        refuted = {
            (row.low_id, row.high_id)
            for row in session.execute(
                select(NotDuplicate.low_id, NotDuplicate.high_id).where(
                    NotDuplicate.low_id.in_(ids)
                )
            )
        }
        rows = [
            {"low_id": low, "high_id": high, "score": score, "reasons": why, "found_at": found_at}
            for (low, high), (score, why) in pairs.items()
            if low in there and high in there and (low, high) not in refuted
        ]
        upsert = dialect_insert(session, Duplicate)
        told = {name: upsert.excluded[name] for name in ("score", "reasons", "found_at")}
        upsert = upsert.on_conflict_do_update(index_elements=["low_id", "high_id"], set_=told)
        for start in range(0, len(rows), _ROWS):
            session.execute(upsert, rows[start : start + _ROWS])

    def found(self) -> Select[Duplicate]:
        """The pairs of the last scan, and of one that is under way, not yet sorted."""
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
    session.execute(delete(DuplicateTrait).where(DuplicateTrait.subject_id.in_(gone)))


def progress_of(scan: DuplicateScan) -> int:
    """How much of a scan is done, in per cent; hashes of traits lie evenly between two bounds."""
    if scan.stage == READING:
        return 50 * scan.read // max(scan.to_read, 1)
    return 50 + 50 * (int(scan.position) - _LOWEST) // (1 << 64)


def _hash(kind: str, value: object) -> int:
    """A trait as a number. Two that meet in one are compared in vain, which harms nobody."""
    digest = blake2b(repr((kind, value)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def traits_of(customer: Any) -> Traits:
    """Of a customer, or of a row with `_COLUMNS`, normalised.

    Names are folded, mailboxes without tags, telephone numbers as E.164.
    """
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
