"""The JSON API of tiers: one's own, the ladder, and a member's by hand."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import Schema, fields, validate

from dxp.api import ApiBlueprint, Call, CustomerActor, customer, needs
from dxp_loyalty.permissions import TIERS_READ, TIERS_WRITE
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.tier_views import tier_view
from dxp_loyalty.web import tier_present

api = ApiBlueprint(
    "loyalty_tiers",
    __name__,
    url_prefix="/api/v1",
    description="Tiers: where a member stands, and what the next one takes.",
)


class TierOut(Schema):
    """One step of the ladder. `threshold` is in points, orders or the currency of `basis`."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    rank = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    threshold = fields.String(required=True)


class GoalOut(Schema):
    """What a tier still takes. `progress` runs from 0 to 1; `by` is the last day for it."""

    tier = fields.Nested(TierOut, required=True)
    missing = fields.String(required=True)
    progress = fields.Float(required=True)
    by = fields.Date(required=True, allow_none=True)


class PeriodOut(Schema):
    """The days that count now, both with them."""

    kind = fields.String(required=True)
    first = fields.Date(required=True)
    last = fields.Date(required=True)


class MyTierOut(Schema):
    """Where a member stands.

    All is null, and `tiers` empty, while the programme has no tiers. `projected` is the tier
    from `projected_from` on if nothing more is collected. `summary` and `collected_text` are words
    for people.
    """

    tier = fields.Nested(TierOut, required=True, allow_none=True)
    since = fields.Date(required=True, allow_none=True)
    valid_until = fields.Date(required=True, allow_none=True)
    grace_until = fields.Date(required=True, allow_none=True)
    given = fields.Boolean(required=True)
    basis = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    period = fields.Nested(PeriodOut, required=True, allow_none=True)
    collected = fields.String(required=True, allow_none=True)
    collected_text = fields.String(required=True, allow_none=True)
    next = fields.Nested(GoalOut, required=True, allow_none=True)
    keep = fields.Nested(GoalOut, required=True, allow_none=True)
    projected = fields.Nested(TierOut, required=True, allow_none=True)
    projected_from = fields.Date(required=True, allow_none=True)
    summary = fields.String(required=True)
    tiers = fields.List(fields.Nested(TierOut), required=True)


class TierChangeOut(Schema):
    """One step of a member's history; null stands for below the lowest tier."""

    from_tier = fields.String(required=True, allow_none=True, attribute="from_key")
    tier = fields.String(required=True, allow_none=True, attribute="to_key")
    cause = fields.String(required=True)
    valid_until = fields.Date(required=True, allow_none=True, attribute="until")
    at = fields.AwareDateTime(required=True)


class MemberTierOut(MyTierOut):
    """Where a member stands, and how that came about, the latest first."""

    history = fields.List(fields.Nested(TierChangeOut), required=True)


class GivenTierIn(Schema):
    """A tier that staff give, until the end of a day of the programme's zone."""

    tier_id = fields.UUID(required=True)
    until = fields.Date(required=True)
    reason = fields.String(required=True, validate=validate.Length(1, 500))


@api.endpoint(
    "GET",
    "/me/tier",
    summary="Read one's own tier",
    access=customer(),
    response=MyTierOut,
)
def read_tier(call: Call) -> Any:
    """The tier, until when, what the next one and keeping this one take, in one's language."""
    assert isinstance(call.actor, CustomerActor)
    return _shown(call, call.actor.subject_id)


@api.endpoint(
    "GET",
    "/loyalty/tiers",
    summary="List the tiers",
    access=needs(TIERS_READ),
    response=TierOut(many=True),
)
def list_tiers(call: Call) -> Any:
    """The lowest first, whether they are in force or not."""
    plans = _loyalty(call).tier_plans
    plan = plans.plan(call.session)
    if plan is None:
        return []
    tiers = plans.tiers(call.session)
    return [tier_present.tier(call.platform, plan, tier, call.locale) for tier in tiers]


@api.endpoint(
    "GET",
    "/loyalty/members/<uuid:subject_id>/tier",
    summary="Read a member's tier",
    access=needs(TIERS_READ),
    response=MemberTierOut,
    problems=("unknown_subject",),
)
def read_member_tier(call: Call, subject_id: uuid.UUID) -> Any:
    """As the member sees it, with its history."""
    return _with_history(call, call.platform.subjects.get(call.session, subject_id))


@api.endpoint(
    "PUT",
    "/loyalty/members/<uuid:subject_id>/tier",
    summary="Give a member a tier",
    access=needs(TIERS_WRITE),
    body=GivenTierIn,
    response=MemberTierOut,
    problems=("unknown_subject", "unknown_tier", "invalid_tier"),
)
def give_tier(call: Call, body: dict[str, Any], subject_id: uuid.UUID) -> Any:
    """It counts until the end of the day `until`, unless the member earns a higher one."""
    loyalty = _loyalty(call)
    root_id = call.platform.subjects.get(call.session, subject_id)
    tier = loyalty.tier_plans.tier(call.session, body["tier_id"])
    loyalty.tiers.give(
        call.session, root_id, tier, until=body["until"], reason=body["reason"], actor=call.actor
    )
    return _with_history(call, root_id)


@api.endpoint(
    "DELETE",
    "/loyalty/members/<uuid:subject_id>/tier",
    summary="Take a given tier back",
    access=needs(TIERS_WRITE),
    status=204,
    problems=("unknown_subject",),
)
def take_tier(call: Call, subject_id: uuid.UUID) -> None:
    """What the member earned stays. Harmless when no tier was given."""
    _loyalty(call).tiers.take(call.session, subject_id, actor=call.actor)


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)


def _shown(call: Call, subject_id: uuid.UUID) -> dict[str, Any]:
    loyalty = _loyalty(call)
    view = tier_view(
        call.session,
        subject_id,
        plans=loyalty.tier_plans,
        counting=loyalty.tier_counting,
        standings=loyalty.tiers,
    )
    return tier_present.shown(call.platform, view, call.locale)


def _with_history(call: Call, subject_id: uuid.UUID) -> dict[str, Any]:
    history = _loyalty(call).tiers.history(call.session, subject_id)
    return _shown(call, subject_id) | {"history": history}
