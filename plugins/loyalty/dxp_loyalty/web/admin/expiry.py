"""When points end: the policy of the wallet, and what ends soon."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import ExpiryPolicy
from dxp_loyalty.permissions import LEDGER_READ, RULES_WRITE
from dxp_loyalty.services.expiry import POLICY_KINDS, WARN_DAYS, PolicyDraft, expiring_soon
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of


def _parts(text: str) -> list[str]:
    """What stands between commas, Western or Arabic."""
    return [part.strip() for part in re.split("[,،]", text) if part.strip()]


def _is_days(text: str) -> None:
    if not all(part.isdecimal() for part in _parts(text)):
        raise ValidationError(_("Numbers of days, with commas between them, such as 30, 7."))


class PolicyForm(Schema):
    """When points end; the days of warning come as one text."""

    kind = fields.String(load_default="never", validate=validate.OneOf(POLICY_KINDS))
    length = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(0, 10_000))
    warn_days = fields.String(
        load_default="",
        allow_none=True,
        validate=[validate.Length(0, 60), _is_days],
    )
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/expiry", access=needs(LEDGER_READ))
def show_expiry(call: AdminCall) -> Any:
    """The policy, and the points that end within some days."""
    loyalty = loyalty_of(call)
    policy = loyalty.expiry.policy(call.session, loyalty.settings.wallet)
    values = {
        "kind": "never" if policy is None else policy.kind,
        "length": 12 if policy is None else policy.length,
        "warn_days": ", ".join(map(str, WARN_DAYS if policy is None else policy.warn_days)),
        "version": None if policy is None else policy.version,
    }
    return _page(call, policy, values, {})


@admin.page("POST", "/expiry", access=needs(RULES_WRITE))
def save_expiry(call: AdminCall) -> Any:
    """Put a policy in force for points to come."""
    loyalty = loyalty_of(call)
    values, errors = call.load(PolicyForm())
    if not errors:
        draft = PolicyDraft(
            kind=values["kind"],
            length=values["length"] or 0,
            warn_days=[int(part) for part in _parts(values["warn_days"] or "")],
        )
        try:
            loyalty.expiry.save(
                call.session,
                loyalty.settings.wallet,
                draft,
                expected_version=values["version"],
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The policy is in force for points to come."))
            return call.redirect("loyalty_admin.show_expiry")
    policy = loyalty.expiry.policy(call.session, loyalty.settings.wallet)
    return _page(call, policy, call.form, errors)


def _page(
    call: AdminCall,
    policy: ExpiryPolicy | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    return call.render(
        "loyalty/expiry.html",
        status=422 if errors else 200,
        policy=policy,
        values=values,
        errors=errors,
        soon=expiring_soon(call.session, call.now),
        zone=loyalty_of(call).settings.timezone,
        may_write=call.actor.may(RULES_WRITE),
    )
