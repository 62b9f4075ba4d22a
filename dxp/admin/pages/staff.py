"""Members of staff: list, make, change, lock out."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.locales import choices
from dxp.admin.pages.browsers import browser_name
from dxp.admin.pages.refusals import Errors, attempt
from dxp.auth.grants import permissions_of
from dxp.auth.models import Staff
from dxp.auth.secrets import ALPHANUMERIC, random_text
from dxp.i18n import gettext as _
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import MenuEntry
from dxp.web.access import needs
from dxp.web.pagination import paginate

MANAGE = "core.staff.manage"
_PASSWORD_LENGTH = 20
STAFF_MENU = MenuEntry(
    label=_l("Staff"),
    endpoint="staff.overview",
    permission=MANAGE,
    icon="people",
    section="system",
    order=10,
)


def staff_blueprint() -> AdminBlueprint:
    """The blueprint `staff`."""
    staff = AdminBlueprint("staff", __name__, url_prefix="/admin/staff")
    _add_list(staff)
    _add_person(staff)
    _add_doors(staff)
    return staff


def _add_list(staff: AdminBlueprint) -> None:
    @staff.page("GET", "/", access=needs(MANAGE), paged=True)
    def overview(call: AdminCall) -> Any:
        """Everybody, by name."""
        text = request.args.get("q", "").strip()
        disabled = request.args.get("disabled") == "true"
        service = call.platform.accounts.staff
        page = paginate(
            call,
            service.matching(text, include_disabled=disabled),
            keys=[(Staff.name, "asc"), (Staff.id, "asc")],
        )
        roles = service.roles_of(call.session, [person.id for person in page.items])
        return call.render(
            "dxp/accounts/staff.html", page=page, roles=roles, q=text, disabled=disabled
        )

    @staff.page("GET", "/new", access=needs(MANAGE))
    def new(call: AdminCall) -> Any:
        """The form for somebody new."""
        return _new(call, {}, {})

    @staff.page("POST", "/new", access=needs(MANAGE))
    def create(call: AdminCall) -> Any:
        """Make the account, and show its first password, this once."""
        password = random_text(ALPHANUMERIC, _PASSWORD_LENGTH)
        person, errors = attempt(
            call,
            lambda: call.platform.accounts.staff.create(
                call.session,
                call.actor,
                email=call.form.get("email", ""),
                name=call.form.get("name", ""),
                password=password,
                roles=call.form.getlist("roles"),
                locale=call.form.get("locale") or None,
            ),
        )
        if person is None:
            return _new(call, call.form, errors)
        return call.render("dxp/accounts/first_password.html", person=person, password=password)


def _add_person(staff: AdminBlueprint) -> None:
    @staff.page("GET", "/<uuid:staff_id>", access=needs(MANAGE))
    def person(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """One member of staff."""
        return _person(call, staff_id)

    @staff.page("POST", "/<uuid:staff_id>", access=needs(MANAGE))
    def update(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Change name, address and language."""
        _changed, errors = attempt(
            call,
            lambda: call.platform.accounts.staff.update(
                call.session,
                call.actor,
                staff_id,
                name=call.form.get("name", ""),
                email=call.form.get("email", ""),
                locale=call.form.get("locale") or None,
            ),
        )
        return _after(call, staff_id, errors, _("The account is changed."))

    @staff.page("POST", "/<uuid:staff_id>/roles", access=needs(MANAGE))
    def set_roles(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Give exactly the roles that are ticked."""
        _none, errors = attempt(
            call,
            lambda: call.platform.accounts.staff.set_roles(
                call.session, call.actor, staff_id, call.form.getlist("roles")
            ),
        )
        return _after(call, staff_id, errors, _("The roles are changed."))


def _add_doors(staff: AdminBlueprint) -> None:
    @staff.page("POST", "/<uuid:staff_id>/disable", access=needs(MANAGE))
    def disable(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Lock somebody out."""
        service = call.platform.accounts.staff
        _none, errors = attempt(call, lambda: service.disable(call.session, call.actor, staff_id))
        return _after(call, staff_id, errors, _("The account is disabled and signed out."))

    @staff.page("POST", "/<uuid:staff_id>/enable", access=needs(MANAGE))
    def enable(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Let somebody in again."""
        service = call.platform.accounts.staff
        _none, errors = attempt(call, lambda: service.enable(call.session, call.actor, staff_id))
        return _after(call, staff_id, errors, _("The account is enabled."))

    @staff.page("POST", "/<uuid:staff_id>/password", access=needs(MANAGE))
    def new_password(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Give a new first password, and show it, this once."""
        service = call.platform.accounts.staff
        password = random_text(ALPHANUMERIC, _PASSWORD_LENGTH)
        _none, errors = attempt(
            call,
            lambda: service.set_password(
                call.session, call.actor, staff_id, password, must_change=True
            ),
        )
        if errors:
            return _person(call, staff_id, errors=errors)
        found = service.get(call.session, staff_id)
        return call.render("dxp/accounts/first_password.html", person=found, password=password)

    @staff.page("POST", "/<uuid:staff_id>/second-factor/off", access=needs(MANAGE))
    def turn_off_second_factor(call: AdminCall, staff_id: uuid.UUID) -> Any:
        """Help somebody who lost their phone and their recovery codes."""
        totp = call.platform.accounts.totp
        _none, errors = attempt(call, lambda: totp.turn_off(call.session, call.actor, staff_id))
        return _after(call, staff_id, errors, _("The second factor is turned off."))

    @staff.page("POST", "/<uuid:staff_id>/sessions/<uuid:session_id>/end", access=needs(MANAGE))
    def end_session(call: AdminCall, staff_id: uuid.UUID, session_id: uuid.UUID) -> Any:
        """Sign out one of their browsers."""
        sessions = call.platform.accounts.sessions
        _none, errors = attempt(call, lambda: sessions.end(call.session, call.actor, session_id))
        return _after(call, staff_id, errors, _("The session is ended."))


def _new(call: AdminCall, values: Any, errors: Errors) -> Response:
    return call.render(
        "dxp/accounts/new_staff.html",
        status=422 if errors else 200,
        values=values,
        chosen=values.getlist("roles") if errors else [],
        errors=errors,
        role_choices=_role_choices(call),
        locale_choices=_locale_choices(call),
    )


def _person(call: AdminCall, staff_id: uuid.UUID, *, errors: Errors | None = None) -> Response:
    accounts = call.platform.accounts
    person = accounts.staff.get(call.session, staff_id)
    held = accounts.staff.roles_of(call.session, [staff_id])[staff_id]
    sent = call.form if errors else {}
    return call.render(
        "dxp/accounts/person.html",
        status=422 if errors else 200,
        person=person,
        values={
            "name": sent.get("name", person.name),
            "email": sent.get("email", person.email),
            "locale": sent.get("locale", person.locale or ""),
        },
        held=[role.name for role in held],
        # What may not be changed is shown, and its buttons are not.
        manageable=all(call.actor.may(name) for name in permissions_of(call.session, staff_id)),
        oneself=call.actor.key == f"staff:{staff_id}",
        second_factor_on=accounts.totp.is_on(person),
        sessions=accounts.sessions.live(call.session, staff_id),
        role_choices=_role_choices(call, keep={role.name for role in held}),
        locale_choices=_locale_choices(call),
        errors=errors or {},
        browser_name=browser_name,
        actor=call.actor,
    )


def _after(call: AdminCall, staff_id: uuid.UUID, errors: Errors, done: str) -> Response:
    if errors:
        return _person(call, staff_id, errors=errors)
    call.toast(done)
    return call.redirect("staff.person", staff_id=staff_id)


def _role_choices(
    call: AdminCall, *, keep: set[str] | frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """The roles that the actor may give, and those that are there already."""
    roles = call.platform.accounts.roles.all(call.session)
    return [
        (role.name, role.title)
        for role in roles
        if role.name in keep or all(call.actor.may(name) for name in role.permissions)
    ]


def _locale_choices(call: AdminCall) -> list[tuple[str, str]]:
    return [(item.code, item.name) for item in choices(call.platform.settings)]
