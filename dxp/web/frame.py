"""The way in: who asks, may they, and the session they get. The API and the admin share it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from flask import Request, request
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, KeyActor, StaffActor
from dxp.errors import Forbidden, Unauthenticated
from dxp.plugins.contexts import ActorContext, AuthorizeContext
from dxp.plugins.spec import Plugin
from dxp.web.access import Access
from dxp.web.browsers import admit_browser
from dxp.web.limits import limit_request
from dxp.web.staff_cookie import staff_token
from dxp.web.state import Identity, request_state

if TYPE_CHECKING:
    from dxp.platform import Platform

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_PREFIX = "dxp_"
_SCHEME = 'Bearer realm="dxp"'
CHALLENGE = {"WWW-Authenticate": _SCHEME}
Mode = Literal["read", "write", "none"]


class Entry:
    """A request on its way in, as a context manager.

    Entering identifies the actor and checks `access` in a read session, so that nobody without
    permission ever takes the write lock; `begin` then gives the session of the view. Leaving
    commits, or rolls back when an exception passes.

        with Entry(platform, access) as entry:
            session = entry.begin("write")

    Attributes:
        identity: who asks.
        permission: how the access rule let them in: a permission, `customer`, `staff`, `public`.
    """

    identity: Identity
    permission: str

    def __init__(self, platform: Platform, access: Access) -> None:
        self._platform = platform
        self._access = access
        self._context: AbstractContextManager[Session] | None = None
        self._session: Session | None = None

    def __enter__(self) -> Entry:
        self._open(self._platform.db.read())
        assert self._session is not None
        try:
            try:
                self.identity = identify(self._platform, self._session)
            finally:
                limit_request(self._platform)
            self.permission = admit(self._platform, self.identity.actor, access=self._access)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def begin(self, mode: Mode) -> Session | None:
        """The session for the view: the one already open to read, a new one to write, or none."""
        if mode == "read":
            return self._session
        self._close(None, None, None)
        if mode == "write":
            self._open(self._platform.db.write())
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close(kind, error, trace)

    def _open(self, context: AbstractContextManager[Session]) -> None:
        self._session = context.__enter__()
        self._context = context

    def _close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        context, self._context, self._session = self._context, None, None
        if context is not None:
            context.__exit__(kind, error, trace)


def identify(platform: Platform, session: Session) -> Identity:
    """Who asks: by API key, customer token, staff session, or a plugin's own credential.

    A credential that was sent and is not valid is refused even on a public route, so that
    nobody takes the public answer for their own. A stale cookie, which a browser sends unasked,
    is not.

    Raises:
        Unauthenticated: the credential is malformed, unknown, expired or revoked.
    """
    identity = _identify(platform, session, request)
    request_state().identity = identity
    return identity


def _identify(platform: Platform, session: Session, req: Request) -> Identity:
    header = req.headers.get("Authorization", "")
    scheme, _, credential = header.partition(" ")
    credential = credential.strip()
    try:
        if scheme.lower() == "bearer" and credential.startswith(KEY_PREFIX):
            actor = platform.accounts.actor_of_key(session, credential)
            if actor.browser:
                actor = admit_browser(platform, session, actor)
            return Identity(actor=actor, via="key")
        if scheme.lower() == "bearer" and credential:
            return Identity(
                actor=platform.accounts.actor_of_token(session, credential), via="token"
            )
    except Unauthenticated as error:
        error.headers.setdefault("WWW-Authenticate", f'{_SCHEME}, error="invalid_token"')
        raise
    if not header:
        staff = _staff(platform, session, req)
        if staff is not None:
            return Identity(actor=staff, via="session")
    context = ActorContext(request=req, session=session, platform=platform)
    answer = platform.plugins.first(Plugin.resolve_actor, context)
    if answer is not None and answer.value is not None:
        return Identity(actor=answer.value, via="plugin")
    if header:
        raise Unauthenticated(
            "The Authorization header was refused, because it holds no credential that this "
            "server knows; send `Authorization: Bearer` with an API key or a customer's token",
            code="unknown_credential",
            headers=CHALLENGE,
        )
    return Identity(actor=Actor())


def _staff(platform: Platform, session: Session, req: Request) -> StaffActor | None:
    token = staff_token(req)
    return None if token is None else platform.accounts.actor_of_session(session, token)


def admit(platform: Platform, actor: Actor, *, access: Access) -> str:
    """Check the access rule, then ask the plugins whether they object.

    Returns:
        How the rule let the actor in.

    Raises:
        Unauthenticated: nobody is signed in, and the route is not public.
        Forbidden: the actor may not (`missing_scope`, `missing_permission`, `forbidden`).
    """
    permission = access.used_by(actor)
    if permission is None:
        raise _refusal(actor, access)
    if permission == "public":
        return permission
    context = AuthorizeContext(
        actor=actor,
        permission=permission,
        endpoint=request.endpoint or "",
        view_args=dict(request.view_args or {}),
        platform=platform,
    )
    for answer in platform.plugins.call(Plugin.authorize, context):
        if answer.error is not None:
            raise Forbidden(
                "The request was refused, because a check of the permission failed; "
                "try again, and tell the administrators the request id if it stays so"
            )
        if answer.value:
            raise Forbidden(answer.value)
    return permission


def _refusal(actor: Actor, access: Access) -> Unauthenticated | Forbidden:
    wanted = access.describe()
    if isinstance(actor, KeyActor):
        return Forbidden(
            f"The API key {actor.name!r} may not do this: it takes {wanted}, and the key's scopes "
            "do not hold it; use another key, or have one made with that scope in the admin",
            code="missing_scope",
        )
    if isinstance(actor, StaffActor):
        return Forbidden(
            f"You may not do this: it takes {wanted}, and none of your roles has it; "
            "ask an administrator for a role that has",
            code="missing_permission",
        )
    if actor.kind == "anonymous":
        return Unauthenticated(
            f"The request carries no credential, and this takes {wanted}; "
            "send `Authorization: Bearer` with an API key or a customer's token, or sign in",
            headers=CHALLENGE,
        )
    return Forbidden(
        f"A {actor.kind} may not do this: it takes {wanted}; use a credential of that kind"
    )
