"""Orders that earned before orders were kept are taken over, so that they earn no second time."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import DateTime, MetaData, delete, select

from dxp.api import NewEvent, Platform, SystemActor
from dxp_loyalty.models import Earning, Entry, EntryNote, Lot, Order
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.entries import Cause

ACTOR = SystemActor(name="test")


def revision() -> Any:
    """The migration that keeps orders."""
    from importlib import import_module

    return import_module("dxp_loyalty.migrations.versions.0004_orders_earn_once")


def plain(model: Any) -> Any:
    """The table as a migration sees it, which knows nothing of the core's types."""
    table = model.__table__.to_metadata(MetaData())
    for column in table.columns:
        if column.name == "placed_at":
            column.type = DateTime(timezone=True)
    return table


def test_orders_that_earned_before_are_known(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    """By the event that the entry names; resent under another, they are not counted again."""
    definition = {"award": {"type": "per_amount", "points": "1"}}
    draft = RuleDraft(key="one", name="One", event_type="order.placed", definition=definition)
    with platform.db.write() as session:
        rule = programme.loyalty.earning.create(session, draft, actor=ACTOR)
        version = programme.loyalty.earning.versions(session, rule.id)[0]
    line = {"sku": "tea", "quantity": 2, "total": "10.00"}
    data = {"order_id": "A-1", "total": "12.00", "currency": "USD", "lines": [line]}

    def tell(external_id: str) -> uuid.UUID:
        event = NewEvent(
            type="order.placed",
            subject_id=member,
            data=data,
            source="shop",
            external_id=external_id,
        )
        with platform.db.write() as session:
            [record] = platform.events.publish_many(session, [event])
        assert record is not None
        return record.id

    event_id = tell("1")
    # The ledger as it was written before: by events alone.
    with platform.db.write() as session:
        for table in (Earning, Order, Lot, EntryNote):
            session.execute(delete(table))
        session.execute(delete(Entry))
        account = open_account(session, platform, member, wallet="points")
        account.posted = account.earned = account.seq = 0
        account.head_hash = "0" * 64
        cause = Cause(source=f"event:{event_id}:one", actor=ACTOR, rule_version_id=version.id)
        programme.loyalty.ledger.earn(session, account, 12, cause=cause)
        revision()._take_over(session.connection(), plain(Order), plain(Earning))
    with platform.db.read() as session:
        order = session.scalars(select(Order)).one()
        earning = session.scalars(select(Earning)).one()
    assert (order.id, order.number, order.lines[0]["quantity"]) == (event_id, "A-1", 2)
    assert (earning.order_id, earning.rule_id, earning.parts) == (event_id, rule.id, {"": 12})
    tell("2")
    assert programme.available(member) == 12
