"""Campaigns: list, create, edit, and how their budgets burn."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import Campaign
from dxp_loyalty.permissions import RULES_READ, RULES_WRITE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.campaigns import CampaignDraft, burn
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.web.admin.blueprint import (
    admin,
    languages,
    loyalty_of,
    missing_words,
    text_values,
    texts_from,
)
from dxp_loyalty.web.admin.rule_form import SANE, clock_text, in_zone
from dxp_loyalty.web.schemas import KEY


class CampaignForm(Schema):
    """A campaign; names come in fields of their own, moments by the programme's clock."""

    key = fields.String(validate=KEY)
    budget = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(0, MAX_POINTS)
    )
    active = fields.Boolean(load_default=False)
    starts_at = fields.NaiveDateTime(load_default=None, allow_none=True, validate=SANE)
    ends_at = fields.NaiveDateTime(load_default=None, allow_none=True, validate=SANE)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/campaigns", access=needs(RULES_READ))
def list_campaigns(call: AdminCall) -> Any:
    """All campaigns with what they spent."""
    return call.render(
        "loyalty/campaigns.html",
        campaigns=loyalty_of(call).campaigns.listed(call.session),
        name_of=lambda texts: in_locale(call.platform, texts, call.locale, "name"),
        may_write=call.actor.may(RULES_WRITE),
    )


@admin.page("GET", "/campaigns/new", access=needs(RULES_WRITE))
def new_campaign(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {"active": True}, {})


@admin.page("POST", "/campaigns/new", access=needs(RULES_WRITE))
def create_campaign(call: AdminCall) -> Any:
    """Make a campaign."""
    values, errors = call.load(CampaignForm())
    errors = errors or missing_words(call, values.get("key"))
    if not errors:
        try:
            draft = _draft(call, values, values["key"])
            loyalty_of(call).campaigns.create(call.session, draft, actor=call.actor)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The campaign is made; let rules name it."))
            return call.redirect("loyalty_admin.list_campaigns")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/campaigns/<uuid:campaign_id>", access=needs(RULES_READ))
def edit_campaign(call: AdminCall, campaign_id: uuid.UUID) -> Any:
    """The form, with what was spent day by day."""
    campaign = loyalty_of(call).campaigns.get(call.session, campaign_id)
    values = {
        "budget": campaign.budget,
        "active": campaign.active,
        "starts_at": clock_text(campaign.starts_at, _zone(call)),
        "ends_at": clock_text(campaign.ends_at, _zone(call)),
        "version": campaign.version,
        **text_values(campaign.texts),
    }
    return _form(call, campaign, values, {})


@admin.page("POST", "/campaigns/<uuid:campaign_id>", access=needs(RULES_WRITE))
def save_campaign(call: AdminCall, campaign_id: uuid.UUID) -> Any:
    """Save; a stale form is refused and keeps what was typed."""
    campaigns = loyalty_of(call).campaigns
    campaign = campaigns.get(call.session, campaign_id)
    values, errors = call.load(CampaignForm())
    errors = errors or missing_words(call, campaign.key)
    if not errors:
        try:
            campaigns.edit(
                call.session,
                campaign_id,
                _draft(call, values, campaign.key),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("loyalty_admin.list_campaigns")
    return _form(call, campaign, call.form, errors)


def _zone(call: AdminCall) -> ZoneInfo:
    return ZoneInfo(loyalty_of(call).settings.timezone)


def _draft(call: AdminCall, values: Mapping[str, Any], key: str) -> CampaignDraft:
    moments: dict[str, datetime | None] = {
        name: in_zone(values[name], _zone(call)) for name in ("starts_at", "ends_at")
    }
    return CampaignDraft(
        key=key,
        texts=texts_from(call),
        budget=values["budget"],
        active=values["active"],
        **moments,
    )


def _form(
    call: AdminCall, campaign: Campaign | None, values: Mapping[str, Any], errors: Mapping[str, Any]
) -> Any:
    if campaign is None:
        action, heading = url_for("loyalty_admin.create_campaign"), _("New campaign")
    else:
        action = url_for("loyalty_admin.save_campaign", campaign_id=campaign.id)
        heading = in_locale(call.platform, campaign.texts, call.locale, "name")
    return call.render(
        "loyalty/campaign_form.html",
        status=422 if errors else 200,
        campaign=campaign,
        burnt=[] if campaign is None else burn(call.session, campaign.id)[-60:],
        values=values,
        errors=errors,
        action=action,
        heading=heading,
        languages=languages(call),
        may_write=call.actor.may(RULES_WRITE),
    )
