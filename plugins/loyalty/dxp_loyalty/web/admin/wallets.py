"""Wallets: list, define, edit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import Schema, fields, validate

from dxp.api import AdminCall, Problem, needs
from dxp.api import gettext as _
from dxp_loyalty.models import WalletDefinition
from dxp_loyalty.permissions import RULES_READ, RULES_WRITE
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.rule_schema import ROUNDINGS
from dxp_loyalty.services.wallets import WalletDraft
from dxp_loyalty.web.admin.blueprint import (
    admin,
    languages,
    loyalty_of,
    missing_words,
    text_values,
    texts_from,
)
from dxp_loyalty.web.earning_schemas import WALLET_KEY


class WalletForm(Schema):
    """A wallet; names come in fields of their own."""

    key = fields.String(validate=WALLET_KEY)
    rounding = fields.String(load_default="down", validate=validate.OneOf(ROUNDINGS))
    pending_days = fields.Integer(load_default=0, allow_none=True, validate=validate.Range(0, 730))
    active = fields.Boolean(load_default=False)
    version = fields.Integer(load_default=None, allow_none=True)


@admin.page("GET", "/wallets", access=needs(RULES_READ))
def list_wallets(call: AdminCall) -> Any:
    """All that are defined."""
    return call.render(
        "loyalty/wallets.html",
        wallets=loyalty_of(call).wallets.listed(call.session),
        name_of=lambda texts: in_locale(call.platform, texts, call.locale, "name"),
        may_write=call.actor.may(RULES_WRITE),
    )


@admin.page("GET", "/wallets/new", access=needs(RULES_WRITE))
def new_wallet(call: AdminCall) -> Any:
    """An empty form."""
    return _form(call, None, {"active": True, "rounding": "down", "pending_days": 0}, {})


@admin.page("POST", "/wallets/new", access=needs(RULES_WRITE))
def create_wallet(call: AdminCall) -> Any:
    """Define a wallet."""
    values, errors = call.load(WalletForm())
    errors = errors or missing_words(call, values.get("key"))
    if not errors:
        try:
            draft = _draft(call, values, values["key"])
            loyalty_of(call).wallets.create(call.session, draft, actor=call.actor)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Members have the wallet now; let rules fill it."))
            return call.redirect("loyalty_admin.list_wallets")
    return _form(call, None, call.form, errors)


@admin.page("GET", "/wallets/<uuid:wallet_id>", access=needs(RULES_READ))
def edit_wallet(call: AdminCall, wallet_id: uuid.UUID) -> Any:
    """The form with what holds now."""
    wallet = loyalty_of(call).wallets.get(call.session, wallet_id)
    values = {
        "rounding": wallet.rounding,
        "pending_days": wallet.pending_days,
        "active": wallet.active,
        "version": wallet.version,
        **text_values(wallet.texts),
    }
    return _form(call, wallet, values, {})


@admin.page("POST", "/wallets/<uuid:wallet_id>", access=needs(RULES_WRITE))
def save_wallet(call: AdminCall, wallet_id: uuid.UUID) -> Any:
    """Save; a stale form is refused and keeps what was typed."""
    wallets = loyalty_of(call).wallets
    wallet = wallets.get(call.session, wallet_id)
    values, errors = call.load(WalletForm())
    errors = errors or missing_words(call, wallet.key)
    if not errors:
        try:
            wallets.edit(
                call.session,
                wallet_id,
                _draft(call, values, wallet.key),
                expected_version=values["version"] or 0,
                actor=call.actor,
            )
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("loyalty_admin.list_wallets")
    return _form(call, wallet, call.form, errors)


def _draft(call: AdminCall, values: Mapping[str, Any], key: str) -> WalletDraft:
    return WalletDraft(
        key=key,
        texts=texts_from(call),
        rounding=values["rounding"],
        pending_days=values["pending_days"] or 0,
        active=values["active"],
    )


def _form(
    call: AdminCall,
    wallet: WalletDefinition | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> Any:
    if wallet is None:
        action, heading = url_for("loyalty_admin.create_wallet"), _("New wallet")
    else:
        action = url_for("loyalty_admin.save_wallet", wallet_id=wallet.id)
        heading = in_locale(call.platform, wallet.texts, call.locale, "name")
    return call.render(
        "loyalty/wallet_form.html",
        status=422 if errors else 200,
        wallet=wallet,
        values=values,
        errors=errors,
        action=action,
        heading=heading,
        main=loyalty_of(call).settings.wallet,
        languages=languages(call),
        may_write=call.actor.may(RULES_WRITE),
    )
