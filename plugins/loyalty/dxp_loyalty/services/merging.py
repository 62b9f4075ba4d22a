"""Points and gifts of two members who turn out to be one, and of one who turns out to be two.

Points move by transfers, one pair of entries for each member whose they are: entries keep that
member as their origin. What is a member's is then the sum of their entries, wherever these lie,
and undoing a merge moves just that sum back. A redemption is of the member under whose id or
token it was made: whose own points do not cover it is left with a debt, never the other poorer.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    MergeContext,
    Platform,
    Subject,
    UnmergeContext,
    restored,
    snapshot_of,
    uuid7,
)
from dxp_loyalty.models import Account, Entry, Lot, LotMove, OccasionDate, OccasionGrant
from dxp_loyalty.services.accounts import (
    accounts_of,
    free_lots,
    lock_accounts,
    open_account,
    take,
)
from dxp_loyalty.services.birthdays import APART
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.handing_over import HandingOver
from dxp_loyalty.services.issuing import GIVEN
from dxp_loyalty.services.ledger import Ledger, Part
from dxp_loyalty.services.membership import Membership
from dxp_loyalty.services.planning import BIRTHDAY, Planner
from dxp_loyalty.services.tier_standing import TierStandings

_DATE = ("month", "day", "year", "calendar")


class Merging:
    """Moves what one member has to another, and back."""

    def __init__(
        self,
        platform: Platform,
        ledger: Ledger,
        handing: HandingOver,
        planner: Planner,
        membership: Membership,
        tiers: TierStandings,
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._handing = handing
        self._planner = planner
        self._membership = membership
        self._tiers = tiers

    def merge(self, ctx: MergeContext) -> dict[str, Any]:
        """Points with their expiries, debts, the birthday and its gifts become the winner's.

        So do open redemptions, unless the winner may have no more of the reward. Used pieces of
        rewards stay counted with the loser's account: limits add up over all accounts of a member.
        """
        for giver, taker in self._pairs(ctx.session, ctx.loser_id, ctx.winner_id):
            self._ledger.expire_overdue(ctx.session, giver, actor=ctx.actor)
            lifted = self._handing.lift_open(ctx.session, giver)
            self.hand_over(ctx.session, giver, taker, actor=ctx.actor)
            self._handing.put_down(
                ctx.session,
                giver,
                taker,
                lifted,
                origin=lambda origin_id: origin_id or ctx.loser_id,
                actor=ctx.actor,
            )
        ctx.session.flush()
        return self._merge_occasions(ctx) | {
            "member": self._membership.merge(ctx),
            "tiers": self._tiers.merge(ctx),
        }

    def unmerge(self, ctx: UnmergeContext) -> None:
        """Each gets back what is theirs: what they brought, what they earned, spent and redeemed
        since under their own ids.
        """
        for giver, taker in self._pairs(ctx.session, ctx.winner_id, ctx.loser_id):
            self._ledger.expire_overdue(ctx.session, giver, actor=ctx.actor)
            lifted = self._handing.lift_theirs(ctx.session, giver, ctx.members, actor=ctx.actor)
            theirs = [
                (origin_id, points)
                for origin_id, points in self._sums(ctx.session, giver)
                if origin_id in ctx.members
            ]
            leaving = sum(points for _origin, points in theirs)
            self._handing.make_room(ctx.session, giver, leaving, actor=ctx.actor)

            def kept(origin_id: uuid.UUID | None) -> uuid.UUID | None:
                return None if origin_id == ctx.loser_id else origin_id

            for origin_id, points in theirs:
                self._transfer(
                    ctx.session,
                    giver,
                    taker,
                    points,
                    origins=(origin_id, kept(origin_id)),
                    actor=ctx.actor,
                )
            self._handing.put_down(ctx.session, giver, taker, lifted, origin=kept, actor=ctx.actor)
        ctx.session.flush()
        self._split_occasions(ctx)
        self._membership.split(ctx, ctx.undo.get("member") or {})
        self._tiers.unmerge(ctx)

    def pass_on(self, session: Session, account: Account, *, actor: Actor) -> None:
        """Let what came to the locked account of a merged member, or is missing there since, be
        that of whom they were merged into."""
        root_id = session.scalar(
            select(Subject.merged_into_id).where(Subject.id == account.subject_id)
        )
        if root_id is None:
            return
        taker = open_account(session, self._platform, root_id, wallet=account.wallet)
        self._ledger.expire_overdue(session, account, actor=actor)
        self.hand_over(session, account, taker, actor=actor)

    def hand_over(self, session: Session, giver: Account, taker: Account, *, actor: Actor) -> None:
        """Let what came to a merged member's account go on to that of the winner, as the rest did.

        Both must be locked.
        """
        for origin_id, points in self._sums(session, giver):
            self._transfer(
                session,
                giver,
                taker,
                points,
                origins=(origin_id, origin_id or giver.subject_id),
                actor=actor,
            )

    def _pairs(
        self, session: Session, giver_id: uuid.UUID, taker_id: uuid.UUID
    ) -> list[tuple[Account, Account]]:
        """Every wallet of the giver with the taker's, which is opened if need be; all locked."""
        givers = {row.wallet: row.id for row in accounts_of(session, giver_id)}
        for wallet in givers:
            open_account(session, self._platform, taker_id, wallet=wallet)
        takers = {row.wallet: row.id for row in accounts_of(session, taker_id)}
        locked = lock_accounts(session, [*givers.values(), *takers.values()])
        return [(locked[givers[wallet]], locked[takers[wallet]]) for wallet in sorted(givers)]

    @staticmethod
    def _sums(session: Session, account: Account) -> list[tuple[uuid.UUID | None, int]]:
        """What of an account is whose, debts first: the points that pay them are then there."""
        rows = session.execute(
            select(Entry.origin_id, func.sum(Entry.amount))
            .where(Entry.account_id == account.id)
            .group_by(Entry.origin_id)
        )
        found = [(origin_id, int(points)) for origin_id, points in rows if points]
        return sorted(found, key=lambda item: (item[1], str(item[0])))

    def _transfer(
        self,
        session: Session,
        giver: Account,
        taker: Account,
        points: int,
        *,
        origins: tuple[uuid.UUID | None, uuid.UUID | None],
        actor: Actor,
    ) -> None:
        """Move the sum of one member's entries; below zero it is a debt, and points go back.

        Args:
            origins: of the entries in the giver's and in the taker's account.
        """
        session.flush()
        tx_id = uuid7()
        source = f"merge:{tx_id}"
        whose = dict(zip((giver.id, taker.id), origins, strict=True))
        payer, payee = (giver, taker) if points > 0 else (taker, giver)
        lots = self._own_first(session, payer, whose[payer.id])
        taken = take(lots, abs(points))
        parts = [Part.of(lot, share) for lot, share in taken]
        missing = abs(points) - sum(share for _lot, share in taken)
        if missing:
            parts.append(Part(points=missing))
        for account, amount in sorted(
            ((payer, -abs(points)), (payee, abs(points))), key=lambda side: side[0].id
        ):
            cause = Cause(source=source, actor=actor, tx_id=tx_id, origin_id=whose[account.id])
            entry = self._ledger.append(
                session, account, amount, kind="transfer", contra="transfer", cause=cause
            )
            assert entry is not None, "its source is new"
            if amount < 0:
                self._ledger.draw(session, account, entry, taken)
            else:
                self._bring(session, account, entry, parts, whose[account.id], debt=points < 0)
            self._ledger.announce(session, account, entry)
        session.flush()

    def _bring(
        self,
        session: Session,
        account: Account,
        entry: Entry,
        parts: Sequence[Part],
        origin_id: uuid.UUID | None,
        *,
        debt: bool,
    ) -> None:
        """Make lots of what comes; a debt that goes returns points to the lots that paid it."""
        given: list[tuple[Lot, int]] = []
        left = entry.amount
        if debt and origin_id is not None:
            for lot, out in self._drawn(session, account, origin_id):
                share = min(left, out)
                if share:
                    given.append((lot, share))
                    left -= share
            self._ledger.give_back(session, account, entry, given)
            parts = [Part(points=left)] if left else []
        if parts:
            self._ledger.credit(session, account, entry, lots=parts)
        session.flush()
        if given:
            self._ledger.repay_from_free(session, account, free_lots(session, account.id))

    @staticmethod
    def _drawn(session: Session, account: Account, origin_id: uuid.UUID) -> list[tuple[Lot, int]]:
        """Lots that a member's transfers drew from, with the points that are still out."""
        rows = session.execute(
            select(Lot, func.sum(LotMove.amount))
            .join(LotMove, LotMove.lot_id == Lot.id)
            .join(
                Entry,
                (Entry.account_id == LotMove.account_id) & (Entry.seq == LotMove.entry_seq),
            )
            .where(
                LotMove.account_id == account.id,
                Entry.origin_id == origin_id,
                Entry.kind == "transfer",
            )
            .group_by(*Lot.__table__.columns)
            .having(func.sum(LotMove.amount) > 0)
            .order_by(Lot.expires_at.asc().nulls_last(), Lot.id)
        )
        return [(lot, int(out)) for lot, out in rows]

    @staticmethod
    def _own_first(session: Session, account: Account, origin_id: uuid.UUID | None) -> list[Lot]:
        """Free lots in the order of consumption, those that the member brought before all."""
        lots = free_lots(session, account.id)
        own = set(
            session.scalars(
                select(Entry.seq).where(
                    Entry.account_id == account.id,
                    Entry.seq.in_({lot.entry_seq for lot in lots}),
                    Entry.origin_id.is_not_distinct_from(origin_id),
                )
            )
        )
        return sorted(lots, key=lambda lot: lot.entry_seq not in own)

    def _merge_occasions(self, ctx: MergeContext) -> dict[str, Any]:
        """The earlier gift stays; the other is revoked unless it was used."""
        session = ctx.session
        dates = self._dates(session, (ctx.winner_id, ctx.loser_id))
        self._planner.cancel(session, [ctx.loser_id], reason="merged")
        rows = session.scalars(
            select(OccasionGrant)
            .where(
                OccasionGrant.subject_id.in_([ctx.winner_id, ctx.loser_id]),
                OccasionGrant.state.in_(GIVEN),
            )
            .order_by(OccasionGrant.issued_at, OccasionGrant.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        kept: list[OccasionGrant] = []
        revoked: list[str] = []
        for grant in rows:
            near = any(_collide(grant, other) for other in kept)
            if near and grant.state == "issued":
                grant.state, grant.reason = "revoked", "merged"
                revoked.append(str(grant.id))
                continue
            kept.append(grant)
        session.flush()
        parked = self._give_gifts(session, ctx.loser_id, ctx.winner_id, root_id=ctx.loser_id)
        loser, winner = dates.get(ctx.loser_id), dates.get(ctx.winner_id)
        undo: dict[str, Any] = {
            "revoked": revoked,
            "parked": parked,
            "date": None,
            "gained": False,
        }
        if loser is not None:
            undo["date"] = snapshot_of(loser)
            session.delete(loser)
            session.flush()
            if winner is None:
                undo["gained"] = True
                whose = {"subject_id": str(ctx.winner_id), "origin_id": str(ctx.loser_id)}
                winner = restored(OccasionDate, undo["date"] | whose)
                session.add(winner)
                session.flush()
        if winner is not None:
            self._planner.plan(session, [winner], keep_zones=True)
        return undo

    def _split_occasions(self, ctx: UnmergeContext) -> None:
        """Gifts go back to whose they were; those that stood in another's way stand again."""
        session = ctx.session
        dates = self._dates(session, (ctx.winner_id, ctx.loser_id))
        self._give_gifts(
            session, ctx.winner_id, ctx.loser_id, root_id=ctx.loser_id, members=ctx.members
        )
        self._unpark(session, ctx)
        for grant in session.scalars(
            select(OccasionGrant).where(
                OccasionGrant.id.in_([uuid.UUID(key) for key in ctx.undo.get("revoked", ())]),
                OccasionGrant.state == "revoked",
                OccasionGrant.reason == "merged",
            )
        ):
            # Rule 4 holds for what came in between, too.
            others = session.scalars(
                select(OccasionGrant).where(
                    OccasionGrant.subject_id == grant.subject_id,
                    OccasionGrant.state.in_(GIVEN),
                )
            )
            if not any(_collide(grant, other) for other in others):
                grant.state, grant.reason = "issued", None
                session.flush()
        before, winner = ctx.undo.get("date"), dates.get(ctx.winner_id)
        if before is not None and ctx.loser_id not in dates:
            loser = restored(OccasionDate, before)
            if winner is not None and ctx.undo["gained"] and _same(winner, loser):
                session.delete(winner)
                self._planner.cancel(session, [ctx.winner_id], reason="split", kinds=(BIRTHDAY,))
            session.add(loser)
            session.flush()
            dates[ctx.loser_id] = loser
        left = self._dates(session, (ctx.winner_id, ctx.loser_id))
        self._planner.plan(session, list(left.values()), keep_zones=True)

    @staticmethod
    def _give_gifts(
        session: Session,
        giver_id: uuid.UUID,
        taker_id: uuid.UUID,
        *,
        root_id: uuid.UUID,
        members: Collection[uuid.UUID] | None = None,
    ) -> list[dict[str, Any]]:
        """Let gifts change hands. Of two for the same occasion the one that was given goes; the
        other is dropped if it was only planned, or else stays with the giver meanwhile.

        Args:
            root_id: whose they are when they name no origin.
            members: only gifts of these origins.

        Returns:
            what stays with the giver meanwhile, with its origin.
        """
        mine = select(OccasionGrant).where(OccasionGrant.subject_id == taker_id)
        taken = {_key(grant): grant for grant in session.scalars(mine)}
        theirs = select(OccasionGrant).where(OccasionGrant.subject_id == giver_id)
        if members is not None:
            theirs = theirs.where(OccasionGrant.origin_id.in_(members))
        parked: list[dict[str, Any]] = []
        for grant in session.scalars(theirs).all():
            other = taken.get(_key(grant))
            if other is not None and (grant.state not in GIVEN or other.state in GIVEN):
                continue
            if other is not None and other.state in ("planned", "cancelled"):
                session.delete(other)
                session.flush()
            elif other is not None:
                whose = None if other.origin_id is None else str(other.origin_id)
                parked.append({"id": str(other.id), "origin": whose})
                # Out of the way of the key, until its place is free.
                other.occurrence_year = -other.occurrence_year
                session.flush()
            grant.subject_id = taker_id
            origin_id = grant.origin_id or root_id
            grant.origin_id = None if origin_id == taker_id else origin_id
            session.flush()
            if other is not None and other.occurrence_year < 0:
                other.subject_id, other.origin_id = giver_id, taker_id
                other.occurrence_year = -other.occurrence_year
                session.flush()
        session.flush()
        return parked

    @staticmethod
    def _unpark(session: Session, ctx: UnmergeContext) -> None:
        """What made room for the loser's gifts goes back to the winner."""
        mine = select(OccasionGrant).where(OccasionGrant.subject_id == ctx.winner_id)
        taken = {_key(grant): grant for grant in session.scalars(mine)}
        for item in ctx.undo.get("parked", ()):
            grant = session.get(OccasionGrant, uuid.UUID(item["id"]))
            if grant is None:
                continue
            other = None if grant.subject_id == ctx.winner_id else taken.get(_key(grant))
            if other is not None and other.state not in ("planned", "cancelled"):
                continue
            if other is not None:
                session.delete(other)
                session.flush()
            grant.subject_id = ctx.winner_id
            grant.origin_id = uuid.UUID(item["origin"]) if item["origin"] else None
            session.flush()

    @staticmethod
    def _dates(
        session: Session, subject_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, OccasionDate]:
        """Locked before any gift, as whoever plans does it."""
        rows = session.scalars(
            select(OccasionDate)
            .where(OccasionDate.subject_id.in_(subject_ids))
            .order_by(OccasionDate.subject_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {row.subject_id: row for row in rows}


def _key(grant: OccasionGrant) -> tuple[uuid.UUID, str, int]:
    return grant.rule_id, grant.calendar, grant.occurrence_year


def _same(one: OccasionDate, other: OccasionDate) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _DATE)


def _collide(grant: OccasionGrant, other: OccasionGrant) -> bool:
    """Whether two gifts may not both be one member's: the same occasion, or too close."""
    if grant.rule_id != other.rule_id:
        return False
    if _key(grant) == _key(other):
        return True
    if grant.due_at is None or other.due_at is None:
        return False
    return abs(grant.due_at - other.due_at) < APART
