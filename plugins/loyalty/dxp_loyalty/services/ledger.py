"""Writing entries: the only code that changes accounts, entries, lots and moves.

Each method needs the account locked by `open_account` or `lock_accounts`, and writes through
the session it is given; nothing here commits.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, dialect_insert, uuid7
from dxp_loyalty.models import Account, Entry, EntryNote, Lot, LotMove
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import free, free_lots, overdue, spendable, take
from dxp_loyalty.services.amounts import check_points
from dxp_loyalty.services.entries import Cause, Draft, Head, draft_entry, moved_event, table_of
from dxp_loyalty.services.expiry import ExpiryPolicies
from dxp_loyalty.services.tier_counting import TierCounting


@dataclass(frozen=True, kw_only=True)
class Part:
    """Points of an entry that make a lot of their own: what `Ledger.credit` takes."""

    points: int
    available_at: datetime | None = None
    expires_at: datetime | None = None
    follows_activity: bool = False

    @classmethod
    def of(cls, lot: Lot, points: int) -> Part:
        """Points of a lot that go elsewhere as they are."""
        return cls(
            points=points,
            available_at=lot.available_at,
            expires_at=lot.expires_at,
            follows_activity=lot.follows_activity,
        )


Taken = Sequence[tuple[Lot, int]]

_INTO_ENTRY = insert(table_of(Entry))
_INTO_NOTE = insert(table_of(EntryNote))
_INTO_LOT = insert(table_of(Lot))
_INTO_MOVE = insert(table_of(LotMove))
_EMPTY_LOT = (
    update(table_of(Lot))
    .where(table_of(Lot).c.id == bindparam("of_lot", type_=Uuid()))
    .values(remaining=table_of(Lot).c.held)
)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Points to issue to a locked account: what `Ledger.earn` takes."""

    account: Account
    points: int
    cause: Cause
    available_at: datetime | None = None
    expires_at: datetime | None = None


