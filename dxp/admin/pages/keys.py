"""API keys: list, make, revoke."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Response

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.pages.refusals import Errors, attempt
from dxp.auth.models import ApiKey
from dxp.i18n import gettext as _
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import MenuEntry
from dxp.web.access import needs

MANAGE = "core.keys.manage"
SERVER = "server"
BROWSER = "browser"
KEYS_MENU = MenuEntry(
    label=_l("API keys"),
    endpoint="keys.overview",
    permission=MANAGE,
    icon="key",
    section="system",
    order=30,
)


def keys_blueprint() -> AdminBlueprint:
    """The blueprint `keys`."""
    keys = AdminBlueprint("keys", __name__, url_prefix="/admin/keys")

    @keys.page("GET", "/", access=needs(MANAGE))
    def overview(call: AdminCall) -> Any:
        """Every key, revoked ones too."""
        found = call.platform.accounts.keys.all(call.session)
        return call.render("dxp/keys/keys.html", keys=[(key, state_of(key, call)) for key in found])

    @keys.page("GET", "/new", access=needs(MANAGE))
    def new(call: AdminCall) -> Any:
        """The form for a new key."""
        return _form(call, {})

    @keys.page("POST", "/new", access=needs(MANAGE))
    def create(call: AdminCall) -> Any:
        """Make it, and show it, this once."""
        browser = call.form.get("kind") == BROWSER
        if browser and not _origins(call):
            return _form(call, {"origins": ["missing"]})
        try:
            expires_at = _end_of_day(call, call.form.get("expires_on", ""))
        except ValueError:
            return _form(call, {"expires_on": [_("Write the day like 2027-03-31.")]})
        made, errors = attempt(
            call,
            lambda: call.platform.accounts.keys.create(
                call.session,
                call.actor,
                name=call.form.get("name", ""),
                scopes=call.form.getlist("scopes"),
                expires_at=expires_at,
                origins=_origins(call) if browser else (),
            ),
        )
        if made is None:
            if "expires_at" in errors:
                errors["expires_on"] = [_("This day has passed. Choose a later one.")]
                del errors["expires_at"]
            return _form(call, errors)
        return call.render("dxp/keys/made.html", key=made.key, presented=made.presented)

    @keys.page("POST", "/<uuid:key_id>/revoke", access=needs(MANAGE))
    def revoke(call: AdminCall, key_id: uuid.UUID) -> Any:
        """Make it worthless for good."""
        call.platform.accounts.keys.revoke(call.session, call.actor, key_id)
        call.toast(_("The key is revoked."))
        return call.redirect("keys.overview")

    return keys


def state_of(key: ApiKey, call: AdminCall) -> str:
    """`active`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    expired = key.expires_at is not None and key.expires_at <= call.platform.clock.wall()
    return "expired" if expired else "active"


def _origins(call: AdminCall) -> list[str]:
    return call.form.get("origins", "").split()


def _form(call: AdminCall, errors: Errors) -> Response:
    words = {
        "name": _("Write a name of 1 to 200 characters that says who uses the key."),
        "scopes": _("Choose at least one thing that the key may do.")
        if call.form.get("kind") != BROWSER
        else _("A browser’s key may do only what is marked as open to browsers; choose among it."),
        "origins": _(
            "Write at least one site, as its scheme and host, such as https://shop.example; "
            "without a path, plain http only for localhost, and 20 at most."
        ),
    }
    shown = {
        name: [words[name]] if name in words and "unknown_permission" not in found else found
        for name, found in errors.items()
    }
    groups = {
        plugin: [permission for permission in permissions if call.actor.may(permission.name)]
        for plugin, permissions in call.platform.accounts.permissions.grouped(scopes=True).items()
    }
    return call.render(
        "dxp/keys/new.html",
        status=422 if errors else 200,
        errors=shown,
        values=call.form,
        chosen=call.form.getlist("scopes"),
        kinds=[
            (SERVER, _("A server: the key stays secret")),
            (BROWSER, _("Browsers: the key lies open in the pages of a site")),
        ],
        for_browsers=call.platform.accounts.permissions.for_browsers(),
        groups={plugin: found for plugin, found in groups.items() if found},
        titles={loaded.name: loaded.plugin.title or loaded.name for loaded in call.platform.plugins}
        | {"core": _("Platform")},
    )


def _end_of_day(call: AdminCall, text: str) -> datetime | None:
    """The key is good through the whole day that was chosen, in the reader's time zone."""
    if not text.strip():
        return None
    day = date.fromisoformat(text.strip())
    return datetime.combine(day + timedelta(days=1), time(), call.zone).astimezone(UTC)
