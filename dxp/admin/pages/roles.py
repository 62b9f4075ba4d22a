"""Roles and what they allow."""

from __future__ import annotations

from typing import Any

from flask import Response

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.pages.refusals import Errors, attempt, words_of
from dxp.auth.models import Role
from dxp.errors import Problem
from dxp.i18n import gettext as _
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import MenuEntry
from dxp.web.access import needs

MANAGE = "core.roles.manage"
ROLES_MENU = MenuEntry(
    label=_l("Roles"),
    endpoint="roles.overview",
    permission=MANAGE,
    icon="shield-check",
    section="system",
    order=20,
)


def roles_blueprint() -> AdminBlueprint:
    """The blueprint `roles`."""
    roles = AdminBlueprint("roles", __name__, url_prefix="/admin/roles")
    _add_making(roles)
    _add_changing(roles)
    return roles


def _add_making(roles: AdminBlueprint) -> None:
    @roles.page("GET", "/", access=needs(MANAGE))
    def overview(call: AdminCall) -> Any:
        """Every role."""
        service = call.platform.accounts.roles
        return call.render(
            "dxp/accounts/roles.html",
            roles=service.all(call.session),
            holders=service.holders(call.session),
        )

    @roles.page("GET", "/new", access=needs(MANAGE))
    def new(call: AdminCall) -> Any:
        """The form for a new role."""
        return _form(call, None, {})

    @roles.page("POST", "/new", access=needs(MANAGE))
    def create(call: AdminCall) -> Any:
        """Make it."""
        role, errors = attempt(
            call,
            lambda: call.platform.accounts.roles.create(
                call.session,
                call.actor,
                name=call.form.get("name", ""),
                title=call.form.get("title", ""),
                permissions=call.form.getlist("permissions"),
                require_totp="require_totp" in call.form,
            ),
        )
        if role is None:
            return _form(call, None, errors)
        call.toast(_("The role is made."))
        return call.redirect("roles.role", name=role.name)


def _add_changing(roles: AdminBlueprint) -> None:
    @roles.page("GET", "/<name>", access=needs(MANAGE))
    def role(call: AdminCall, name: str) -> Any:
        """One role and its permissions."""
        return _form(call, call.platform.accounts.roles.get(call.session, name), {})

    @roles.page("POST", "/<name>", access=needs(MANAGE))
    def update(call: AdminCall, name: str) -> Any:
        """Change it for everybody who has it."""
        service = call.platform.accounts.roles
        found = service.get(call.session, name)
        _changed, errors = attempt(
            call,
            lambda: service.update(
                call.session,
                call.actor,
                name,
                title=call.form.get("title", ""),
                permissions=call.form.getlist("permissions"),
                require_totp="require_totp" in call.form,
            ),
        )
        if errors:
            call.session.refresh(found)
            return _form(call, found, errors)
        call.toast(_("The role is changed, for everybody who has it."))
        return call.redirect("roles.role", name=name)

    @roles.page("POST", "/<name>/delete", access=needs(MANAGE))
    def delete(call: AdminCall, name: str) -> Any:
        """Remove a role that nobody has."""
        service = call.platform.accounts.roles
        try:
            service.delete(call.session, call.actor, name)
        except Problem as problem:
            call.toast(words_of(problem), kind="danger")
            return call.redirect("roles.overview")
        call.toast(_("The role is deleted."))
        return call.redirect("roles.overview")


def _form(call: AdminCall, role: Role | None, errors: Errors) -> Response:
    accounts, sent = call.platform.accounts, call.form if errors else None
    held = list(role.permissions) if role else []
    return call.render(
        "dxp/accounts/role.html",
        status=422 if errors else 200,
        role=role,
        title_text=sent.get("title", "") if sent is not None else (role.title if role else ""),
        name=sent.get("name", "") if sent is not None else "",
        chosen=sent.getlist("permissions") if sent is not None else held,
        require_totp="require_totp" in sent
        if sent is not None
        else bool(role and role.require_totp),
        groups=accounts.permissions.grouped(),
        unknown=accounts.roles.unknown_permissions(role) if role else [],
        # A box that could not be ticked anyway is shown but not offered.
        may=call.actor.may,
        editable=role is None
        or (not role.builtin and all(call.actor.may(name) for name in role.permissions)),
        holders=accounts.roles.holders(call.session).get(role.name, 0) if role else 0,
        titles=_titles(call),
        errors=errors,
    )


def _titles(call: AdminCall) -> dict[str, Any]:
    """Plugins' titles for the headings of the matrix."""
    titles: dict[str, Any] = {"core": _("Platform")}
    for loaded in call.platform.plugins:
        titles[loaded.name] = loaded.plugin.title or loaded.name
    return titles
