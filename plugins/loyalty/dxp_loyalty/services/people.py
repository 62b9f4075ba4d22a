"""One person's loyalty data: exported and erased."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, String, case, cast, delete, select, update
from sqlalchemy.orm import Session

from dxp.api import Actor, EventRow, Subject
from dxp_loyalty.events import BirthdayGiftClaimed, BirthdayGiftIssued
from dxp_loyalty.models import (
    Account,
    AdjustmentRequest,
    CouponBatch,
    CouponCode,
    CouponUse,
    Earning,
    Entry,
    EntryNote,
    ExpiryWarning,
    Hold,
    Member,
    OccasionDate,
    OccasionGrant,
    Order,
    OrderReturn,
    Tier,
    TierChange,
    TierCounter,
    TierStanding,
)
from dxp_loyalty.services.accounts import accounts_of, lock_accounts
from dxp_loyalty.services.membership import Membership
from dxp_loyalty.services.merging import Merging
from dxp_loyalty.services.planning import Planner
from dxp_loyalty.services.redemptions import Redemptions


class People:
    """What the life of a person's data asks of the programme."""

    def __init__(
        self,
        merging: Merging,
        redemptions: Redemptions,
        planner: Planner,
        membership: Membership,
    ) -> None:
        self._merging = merging
        self._redemptions = redemptions
        self._planner = planner
        self._membership = membership

    def export(self, session: Session, subject_id: uuid.UUID) -> dict[str, Any]:
        """Wallets with all entries, redemptions, the birthday and its gifts."""
        date = session.get(OccasionDate, subject_id)
        member = session.get(Member, subject_id)
        grants = session.scalars(
            select(OccasionGrant)
            .where(OccasionGrant.subject_id == subject_id)
            .order_by(OccasionGrant.occurrence_year)
        )
        found: dict[str, Any] = {
            "wallets": [self._exported(session, row) for row in accounts_of(session, subject_id)],
            "member_since": None if member is None else member.joined_at.isoformat(),
            "birthday": None
            if date is None
            else {
                "month": date.month,
                "day": date.day,
                "year": date.year,
                "calendar": date.calendar,
                "set_at": date.set_at.isoformat(),
                "timezone": date.timezone,
            },
            "coupons": _coupons_of(session, subject_id),
            "occasions": [
                {
                    "state": grant.state,
                    "occurs_on": grant.occurs_on.isoformat() if grant.occurs_on else None,
                    "issued_at": grant.issued_at.isoformat() if grant.issued_at else None,
                    "claimed_at": grant.claimed_at.isoformat() if grant.claimed_at else None,
                    "points": grant.points,
                }
                for grant in grants
            ],
            "orders": [
                {
                    "number": order.number,
                    "total": order.total,
                    "currency": order.currency,
                    "placed_at": order.placed_at.isoformat(),
                    "lines": order.lines,
                }
                for order in session.scalars(
                    select(Order)
                    .join(Subject, Subject.id == Order.subject_id)
                    .where((Subject.id == subject_id) | (Subject.merged_into_id == subject_id))
                    .order_by(Order.placed_at, Order.id)
                )
            ],
            "returns": [
                {"id": row.return_id, "lines": row.lines, "at": row.created_at.isoformat()}
                for row in session.scalars(
                    select(OrderReturn)
                    .join(Order, Order.id == OrderReturn.order_id)
                    .where(Order.subject_id.in_(_members(subject_id)))
                    .order_by(OrderReturn.created_at, OrderReturn.id)
                )
            ],
            "tier": _tier(session, subject_id),
            "adjustments_asked_for": [
                {
                    "points": row.points,
                    "reason": row.reason_code,
                    "note": row.note,
                    "state": row.state,
                    "asked_at": row.asked_at.isoformat(),
                }
                for row in session.scalars(
                    select(AdjustmentRequest)
                    .where(AdjustmentRequest.subject_id.in_(_members(subject_id)))
                    .order_by(AdjustmentRequest.id)
                )
            ],
        }
        return found if any(found.values()) else {}

    def erase(self, session: Session, subject_ids: Sequence[uuid.UUID], *, actor: Actor) -> None:
        """Forget persons. The ledger stays, without notes, and still verifies.

        Open redemptions are voided, and their own coupons too. Of gifts only their states stay: no
        date and no moment that would tell the birthday.
        """
        owned = session.scalars(select(Account.id).where(Account.subject_id.in_(subject_ids)))
        accounts = lock_accounts(session, owned)
        holds = self._redemptions.open_of(session, accounts)
        self._redemptions.release_all(session, accounts, holds, actor=actor)
        session.execute(delete(EntryNote).where(EntryNote.account_id.in_(list(accounts))))
        session.execute(
            update(Hold)
            .where(Hold.account_id.in_(list(accounts)))
            .values(cart_ref=None, fulfilment={"_erased": True})
        )
        # What a code is worth to somebody else tells nothing of the person; their own goes.
        session.execute(
            update(CouponCode).where(CouponCode.subject_id.in_(subject_ids)).values(state="void")
        )
        session.execute(
            update(CouponUse).where(CouponUse.subject_id.in_(subject_ids)).values(ref=None)
        )
        # The shells stay for the ledger's sake; what was bought, and its number, goes.
        session.execute(
            update(Order).where(Order.subject_id.in_(subject_ids)).values(number=None, lines=[])
        )
        theirs = select(Order.id).where(Order.subject_id.in_(subject_ids))
        session.execute(
            update(OrderReturn)
            .where(OrderReturn.order_id.in_(theirs))
            .values(return_id=cast(OrderReturn.id, String), lines={})
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(AdjustmentRequest)
            .where(AdjustmentRequest.subject_id.in_(subject_ids))
            .values(
                note="",
                decision_note="",
                state=case(
                    (AdjustmentRequest.state == "pending", "withdrawn"),
                    else_=AdjustmentRequest.state,
                ),
            )
        )
        session.execute(delete(ExpiryWarning).where(ExpiryWarning.account_id.in_(list(accounts))))
        for model in (TierCounter, TierStanding, TierChange):
            session.execute(delete(model).where(model.subject_id.in_(subject_ids)))
        session.execute(
            update(Earning).where(Earning.account_id.in_(list(accounts))).values(parts={})
        )
        session.execute(delete(OccasionDate).where(OccasionDate.subject_id.in_(subject_ids)))
        self._membership.forget(session, subject_ids)
        self._planner.cancel(session, subject_ids, reason="erased")
        session.execute(
            update(OccasionGrant)
            .where(OccasionGrant.subject_id.in_(subject_ids), OccasionGrant.state == "issued")
            .values(state="revoked")
        )
        # Gifts are issued at the beginning of the day: their events would tell which it is.
        session.execute(
            update(EventRow)
            .where(
                EventRow.subject_id.in_(subject_ids),
                EventRow.type.in_([BirthdayGiftIssued.type, BirthdayGiftClaimed.type]),
            )
            .values(subject_id=None)
        )
        session.execute(
            update(OccasionGrant)
            .where(OccasionGrant.subject_id.in_(subject_ids))
            .values(
                occurs_on=None,
                timezone=None,
                starts_at=None,
                ends_at=None,
                due_at=None,
                issued_at=None,
                valid_until=None,
                claimed_at=None,
                reason="erased",
            )
        )

    def _exported(self, session: Session, account: Account) -> dict[str, Any]:
        entries: Iterable[tuple[Entry, EntryNote | None]] = session.execute(
            select(Entry, EntryNote)
            .outerjoin(
                EntryNote,
                (EntryNote.account_id == Entry.account_id) & (EntryNote.seq == Entry.seq),
            )
            .where(Entry.account_id == account.id)
            .order_by(Entry.seq)
        )
        holds = session.scalars(
            select(Hold).where(Hold.account_id == account.id).order_by(Hold.created_at)
        )
        return {
            "wallet": account.wallet,
            "balance": account.posted,
            "held": account.held,
            "debt": account.debt,
            "entries": [
                {
                    "seq": entry.seq,
                    "kind": entry.kind,
                    "points": entry.amount,
                    "balance_after": entry.balance_after,
                    "at": entry.effective_at.isoformat(),
                    "note": note.note if note is not None else "",
                    "inputs": note.inputs if note is not None else {},
                }
                for entry, note in entries
            ],
            "redemptions": [
                {
                    "id": str(hold.id),
                    "points": hold.amount,
                    "state": hold.state,
                    "points_given_back": hold.reversed,
                    "cart_ref": hold.cart_ref,
                    "given": {
                        name: value
                        for name, value in hold.fulfilment.items()
                        if not name.startswith("_")
                    },
                    "at": hold.created_at.isoformat(),
                }
                for hold in holds
            ],
        }


