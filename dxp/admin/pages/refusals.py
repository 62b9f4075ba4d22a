"""What services refuse, in the reader's language, and undone before the page is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dxp.admin.call import AdminCall
from dxp.errors import Problem
from dxp.i18n import lazy_gettext as _l

T = TypeVar("T")
Errors = dict[str, list[str]]

_WORDS: Mapping[str, Any] = {
    "cannot_disable_self": _l("You cannot disable your own account. Ask somebody else to do it."),
    "cannot_grant": _l(
        "You cannot give permissions that you do not hold. Ask somebody who holds them."
    ),
    "cannot_manage": _l("This account may do more than yours. Ask somebody who may do as much."),
    "email_taken": _l("Another member of staff has this address. Take another one."),
    "invalid_email": _l("This is no e-mail address. Write it like name@example.com."),
    "invalid_name": _l("Write a name of 1 to 200 characters, so that colleagues know who it is."),
    "invalid_role_name": _l(
        "Use lower-case letters, digits, hyphens and underscores, with a letter first."
    ),
    "invalid_title": _l("Write a title of 1 to 200 characters, so that people know what it means."),
    "last_administrator": _l(
        "Nobody would be left who may do everything, and nobody could undo it. "
        "Make somebody else an administrator first."
    ),
    "role_builtin": _l("This role comes with dxp and stays as it is. Make one of your own."),
    "role_in_use": _l("Some members of staff have this role. Take it from them first."),
    "role_name_taken": _l("Another role has this name. Choose another one."),
    "sign_in_locked": _l(
        "Too many attempts failed, so signing in with this address is locked for some minutes. "
        "Wait, or choose a new password."
    ),
    "ticket_expired": _l(
        "The first step was too long ago, or the account was changed. Begin again."
    ),
    "too_many_requests": _l("Too many attempts from your network. Wait a minute, then try again."),
    "totp_on": _l("The second factor is set up already. Turn it off first."),
    "totp_off": _l("The second factor is off. Set it up first."),
    "totp_not_begun": _l("There is nothing to confirm. Begin the set-up again."),
    "unknown_locale": _l("This language is not set up. Choose one from the list."),
    "unknown_permission": _l("A permission is not known any more. Load the page again."),
    "unknown_role": _l("A role does not exist any more. Load the page again."),
    "unknown_timezone": _l("There is no such time zone. Choose one from the list."),
    "unknown_session": _l("The session has ended already."),
    "weak_password": _l(
        "This password is too easy to guess. Take at least 12 characters, such as four unrelated "
        "words, without your name and without words that everybody tries."
    ),
    "wrong_code": _l("The code is wrong, too old, or was used before. Type the present one."),
    "wrong_credentials": _l(
        "The address or the password is wrong, or the account is disabled. Check both."
    ),
    "wrong_password": _l("This is not your present password. Type it again."),
}


def words_of(problem: Problem) -> str:
    """A refusal as its reader says it; what has no translation stays as the service said it."""
    known = _WORDS.get(problem.code)
    return problem.detail if known is None else str(known)


def errors_of(problem: Problem) -> Errors:
    """A refusal by field, as forms show it; `_schema` when it concerns no single field."""
    known = _WORDS.get(problem.code)
    errors: Errors = {}
    for error in problem.errors:
        name = (error.pointer or "").strip("/").partition("/")[0] or error.parameter or "_schema"
        said = error.detail if known is None else str(known)
        if said not in errors.setdefault(name, []):
            errors[name].append(said)
    return errors or {"_schema": [words_of(problem)]}


def attempt(call: AdminCall, work: Callable[[], T]) -> tuple[T | None, Errors]:
    """Let a service work; what it did before it refused is undone, so that the page can be shown
    again in the same transaction.

    Returns:
        The result and the errors by field; one of the two is empty.
    """
    try:
        with call.session.begin_nested():
            return work(), {}
    except Problem as problem:
        return None, errors_of(problem)
