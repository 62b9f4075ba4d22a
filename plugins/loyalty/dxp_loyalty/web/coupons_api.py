"""The JSON API of coupons, for servers: use codes, roll uses back, make batches."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from dxp.api import ApiBlueprint, Call, NotFound, Page, check_limit, hit_limit, needs, paginate
from dxp_loyalty.models import CouponBatch, CouponUse
from dxp_loyalty.permissions import COUPONS_READ, COUPONS_REDEEM, COUPONS_WRITE
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.coupon_codes import CodeForm
from dxp_loyalty.services.coupons import form_of
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.web import coupon_schemas as schemas
from dxp_loyalty.web.coupon_problems import COUPON_PROBLEMS

api = ApiBlueprint(
    "loyalty_coupons",
    __name__,
    url_prefix="/api/v1",
    description="Coupon codes. The platform keeps only their hashes.",
    codes=COUPON_PROBLEMS,
)
_USING = ("unknown_coupon", "not_active", "limit_reached", "too_many_requests")


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)


@contextmanager
def _guesses(call: Call, body: Mapping[str, Any]) -> Iterator[None]:
    """Count wrong codes, and refuse right ones too of whoever tried too many."""
    rate = _loyalty(call).settings.coupon_guesses
    who = body["member"] or body["visitor"] or "-"
    caller = f"{call.actor.key}:{who}"
    check_limit("coupon-guess", rate, caller)
    try:
        yield
    except NotFound as error:
        if error.code == "unknown_coupon":
            hit_limit("coupon-guess", rate, caller)
        raise


@api.endpoint(
    "POST",
    "/coupons/<string(maxlength=100):code>/validate",
    summary="Check a coupon code",
    access=needs(COUPONS_REDEEM),
    body=schemas.WhoSchema,
    response=schemas.CouponOut,
    transaction="read",
    problems=_USING,
)
def validate_coupon(call: Call, body: dict[str, Any], code: str) -> Any:
    """Whether it can be used now, and what it is worth. Nothing is written."""
    with _guesses(call, body):
        return _loyalty(call).coupons.validate(call.session, code, member=body["member"])


@api.endpoint(
    "POST",
    "/coupons/<string(maxlength=100):code>/redeem",
    summary="Use a coupon code",
    access=needs(COUPONS_REDEEM),
    body=schemas.CouponRedeemIn,
    response=schemas.CouponRedeemOut,
    status=201,
    idempotent=True,
    problems=_USING,
)
def redeem_coupon(call: Call, body: dict[str, Any], code: str) -> Any:
    """Once, however many tills try at the same moment."""
    with _guesses(call, body):
        use, coupon = _loyalty(call).coupons.redeem(
            call.session, code, member=body["member"], ref=body["ref"], actor=call.actor
        )
    call.about = use.subject_id
    return _use(use) | {"coupon": coupon}


@api.endpoint(
    "POST",
    "/coupons/<string(maxlength=100):code>/rollback",
    summary="Take the use of a coupon code back",
    access=needs(COUPONS_REDEEM),
    body=schemas.CouponRollbackIn,
    response=schemas.CouponUseOut,
    idempotent=True,
    problems=("unknown_coupon", "unknown_coupon_use", "too_many_requests"),
)
def roll_coupon_back(call: Call, body: dict[str, Any], code: str) -> Any:
    """The code can be used again, for an order that was cancelled, say."""
    with _guesses(call, body):
        use = _loyalty(call).coupons.roll_back(
            call.session, code, ref=body["ref"], use_id=body["use_id"]
        )
    call.about = use.subject_id
    return _use(use)


@api.endpoint(
    "GET",
    "/loyalty/coupon-batches",
    summary="List batches of coupon codes",
    access=needs(COUPONS_READ),
    response=schemas.CouponBatchOut,
    paged=True,
)
def list_coupon_batches(call: Call) -> Page:
    """Latest first."""
    page = paginate(call, select(CouponBatch), keys=[(CouponBatch.id, "desc")])
    return page.map(_batch)


@api.endpoint(
    "POST",
    "/loyalty/coupon-batches",
    summary="Make coupon codes",
    access=needs(COUPONS_WRITE),
    body=schemas.CouponBatchIn,
    response=schemas.CouponBatchOut,
    status=201,
    problems=("coupon_batch_key_taken", "invalid_coupon_batch"),
)
def create_coupon_batch(call: Call, body: dict[str, Any]) -> Any:
    """A job makes them; `made` tells how far it is. Staff download them in the admin, once."""
    form = CodeForm(**{name: body.pop(name) for name in ("prefix", "length", "alphabet")})
    batch = _loyalty(call).coupon_batches.create(
        call.session, BatchDraft(form=form, **body), actor=call.actor
    )
    location = f"/api/v1/loyalty/coupon-batches/{batch.id}"
    return call.reply(_batch(batch), headers={"Location": location})


@api.endpoint(
    "GET",
    "/loyalty/coupon-batches/<uuid:batch_id>",
    summary="Read a batch of coupon codes",
    access=needs(COUPONS_READ),
    response=schemas.CouponBatchOut,
    problems=("unknown_coupon_batch",),
)
def read_coupon_batch(call: Call, batch_id: uuid.UUID) -> Any:
    """How many of its codes are made."""
    return _batch(_loyalty(call).coupon_batches.get(call.session, batch_id))


@api.endpoint(
    "POST",
    "/loyalty/coupon-batches/<uuid:batch_id>/withdraw",
    summary="Make all codes of a batch worthless",
    access=needs(COUPONS_WRITE),
    response=schemas.CouponBatchOut,
    problems=("unknown_coupon_batch",),
)
def withdraw_coupon_batch(call: Call, batch_id: uuid.UUID) -> Any:
    """At once, and for good."""
    batches = _loyalty(call).coupon_batches
    return _batch(batches.withdraw(call.session, batch_id, actor=call.actor))


def _use(use: CouponUse) -> dict[str, Any]:
    return {
        "use_id": use.id,
        "ref": use.ref,
        "used_at": use.used_at,
        "rolled_back_at": use.rolled_back_at,
    }


def _batch(batch: CouponBatch) -> dict[str, Any]:
    generated = batch.origin == "generated"
    return {
        name: getattr(batch, name)
        for name in (
            "id",
            "key",
            "name",
            "origin",
            "purpose",
            "state",
            "wanted",
            "made",
            "benefit",
            "max_uses",
            "valid_from",
            "valid_until",
            "delivered_at",
        )
    } | {"entropy_bits": round(form_of(batch).entropy, 1) if generated else None}
