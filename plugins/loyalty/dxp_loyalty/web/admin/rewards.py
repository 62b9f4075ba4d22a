"""Rewards: list, create, edit."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for
from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import AdminCall, FieldError, Problem, needs
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp_loyalty.models import Reward
from dxp_loyalty.permissions import REWARDS_READ, REWARDS_WRITE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.birthdays import local_midnight
from dxp_loyalty.services.kinds import invalid_reward
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.offering import LIMIT_WINDOWS, local_day
from dxp_loyalty.services.rewards import RewardDraft
from dxp_loyalty.web.admin.blueprint import admin, languages, loyalty_of, text_values, texts_from
from dxp_loyalty.web.admin.kind_form import is_object, kind_fields, kind_values
from dxp_loyalty.web.admin.words import windows
from dxp_loyalty.web.schemas import IMAGE, KEY


class RewardForm(Schema):
    """A reward; names come in fields of their own, days are in the programme's zone."""

    key = fields.String(validate=KEY)
    kind = fields.String(required=True, validate=validate.Length(1, 40))
    cost = fields.Integer(required=True, validate=validate.Range(0, MAX_POINTS))
    stock = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(0, MAX_POINTS)
    )
    per_member = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(1, 1_000_000)
    )
    limit_window = fields.String(load_default="lifetime", validate=validate.OneOf(LIMIT_WINDOWS))
    gate = fields.String(load_default=None, allow_none=True, validate=is_object)
    wallet = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            r"[a-z][a-z0-9_]{0,39}\Z", error=_l("Small letters, digits and underscores.")
        ),
    )
    active = fields.Boolean(load_default=False)
    first_day = fields.Date(load_default=None, allow_none=True)
    last_day = fields.Date(load_default=None, allow_none=True)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/rewards", access=needs(REWARDS_READ))
def list_rewards(call: AdminCall) -> Any:
    """All rewards, those on offer first."""
    rewards = loyalty_of(call).rewards
    rows = rewards.listed(call.session)
    return call.render(
        "loyalty/rewards.html",
        rewards=rows,
        left=rewards.left(call.session, rows),
        kinds=dict(_kinds(call)),
        windows=dict(windows()),
        name_of=lambda texts: in_locale(call.platform, texts, call.locale, "name"),
        may_write=call.actor.may(REWARDS_WRITE),
    )


@admin.page("GET", "/rewards/new", access=needs(REWARDS_WRITE))
def new_reward(call: AdminCall) -> Any:
    """An empty form."""
    values = {"active": True, "kind": "product", "limit_window": "lifetime"}
    return _form(call, None, values, {})


@admin.page("GET", "/rewards/kind", access=needs(REWARDS_READ))
def reward_settings(call: AdminCall) -> Any:
    """The fields of another kind, when one is chosen in the form."""
    kind = request.args.get("kind", "")
    return call.render(
        "loyalty/_reward_settings.html",
        settings=kind_fields(call, kind),
        description=_description(call, kind),
        values=request.args,
        errors={},
    )


@admin.page("POST", "/rewards/new", access=needs(REWARDS_WRITE))
def create_reward(call: AdminCall) -> Any:
    """Offer a new reward."""
    values, errors = call.load(RewardForm())
    if not errors and not values.get("key"):
        errors = {"key": [_("Give the reward a key.")]}
    if not errors:
        try:
            loyalty_of(call).rewards.create(
                call.session, _draft(call, values, values["key"]), actor=call.actor
            )
        except Problem as problem:
            errors = _errors(call, problem)
        else:
            call.toast(_("The reward is saved."))
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
        "wallet": reward.wallet,
        "gate": json.dumps(version.gate, ensure_ascii=False, indent=2) if version.gate else "",
        **{f"details_{name}": value for name, value in version.details.items()},
        **text_values(version.texts),
    }
    return _form(call, reward, values, {})


@admin.page("POST", "/rewards/<uuid:reward_id>", access=needs(REWARDS_WRITE))
def save_reward(call: AdminCall, reward_id: uuid.UUID) -> Any:
    """Save a new version; a stale form is refused and keeps what was typed."""
    rewards = loyalty_of(call).rewards
    reward, _version = rewards.current(call.session, reward_id)
    values, errors = call.load(RewardForm())
    if not errors:
        try:
            rewards.edit(
                call.session,
                reward_id,
                _draft(call, values, reward.key),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = _errors(call, problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("loyalty_admin.list_rewards")
    return _form(call, reward, call.form, errors)


def _draft(call: AdminCall, values: Mapping[str, Any], key: str) -> RewardDraft:
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
        texts=_texts(call),
        details=kind_values(call, values["kind"]),
        gate=json.loads(values["gate"] or "{}"),
        wallet=values["wallet"],
        active_from=None if first is None else local_midnight(first, zone),
        active_until=None if last is None else local_midnight(last + timedelta(days=1), zone),
    )


def _day(call: AdminCall, moment: datetime | None, *, last: bool = False) -> date | None:
    """The local day of a moment; for an end the last day that belongs to it."""
    if moment is None:
        return None
    zone = ZoneInfo(loyalty_of(call).settings.timezone)
    moment = moment - timedelta(microseconds=1) if last else moment
    return local_day(moment, zone)


def _texts(call: AdminCall) -> dict[str, dict[str, str]]:
    """Names, descriptions and pictures by language.

    Raises:
        Unprocessable: an address of a picture is none (`invalid_reward`).
    """
    texts = texts_from(call)
    faults: list[FieldError] = []
    for locale, words in texts.items():
        for name in ("image", "image_alt"):
            value = call.form.get(f"{name}_{locale}", "").strip()[:500]
            if value:
                words[name] = value
        try:
            IMAGE(words.get("image", "/x"))
        except ValidationError:
            detail = _("This is an https address, or a path on this server that begins with /.")
            pointer = f"/image_{locale}"
            faults.append(FieldError(pointer=pointer, code="invalid_value", detail=detail))
    if faults:
        raise invalid_reward(*faults)
    return texts


def _errors(call: AdminCall, problem: Problem) -> dict[str, list[str]]:
    """Errors by field of the form: settings have a prefix, a condition is one field."""
    errors: dict[str, list[str]] = {}
    for name, messages in call.errors_of(problem).items():
        if problem.code == "invalid_condition":
            name = "gate"
        errors.setdefault(name.replace("details.", "details_"), []).extend(messages)
    return errors


def _kinds(call: AdminCall) -> list[tuple[str, str]]:
    return [(name, str(kind.label)) for name, kind in loyalty_of(call).kinds.all().items()]


def _description(call: AdminCall, kind: str) -> str:
    known = loyalty_of(call).kinds.all().get(kind)
    return "" if known is None else str(known.description)


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
        kinds=_kinds(call),
        windows=windows(),
        settings=kind_fields(call, str(values.get("kind", ""))),
        description=_description(call, str(values.get("kind", ""))),
        wallet=loyalty_of(call).settings.wallet,
        may_write=call.actor.may(REWARDS_WRITE),
    )
