"""Which orders were counted: each once, whatever the events are called that tell it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dxp.api import EventRecord, Subject, dialect_insert
from dxp_loyalty.models import Account, Earning, EarningRule, Entry, Lot, Order
from dxp_loyalty.services.entries import table_of
from dxp_loyalty.services.purchases import ORDER_PLACED, Purchase


@dataclass(frozen=True, kw_only=True)
class OrderEarning:
    """One entry that an order earned, with what of it can still be taken back.

    Attributes:
        account_id, seq: the entry; `lot` holds what is left of its points.
        parts: points by line, as in `Earning`.
    """

    account_id: uuid.UUID
    seq: int
    wallet: str
    rule_key: str
    points: int
    reversed: int
    parts: Mapping[str, int]


def claim_orders(session: Session, told: Sequence[tuple[EventRecord, Purchase]]) -> set[uuid.UUID]:
    """Note orders that come for the first time; ids of the events that may earn.

    An order is known by its number in the system that sent it, and by its number and its member:
    sent by the shop and imported again under another system's name, it is still one. Events that
    are no orders may always earn.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    free: set[uuid.UUID] = set()
    for record, purchase in told:
        number = record.data.get("order_id")
        if record.type != ORDER_PLACED or number is None:
            free.add(record.id)
            continue
        rows.setdefault((record.source, str(number)), _row(record, purchase, str(number)))
    if not rows:
        return free
    known = _known(session, rows.values())
    fresh: list[dict[str, Any]] = []
    # In the order of the unique key, so that two callers never wait for each other.
    for key in sorted(rows):
        row = rows[key]
        of_member = (row["number"], row["subject_id"])
        if of_member not in known:
            known.add(of_member)
            fresh.append(row)
    if not fresh:
        return free
    statement = (
        dialect_insert(session, table_of(Order))
        .on_conflict_do_nothing(index_elements=["source", "number"])
        .returning(Order.id)
    )
    claimed = session.connection().execute(statement, fresh)
    return free | set(claimed.scalars())


def _known(
    session: Session, rows: Collection[Mapping[str, Any]]
) -> set[tuple[str | None, uuid.UUID]]:
    """Numbers of orders that members had before, under their own name or a merged one."""
    owner, asked = aliased(Subject), aliased(Subject)
    found = session.execute(
        select(Order.number, asked.id)
        .join(owner, owner.id == Order.subject_id)
        .join(
            asked,
            func.coalesce(asked.merged_into_id, asked.id)
            == func.coalesce(owner.merged_into_id, owner.id),
        )
        .where(
            Order.number.in_({row["number"] for row in rows}),
            asked.id.in_({row["subject_id"] for row in rows}),
        )
    )
    return {(number, member) for number, member in found}


def earnings_of_order(session: Session, order_id: uuid.UUID) -> list[OrderEarning]:
    """What an order earned, by account and entry; lock the accounts before acting on it."""
    rows = session.execute(
        select(Earning, Account.wallet, EarningRule.key, Lot.reversed)
        .join(Account, Account.id == Earning.account_id)
        .join(EarningRule, EarningRule.id == Earning.rule_id)
        .join(Lot, (Lot.account_id == Earning.account_id) & (Lot.entry_seq == Earning.entry_seq))
        .join(Entry, (Entry.account_id == Earning.account_id) & (Entry.seq == Earning.entry_seq))
        .where(Earning.order_id == order_id)
        .order_by(Earning.account_id, Earning.entry_seq)
    )
    return [
        OrderEarning(
            account_id=earning.account_id,
            seq=earning.entry_seq,
            wallet=wallet,
            rule_key=rule_key,
            points=earning.points,
            reversed=reversed_,
            parts=earning.parts,
        )
        for earning, wallet, rule_key, reversed_ in rows
    ]


def _row(record: EventRecord, purchase: Purchase, number: str) -> dict[str, Any]:
    return {
        "id": record.id,
        "source": record.source,
        "number": number,
        "subject_id": record.origin_id or record.subject_id,
        "currency": str(record.data.get("currency") or "")[:3],
        "total": str(record.data.get("total"))[:30],
        "lines": [
            {
                "ref": line.ref,
                "sku": line.data.get("sku"),
                "quantity": line.quantity,
                "total": str(line.data.get("total")),
                "discount": str(line.data.get("discount") or "0"),
            }
            for line in purchase.lines
        ],
        "placed_at": record.occurred_at,
    }