class Ledger:
    """Earning, spending, expiring, adjusting and taking back points."""

    def __init__(
        self, platform: Platform, counting: TierCounting, policies: ExpiryPolicies
    ) -> None:
        self._platform = platform
        self._policies = policies
        self._counting = counting
        self._entry_insert: Any = None

    def earn(
        self,
        session: Session,
        account: Account,
        points: int,
        *,
        cause: Cause,
        available_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> Entry | None:
        """Issue points. They repay a debt first.

        Args:
            available_at: pending until then; at once when None.
            expires_at: worthless from then on; as the wallet's policy says when None.

        Returns:
            The entry, or None when this cause already earned.
        """
        entry = self.append(
            session, account, check_points(points), kind="earn", contra="issued", cause=cause
        )
        if entry is None:
            return None
        part = Part(points=points, available_at=available_at, expires_at=expires_at)
        part = self._ending(session, account, entry, part)
        self.credit(session, account, entry, lots=[part])
        self.announce(session, account, entry)
        return entry

    def earn_many(self, session: Session, gains: Sequence[Gain]) -> list[Entry | None]:
        """`earn` for each of `gains`, in a number of statements that does not grow with them.

        Accounts in debt take a few statements each, because a repayment depends on the last.
        """
        try:
            with session.begin_nested():
                written = self._earn_at_once(session, [g for g in gains if g.account.debt == 0])
        except IntegrityError:
            # A cause that earned before; single entries tell which, and leave only that one out.
            written = {}
        entries = [
            written[id(gain)]
            if id(gain) in written
            else self.earn(
                session,
                gain.account,
                gain.points,
                cause=gain.cause,
                available_at=gain.available_at,
                expires_at=gain.expires_at,
            )
            for gain in gains
        ]
        moved = [
            moved_event(gain.account, written[id(gain)]) for gain in gains if id(gain) in written
        ]
        self._platform.events.publish_many(session, moved)
        return entries

    def _earn_at_once(self, session: Session, gains: Sequence[Gain]) -> dict[int, Entry]:
        """Entries by the `id` of their gain. No account owes anything, so no lot is drawn on."""
        if not gains:
            return {}
        now = self._platform.clock.now()
        heads: dict[uuid.UUID, Head] = {}
        earned: dict[uuid.UUID, int] = defaultdict(int)
        drafts: dict[int, Draft] = {}
        for gain in gains:
            account_id = gain.account.id
            draft = draft_entry(
                heads.get(account_id) or Head.of(gain.account),
                check_points(gain.points),
                kind="earn",
                contra="issued",
                cause=gain.cause,
                now=now,
            )
            drafts[id(gain)] = draft
            heads[account_id] = Head.after(draft.entry)
            earned[account_id] += gain.points
        connection = session.connection()
        connection.execute(_INTO_ENTRY, [draft.row for draft in drafts.values()])
        notes = [draft.note for draft in drafts.values() if draft.note is not None]
        if notes:
            connection.execute(_INTO_NOTE, notes)
        lots: list[dict[str, Any]] = []
        for gain in gains:
            entry = drafts[id(gain)].entry
            part = Part(
                points=gain.points, available_at=gain.available_at, expires_at=gain.expires_at
            )
            lots.append(_lot_row(entry, self._ending(session, gain.account, entry, part)))
        connection.execute(_INTO_LOT, lots)
        self._policies.follow_activity(
            session, [(gain.account, drafts[id(gain)].entry.effective_at) for gain in gains]
        )
        for account in {gain.account.id: gain.account for gain in gains}.values():
            heads[account.id].move(account)
            account.earned += earned[account.id]
        self._counting.points(
            session,
            [
                (gain.account.subject_id, drafts[id(gain)].entry.effective_at, gain.points)
                for gain in gains
            ],
        )
        return {key: draft.entry for key, draft in drafts.items()}

    def spend(
        self, session: Session, account: Account, points: int, *, cause: Cause
    ) -> Entry | None:
        """Take points that can be spent now, without a hold.

        Returns:
            The entry, or None when this cause already spent.

        Raises:
            Unprocessable: there are too few (`insufficient_points`).
        """
        return self._debit(session, account, points, kind="spend", contra="spent", cause=cause)

    def adjust(
        self,
        session: Session,
        account: Account,
        points: int,
        *,
        cause: Cause,
        expires_at: datetime | None = None,
    ) -> Entry | None:
        """Add (above zero) or take (below zero) points by hand. Taking never makes a debt.

        Raises:
            Unprocessable: more would be taken than can be spent (`insufficient_points`).
        """
        if points < 0:
            return self._debit(
                session, account, -points, kind="adjust", contra="adjusted", cause=cause
            )
        entry = self.append(
            session, account, check_points(points), kind="adjust", contra="adjusted", cause=cause
        )
        if entry is None:
            return None
        part = self._ending(session, account, entry, Part(points=points, expires_at=expires_at))
        self.credit(session, account, entry, lots=[part])
        self.announce(session, account, entry)
        return entry

    def expire_overdue(
        self, session: Session, account: Account, *, actor: Actor, lots: Sequence[Lot] | None = None
    ) -> list[Entry]:
        """Write off the points of expired lots that no hold has: an entry for each lot.

        Args:
            lots: the account's free lots, when they are already loaded.
        """
        now = self._platform.clock.now()
        written: list[Entry] = []
        known = free_lots(session, account.id) if lots is None else lots
        late = [lot for lot in known if lot.remaining > lot.held and overdue(lot, now)]
        origins = self._origins(session, account, late)
        for lot in late:
            points = lot.remaining - lot.held
            # A held part may come free and expire later, so the lot alone is no unique source.
            cause = Cause(
                source=f"lot:{lot.id}:{account.seq + 1}",
                actor=actor,
                origin_id=origins.get(lot.entry_seq),
            )
            entry = self.append(
                session, account, -points, kind="expire", contra="expired", cause=cause
            )
            assert entry is not None, "the number of an entry is new"
            self.draw(session, account, entry, [(lot, points)])
            self.announce(session, account, entry)
            written.append(entry)
        return written

    def expire_many(
        self, session: Session, accounts: Mapping[uuid.UUID, Account], *, actor: Actor
    ) -> int:
        """`expire_overdue` for many locked accounts, in a number of statements that does not grow
        with them; returns how many lots were written off.
        """
        now = self._platform.clock.now()
        late = session.execute(
            select(Lot.id, Lot.account_id, Lot.remaining - Lot.held, Entry.origin_id)
            .join(Entry, (Entry.account_id == Lot.account_id) & (Entry.seq == Lot.entry_seq))
            .where(
                Lot.account_id.in_(list(accounts)), Lot.remaining > Lot.held, Lot.expires_at <= now
            )
            .order_by(Lot.account_id, Lot.expires_at, Lot.id)
        ).all()
        if not late:
            return 0
        heads: dict[uuid.UUID, Head] = {}
        drafts: list[Draft] = []
        moves: list[dict[str, Any]] = []
        for lot_id, account_id, points, origin_id in late:
            head = heads.get(account_id) or Head.of(accounts[account_id])
            source = f"lot:{lot_id}:{head.seq + 1}"
            cause = Cause(source=source, actor=actor, origin_id=origin_id)
            draft = draft_entry(
                head, -points, kind="expire", contra="expired", cause=cause, now=now
            )
            drafts.append(draft)
            heads[account_id] = Head.after(draft.entry)
            moves.append(
                {
                    "lot_id": lot_id,
                    "account_id": account_id,
                    "entry_seq": draft.entry.seq,
                    "amount": points,
                }
            )
        connection = session.connection()
        connection.execute(_INTO_ENTRY, [draft.row for draft in drafts])
        connection.execute(_INTO_MOVE, moves)
        connection.execute(_EMPTY_LOT, [{"of_lot": move["lot_id"]} for move in moves])
        for account_id, head in heads.items():
            head.move(accounts[account_id])
        session.flush()
        moved = [moved_event(accounts[draft.entry.account_id], draft.entry) for draft in drafts]
        self._platform.events.publish_many(session, moved)
        return len(late)

    @staticmethod
    def _origins(
        session: Session, account: Account, lots: Sequence[Lot]
    ) -> dict[int, uuid.UUID | None]:
        """Whose the entries are that brought these lots, by number."""
        if not lots:
            return {}
        rows = session.execute(
            select(Entry.seq, Entry.origin_id).where(
                Entry.account_id == account.id, Entry.seq.in_({lot.entry_seq for lot in lots})
            )
        )
        return dict(rows.all())

    def append(
        self,
        session: Session,
        account: Account,
        amount: int,
        *,
        kind: str,
        contra: str,
        cause: Cause,
        reverses: Entry | None = None,
    ) -> Entry | None:
        """Write the next entry and move the account's head; lots are the caller's.

        Args:
            reverses: the entry that this one takes back, wholly or in part.

        Returns:
            The entry, or None when (kind, source) is already in the account.
        """
        draft = draft_entry(
            Head.of(account),
            amount,
            kind=kind,
            contra=contra,
            cause=cause,
            now=self._platform.clock.now(),
            reverses=None if reverses is None else reverses.seq,
        )
        entry = draft.entry
        connection = session.connection()
        if connection.execute(self._into_entry(session), draft.row).first() is None:
            return None
        if draft.note is not None:
            connection.execute(_INTO_NOTE, draft.note)
        # What may flush comes before the account moves, while all its sums still agree.
        if kind in ("earn", "spend"):
            self._policies.follow_activity(session, [(account, entry.effective_at)])
        if contra == "issued":
            at = (reverses or entry).effective_at
            self._counting.points(session, [(account.subject_id, at, amount)])
            account.earned += amount
        Head.after(entry).move(account)
        return entry

    def credit(
        self,
        session: Session,
        account: Account,
        entry: Entry,
        *,
        lots: Sequence[Part],
    ) -> None:
        """Make the lots of an entry that brings points, after a debt took its share.

        Args:
            lots: with None for available at once, and for no end; they add up to the amount.
        """
        made: list[dict[str, Any]] = []
        repaid: list[tuple[uuid.UUID, int]] = []
        debt = account.debt
        for part in lots:
            share = min(debt, part.points)
            debt -= share
            row = _lot_row(entry, part)
            row["remaining"] -= share
            made.append(row)
            if share:
                repaid.append((row["id"], share))
        session.connection().execute(_INTO_LOT, made)
        self._repay(session, account, repaid)

    def draw(self, session: Session, account: Account, entry: Entry, taken: Taken) -> None:
        """Let an entry that takes points consume them from lots; what is missing is a debt."""
        # The debt comes first: a flush in between then breaks no constraint.
        account.debt += -entry.amount - sum(points for _lot, points in taken)
        for lot, points in taken:
            lot.remaining -= points
        self._move(session, account, [(lot.id, entry.seq, points) for lot, points in taken])

    def repay_from_free(self, session: Session, account: Account, lots: Sequence[Lot]) -> None:
        """Let points that came free repay the account's debt."""
        if account.debt == 0:
            return
        taken = take(lots, account.debt)
        for lot, points in taken:
            lot.remaining -= points
        self._repay(session, account, [(lot.id, points) for lot, points in taken])

    def announce(self, session: Session, account: Account, entry: Entry) -> None:
        """Publish the one event of an entry."""
        self._platform.events.publish_many(session, [moved_event(account, entry)])

    def _ending(self, session: Session, account: Account, entry: Entry, part: Part) -> Part:
        """With the end that the wallet's policy gives, unless it has one of its own."""
        if part.expires_at is not None:
            return part
        ends, follows = self._policies.end_of(session, account, entry.effective_at)
        return replace(part, expires_at=ends, follows_activity=follows)

    def _into_entry(self, session: Session) -> Any:
        if self._entry_insert is None:
            self._entry_insert = (
                dialect_insert(session, table_of(Entry))
                .on_conflict_do_nothing(index_elements=["account_id", "kind", "source"])
                .returning(Entry.seq)
            )
        return self._entry_insert

    def _debit(
        self,
        session: Session,
        account: Account,
        points: int,
        *,
        kind: str,
        contra: str,
        cause: Cause,
    ) -> Entry | None:
        check_points(points)
        done = select(Entry.seq).where(
            Entry.account_id == account.id, Entry.kind == kind, Entry.source == cause.source
        )
        if session.scalar(done) is not None:
            return None
        lots = spendable(free_lots(session, account.id), self._platform.clock.now())
        available = free(lots)
        if available < points:
            raise refusals.insufficient_points(available=available, needed=points)
        entry = self.append(session, account, -points, kind=kind, contra=contra, cause=cause)
        assert entry is not None, "the account is locked, so nobody else wrote it meanwhile"
        self.draw(session, account, entry, take(lots, points))
        self.announce(session, account, entry)
        return entry

    def _repay(
        self, session: Session, account: Account, shares: Sequence[tuple[uuid.UUID, int]]
    ) -> None:
        """Charge repayments to the entries that made the debt, the oldest first."""
        if not shares:
            return
        moves: list[tuple[uuid.UUID, int, int]] = []
        owed = self._unfunded(session, account)
        for lot_id, points in shares:
            account.debt -= points
            while points:
                seq, missing = owed[0]
                share = min(points, missing)
                moves.append((lot_id, seq, share))
                points -= share
                if share == missing:
                    owed.pop(0)
                else:
                    owed[0] = (seq, missing - share)
        self._move(session, account, moves)

    @staticmethod
    def _unfunded(session: Session, account: Account) -> list[tuple[int, int]]:
        """Entries that took more than lots gave, as (seq, points missing)."""
        funded = (
            select(LotMove.entry_seq, func.sum(LotMove.amount).label("points"))
            .where(LotMove.account_id == account.id)
            .group_by(LotMove.entry_seq)
            .subquery()
        )
        missing = -Entry.amount - func.coalesce(funded.c.points, 0)
        rows = session.execute(
            select(Entry.seq, missing)
            .outerjoin(funded, funded.c.entry_seq == Entry.seq)
            .where(Entry.account_id == account.id, Entry.amount < 0, missing > 0)
            .order_by(Entry.seq)
        )
        return [(seq, int(points)) for seq, points in rows]

    @staticmethod
    def _move(
        session: Session, account: Account, moves: Sequence[tuple[uuid.UUID, int, int]]
    ) -> None:
        if moves:
            session.connection().execute(
                _INTO_MOVE,
                [
                    {"lot_id": lot_id, "account_id": account.id, "entry_seq": seq, "amount": points}
                    for lot_id, seq, points in moves
                ],
            )

    def give_back(self, session: Session, account: Account, entry: Entry, given: Taken) -> None:
        """Let an entry that takes back a debit return points to the lots they came from."""
        for lot, points in given:
            lot.remaining += points
        self._move(session, account, [(lot.id, entry.seq, -points) for lot, points in given])


def _lot_row(entry: Entry, part: Part) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "account_id": entry.account_id,
        "entry_seq": entry.seq,
        "amount": part.points,
        "remaining": part.points,
        "available_at": part.available_at or entry.effective_at,
        "expires_at": part.expires_at,
        "follows_activity": part.follows_activity,
    }
