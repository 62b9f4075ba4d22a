"""Blueprints of the JSON API: one decorator declares, serves and documents an operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response
from flask_smorest import Blueprint

from dxp.errors import ConfigurationError
from dxp.web.access import Access
from dxp.web.endpoint import Endpoint, SchemaLike, Transaction
from dxp.web.openapi import document_endpoint
from dxp.web.problem_codes import ProblemCode
from dxp.web.problems import problems_of
from dxp.web.serving import serve

if TYPE_CHECKING:
    from apispec import APISpec

View = TypeVar("View", bound=Callable[..., Any])


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """A group of operations under one prefix; its name is their tag in OpenAPI.

    Args:
        name: unique in the application; a plugin's own name, or `<plugin>_<part>`.
        url_prefix: below `/api/v1`.
        description: of the tag, in a sentence or two.
        codes: problem codes that the services below raise, with their documentation.
    """

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        url_prefix: str,
        description: str,
        codes: Sequence[ProblemCode] = (),
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self.codes = tuple(codes)
        self.endpoints: dict[str, Endpoint] = {}

    def endpoint(
        self,
        method: str,
        rule: str,
        *,
        summary: str,
        access: Access,
        body: SchemaLike | None = None,
        query: SchemaLike | None = None,
        response: SchemaLike | None = None,
        status: int = 200,
        also: Sequence[int] = (),
        idempotent: bool = False,
        paged: bool = False,
        etag: bool = False,
        transaction: Transaction = True,
        private: bool | None = None,
        problems: Sequence[str | ProblemCode] = (),
        description: str | None = None,
        content_type: str | None = None,
    ) -> Callable[[View], View]:
        """Register a view. It gets a `Call`, then path parameters, `query` and `body` by name.

        Args:
            rule: below the prefix, such as `/<uuid:customer_id>`; `uuid` answers 404 to what is
                no id.
            summary: a line for the documentation; the view's docstring is the long form.
            access: who may; without it nothing registers.
            body: schema of the JSON body, handed over loaded as `body`.
            query: schema of the query, handed over loaded as `query`. Unknown parameters are 400.
            response: schema that dumps the answer; of one item when `paged`.
            status: of the answer, when the view's reply names none.
            also: other statuses of success, with an answer of the same schema.
            idempotent: Idempotency-Key is required, and a retry gets the stored answer.
            paged: adds `limit`, `cursor` and `count`; the view returns `paginate(...)`.
            etag: on GET, answer ETag and 304; on writes, require If-Match, which the view
                compares by `call.check_match(...)`.
            transaction: False gives no session; `"read"` gives a POST that writes nothing a
                session that takes no lock.
            private: True: `private, no-store`; False: caches may share it; by default private
                when customers may ask.
            problems: codes that the view may answer besides those that follow from the other
                arguments; a `ProblemCode` declares one on the spot.
            content_type: of `raw` answers that are not JSON.

        Raises:
            ConfigurationError: arguments that contradict each other, or a name used twice.
        """

        def register(view: View) -> View:
            name = getattr(view, "__name__", "view")
            if name in self.endpoints:
                raise ConfigurationError(
                    f"blueprint {self.name!r} has two views named {name!r}, and OpenAPI's "
                    "operation ids are made of the names; rename one"
                )
            if not isinstance(access, Access):
                raise ConfigurationError(
                    f"{method} {rule} ({name}) names no access rule, so nobody may use it; "
                    "give it access=needs(…), customer(), signed_in() or anyone()"
                )
            endpoint = Endpoint(
                name=f"{self.name}.{name}",
                method=method.upper(),
                rule=f"{self.url_prefix}{rule}",
                summary=summary,
                access=access,
                body=body,
                query=query,
                response=response,
                status=status,
                also=tuple(also),
                idempotent=idempotent,
                paged=paged,
                etag=etag,
                transaction=transaction,
                private=private,
                problems=tuple(problems),
                description=description or _docstring(view),
                content_type=content_type or "application/json",
            )

            @wraps(view)
            def handle(**view_args: Any) -> Response:
                return serve(endpoint, view, view_args)

            handle.dxp_access = access  # type: ignore[attr-defined]  # read by the guard
            handle.dxp_endpoint = endpoint  # type: ignore[attr-defined]
            self.endpoints[name] = endpoint
            self.add_url_rule(rule, name, handle, methods=[endpoint.method])
            return view

        return register

    def register_views_in_doc(
        self, api: Any, app: Flask, spec: APISpec, *, name: str, parameters: Any
    ) -> None:
        """Document the operations; called by flask-smorest when the blueprint is registered."""
        codes = problems_of(app).codes
        for code in self.codes:
            codes.declare(code)
        for endpoint in self.endpoints.values():
            for item in endpoint.problems:
                if isinstance(item, ProblemCode):
                    codes.declare(item)
        for endpoint in self.endpoints.values():
            possible = endpoint.codes(codes)  # refuses an undeclared one at start
            api.when_asked(partial(document_endpoint, app, spec, endpoint, possible, tag=name))


def _docstring(view: Callable[..., Any]) -> str | None:
    text = view.__doc__
    return None if text is None else "\n".join(line.strip() for line in text.strip().splitlines())
