"""One's own account: password, second factor, sessions, language."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response
from markupsafe import Markup

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.locales import choices
from dxp.admin.pages.browsers import browser_name
from dxp.admin.pages.refusals import Errors, attempt, errors_of, words_of
from dxp.admin.pages.sign_in import add_sign_in
from dxp.auth import StaffActor
from dxp.clock import timezones
from dxp.errors import Problem
from dxp.i18n import gettext as _
from dxp.web.access import signed_in


def account_blueprint() -> AdminBlueprint:
    """The blueprint `account`."""
    account = AdminBlueprint("account", __name__, url_prefix="/admin")
    add_sign_in(account)
    _add_profile(account)
    _add_second_factor(account)
    _add_sessions(account)
    return account


def _add_profile(account: AdminBlueprint) -> None:
    @account.page("GET", "/account", access=signed_in(), transaction=False)
    def profile(call: AdminCall) -> Any:
        """Everything about oneself on one page."""
        return _profile(call)

    @account.page("POST", "/account/timezone", access=signed_in())
    def choose_timezone(call: AdminCall) -> Any:
        """Read and write moments in another time zone from now on."""
        actor = _staff(call)
        wanted = call.form.get("timezone", "").strip() or None
        try:
            call.platform.accounts.staff.set_timezone(call.session, actor, actor.user_id, wanted)
        except Problem as problem:
            return _profile(call, errors=errors_of(problem))
        call.toast(_("The time zone is kept."))
        return call.redirect("account.profile")

    @account.page("POST", "/account/password", access=signed_in(), transaction=False)
    def change_password(call: AdminCall) -> Any:
        """Choose a new password; all other sessions end."""
        return _guarded(
            call,
            "present_password",
            lambda actor: call.platform.accounts.sign_in.change_password(
                actor,
                present=call.form.get("present_password", ""),
                new=call.form.get("password", ""),
            ),
            done=_("The password is changed. You are signed out everywhere else."),
        )


def _add_second_factor(account: AdminBlueprint) -> None:
    @account.page("POST", "/account/second-factor", access=signed_in(), transaction=False)
    def begin_second_factor(call: AdminCall) -> Any:
        """Make a secret, once the password has been given again."""

        def begin(actor: StaffActor) -> None:
            accounts = call.platform.accounts
            accounts.sign_in.confirm_password(actor, call.form.get("begin_password", ""))
            with call.platform.db.write() as session:
                accounts.totp.begin(session, actor)

        return _guarded(call, "begin_password", begin, to="account.second_factor")

    @account.page("GET", "/account/second-factor", access=signed_in())
    def second_factor(call: AdminCall) -> Any:
        """The QR code to scan, while the set-up is not confirmed."""
        return _enrolment(call)

    @account.page("POST", "/account/second-factor/confirm", access=signed_in())
    def confirm_second_factor(call: AdminCall) -> Any:
        """See a code of the app, and show the recovery codes, this once."""
        actor = _staff(call)
        codes, errors = attempt(
            call,
            lambda: call.platform.accounts.totp.confirm(
                call.session, actor, call.form.get("code", "")
            ),
        )
        if codes is None:
            return _enrolment(call, errors=errors)
        return call.render("dxp/accounts/recovery_codes.html", codes=codes, renewed=False)

    @account.page(
        "POST", "/account/second-factor/recovery-codes", access=signed_in(), transaction=False
    )
    def renew_recovery_codes(call: AdminCall) -> Any:
        """Show new recovery codes, this once."""
        actor, accounts = _staff(call), call.platform.accounts
        try:
            accounts.sign_in.confirm_password(actor, call.form.get("renew_password", ""))
            with call.platform.db.write() as session:
                codes = accounts.totp.renew_recovery_codes(session, actor)
        except Problem as problem:
            return _again(call, problem, field="renew_password")
        return call.render("dxp/accounts/recovery_codes.html", codes=codes, renewed=True)

    @account.page("POST", "/account/second-factor/off", access=signed_in(), transaction=False)
    def turn_off_second_factor(call: AdminCall) -> Any:
        """Go back to the password alone."""

        def turn_off(actor: StaffActor) -> None:
            accounts = call.platform.accounts
            accounts.sign_in.confirm_password(actor, call.form.get("off_password", ""))
            with call.platform.db.write() as session:
                accounts.totp.turn_off(session, actor, actor.user_id)

        return _guarded(call, "off_password", turn_off, done=_("The second factor is turned off."))


def _add_sessions(account: AdminBlueprint) -> None:
    @account.page("POST", "/account/sessions/<uuid:session_id>/end", access=signed_in())
    def end_session(call: AdminCall, session_id: uuid.UUID) -> Any:
        """Sign out one browser."""
        _result, errors = attempt(
            call,
            lambda: call.platform.accounts.sessions.end(call.session, _staff(call), session_id),
        )
        if errors:
            call.toast(" ".join(errors["_schema"]), kind="warning")
        else:
            call.toast(_("The session is ended."))
        return call.redirect("account.profile")

    @account.page("POST", "/account/sessions/end-others", access=signed_in())
    def end_other_sessions(call: AdminCall) -> Any:
        """Sign out all browsers but this one."""
        call.platform.accounts.sessions.end_others(call.session, _staff(call))
        call.toast(_("You are signed out everywhere else."))
        return call.redirect("account.profile")


def _profile(call: AdminCall, *, errors: Errors | None = None) -> Response:
    actor, accounts = _staff(call), call.platform.accounts
    with call.platform.db.read() as session:
        staff = accounts.staff.get(session, actor.user_id)
        values = {
            "staff": staff,
            "roles": accounts.staff.roles_of(session, [staff.id])[staff.id],
            "sessions": accounts.sessions.live(session, staff.id),
            "second_factor_on": accounts.totp.is_on(staff),
            "recovery_codes_left": accounts.totp.recovery_codes_left(session, staff.id),
        }
    return call.render(
        "dxp/accounts/profile.html",
        status=422 if errors else 200,
        actor=actor,
        errors=errors or {},
        browser_name=browser_name,
        locale_choices=[(item.code, item.name) for item in choices(call.platform.settings)],
        site_timezone=call.platform.settings.locale.timezone,
        timezone_choices=[(name, name) for name in sorted(timezones()) if "/" in name],
        chosen_timezone=call.form.get("timezone", staff.timezone or ""),
        **values,
    )


def _enrolment(call: AdminCall, *, errors: Errors | None = None) -> Response:
    enrolment = call.platform.accounts.totp.enrolment(call.session, _staff(call))
    if enrolment is None:
        return call.redirect("account.profile")
    return call.render(
        "dxp/accounts/second_factor.html",
        status=422 if errors else 200,
        enrolment=enrolment,
        # Drawn by our own library from our own address: nothing of it comes from outside.
        qr=Markup(enrolment.svg),  # noqa: S704
        errors=errors or {},
    )


def _guarded(
    call: AdminCall,
    field: str,
    work: Callable[[StaffActor], None],
    *,
    done: str | None = None,
    to: str = "account.profile",
) -> Response:
    """Do what takes the password again, or show the page with what is wrong."""
    try:
        work(_staff(call))
    except Problem as problem:
        return _again(call, problem, field=field)
    if done is not None:
        call.toast(done)
    return call.redirect(to)


def _again(call: AdminCall, problem: Problem, *, field: str) -> Response:
    named = problem.code in ("wrong_password", "sign_in_locked")
    errors = {field: [words_of(problem)]} if named else errors_of(problem)
    return _profile(call, errors=errors)


def _staff(call: AdminCall) -> StaffActor:
    # The frame lets nobody else onto pages that ask for a staff sign-in.
    assert isinstance(call.actor, StaffActor)
    return call.actor