def _members(subject_id: uuid.UUID) -> Select[uuid.UUID]:
    """Somebody, and those who were merged into them."""
    return select(Subject.id).where(
        (Subject.id == subject_id) | (Subject.merged_into_id == subject_id)
    )


def _tier(session: Session, subject_id: uuid.UUID) -> dict[str, Any]:
    """The tier with its history, and what counts towards it by day."""
    standing = session.get(TierStanding, subject_id)
    members = _members(subject_id)
    history = session.scalars(
        select(TierChange).where(TierChange.subject_id.in_(members)).order_by(TierChange.id)
    )
    counted = session.execute(
        select(TierCounter.day, TierCounter.amount)
        .where(TierCounter.subject_id == subject_id)
        .order_by(TierCounter.day)
    )
    tier = None if standing is None else session.get(Tier, standing.tier_id or uuid.UUID(int=0))
    found: dict[str, Any] = {
        "history": [
            {"from": row.from_key, "to": row.to_key, "cause": row.cause, "at": row.at.isoformat()}
            for row in history
        ],
        "collected": [{"day": day.isoformat(), "amount": amount} for day, amount in counted],
    }
    if standing is not None and (tier is not None or standing.manual_id is not None):
        found["current"] = {
            "key": None if tier is None else tier.key,
            "since": None if standing.since is None else standing.since.isoformat(),
            "given_until": None
            if standing.manual_until is None
            else standing.manual_until.isoformat(),
            "given_because": standing.manual_reason,
        }
    return found if any(found.values()) else {}


