"""Blueprints of admin pages: one decorator declares who may, and opens the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from dxp.admin.call import AdminCall, redirect_response
from dxp.admin.csrf import check_token
from dxp.admin.locales import settle_locale
from dxp.admin.shell import SIGN_IN, url_of
from dxp.auth.actors import Actor, StaffActor
from dxp.errors import BadRequest, ConfigurationError, Forbidden, Unauthenticated
from dxp.web.access import Access
from dxp.web.call import PageRequest
from dxp.web.endpoint import Transaction
from dxp.web.frame import SAFE_METHODS, Entry, Mode
from dxp.web.pagination import binding_of
from dxp.web.reading import read_page
from dxp.web.state import current_platform, request_state

if TYPE_CHECKING:
    from dxp.platform import Platform

View = TypeVar("View", bound=Callable[..., Any])
BodyLimit = Callable[["Platform"], int]


@dataclass(frozen=True, kw_only=True)
class AdminPage:
    """The declaration of one page; made by `AdminBlueprint.page`."""

    name: str
    method: str
    access: Access
    transaction: Transaction
    paged: bool
    body_limit: BodyLimit | None = None

    @property
    def mode(self) -> Mode:
        """The session that the view gets."""
        if self.transaction is False:
            return "none"
        if self.transaction is True:
            return "read" if self.method in SAFE_METHODS else "write"
        return self.transaction


class AdminBlueprint(Blueprint):
    """A group of admin pages under one prefix.

    Args:
        name: unique in the application; endpoints are `<name>.<function>`.
        url_prefix: below `/admin`, such as `/admin/crm`.
    """

    def __init__(self, name: str, import_name: str, *, url_prefix: str) -> None:
        if url_prefix != "/admin" and not url_prefix.startswith("/admin/"):
            raise ConfigurationError(
                f"the admin blueprint {name!r} lies under {url_prefix!r}, where neither the "
                "admin's language nor its error pages reach; put it below /admin"
            )
        super().__init__(name, import_name, url_prefix=url_prefix)

    def page(
        self,
        method: str,
        rule: str,
        *,
        access: Access,
        transaction: Transaction = True,
        paged: bool = False,
        body_limit: BodyLimit | None = None,
    ) -> Callable[[View], View]:
        """Register a view. It gets an `AdminCall`, then path parameters by name.

        Args:
            access: who may; without it nothing registers.
            transaction: False gives no session; `"read"` gives a POST that writes nothing a
                session that takes no lock.
            paged: reads `cursor`, so that the view may call `paginate(...)`.
            body_limit: bytes that may be sent to a page that takes files, asked at each request;
                without it `api.max_body_bytes` holds. Files go to disk as they come in.

        What the view wrote is committed when it answers below 400, and undone otherwise.
        """

        def register(view: View) -> View:
            name = getattr(view, "__name__", "view")
            if not isinstance(access, Access):
                raise ConfigurationError(
                    f"{method} {rule} ({self.name}.{name}) names no access rule, so nobody may "
                    "use it; give it access=needs(…), signed_in() or anyone()"
                )
            page = AdminPage(
                name=f"{self.name}.{name}",
                method=method.upper(),
                access=access,
                transaction=transaction,
                paged=paged,
                body_limit=body_limit,
            )

            @wraps(view)
            def handle(**view_args: Any) -> ResponseReturnValue:
                return serve_page(page, view, view_args)

            handle.dxp_access = access  # type: ignore[attr-defined]  # read by the guard
            self.add_url_rule(rule, name, handle, methods=[page.method])
            return view

        return register


class _Refused(Exception):
    """Leaves the transaction of a request that was answered with a refusal."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def serve_page(page: AdminPage, view: Callable[..., Any], view_args: dict[str, Any]) -> Response:
    """Check who asks and that our own page sent it, run the view in its transaction, answer.

    An answer of 400 and above undoes what the view wrote: a form that comes back with errors has
    saved nothing. Who is not signed in goes to the sign-in page and comes back afterwards.
    """
    platform = current_platform()
    try:
        with Entry(platform, page.access) as entry:
            actor = entry.identity.actor
            settle_locale(platform.settings, actor)
            _refuse_machines(page, actor)
            if page.body_limit is not None:
                request.max_content_length = page.body_limit(platform)
            check_token()
            _refuse_nul()
            state = request_state()
            call = AdminCall(
                session=entry.begin(page.mode),
                actor=actor,
                platform=platform,
                locale=state.locale,
                now=platform.clock.now(),
                request_id=state.request_id,
                page=_page_request(page) if page.paged else None,
            )
            response = call.finish(view(call, **view_args))
            if response.status_code >= 400:
                raise _Refused(response)
    except _Refused as refused:
        response = refused.response
    except Unauthenticated:
        settle_locale(platform.settings, Actor())
        return _to_sign_in()
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Content-Language", request_state().locale)
    return response


def _refuse_machines(page: AdminPage, actor: Actor) -> None:
    """Pages are for people: an API key's scopes open the API only."""
    if not page.access.public and not isinstance(actor, StaffActor):
        raise Forbidden(
            f"The page was refused, because a {actor.kind} is no member of staff; "
            "sign in to use the admin, or ask the JSON API under /api/v1"
        )


def _refuse_nul() -> None:
    """No text of ours holds a NUL character, and PostgreSQL fails on one."""
    fields = [*request.args.items(multi=True), *request.form.items(multi=True)]
    if "\x00" in request.path or any("\x00" in text for _name, text in fields):
        raise BadRequest(
            "The page was refused, because something that was sent holds a NUL character, which "
            "no text does; take it out and try again"
        )


def _to_sign_in() -> Response:
    back = None
    if request.method == "GET" and not request.headers.get("HX-Request"):
        back = request.full_path if request.query_string else request.path
    url = url_of(SIGN_IN, "/admin/sign-in", **({"next": back} if back else {}))
    response = redirect_response(url)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page_request(page: AdminPage) -> PageRequest:
    asked = read_page(current_platform().settings)
    return PageRequest(
        limit=asked.limit,
        cursor=asked.cursor,
        count=asked.count,
        binding=binding_of(page.name, request),
    )
