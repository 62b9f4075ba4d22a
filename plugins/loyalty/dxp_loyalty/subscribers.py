"""What the plugin does when something happened elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from dxp.api import BatchContext, BatchSubscription, EventContext, Subscription
from dxp.contracts import (
    PURPOSE_BIRTHDAY,
    BirthdayChanged,
    ConsentChanged,
    CustomerRegistered,
    OrderPlaced,
)
from dxp_loyalty.services.issuing import PURPOSE_GUARDIAN
from dxp_loyalty.services.loyalty import Loyalty


def earn(ctx: BatchContext) -> None:
    """Give points for orders and registrations, in the transaction that reports them: whoever
    counts orders and entries afterwards finds the same number."""
    ctx.platform.services.get(Loyalty).earning.apply(ctx.session, ctx.records)


def take_over_birthday(ctx: EventContext) -> None:
    """Plan the gift of a birthday that was told, corrected or taken back."""
    if ctx.record.subject_id is None:
        return
    told: BirthdayChanged = ctx.record.payload(BirthdayChanged)
    ctx.platform.services.get(Loyalty).occasions.set_birthday(
        ctx.session, ctx.record.subject_id, told.birthday, timezone=told.timezone
    )


def issue_on_consent(ctx: EventContext) -> None:
    """Issue the gift that waited for a consent, without waiting for the next run."""
    told: ConsentChanged = ctx.record.payload(ConsentChanged)
    waited_for = told.granted and told.purpose in (PURPOSE_BIRTHDAY, PURPOSE_GUARDIAN)
    if ctx.record.subject_id is not None and waited_for:
        ctx.platform.services.get(Loyalty).issuer.issue_due(
            ctx.session, subject_id=ctx.record.subject_id
        )


SUBSCRIPTIONS: Sequence[Subscription | BatchSubscription] = (
    BatchSubscription(
        events=(OrderPlaced.type, CustomerRegistered.type), handler=earn, name="loyalty.earn"
    ),
    Subscription(
        event=BirthdayChanged.type,
        handler=take_over_birthday,
        name="loyalty.take_over_birthday",
        when="inside",
    ),
    Subscription(
        event=ConsentChanged.type, handler=issue_on_consent, name="loyalty.issue_on_consent"
    ),
)
