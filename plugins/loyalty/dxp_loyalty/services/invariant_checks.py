"""The invariants that SQL can check: one statement each, which finds the places that break it.

Every statement selects the place first; the other columns fill the text. They are built once,
because building them takes longer than running them on a small ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import aliased

from dxp.api import UtcDateTime
from dxp_loyalty.models import (
    Account,
    Campaign,
    Earning,
    Entry,
    Hold,
    HoldLot,
    Lot,
    LotMove,
    Reward,
    RewardCounter,
    RewardVersion,
)
from dxp_loyalty.services.entries import MOVED

MOMENT = "moment"
"""Name of the parameter that tells the time of the balance as of now."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One statement. `text` is filled from the columns after the first, by position."""

    invariant: int
    statement: Select[*tuple[Any, ...]]
    text: str


@lru_cache(maxsize=1)
def checks() -> tuple[Check, ...]:
    """All of them, in the order of their numbers."""
    parts = (_balances(), _lots(), _holds(), _rewards(), _causes(), _transfers(), _late())
    return (*chain.from_iterable(parts), *_campaigns())


def _campaigns() -> tuple[Check, ...]:
    given = (
        select(Earning.campaign_id, func.sum(Lot.amount - Lot.reversed).label("points"))
        .join(Lot, and_(Lot.account_id == Earning.account_id, Lot.entry_seq == Earning.entry_seq))
        .group_by(Earning.campaign_id)
        .subquery()
    )
    points = _zero(given.c.points)
    spent = (
        select(Campaign.id, Campaign.spent, points)
        .outerjoin(given, given.c.campaign_id == Campaign.id)
        .where(Campaign.spent != points)
    )
    return (Check(invariant=18, statement=spent, text="spent {0}, its entries gave {1}"),)


def _zero(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, 0)


def _sum_of_lots() -> Subquery:
    return (
        select(
            Lot.account_id,
            func.sum(Lot.remaining).label("remaining"),
            func.sum(Lot.remaining - Lot.held).label("free"),
            func.sum(Lot.held).label("held"),
        )
        .group_by(Lot.account_id)
        .subquery()
    )


def _balances() -> tuple[Check, ...]:
    amounts = (
        select(
            Entry.account_id,
            func.sum(
                case((Entry.effective_at <= bindparam(MOMENT, type_=UtcDateTime()), Entry.amount))
            ).label("as_of"),
            func.sum(case((Entry.contra == "issued", Entry.amount))).label("earned"),
        )
        .group_by(Entry.account_id)
        .subquery()
    )
    of_account = amounts.c.account_id == Account.id
    as_of, earned = _zero(amounts.c.as_of), _zero(amounts.c.earned)
    lots = _sum_of_lots()
    remaining, free = _zero(lots.c.remaining), _zero(lots.c.free)
    return (
        Check(
            invariant=1,
            statement=select(Account.id, Account.earned, earned)
            .outerjoin(amounts, of_account)
            .where(Account.earned != earned),
            text="earned {}, the sum of issued entries is {}",
        ),
        Check(
            invariant=5,
            statement=select(Account.id, Account.posted, remaining, Account.debt)
            .outerjoin(lots, lots.c.account_id == Account.id)
            .where(Account.posted != remaining - Account.debt),
            text="posted {}, lots {}, debt {}",
        ),
        Check(
            invariant=7,
            statement=select(Account.id, Account.debt, free)
            .outerjoin(lots, lots.c.account_id == Account.id)
            .where(Account.debt > 0, free != 0),
            text="owes {} and has {} free",
        ),
        Check(
            invariant=16,
            statement=select(Account.id, Account.posted, as_of)
            .outerjoin(amounts, of_account)
            .where(Account.posted != as_of),
            text="posted {}, as of now {}",
        ),
    )


