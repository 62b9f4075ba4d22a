"""The JSON API of the programme: rewards and earning rules."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from dxp.api import ApiBlueprint, Call, Page, needs, paginate
from dxp_loyalty.models import (
    EarningRule,
    EarningRuleVersion,
    Reward,
    RewardVersion,
)
from dxp_loyalty.permissions import (
    REWARDS_READ,
    REWARDS_WRITE,
    RULES_READ,
    RULES_WRITE,
)
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.rewards import RewardDraft
from dxp_loyalty.services.rule_language import DefinitionSchema
from dxp_loyalty.web import present, schemas

api = ApiBlueprint(
    "loyalty_programme",
    __name__,
    url_prefix="/api/v1/loyalty",
    description="The programme: what earns points and what they buy.",
)
_RULE_PROBLEMS = ("invalid_rule",)
_DEFINITION = tuple(DefinitionSchema().fields)
_REWARD_PROBLEMS = ("name_missing", "invalid_points", "invalid_reward", "invalid_condition")


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)


# Rewards


@api.endpoint(
    "GET",
    "/rewards",
    summary="List rewards",
    access=needs(REWARDS_READ),
    response=schemas.RewardOut,
    paged=True,
)
def list_rewards(call: Call) -> Page:
    """By key, with how many pieces are issued and set aside."""
    statement = select(Reward, RewardVersion).join(
        RewardVersion,
        (RewardVersion.reward_id == Reward.id) & (RewardVersion.number == Reward.version),
    )
    page = paginate(call, statement, keys=[(Reward.key, "asc")])
    return page.map(lambda row: present.reward(row[0], row[1]))


@api.endpoint(
    "POST",
    "/rewards",
    summary="Create a reward",
    access=needs(REWARDS_WRITE),
    body=schemas.RewardIn,
    response=schemas.RewardOut,
    status=201,
    problems=("reward_key_taken", *_REWARD_PROBLEMS),
)
def create_reward(call: Call, body: dict[str, Any]) -> Any:
    """It is on offer at once, unless `active` or `active_from` say otherwise."""
    reward = _loyalty(call).rewards.create(call.session, RewardDraft(**body), actor=call.actor)
    location = f"/api/v1/loyalty/rewards/{reward.id}"
    return _reward_reply(call, reward.id, status=201, headers={"Location": location})


@api.endpoint(
    "GET",
    "/rewards/<uuid:reward_id>",
    summary="Read a reward",
    access=needs(REWARDS_READ),
    response=schemas.RewardOut,
    problems=("unknown_reward",),
)
def read_reward(call: Call, reward_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    return _reward_reply(call, reward_id)


@api.endpoint(
    "PUT",
    "/rewards/<uuid:reward_id>",
    summary="Change a reward",
    access=needs(REWARDS_WRITE),
    body=schemas.RewardFields,
    response=schemas.RewardOut,
    etag=True,
    problems=("unknown_reward", "reward_changed", "stock_too_small", *_REWARD_PROBLEMS),
)
def change_reward(call: Call, body: dict[str, Any], reward_id: uuid.UUID) -> Any:
    """A new version; redemptions that were authorised before keep theirs."""
    reward, _version = _loyalty(call).rewards.current(call.session, reward_id)
    call.check_match(f"v{reward.version}")
    _loyalty(call).rewards.edit(
        call.session,
        reward_id,
        RewardDraft(key=reward.key, **body),
        expected_version=reward.version,
        actor=call.actor,
    )
    return _reward_reply(call, reward_id)


@api.endpoint(
    "DELETE",
    "/rewards/<uuid:reward_id>",
    summary="Stop offering a reward",
    access=needs(REWARDS_WRITE),
    status=204,
    etag=True,
    problems=("unknown_reward", "reward_changed"),
)
def retire_reward(call: Call, reward_id: uuid.UUID) -> Any:
    """It is not deleted, because ledgers name it; open redemptions can still be captured."""
    rewards = _loyalty(call).rewards
    reward, _version = rewards.current(call.session, reward_id)
    call.check_match(f"v{reward.version}")
    rewards.retire(call.session, reward_id, expected_version=reward.version, actor=call.actor)


# Earning rules


@api.endpoint(
    "GET",
    "/earning-rules",
    summary="List earning rules",
    access=needs(RULES_READ),
    response=schemas.RuleOut,
    paged=True,
)
def list_earning_rules(call: Call) -> Page:
    """By key, each in its newest version, drafts included."""
    statement = select(EarningRule, EarningRuleVersion).join(
        EarningRuleVersion,
        (EarningRuleVersion.rule_id == EarningRule.id)
        & (EarningRuleVersion.number == EarningRule.version),
    )
    page = paginate(call, statement, keys=[(EarningRule.key, "asc")])
    return page.map(lambda row: present.rule(row[0], row[1]))


@api.endpoint(
    "POST",
    "/earning-rules",
    summary="Create an earning rule",
    access=needs(RULES_WRITE),
    body=schemas.RuleIn,
    response=schemas.RuleOut,
    status=201,
    problems=("rule_key_taken", *_RULE_PROBLEMS),
)
def create_earning_rule(call: Call, body: dict[str, Any]) -> Any:
    """It is in force at once, unless `active`, `draft` or `live_from` say otherwise."""
    earning = _loyalty(call).earning
    rule = earning.create(call.session, _rule_draft(body, body["key"]), actor=call.actor)
    location = f"/api/v1/loyalty/earning-rules/{rule.id}"
    return _rule_reply(call, rule, status=201, headers={"Location": location})


@api.endpoint(
    "GET",
    "/earning-rules/<uuid:rule_id>",
    summary="Read an earning rule",
    access=needs(RULES_READ),
    response=schemas.RuleOut,
    problems=("unknown_rule",),
)
def read_earning_rule(call: Call, rule_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a new version takes."""
    return _rule_reply(call, _loyalty(call).earning.get(call.session, rule_id))


