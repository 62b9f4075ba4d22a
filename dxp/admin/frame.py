"""The frame's own pages: dashboard, search, language, and the built assets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request

from dxp.admin.assets import send_asset
from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.locales import LOCALE_COOKIE
from dxp.admin.search import find
from dxp.auth.actors import StaffActor
from dxp.errors import NotFound
from dxp.web.access import anyone, signed_in

YEAR_SECONDS = 365 * 24 * 60 * 60
DASHBOARD_SLOT = "admin.dashboard"


def frame_blueprint() -> AdminBlueprint:
    """The blueprint `admin`."""
    admin = AdminBlueprint("admin", __name__, url_prefix="/admin")

    @admin.page("GET", "/", access=signed_in())
    def dashboard(call: AdminCall) -> Any:
        """What plugins put on the first page, by permission."""
        return call.render("dxp/dashboard.html", panels=call.panels(DASHBOARD_SLOT))

    @admin.page("GET", "/search", access=signed_in())
    def search(call: AdminCall) -> Any:
        """Hits for the palette, as a part of a page."""
        menu = current_app.extensions["dxp_menu"]
        return call.render("dxp/_palette.html", groups=find(call, menu, request.args.get("q", "")))

    @admin.page("POST", "/locale", access=anyone())
    def choose_locale(call: AdminCall) -> Any:
        """Keep the language, in this browser and with the account."""
        wanted = call.form.get("locale", "")
        response = call.redirect_to(call.form.get("next", ""))
        if wanted in call.platform.settings.locale.available:
            _keep_locale(call, response, wanted)
        return response

    _add_open_route(admin, "/static/build/<name>", "asset", send_asset)
    _add_open_route(admin, "/<path:rest>", "nothing", _nothing)
    return admin


def _add_open_route(
    admin: AdminBlueprint, rule: str, name: str, view: Callable[..., Response]
) -> None:
    """A route that is the same for everybody: nobody is identified, no session is opened."""

    def handle(**view_args: Any) -> Response:
        return view(**view_args)

    handle.dxp_access = anyone()  # type: ignore[attr-defined]  # read by the guard
    admin.add_url_rule(rule, name, handle, methods=["GET"])


def _nothing(rest: str) -> Response:
    raise NotFound(f"There is no page at /admin/{rest}; look for it in the menu")


def _keep_locale(call: AdminCall, response: Response, locale: str) -> None:
    response.set_cookie(
        LOCALE_COOKIE,
        locale,
        max_age=YEAR_SECONDS,
        path="/admin",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    if isinstance(call.actor, StaffActor):
        staff = call.platform.accounts.staff
        staff.set_locale(call.session, call.actor, call.actor.user_id, locale)