def _lots() -> tuple[Check, ...]:
    """Invariant 5 once more, lot by lot and entry by entry."""
    moved = (
        select(LotMove.lot_id, func.sum(LotMove.amount).label("points"))
        .group_by(LotMove.lot_id)
        .subquery()
    )
    gone = _zero(moved.c.points)
    funded = (
        select(LotMove.account_id, LotMove.entry_seq, func.sum(LotMove.amount).label("points"))
        .group_by(LotMove.account_id, LotMove.entry_seq)
        .subquery()
    )
    lacking = (
        select(Entry.account_id, func.sum(-Entry.amount - _zero(funded.c.points)).label("points"))
        .outerjoin(
            funded,
            and_(funded.c.account_id == Entry.account_id, funded.c.entry_seq == Entry.seq),
        )
        .where(Entry.amount < 0)
        .group_by(Entry.account_id)
        .subquery()
    )
    lacks = _zero(lacking.c.points)
    reversing, original = aliased(Entry), aliased(Entry)
    of_original = and_(
        reversing.account_id == original.account_id, reversing.reverses == original.seq
    )
    clawed = (
        select(
            reversing.account_id, reversing.reverses, func.sum(-reversing.amount).label("points")
        )
        .where(reversing.contra == "issued", reversing.reverses.is_not(None))
        .group_by(reversing.account_id, reversing.reverses)
        .subquery()
    )
    back = _zero(clawed.c.points)
    taken_back = func.sum(reversing.amount)
    return (
        Check(
            invariant=5,
            statement=select(Lot.id, Lot.reversed, back)
            .outerjoin(
                clawed,
                and_(clawed.c.account_id == Lot.account_id, clawed.c.reverses == Lot.entry_seq),
            )
            .where(Lot.reversed != back),
            text="{} of it were clawed back, entries say {}",
        ),
        Check(
            invariant=5,
            statement=select(original.account_id, original.seq, original.amount, taken_back)
            .join(reversing, of_original)
            .group_by(original.account_id, original.seq, original.amount)
            .having(func.abs(taken_back) > func.abs(original.amount)),
            text="entry {} moved {}, and {} were taken back",
        ),
        Check(
            invariant=5,
            statement=select(Lot.id, Lot.remaining, Lot.amount, gone)
            .outerjoin(moved, moved.c.lot_id == Lot.id)
            .where(Lot.remaining != Lot.amount - gone),
            text="{} remain of {}, moves took {}",
        ),
        Check(
            invariant=5,
            statement=select(Account.id, Account.debt, lacks)
            .outerjoin(lacking, lacking.c.account_id == Account.id)
            .where(Account.debt != lacks),
            text="debt {}, entries lack {}",
        ),
    )


def _holds() -> tuple[Check, ...]:
    lots = _sum_of_lots()
    opened = (
        select(Hold.account_id, func.sum(Hold.amount).label("points"))
        .where(Hold.state == "open")
        .group_by(Hold.account_id)
        .subquery()
    )
    of_lots, of_holds = _zero(lots.c.held), _zero(opened.c.points)
    parts = (
        select(HoldLot.lot_id, func.sum(HoldLot.amount).label("points"))
        .join(Hold, Hold.id == HoldLot.hold_id)
        .where(Hold.state == "open")
        .group_by(HoldLot.lot_id)
        .subquery()
    )
    share = _zero(parts.c.points)
    total = func.coalesce(func.sum(HoldLot.amount), 0)
    back = (
        select(Entry.account_id, Entry.reverses, func.sum(Entry.amount).label("points"))
        .where(Entry.reverses.is_not(None))
        .group_by(Entry.account_id, Entry.reverses)
        .subquery()
    )
    given_back = _zero(back.c.points)
    of_capture = and_(back.c.account_id == Hold.account_id, back.c.reverses == Hold.entry_seq)
    return (
        Check(
            invariant=9,
            statement=select(Hold.id, Hold.state, Hold.reversed, Hold.amount, given_back)
            .outerjoin(back, of_capture)
            .where(
                or_(
                    Hold.reversed != given_back,
                    and_(Hold.state == "reversed", Hold.reversed != Hold.amount),
                    and_(Hold.state.in_(["open", "voided"]), Hold.reversed != 0),
                )
            ),
            text="{}, gave back {} of {}, entries say {}",
        ),
        Check(
            invariant=6,
            statement=select(Account.id, Account.held, of_lots, of_holds)
            .outerjoin(lots, lots.c.account_id == Account.id)
            .outerjoin(opened, opened.c.account_id == Account.id)
            .where(or_(Account.held != of_lots, Account.held != of_holds)),
            text="held {}, lots {}, open holds {}",
        ),
        Check(
            invariant=6,
            statement=select(Lot.id, Lot.held, share)
            .outerjoin(parts, parts.c.lot_id == Lot.id)
            .where(Lot.held != share),
            text="held {}, open holds have {} of it",
        ),
        Check(
            invariant=6,
            statement=select(Hold.id, Hold.amount, total)
            .outerjoin(HoldLot, HoldLot.hold_id == Hold.id)
            .group_by(Hold.id, Hold.amount)
            .having(Hold.amount != total),
            text="amount {}, its lots give {}",
        ),
    )


