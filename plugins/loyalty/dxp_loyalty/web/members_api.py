"""The JSON API for servers and staff: members' ledgers and adjustments."""

from __future__ import annotations

import uuid
from typing import Any

from dxp.api import ApiBlueprint, Call, Page, needs, paginate
from dxp_loyalty.permissions import ADJUST, LEDGER_READ, RETURN, TRANSFER
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.returns import ReturnedLine
from dxp_loyalty.services.statements import NEWEST_FIRST, entries_query
from dxp_loyalty.web import present, schemas

api = ApiBlueprint(
    "loyalty_members",
    __name__,
    url_prefix="/api/v1",
    description="Members' points, for servers and staff.",
)


@api.endpoint(
    "GET",
    "/loyalty/members/<uuid:subject_id>/wallets",
    summary="Read a member's wallets",
    access=needs(LEDGER_READ),
    response=schemas.WalletOut(many=True),
    problems=("unknown_subject",),
)
def read_member_wallets(call: Call, subject_id: uuid.UUID) -> Any:
    """As the member sees them under /me/wallets."""
    root_id = call.platform.subjects.get(call.session, subject_id)
    found = call.platform.services.get(Loyalty).points.wallets(call.session, root_id)
    return present.wallets(call.platform, found, call.locale)


@api.endpoint(
    "GET",
    "/loyalty/members/<uuid:subject_id>/ledger",
    summary="List a member's ledger",
    access=needs(LEDGER_READ),
    query=schemas.WalletQuery,
    response=schemas.EntryOut,
    paged=True,
)
def list_ledger(call: Call, subject_id: uuid.UUID, query: dict[str, Any]) -> Page:
    """Latest first, with what made each entry. An erased member's ledger is still there."""
    loyalty = call.platform.services.get(Loyalty)
    wallet = query.get("wallet") or loyalty.settings.wallet
    page = paginate(call, entries_query(subject_id, wallet=wallet), keys=NEWEST_FIRST)
    return page.map(lambda row: present.ledger_line(call.platform, row, call.locale))


@api.endpoint(
    "POST",
    "/members/<uuid:subject_id>/adjustments",
    summary="Add or take points by hand",
    access=needs(ADJUST),
    body=schemas.AdjustmentIn,
    response=schemas.AdjustmentOut,
    status=201,
    also=(202,),
    idempotent=True,
    problems=("unknown_subject", "insufficient_points", "invalid_points", "unknown_reason_code"),
)
def adjust_points(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """Taking never makes a debt. What is above the limit waits for a second person: 202."""
    loyalty = call.platform.services.get(Loyalty)
    outcome = loyalty.approvals.adjust(
        call.session,
        subject_id,
        body["points"],
        reason_code=body["reason_code"],
        note=body["note"],
        actor=call.actor,
    )
    call.session.flush()
    root_id = call.platform.subjects.get(call.session, subject_id)
    waits = outcome.request is not None
    answer = {
        "status": "pending" if waits else "done",
        "request_id": None if outcome.request is None else outcome.request.id,
        "wallets": present.wallets(
            call.platform, loyalty.points.wallets(call.session, root_id), call.locale
        ),
    }
    return call.reply(answer, status=202 if waits else 201)


@api.endpoint(
    "POST",
    "/transfers",
    summary="Transfer points between members",
    access=needs(TRANSFER),
    body=schemas.TransferIn,
    response=schemas.TransferOut,
    status=201,
    idempotent=True,
    problems=(
        "unknown_subject",
        "insufficient_points",
        "invalid_points",
        "limit_reached",
        "not_active",
        "same_member",
    ),
)
def transfer_points(call: Call, body: dict[str, Any]) -> Any:
    """Points keep the day on which they end. A debt of the one who gets them is repaid first."""
    loyalty = call.platform.services.get(Loyalty)
    return loyalty.transfers.transfer(
        call.session,
        body["giver"],
        body["taker"],
        body["points"],
        note=body["note"],
        actor=call.actor,
    )


@api.endpoint(
    "POST",
    "/orders/<string:order_id>/returns",
    summary="Report what of an order came back",
    access=needs(RETURN),
    body=schemas.ReturnIn,
    response=schemas.ReturnOut,
    status=201,
    idempotent=True,
    problems=(
        "unknown_order",
        "unknown_line",
        "ambiguous_order",
        "return_changed",
        "over_reversal",
        "not_active",
    ),
)
def return_order(call: Call, body: dict[str, Any], order_id: str) -> Any:
    """Points that the lines had earned are taken back, from their own lots first; what is missing
    becomes a debt. Points that were redeemed for the order (its id was the `cart_ref`) go back to
    their lots in the same proportion. A return that is told again changes nothing more."""
    loyalty = call.platform.services.get(Loyalty)
    lines = body["lines"]
    row = loyalty.returns.take(
        call.session,
        order_id,
        body["return_id"],
        None
        if lines is None
        else [ReturnedLine(ref=line["line"], quantity=line["quantity"]) for line in lines],
        source=body["source"],
        actor=call.actor,
    )
    return {
        "return_id": row.return_id,
        "lines": [{"line": ref, "quantity": pieces} for ref, pieces in sorted(row.lines.items())],
        "points_taken": row.points_taken,
        "points_given": row.points_given,
        "created_at": row.created_at,
    }
