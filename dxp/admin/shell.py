"""What every page of the admin needs around its content. Templates see it as `shell`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, g, has_request_context, request, url_for

from dxp.admin.locales import LocaleChoice, choices, direction
from dxp.admin.menu import HOME, Menu, MenuGroup
from dxp.auth.actors import Actor, StaffActor
from dxp.i18n import gettext as _
from dxp.web.state import csp_nonce, find_state

if TYPE_CHECKING:
    from dxp.platform import Platform

THEME_COOKIE = "dxp_theme"
THEMES = ("light", "dark", "auto")
SIGN_IN = "account.sign_in"
SIGN_OUT = "account.sign_out"
PROFILE = "account.profile"


@dataclass(frozen=True, kw_only=True)
class ShellUser:
    """Who is signed in, as the account menu shows them."""

    name: str
    email: str

    @property
    def initials(self) -> str:
        """One or two letters for the round badge."""
        words = [word for word in self.name.split() if word[0].isalnum()] or [self.email]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


class Shell:
    """Computed as far as the page asks for it, once a request."""

    def __init__(self, platform: Platform, menu: Menu) -> None:
        self._platform = platform
        self._menu = menu

    @property
    def actor(self) -> Actor:
        """Who asks, as far as the request got."""
        state = find_state()
        return Actor() if state is None or state.identity is None else state.identity.actor

    @cached_property
    def site_name(self) -> str:
        return "dxp"

    @property
    def locale(self) -> str:
        state = find_state()
        return self._platform.settings.locale.default if state is None else state.locale

    @property
    def dir(self) -> str:
        return direction(self.locale)

    @cached_property
    def locales(self) -> list[LocaleChoice]:
        return choices(self._platform.settings)

    @property
    def theme(self) -> str:
        wanted = request.cookies.get(THEME_COOKIE, "auto")
        return wanted if wanted in THEMES else "auto"

    @property
    def nonce(self) -> str:
        return csp_nonce()

    @property
    def here(self) -> str:
        """This page's own address, to come back to."""
        if request.method != "GET":
            return self.home_url
        return request.full_path if request.query_string else request.path

    @cached_property
    def user(self) -> ShellUser | None:
        actor = self.actor
        if not isinstance(actor, StaffActor):
            return None
        return ShellUser(name=actor.name, email=actor.email)

    @cached_property
    def menu(self) -> list[MenuGroup]:
        return self._menu.groups(self.actor)

    @cached_property
    def account(self) -> list[dict[str, str]]:
        """Lines of the account menu, above signing out."""
        if PROFILE not in current_app.view_functions:
            return []
        return [{"label": _("Your account"), "url": url_for(PROFILE), "icon": "person-gear"}]

    @property
    def home_url(self) -> str:
        return url_for(HOME)

    @property
    def search_url(self) -> str:
        return url_for("admin.search")

    @property
    def locale_url(self) -> str:
        return url_for("admin.choose_locale")

    @property
    def sign_out_url(self) -> str:
        return url_of(SIGN_OUT, "/admin/sign-out")


def url_of(endpoint: str, otherwise: str, **values: Any) -> str:
    """The address of an endpoint that another part of the core registers, or `otherwise`."""
    if endpoint in current_app.view_functions:
        return url_for(endpoint, **values)
    return otherwise


def install_shell(app: Flask, platform: Platform, menu: Menu) -> None:
    """Give templates `shell`."""

    def current() -> Shell:
        if not has_request_context():
            return Shell(platform, menu)
        if "dxp_shell" not in g:
            g.dxp_shell = Shell(platform, menu)
        shell: Shell = g.dxp_shell
        return shell

    app.context_processor(lambda: {"shell": current()})