def _rewards() -> tuple[Check, ...]:
    counts = (
        select(
            Hold.reward_id,
            func.sum(case((Hold.state == "open", 1), else_=0)).label("open"),
            func.sum(case((Hold.state == "captured", 1), else_=0)).label("captured"),
        )
        .group_by(Hold.reward_id)
        .subquery()
    )
    of_reward = counts.c.reward_id == Reward.id
    opened, captured = _zero(counts.c.open), _zero(counts.c.captured)
    used = _pieces_of_members()
    same = and_(
        used.c.reward_id == RewardCounter.reward_id,
        used.c.account_id == RewardCounter.account_id,
        used.c.window_key == RewardCounter.window_key,
    )
    place = (RewardCounter.account_id, RewardCounter.used)
    return (
        Check(
            invariant=8,
            statement=select(Reward.key, Reward.reserved, opened)
            .outerjoin(counts, of_reward)
            .where(Reward.reserved != opened),
            text="reserved {}, open holds {}",
        ),
        Check(
            invariant=9,
            statement=select(Reward.key, Reward.issued, captured)
            .outerjoin(counts, of_reward)
            .where(Reward.issued != captured),
            text="issued {}, captured holds {}",
        ),
        Check(
            invariant=10,
            statement=select(Reward.key, Reward.reserved, Reward.issued, Reward.stock).where(
                Reward.reserved + Reward.issued > Reward.stock
            ),
            text="reserved {} and issued {} of {}",
        ),
        Check(
            invariant=11,
            statement=select(*place, _zero(used.c.used))
            .outerjoin(used, same)
            .where(RewardCounter.used != _zero(used.c.used)),
            text="counted {}, holds {}",
        ),
        Check(
            invariant=11,
            statement=select(*place, used.c.allowed)
            .join(used, same)
            .where(used.c.unlimited == 0, RewardCounter.used > used.c.allowed),
            text="counted {}, the limit is {}",
        ),
        Check(
            invariant=11,
            statement=select(used.c.account_id, used.c.used)
            .outerjoin(RewardCounter, same)
            .where(RewardCounter.used.is_(None)),
            text="{} holds without a counter",
        ),
    )


def _pieces_of_members() -> Subquery:
    """Open and captured holds by reward, account and window, with the most that was allowed.

    A limit may be lowered later: each hold was let in by that of its own version.
    """
    return (
        select(
            Hold.reward_id,
            Hold.account_id,
            Hold.window_key,
            func.count().label("used"),
            func.max(RewardVersion.per_member).label("allowed"),
            func.sum(case((RewardVersion.per_member.is_(None), 1), else_=0)).label("unlimited"),
        )
        .join(RewardVersion, RewardVersion.id == Hold.reward_version_id)
        .where(Hold.state.in_(["open", "captured"]))
        .group_by(Hold.reward_id, Hold.account_id, Hold.window_key)
        .subquery()
    )


def _causes() -> tuple[Check, ...]:
    """Invariant 12 as far as the ledger shows it: no cause has two entries of one kind."""
    twice = (
        select(Entry.account_id, func.count(), Entry.kind, Entry.source)
        .group_by(Entry.account_id, Entry.kind, Entry.source)
        .having(func.count() > 1)
    )
    return (Check(invariant=12, statement=twice, text="{} entries of kind {} for {}"),)


def _transfers() -> tuple[Check, ...]:
    posted = select(_zero(func.sum(Account.posted))).scalar_subquery()
    moved = select(_zero(func.sum(Entry.amount))).scalar_subquery()
    net = func.sum(Entry.amount)
    return (
        Check(
            invariant=13,
            statement=select(bindparam("where", "loyalty_account"), posted, moved).where(
                posted != moved
            ),
            text="balances {}, other legs {}, negated",
        ),
        Check(
            invariant=13,
            statement=select(Entry.tx_id, net)
            .where(Entry.contra == "transfer")
            .group_by(Entry.tx_id)
            .having(net != 0),
            text="the transfer nets to {}",
        ),
    )


def _late() -> tuple[Check, ...]:
    when = func.coalesce(Hold.created_at, Entry.recorded_at)
    moved = aliased(Entry)
    spent = (
        select(Entry.account_id, Entry.seq, Lot.id)
        .join(
            LotMove,
            and_(LotMove.account_id == Entry.account_id, LotMove.entry_seq == Entry.seq),
        )
        .join(Lot, Lot.id == LotMove.lot_id)
        .outerjoin(Hold, and_(Hold.account_id == Entry.account_id, Hold.entry_seq == Entry.seq))
        .where(Entry.kind == "spend", LotMove.amount > 0, Lot.expires_at <= when)
        # The redemption that set the points aside in time went to another account since.
        .where(
            ~select(moved.seq)
            .where(
                moved.account_id == Entry.account_id,
                moved.reverses == Entry.seq,
                moved.source.startswith(MOVED),
            )
            .exists()
        )
    )
    return (Check(invariant=15, statement=spent, text="entry {} spent from lot {} after its end"),)
