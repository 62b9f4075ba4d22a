"""Taking entries back, wholly or in part."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dxp.api import Platform, gettext
from dxp_loyalty.models import Account, Entry, Lot, LotMove
from dxp_loyalty.services import limits, refusals
from dxp_loyalty.services.accounts import free_lots, take
from dxp_loyalty.services.amounts import check_points
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.ledger import Ledger, Part


class Reversals:
    """Claws back points that were issued, and gives back points that were spent."""

    def __init__(self, platform: Platform, ledger: Ledger) -> None:
        self._platform = platform
        self._ledger = ledger

    def reverse(
        self, session: Session, account: Account, seq: int, points: int, *, cause: Cause
    ) -> Entry | None:
        """Take back `points` of the entry `seq` of a locked account.

        Earned points are clawed back from their own lot, then from other free lots, and what is
        missing becomes a debt. Those that expired unused are not taken a second time. Spent
        points return to the lots they came from, with their expiry; those that have expired
        meanwhile expire at once.

        Returns:
            The entry, or None when this cause already took points back.

        Raises:
            NotFound: the account has no such entry (`unknown_entry`).
            Unprocessable: it moved less than that, or part was already taken back
                (`over_reversal`), or its kind cannot be reversed (`not_active`).
        """
        check_points(points)
        done = select(Entry.seq).where(
            Entry.account_id == account.id,
            Entry.kind == "reverse",
            Entry.source == cause.source,
        )
        if session.scalar(done) is not None:
            return None
        original = session.get(Entry, (account.id, seq))
        if original is None:
            raise refusals.unknown(gettext("entry"), code="unknown_entry")
        if original.kind == "earn":
            return self._claw_back(session, account, original, points, cause=cause)
        if original.kind == "spend":
            return self._restore(session, account, original, points, cause=cause)
        raise refusals.not_active(
            gettext(
                "An entry of the kind “%(kind)s” cannot be taken back, because only earning and "
                "spending can; write an adjustment instead",
                kind=original.kind,
            )
        )

    def _claw_back(
        self, session: Session, account: Account, original: Entry, points: int, *, cause: Cause
    ) -> Entry | None:
        # Points past their end are nobody's: they must not count as free ones below.
        self._ledger.expire_overdue(session, account, actor=cause.actor)
        own = session.scalars(
            select(Lot)
            .where(Lot.account_id == account.id, Lot.entry_seq == original.seq)
            .execution_options(populate_existing=True)
        ).one()
        possible = own.amount - own.reversed
        if points > possible:
            raise refusals.over_reversal(possible=possible)
        self._wake(session, account, own, points, cause=cause)
        others = [lot for lot in free_lots(session, account.id) if lot.id != own.id]
        entry = self._ledger.append(
            session,
            account,
            -points,
            kind="reverse",
            contra=original.contra,
            cause=replace(cause, origin_id=original.origin_id),
            reverses=original,
        )
        if entry is None:
            return None
        own.reversed += points
        self._ledger.draw(session, account, entry, take([own, *others], points))
        self._ledger.announce(session, account, entry)
        # Counters and campaigns are locked after the lots.
        session.flush()
        whole = own.reversed == own.amount
        limits.give_back(session, account.id, original.seq, points, whole=whole)
        return entry

    def _wake(
        self, session: Session, account: Account, own: Lot, points: int, *, cause: Cause
    ) -> None:
        """Give a lot back what of it expired, as far as it is about to be clawed back."""
        missing = points - (own.remaining - own.held)
        if missing <= 0:
            return
        back = aliased(Entry)
        given = (
            select(func.coalesce(func.sum(back.amount), 0))
            .where(back.account_id == Entry.account_id, back.reverses == Entry.seq)
            .correlate(Entry)
            .scalar_subquery()
        )
        expired = session.execute(
            select(Entry, -Entry.amount - given)
            .join(
                LotMove,
                (LotMove.account_id == Entry.account_id) & (LotMove.entry_seq == Entry.seq),
            )
            .where(LotMove.lot_id == own.id, LotMove.amount > 0, Entry.kind == "expire")
            .order_by(Entry.seq.desc())
        ).all()
        for original, out in expired:
            share = min(missing, int(out))
            if share <= 0:
                continue
            entry = self._ledger.append(
                session,
                account,
                share,
                kind="reverse",
                contra=original.contra,
                cause=replace(
                    cause, source=f"{cause.source}:{original.seq}", origin_id=original.origin_id
                ),
                reverses=original,
            )
            assert entry is not None, "the cause is new"
            self._ledger.give_back(session, account, entry, [(own, share)])
            self._ledger.announce(session, account, entry)
            missing -= share

    def _restore(
        self, session: Session, account: Account, original: Entry, points: int, *, cause: Cause
    ) -> Entry | None:
        possible = -original.amount - self.given_back(session, original)
        if points > possible:
            raise refusals.over_reversal(possible=possible)
        entry = self.hand_back(session, account, original, points, cause=cause)
        if entry is None:
            return None
        lots = free_lots(session, account.id)
        self._ledger.expire_overdue(session, account, actor=cause.actor, lots=lots)
        self._ledger.repay_from_free(session, account, lots)
        return entry

    @staticmethod
    def given_back(session: Session, original: Entry) -> int:
        """Points of an entry that spent which were given back so far."""
        back = func.coalesce(func.sum(Entry.amount), 0)
        restored = session.scalar(
            select(back).where(
                Entry.account_id == original.account_id, Entry.reverses == original.seq
            )
        )
        return int(restored or 0)

    def hand_back(
        self, session: Session, account: Account, original: Entry, points: int, *, cause: Cause
    ) -> Entry | None:
        """Return spent points to the lots they came from, and leave it at that: overdue ones
        are not expired, and a debt is repaid only as far as the points never came from a lot.

        Returns:
            The entry, or None when this cause already took points back.
        """
        entry = self._ledger.append(
            session,
            account,
            points,
            kind="reverse",
            contra=original.contra,
            cause=replace(cause, origin_id=original.origin_id),
            reverses=original,
        )
        if entry is None:
            return None
        given = self._came_from(session, account, original, points)
        self._ledger.give_back(session, account, entry, given)
        owed = points - sum(share for _lot, share in given)
        if owed:
            self._ledger.credit(session, account, entry, lots=[Part(points=owed)])
        self._ledger.announce(session, account, entry)
        session.flush()
        return entry

    @staticmethod
    def _came_from(
        session: Session, account: Account, original: Entry, points: int
    ) -> list[tuple[Lot, int]]:
        """The lots to give `points` back to: those consumed last first, each up to what is out."""
        reversing = select(Entry.seq).where(
            Entry.account_id == account.id, Entry.reverses == original.seq
        )
        rows = session.execute(
            select(Lot, func.sum(LotMove.amount))
            .join(LotMove, LotMove.lot_id == Lot.id)
            .where(
                LotMove.account_id == account.id,
                (LotMove.entry_seq == original.seq) | LotMove.entry_seq.in_(reversing),
            )
            .group_by(*Lot.__table__.columns)
            .having(func.sum(LotMove.amount) > 0)
            .order_by(Lot.expires_at.desc().nulls_first(), Lot.id.desc())
            .execution_options(populate_existing=True)
        )
        given: list[tuple[Lot, int]] = []
        for lot, out in rows:
            share = min(points, int(out))
            if share == 0:
                break
            given.append((lot, share))
            points -= share
        return given
