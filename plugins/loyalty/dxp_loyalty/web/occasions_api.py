"""The JSON API of occasions: their rules, the days of the calendar, and what was given."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from dxp.api import ApiBlueprint, Call, Page, hidden_profile_fields, needs, paginate
from dxp_loyalty.models import OccasionDay, OccasionGrant, OccasionRule
from dxp_loyalty.permissions import OCCASIONS_READ, OCCASIONS_WRITE
from dxp_loyalty.services.day_keeping import DayDraft
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.services.planning import BIRTHDAY
from dxp_loyalty.web import occasion_schemas

api = ApiBlueprint(
    "loyalty_occasions",
    __name__,
    url_prefix="/api/v1/loyalty",
    description="Occasions: birthdays, anniversaries and days of the calendar, and their gifts.",
)
_RULE_PROBLEMS = (
    "gift_missing",
    "unknown_reward",
    "unknown_occasion_day",
    "day_mismatch",
    "invalid_condition",
)


@api.endpoint(
    "GET",
    "/occasion-rules",
    summary="List the rules of gifts for occasions",
    access=needs(OCCASIONS_READ),
    response=occasion_schemas.OccasionRuleOut,
    paged=True,
)
def list_occasion_rules(call: Call) -> Page:
    """By key."""
    return paginate(call, select(OccasionRule), keys=[(OccasionRule.key, "asc")])


@api.endpoint(
    "POST",
    "/occasion-rules",
    summary="Create a rule of gifts for an occasion",
    access=needs(OCCASIONS_WRITE),
    body=occasion_schemas.OccasionRuleIn,
    response=occasion_schemas.OccasionRuleOut,
    status=201,
    problems=("occasion_rule_key_taken", *_RULE_PROBLEMS),
)
def create_occasion_rule(call: Call, body: dict[str, Any]) -> Any:
    """It looks at windows that are open now or begin later."""
    rule = _loyalty(call).occasions.create_rule(
        call.session, OccasionRuleDraft(**body), actor=call.actor
    )
    location = f"/api/v1/loyalty/occasion-rules/{rule.id}"
    return call.reply(rule, etag=f"v{rule.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/occasion-rules/<uuid:rule_id>",
    summary="Read a rule of gifts for an occasion",
    access=needs(OCCASIONS_READ),
    response=occasion_schemas.OccasionRuleOut,
    problems=("unknown_occasion_rule",),
)
def read_occasion_rule(call: Call, rule_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    rule = _loyalty(call).occasions.rule(call.session, rule_id)
    return call.reply(rule, etag=f"v{rule.version}")


@api.endpoint(
    "PUT",
    "/occasion-rules/<uuid:rule_id>",
    summary="Change a rule of gifts for an occasion",
    access=needs(OCCASIONS_WRITE),
    body=occasion_schemas.OccasionRuleFields,
    response=occasion_schemas.OccasionRuleOut,
    etag=True,
    problems=("unknown_occasion_rule", "rule_changed", *_RULE_PROBLEMS),
)
def change_occasion_rule(call: Call, body: dict[str, Any], rule_id: uuid.UUID) -> Any:
    """What is planned is planned anew; gifts that were issued stand."""
    occasions = _loyalty(call).occasions
    rule = occasions.rule(call.session, rule_id)
    call.check_match(f"v{rule.version}")
    rule = occasions.edit_rule(
        call.session,
        rule_id,
        OccasionRuleDraft(key=rule.key, **body),
        expected_version=rule.version,
        actor=call.actor,
    )
    return call.reply(rule, etag=f"v{rule.version}")


@api.endpoint(
    "GET",
    "/occasions",
    summary="List gifts for occasions",
    access=needs(OCCASIONS_READ),
    query=occasion_schemas.GrantQuery,
    response=occasion_schemas.GrantOut,
    paged=True,
)
def list_grants(call: Call, query: dict[str, Any]) -> Page:
    """Planned, issued, missed, with the reasons; by id."""
    statement = select(OccasionGrant)
    if "birthday" in hidden_profile_fields(call.platform, call.session, call.actor):
        others = select(OccasionRule.id).where(OccasionRule.kind != BIRTHDAY)
        statement = statement.where(OccasionGrant.rule_id.in_(others))
    if "state" in query:
        statement = statement.where(OccasionGrant.state == query["state"])
    return paginate(call, statement, keys=[(OccasionGrant.id, "asc")])


# Days of the calendar


@api.endpoint(
    "GET",
    "/occasion-days",
    summary="List the days of the calendar",
    access=needs(OCCASIONS_READ),
    response=occasion_schemas.OccasionDayOut,
    paged=True,
)
def list_occasion_days(call: Call) -> Page:
    """By key."""
    return paginate(call, select(OccasionDay), keys=[(OccasionDay.key, "asc")])


@api.endpoint(
    "POST",
    "/occasion-days",
    summary="Keep a day of the calendar",
    access=needs(OCCASIONS_WRITE),
    body=occasion_schemas.OccasionDayIn,
    response=occasion_schemas.OccasionDayOut,
    status=201,
    problems=("occasion_day_key_taken", "invalid_day"),
)
def create_occasion_day(call: Call, body: dict[str, Any]) -> Any:
    """A rule of the kind `calendar` can give something on it then."""
    day = _loyalty(call).days.create(call.session, DayDraft(**body), actor=call.actor)
    location = f"/api/v1/loyalty/occasion-days/{day.id}"
    return call.reply(day, etag=f"v{day.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/occasion-days/<uuid:day_id>",
    summary="Read a day of the calendar",
    access=needs(OCCASIONS_READ),
    response=occasion_schemas.OccasionDayOut,
    problems=("unknown_occasion_day",),
)
def read_occasion_day(call: Call, day_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    day = _loyalty(call).days.day(call.session, day_id)
    return call.reply(day, etag=f"v{day.version}")


@api.endpoint(
    "PUT",
    "/occasion-days/<uuid:day_id>",
    summary="Change a day of the calendar",
    access=needs(OCCASIONS_WRITE),
    body=occasion_schemas.OccasionDayFields,
    response=occasion_schemas.OccasionDayOut,
    etag=True,
    problems=("unknown_occasion_day", "rule_changed", "invalid_day"),
)
def change_occasion_day(call: Call, body: dict[str, Any], day_id: uuid.UUID) -> Any:
    """What is planned is planned anew; gifts that were issued stand."""
    days = _loyalty(call).days
    day = days.day(call.session, day_id)
    call.check_match(f"v{day.version}")
    day = days.edit(
        call.session,
        day_id,
        DayDraft(key=day.key, **body),
        expected_version=day.version,
        actor=call.actor,
    )
    return call.reply(day, etag=f"v{day.version}")


@api.endpoint(
    "DELETE",
    "/occasion-days/<uuid:day_id>",
    summary="Keep a day no longer",
    access=needs(OCCASIONS_WRITE),
    status=204,
    problems=("unknown_occasion_day", "occasion_day_used"),
)
def remove_occasion_day(call: Call, day_id: uuid.UUID) -> None:
    """Refused while a rule gives something on it."""
    _loyalty(call).days.remove(call.session, day_id, actor=call.actor)


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)
