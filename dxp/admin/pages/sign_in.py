"""Signing in and out, and choosing a new password when the old one is forgotten."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask import session as browser_state

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.pages.refusals import errors_of, words_of
from dxp.auth import Browser, CodeNeeded, SentCode, SignedIn, StaffActor
from dxp.errors import Problem
from dxp.i18n import gettext as _
from dxp.mail import Message
from dxp.web.access import anyone, signed_in
from dxp.web.account_mails import reset_code_mail
from dxp.web.limits import hit_limit
from dxp.web.staff_cookie import drop_staff_token, keep_staff_token

_TICKET = "dxp_ticket"
_NEXT = "dxp_next"
_ADDRESS = "dxp_reset_address"
_MAX_INPUT = 1000


def add_sign_in(account: AdminBlueprint) -> None:
    """Add the pages of signing in to the blueprint `account`."""
    _add_password_step(account)
    _add_code_step(account)
    _add_forgotten(account)

    @account.page("POST", "/sign-out", access=signed_in())
    def sign_out(call: AdminCall) -> Any:
        """End this session here and on the server."""
        if isinstance(call.actor, StaffActor):
            call.platform.accounts.sign_in.sign_out(call.session, call.actor)
        response = call.redirect("account.sign_in")
        drop_staff_token(response, secure=_is_secure(call))
        return response


def _add_password_step(account: AdminBlueprint) -> None:
    @account.page("GET", "/sign-in", access=anyone())
    def sign_in(call: AdminCall) -> Any:
        """The form for address and password."""
        if isinstance(call.actor, StaffActor):
            return call.redirect_to(request.args.get("next", ""))
        return call.render("dxp/signin/sign_in.html", next=request.args.get("next", ""), email="")

    @account.page("POST", "/sign-in", access=anyone(), transaction=False)
    def check_password(call: AdminCall) -> Any:
        """Check both; go on to the second step, or in."""
        email = call.form.get("email", "")[:_MAX_INPUT]
        password = call.form.get("password", "")[:_MAX_INPUT]
        target = call.form.get("next", "")
        try:
            _limit(call)
            outcome = call.platform.accounts.sign_in.with_password(
                email, password, browser=_browser()
            )
        except Problem as problem:
            return call.render(
                "dxp/signin/sign_in.html",
                status=problem.status if problem.status == 429 else 422,
                next=target,
                email=email,
                refusal=words_of(problem),
            )
        if isinstance(outcome, CodeNeeded):
            browser_state[_TICKET] = outcome.ticket
            browser_state[_NEXT] = target
            return call.redirect("account.code")
        return _enter(call, outcome, target)


def _add_code_step(account: AdminBlueprint) -> None:
    @account.page("GET", "/sign-in/code", access=anyone(), transaction=False)
    def code(call: AdminCall) -> Any:
        """The form for the second factor."""
        if _TICKET not in browser_state:
            return call.redirect("account.sign_in")
        return call.render("dxp/signin/code.html")

    @account.page("POST", "/sign-in/code", access=anyone(), transaction=False)
    def check_code(call: AdminCall) -> Any:
        """Check the code and go in."""
        target = browser_state.get(_NEXT, "")
        try:
            _limit(call)
            signed = call.platform.accounts.sign_in.with_code(
                browser_state.get(_TICKET, ""),
                call.form.get("code", "")[:_MAX_INPUT],
                browser=_browser(),
            )
        except Problem as problem:
            if problem.code == "ticket_expired":
                browser_state.pop(_TICKET, None)
                call.toast(words_of(problem), kind="warning")
                return call.redirect("account.sign_in", next=target or None)
            return call.render(
                "dxp/signin/code.html",
                status=problem.status if problem.status == 429 else 422,
                refusal=words_of(problem),
            )
        return _enter(call, signed, target)


def _add_forgotten(account: AdminBlueprint) -> None:
    @account.page("GET", "/forgot", access=anyone(), transaction=False)
    def forgot(call: AdminCall) -> Any:
        """The form that asks for a code by mail."""
        return call.render("dxp/signin/forgot.html")

    @account.page("POST", "/forgot", access=anyone())
    def send_code(call: AdminCall) -> Any:
        """Send a code, and say the same whether or not somebody has the address."""
        email = call.form.get("email", "")[:_MAX_INPUT]
        try:
            _limit(call)
        except Problem as problem:
            return call.render(
                "dxp/signin/forgot.html", status=problem.status, refusal=words_of(problem)
            )

        address = _public_url(call) + url_for("account.reset")

        def compose(sent: SentCode) -> Message:
            return reset_code_mail(sent, address=address)

        call.platform.accounts.sign_in.forgot(call.session, email, compose)
        browser_state[_ADDRESS] = email
        return call.redirect("account.reset")

    @account.page("GET", "/reset", access=anyone(), transaction=False)
    def reset(call: AdminCall) -> Any:
        """The form for the code and the new password."""
        return call.render(
            "dxp/signin/reset.html", email=browser_state.get(_ADDRESS, ""), errors={}
        )

    @account.page("POST", "/reset", access=anyone(), transaction=False)
    def set_password(call: AdminCall) -> Any:
        """Take the new password."""
        email = call.form.get("email", "")[:_MAX_INPUT]
        try:
            _limit(call)
            call.platform.accounts.sign_in.reset(
                email,
                call.form.get("code", "")[:_MAX_INPUT],
                call.form.get("password", "")[:_MAX_INPUT],
            )
        except Problem as problem:
            status = problem.status if problem.status == 429 else 422
            errors = errors_of(problem)
            if problem.code == "wrong_code":
                errors = {"code": [words_of(problem)]}
            return call.render("dxp/signin/reset.html", status=status, email=email, errors=errors)
        browser_state.pop(_ADDRESS, None)
        call.toast(_("The new password is set. Sign in with it."))
        return call.redirect("account.sign_in")


def _enter(call: AdminCall, signed: SignedIn, target: str) -> Response:
    """Go in with a fresh cookie; first of all to what has to be done, if anything has."""
    with call.platform.db.read() as session:
        actor = call.platform.accounts.actor_of_session(session, signed.token)
    if actor is not None and actor.pending is not None:
        target = url_for("account.profile")
    response = call.redirect_to(target)
    keep_staff_token(response, signed.token, secure=_is_secure(call))
    return response


def _limit(call: AdminCall) -> None:
    rate = call.platform.settings.api.sign_in_rate_limit
    hit_limit("sign-in", rate, f"address:{request.remote_addr or 'unknown'}")


def _browser() -> Browser:
    return Browser(ip=request.remote_addr, user_agent=request.user_agent.string)


def _is_secure(call: AdminCall) -> bool:
    return request.is_secure or call.platform.settings.server.public_url.startswith("https:")


def _public_url(call: AdminCall) -> str:
    """Where this server is to be found. Never from the request alone: whoever asks for a mail to
    somebody else could name a server of their own in the Host header.
    """
    server = call.platform.settings.server
    return server.public_url.rstrip("/") or f"http://{server.host}:{server.port}"
