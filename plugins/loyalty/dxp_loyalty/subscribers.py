"""What the plugin does when something happened elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from dxp.api import BatchContext, BatchSubscription
from dxp.contracts import (
    PURPOSE_BIRTHDAY,
    BirthdayChanged,
    ConsentChanged,
    CustomerRegistered,
    CustomersMerged,
    CustomersSplit,
    OrderPlaced,
)
from dxp_loyalty.events import OrderReturned, PointsEarned, PointsReversed
from dxp_loyalty.services.issuing import PURPOSE_GUARDIAN
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import ToldBirthday
from dxp_loyalty.services.tier_standing import Cause


def earn(ctx: BatchContext) -> None:
    """Give points for orders and registrations, in the transaction that reports them: whoever
    counts orders and entries afterwards finds the same number."""
    ctx.platform.services.get(Loyalty).awarding.apply(ctx.session, ctx.records)


def enrol(ctx: BatchContext) -> None:
    """Remember since when people are customers."""
    ctx.platform.services.get(Loyalty).membership.enrol(ctx.session, ctx.records)


def take_over_birthdays(ctx: BatchContext) -> None:
    """Plan the gifts of birthdays that were told, corrected or taken back; the last word counts."""
    told: dict[uuid.UUID, ToldBirthday] = {}
    for record in ctx.records:
        if record.subject_id is not None:
            word: BirthdayChanged = record.payload(BirthdayChanged)
            told[record.subject_id] = (word.birthday, word.timezone, record.origin_id)
    ctx.platform.services.get(Loyalty).occasions.take_over(ctx.session, told)


def ask_for_gifts(ctx: BatchContext) -> None:
    """Have the gifts looked at that waited for consents, without waiting for the next run."""
    willing: set[uuid.UUID] = set()
    for record in ctx.records:
        word: ConsentChanged = record.payload(ConsentChanged)
        waited_for = word.granted and word.purpose in (PURPOSE_BIRTHDAY, PURPOSE_GUARDIAN)
        if waited_for and record.subject_id is not None:
            willing.add(record.subject_id)
    ctx.platform.services.get(Loyalty).issuer.ask(ctx.session, willing)


def follow_tiers(ctx: BatchContext) -> None:
    """Raise, or lower, the tiers of those whose counters just changed, or change by orders."""
    loyalty = ctx.platform.services.get(Loyalty)
    by_orders = loyalty.tier_counting.by_orders(ctx.session)
    taken = OrderReturned.type if by_orders else PointsReversed.type
    heard = {taken, OrderPlaced.type if by_orders else PointsEarned.type}
    causes: tuple[tuple[Cause, bool], ...] = (("earned", False), ("returned", True))
    for cause, wanted in causes:
        members = {
            record.subject_id
            for record in ctx.records
            if record.subject_id is not None
            and record.type in heard
            and (record.type == taken) is wanted
        }
        loyalty.tiers.assess(ctx.session, members, cause=cause, recount=by_orders)


def follow_merges(ctx: BatchContext) -> None:
    """Two members became one, or two again: each has the tier of what is theirs."""
    tiers = ctx.platform.services.get(Loyalty).tiers
    for record in ctx.records:
        told = str(record.data.get("loser") or "")
        others = [uuid.UUID(told)] if told and record.type == CustomersSplit.type else []
        if record.subject_id is not None:
            tiers.follow_merge(ctx.session, record.subject_id, *others)


SUBSCRIPTIONS: Sequence[BatchSubscription] = (
    BatchSubscription(
        events=(OrderPlaced.type, CustomerRegistered.type), handler=earn, name="loyalty.earn"
    ),
    BatchSubscription(events=(CustomerRegistered.type,), handler=enrol, name="loyalty.enrol"),
    BatchSubscription(
        events=(PointsEarned.type, PointsReversed.type, OrderPlaced.type, OrderReturned.type),
        handler=follow_tiers,
        name="loyalty.follow_tiers",
    ),
    BatchSubscription(
        events=(CustomersMerged.type, CustomersSplit.type),
        handler=follow_merges,
        name="loyalty.follow_merges",
    ),
    # Gifts are planned before they are asked for.
    BatchSubscription(
        events=(BirthdayChanged.type,),
        handler=take_over_birthdays,
        name="loyalty.take_over_birthdays",
    ),
    BatchSubscription(
        events=(ConsentChanged.type,), handler=ask_for_gifts, name="loyalty.ask_for_gifts"
    ),
)