@api.endpoint(
    "GET",
    "/earning-rules/<uuid:rule_id>/versions",
    summary="List the versions of an earning rule",
    access=needs(RULES_READ),
    response=schemas.RuleVersionOut,
    paged=True,
    problems=("unknown_rule",),
)
def list_rule_versions(call: Call, rule_id: uuid.UUID) -> Page:
    """Latest first."""
    _loyalty(call).earning.get(call.session, rule_id)
    statement = select(EarningRuleVersion).where(EarningRuleVersion.rule_id == rule_id)
    keys = [(EarningRuleVersion.number, "desc"), (EarningRuleVersion.id, "desc")]
    return paginate(call, statement, keys=keys).map(present.rule_version)


@api.endpoint(
    "POST",
    "/earning-rules/<uuid:rule_id>/versions",
    summary="Put a new version of an earning rule in force",
    access=needs(RULES_WRITE),
    body=schemas.RuleFields,
    response=schemas.RuleOut,
    status=201,
    etag=True,
    problems=("unknown_rule", "rule_changed", *_RULE_PROBLEMS),
)
def create_rule_version(call: Call, body: dict[str, Any], rule_id: uuid.UUID) -> Any:
    """Entries keep the version that made them."""
    earning = _loyalty(call).earning
    rule = earning.get(call.session, rule_id)
    call.check_match(f"v{rule.version}")
    rule = earning.revise(
        call.session,
        rule_id,
        _rule_draft(body, rule.key),
        expected_version=rule.version,
        actor=call.actor,
    )
    return _rule_reply(call, rule, status=201)


def _reward_reply(
    call: Call,
    reward_id: uuid.UUID,
    *,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    reward, version = _loyalty(call).rewards.current(call.session, reward_id)
    data = present.reward(reward, version)
    return call.reply(data, status=status, etag=f"v{reward.version}", headers=headers)


def _rule_reply(
    call: Call,
    rule: EarningRule,
    *,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    version = _loyalty(call).earning.versions(call.session, rule.id)[0]
    data = present.rule(rule, version)
    return call.reply(data, status=status, etag=f"v{rule.version}", headers=headers)


def _rule_draft(body: dict[str, Any], key: str) -> RuleDraft:
    definition = {name: body[name] for name in _DEFINITION}
    dumped = DefinitionSchema().dump(definition)
    return RuleDraft(
        key=key,
        name=body["name"],
        event_type=body["event_type"],
        definition=dumped,
        active=body["active"],
        draft=body["draft"],
        live_from=body["live_from"],
        live_until=body["live_until"],
    )
