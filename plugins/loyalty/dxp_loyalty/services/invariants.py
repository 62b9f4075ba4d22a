"""Checks that the ledger's invariants hold; the numbers are those of the specification.

1 posted = sum of entries. 2 seq has no gap. 3 balance_after = running sum. 4 the chain verifies.
5 posted = what lots still hold, less the debt. 6 held = lots' held = open holds. 7 who owes has
no free points. 8 reserved = open holds of the reward. 9 issued = captured holds, and what a
redemption gave back is what entries reverse of it. 10 no more than
the stock. 11 counters = open and captured holds, within the limit. 12 no cause counted twice.
13 the other legs sum to the negative of all balances, and transfers net to 0. 14 one event for
each entry. 15 nothing spent from an expired lot. 16 the balance as of now = posted. 17 what
counts towards tiers = a recount from the ledger and the orders. 18 a campaign has spent what its
entries gave, less what was taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from dxp.api import EventRow
from dxp_loyalty.events import MOVED_BY_KIND, SOURCE
from dxp_loyalty.models import GENESIS, Account, Entry, EntryNote, Hold, Lot
from dxp_loyalty.services.chain import entry_hash, note_digest
from dxp_loyalty.services.entries import told_as
from dxp_loyalty.services.invariant_checks import MOMENT, checks
from dxp_loyalty.services.tier_counting import TierCounting

MAX_LISTED = 100
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken invariant, in one place."""

    invariant: int
    where: str
    detail: str


@dataclass(kw_only=True)
class Report:
    """What was looked at and what is wrong; only the first `MAX_LISTED` faults are listed."""

    accounts: int = 0
    entries: int = 0
    lots: int = 0
    holds: int = 0
    faults: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.faults == 0

    def add(self, invariant: int, where: object, detail: str) -> None:
        self.faults += 1
        if len(self.violations) < MAX_LISTED:
            self.violations.append(Violation(invariant=invariant, where=str(where), detail=detail))


Progress = Callable[[int, int], None]


def verify(
    session: Session,
    *,
    now: datetime,
    progress: Progress | None = None,
    counting: TierCounting | None = None,
) -> Report:
    """Check all invariants over the whole programme; memory stays flat.

    Hand over a fresh session, so that everything is seen as of one moment.

    Args:
        now: domain time, for the balance as of now.
        progress: told (entries done, entries in all).
        counting: recounts for tiers; without it they are not looked at.
    """
    if session.get_bind().dialect.name == "postgresql" and not session.in_transaction():
        # All statements must see the same moment while members go on redeeming.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    report = Report(
        accounts=_count(session, Account),
        entries=_count(session, Entry),
        lots=_count(session, Lot),
        holds=_count(session, Hold),
    )
    _check_entries(session, report, progress)
    _check_sums(session, report, now)
    if counting is not None:
        for subject_id, detail in counting.faults(session):
            report.add(17, subject_id, detail)
    return report


def verify_account(session: Session, account: Account) -> Report:
    """Check the chain of one account: invariants 1 to 4."""
    report = Report(accounts=1, entries=account.seq)
    chain = _Chain(report)
    for entry, note in _entries(session, Entry.account_id == account.id):
        chain.follow(entry, note)
    chain.close(account)
    return report


class _Chain:
    """Follows the entries of one account after another, in their order."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seq = 0
        self._sum = 0
        self._head = GENESIS

    def follow(self, entry: Entry, note: EntryNote | None) -> None:
        self._seq += 1
        self._sum += entry.amount
        where = f"{entry.account_id}:{entry.seq}"
        if entry.seq != self._seq:
            self._report.add(2, where, f"number {self._seq} was expected")
            self._seq = entry.seq
        if entry.balance_after != self._sum:
            self._report.add(3, where, f"says {entry.balance_after}, the sum is {self._sum}")
        if entry.prev_hash != self._head:
            self._report.add(4, where, "does not follow the entry before it")
        if entry.hash != entry_hash(entry):
            self._report.add(4, where, "was changed after it was written")
        if note is not None and entry.note_digest != note_digest(note.salt, note.note, note.inputs):
            self._report.add(4, where, "its note was changed after it was written")
        self._head = entry.hash

    def close(self, account: Account) -> None:
        """Compare with the account's own row, and begin anew."""
        if account.posted != self._sum:
            self._report.add(1, account.id, f"posted {account.posted}, the sum is {self._sum}")
        if account.seq != self._seq:
            self._report.add(2, account.id, f"seq {account.seq}, the last entry is {self._seq}")
        if account.head_hash != self._head:
            self._report.add(4, account.id, "its head is not the last entry's hash")
        self._seq, self._sum, self._head = 0, 0, GENESIS


def _check_entries(session: Session, report: Report, progress: Progress | None) -> None:
    """Invariants 1 to 4 and 14, in one pass over all entries."""
    accounts = iter(
        session.scalars(select(Account).order_by(Account.id).execution_options(yield_per=_BATCH))
    )
    chain = _Chain(report)
    account: Account | None = next(accounts, None)
    done = 0
    for batch in _batches(_entries(session)):
        _check_events(session, report, [entry for entry, _note in batch])
        for entry, note in batch:
            while account is not None and account.id != entry.account_id:
                chain.close(account)
                account = next(accounts, None)
            chain.follow(entry, note)
        done += len(batch)
        if progress is not None:
            progress(done, report.entries)
    while account is not None:
        chain.close(account)
        account = next(accounts, None)
    told = session.scalar(
        select(func.count())
        .select_from(EventRow)
        .where(
            EventRow.source == SOURCE,
            EventRow.type.in_([payload.type for payload in MOVED_BY_KIND.values()]),
        )
    )
    if told != report.entries:
        report.add(14, "dxp_event", f"{told} events for {report.entries} entries")


def _check_events(session: Session, report: Report, entries: Sequence[Entry]) -> None:
    names = [f"{entry.account_id}:{entry.seq}" for entry in entries]
    rows = session.execute(
        select(EventRow.external_id, EventRow.type).where(
            EventRow.source == SOURCE, EventRow.external_id.in_(names)
        )
    )
    types: dict[str | None, str] = dict(rows.all())
    for entry, name in zip(entries, names, strict=True):
        wanted = told_as(entry).type
        if types.get(name) != wanted:
            report.add(14, name, f"its event is {types.get(name)!r}, not {wanted!r}")


def _check_sums(session: Session, report: Report, now: datetime) -> None:
    """All the others, by SQL."""
    last = session.scalar(select(func.max(Entry.recorded_at)))
    # The clock may have been turned back since; what was recorded has happened all the same.
    moment = now if last is None else max(now, last)
    for check in checks():
        rows = session.execute(
            check.statement.execution_options(yield_per=_BATCH), {MOMENT: moment}
        )
        for where, *values in rows:
            report.add(check.invariant, where, check.text.format(*values))


def _entries(session: Session, *conditions: Any) -> Iterator[tuple[Entry, EntryNote | None]]:
    rows = session.execute(
        select(Entry, EntryNote)
        .outerjoin(
            EntryNote,
            and_(EntryNote.account_id == Entry.account_id, EntryNote.seq == Entry.seq),
        )
        .where(*conditions)
        .order_by(Entry.account_id, Entry.seq)
        .execution_options(yield_per=_BATCH, populate_existing=True)
    )
    yield from rows


def _batches(
    items: Iterable[tuple[Entry, EntryNote | None]],
) -> Iterator[list[tuple[Entry, EntryNote | None]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0
