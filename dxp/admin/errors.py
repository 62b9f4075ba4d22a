"""Refusals and faults below /admin, as a page that says what happened, why and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, make_response, render_template

from dxp.admin.locales import settle_locale
from dxp.auth.actors import Actor
from dxp.errors import Problem
from dxp.i18n import gettext as _
from dxp.web.problems import render_problems
from dxp.web.state import current_platform, find_state


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    """What the template shows."""

    status: int
    title: str
    detail: str
    note: str
    request_id: str


def describe(problem: Problem) -> ErrorPage:
    """Words for people, in their language; the exact refusal stands below them."""
    state = find_state()
    general = {
        403: (
            _("You may not do this"),
            _("It takes a permission that none of your roles has. Ask an administrator for it."),
        ),
        404: (
            _("There is nothing here"),
            _("The page may have moved, or what it showed was deleted. Search for it."),
        ),
        405: (
            _("This address is not opened like that"),
            _("It only takes a form. Go to the page that has the form, and send it from there."),
        ),
        429: (
            _("Too many requests"),
            _("The server protects itself from floods. Wait a minute, then try again."),
        ),
        500: (
            _("Something went wrong"),
            _(
                "The fault is in the server, and nothing was changed. Try again; if it stays so, "
                "give an administrator the number below."
            ),
        ),
        503: (
            _("Not available at the moment"),
            _("The database did not answer in time, and nothing was changed. Try again soon."),
        ),
    }
    known = problem.status in general and problem.code != "csrf_failed"
    title, detail = general[problem.status] if known else (problem.title, problem.detail)
    if problem.code == "csrf_failed":
        title = _("The form was not accepted")
        detail = _("The page was open too long. Go back, reload it, and send the form again.")
    faults = " ".join(error.detail for error in problem.errors)
    return ErrorPage(
        status=problem.status,
        title=title,
        detail=detail,
        note=f"{problem.detail} {faults}".strip() if problem.status in (403, 409, 422) else faults,
        request_id="" if state is None else state.request_id,
    )


def _render(problem: Problem) -> Response:
    state = find_state()
    if state is not None:
        actor = Actor() if state.identity is None else state.identity.actor
        settle_locale(current_platform().settings, actor)
    return make_response(render_template("dxp/error.html", problem=describe(problem)))


def install_errors(app: Flask) -> None:
    """Answer the problems of all paths below /admin with a page."""
    render_problems(app, "/admin", _render)
