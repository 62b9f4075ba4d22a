"""flask-smorest, set up: the document, its names, and where it is served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from flask_smorest import Api
from marshmallow import Schema

from dxp.web.openapi import add_components, closes, schema_name
from dxp.web.properties import mend_property

if TYPE_CHECKING:
    from dxp.settings import Settings

_KEY = "dxp_api"


class _Converter(OpenAPIConverter):
    """Says what marshmallow does and apispec leaves out: that a schema takes no other members,
    what it means, and the rules of fields as JSON Schema 2020-12 writes them.
    """

    def field2property(self, field: Any) -> dict[str, Any]:
        return mend_property(super().field2property(field), field)

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        document: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        if isinstance(schema, Schema) and closes(schema):
            document.setdefault("additionalProperties", schema.unknown == "include")
        own = type(schema).__dict__.get("__doc__")
        if own:
            document.setdefault("description", " ".join(own.split()))
        return document


class _MarshmallowPlugin(MarshmallowPlugin):
    Converter = _Converter


class _Api(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """Leaves errors, pages and validators to us, in the application and in the document.

    The document is made when it is first asked for: most processes never are, and start sooner.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._postponed: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def when_asked(self, document: Callable[[], None]) -> None:
        """Postpone what adds to the document."""
        self._postponed.append(document)

    def document(self) -> dict[str, Any]:
        """The whole OpenAPI document."""
        with self._lock:
            while self._postponed:
                self._postponed.pop(0)()
            whole: dict[str, Any] = self.spec.to_dict()
            return whole

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass


def install_api(app: Flask, settings: Settings, *, version: str) -> Any:
    """Make the document, to which blueprints then add themselves."""
    app.config.update(API_TITLE="dxp", API_VERSION=version, OPENAPI_VERSION="3.1.0")
    api = _Api(
        spec_kwargs={
            # apispec takes None for a schema to be written out in place; its types do not say so
            "marshmallow_plugin": _MarshmallowPlugin(schema_name),  # type: ignore[arg-type]
            "info": {
                "description": _DESCRIPTION,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": settings.server.public_url or "/"}],
        }
    )
    api.init_app(app)
    api.when_asked(
        lambda: add_components(
            api.spec,
            max_page_size=settings.api.max_page_size,
            default_page_size=settings.api.default_page_size,
            locales=settings.locale.available,
        )
    )
    app.extensions[_KEY] = api
    return api


def api_of(app: Flask) -> Any:
    """The flask-smorest `Api` of an application that `install_web` has seen."""
    return app.extensions[_KEY]


_DESCRIPTION = """\
Content, customers, loyalty and selection over JSON.

Errors are RFC 9457 problems with a stable `code`, each with a page of its own. Lists are paged by
cursors. Reads answer an ETag; writes of shared resources need If-Match; requests that move points
need an Idempotency-Key.
"""
