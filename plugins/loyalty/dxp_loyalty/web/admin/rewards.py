"""Rewards: list, create, edit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import Reward
from dxp_loyalty.permissions import REWARDS_READ, REWARDS_WRITE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.birthdays import local_midnight
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.rewards import RewardDraft
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, text_values, texts_from
from dxp_loyalty.web.schemas import KEY


class RewardForm(Schema):
    """A reward; names come in fields of their own, days are in the programme's zone."""

    key = fields.String(validate=KEY)
    kind = fields.String(required=True, validate=validate.OneOf(["product", "discount_code"]))
    cost = fields.Integer(required=True, validate=validate.Range(1, MAX_POINTS))
    stock = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(0, MAX_POINTS)
    )
    per_member = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, 1_000_000)
    )
    limit_window = fields.String(
        load_default="ever", validate=validate.OneOf(["ever", "year", "month", "day"])
    )
    active = fields.Boolean(load_default=False)
    first_day = fields.Date(load_default=None, allow_none=True)
    last_day = fields.Date(load_default=None, allow_none=True)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/rewards", access=needs(REWARDS_READ))
def list_rewards(call: AdminCall) -> Any:
    """All rewards, those on offer first."""
    return call.render(
        "loyalty/rewards.html",
        rewards=loyalty_of(call).rewards.listed(call.session),
        name_of=lambda texts: in_locale(call.platform, texts, call.locale, "name"),
        may_write=call.actor.may(REWARDS_WRITE),
    )


@admin.page("GET", "/rewards/new", access=needs(REWARDS_WRITE))
def new_reward(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {"active": True, "kind": "product", "limit_window": "ever"}, {})


@admin.page("POST", "/rewards/new", access=needs(REWARDS_WRITE))
def create_reward(call: AdminCall) -> Any:
    """Offer a new reward."""
    values, errors = call.load(RewardForm())
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the reward a key.")]}
    if not errors:
        try:
            loyalty_of(call).rewards.create(
                call.session, _draft(call, values, values["key"], {}), actor=call.actor
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The reward is on offer."))
            return call.redirect("loyalty_admin.list_rewards")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/rewards/<uuid:reward_id>", access=needs(REWARDS_READ))
def edit_reward(call: AdminCall, reward_id: uuid.UUID) -> Any:
    """The form with what is on offer now."""
    reward, version = loyalty_of(call).rewards.current(call.session, reward_id)
    values = {
        "key": reward.key,
        "kind": version.kind,
        "cost": version.cost,
        "stock": reward.stock,
        "per_member": version.per_member,
        "limit_window": version.limit_window,
        "active": reward.active,
        "first_day": _day(call, version.active_from),
        "last_day": _day(call, version.active_until, last=True),
        "version": reward.version,
        **text_values(version.texts),
    }
    return _form(call, reward, values, {})


@admin.page("POST", "/rewards/<uuid:reward_id>", access=needs(REWARDS_WRITE))
def save_reward(call: AdminCall, reward_id: uuid.UUID) -> Any:
    """Save a new version; a stale form is refused and keeps what was typed."""
    rewards = loyalty_of(call).rewards
    reward, version = rewards.current(call.session, reward_id)
    values, errors = call.load(RewardForm())
    if not errors:
        try:
            rewards.edit(
                call.session,
                reward_id,
                _draft(call, values, reward.key, version.details),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("loyalty_admin.list_rewards")
    return _form(call, reward, call.form, errors)


def _draft(
    call: AdminCall, values: Mapping[str, Any], key: str, details: Mapping[str, Any]
) -> RewardDraft:
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    first, last = values["first_day"], values["last_day"]
    return RewardDraft(
        key=key,
        kind=values["kind"],
        cost=values["cost"],
        stock=values["stock"],
        per_member=values["per_member"],
        limit_window=values["limit_window"],
        active=values["active"],
        texts=texts_from(call),
        details=details,
        active_from=None if first is None else local_midnight(first, zone),
        active_until=None if last is None else local_midnight(last + timedelta(days=1), zone),
    )


def _day(call: AdminCall, moment: datetime | None, *, last: bool = False) -> date | None:
    """The local day of a moment; for an end the last day that belongs to it."""
    if moment is None:
        return None
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    moment = moment - timedelta(microseconds=1) if last else moment
    return moment.astimezone(UTC).astimezone(zone).date()


def _form(
    call: AdminCall, reward: Reward | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    if reward is None:
        action, heading = url_for("loyalty_admin.create_reward"), _("New reward")
    else:
        action = url_for("loyalty_admin.save_reward", reward_id=reward.id)
        _reward, version = loyalty_of(call).rewards.current(call.session, reward.id)
        heading = in_locale(call.platform, version.texts, call.locale, "name")
    return call.render(
        "loyalty/reward_form.html",
        status=422 if errors else 200,
        reward=reward,
        values=values,
        errors=errors,
        action=action,
        heading=heading,
        languages=languages(call),
        may_write=call.actor.may(REWARDS_WRITE),
    )