def _coupons_of(session: Session, subject_id: uuid.UUID) -> list[dict[str, Any]]:
    """Codes that are the member's own, and codes that the member used; no code in clear."""
    uses = select(CouponUse.code_hash).where(CouponUse.subject_id == subject_id)
    rows = session.execute(
        select(CouponCode, CouponBatch.key)
        .outerjoin(CouponBatch, CouponBatch.id == CouponCode.batch_id)
        .where((CouponCode.subject_id == subject_id) | CouponCode.code_hash.in_(uses))
        .order_by(CouponCode.created_at, CouponCode.code_hash)
    )
    times: dict[str, list[dict[str, Any]]] = {}
    for use in session.scalars(
        select(CouponUse).where(CouponUse.subject_id == subject_id).order_by(CouponUse.id)
    ):
        rolled_back = use.rolled_back_at
        times.setdefault(use.code_hash, []).append(
            {
                "at": use.used_at.isoformat(),
                "ref": use.ref,
                "rolled_back_at": rolled_back.isoformat() if rolled_back else None,
            }
        )
    return [
        {
            "batch": batch,
            "own": code.subject_id == subject_id,
            "redemption": str(code.redemption_id) if code.redemption_id else None,
            "valid_until": code.valid_until.isoformat() if code.valid_until else None,
            "used": times.get(code.code_hash, []),
        }
        for code, batch in rows
    ]
