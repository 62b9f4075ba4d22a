"""The whole application with some life in it, for generated requests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from dxp.api import DemoContext, Plugin, SystemActor
from dxp.testing.apps import AppMaker, platform_of
from dxp.testing.client import DxpClient, client_of
from dxp.testing.databases import Databases


@dataclass(frozen=True, kw_only=True)
class World:
    """An application, who may call it, and what there is to be found in it.

    Attributes:
        known: values of path parameters that exist.
    """

    app: Flask
    key: str
    token: str
    known: Mapping[str, str]


@pytest.fixture(scope="module")
def world(dxp_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    maker = AppMaker(dxp_databases, tmp_path_factory.mktemp("api"))
    app = maker.make(settings={"demo": {"time_travel": True}})
    platform = platform_of(app)
    context = DemoContext(
        platform=platform,
        actor=SystemActor(name="test"),
        stage="prepare",
        progress=lambda _label, _total: lambda _steps: None,
    )
    platform.plugins.call(Plugin.demo, context)
    nobody = client_of(app)
    scopes = [permission.name for permission in platform.accounts.permissions if permission.scope]
    keyed = nobody.as_key(*scopes)
    known = _populate(keyed)
    customer = nobody.as_customer(uuid.UUID(known["subject_id"]))
    yield World(app=app, key=_bearer(keyed), token=_bearer(customer), known=known)
    maker.close()


@pytest.fixture
def document(world: World) -> Any:
    """The application's OpenAPI document, as schemathesis reads it."""
    generation = GenerationConfig(
        modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE],
        with_security_parameters=False,
        database="none",
        deterministic=True,
        no_shrink=True,
    )
    config = SchemathesisConfig(
        projects=ProjectsConfig(default=ProjectConfig(generation=generation))
    )
    return schemathesis.openapi.from_wsgi("/api/openapi.json", world.app, config=config)


def _bearer(client: DxpClient) -> str:
    return str(client.environ_base["HTTP_AUTHORIZATION"])


def _populate(client: DxpClient) -> dict[str, str]:
    """Somebody who bought something, and the ids of what the demo's definitions made."""
    registered = client.post(
        "/api/v1/customers",
        json={
            "ref": "C-1",
            "email": "ada@example.com",
            "birthday": {"month": 3, "day": 10, "calendar": "gregorian"},
        },
    )
    assert registered.status_code == 201, registered.get_json()
    order = {"order_id": "1", "total": "100.00", "currency": "EUR"}
    client.post(
        "/api/v1/events",
        json={
            "events": [
                {"id": "1", "type": "order.placed", "subject": {"ref": "C-1"}, "data": order}
            ]
        },
    )
    known = {
        "subject_id": registered.headers["Location"].rpartition("/")[2],
        "purpose": "marketing",
    }
    lists: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
        ("slot", "/api/v1/slots", lambda body: body[0]["key"]),
        ("reward_id", "/api/v1/loyalty/rewards", lambda body: body["data"][0]["id"]),
        ("rule_id", "/api/v1/loyalty/earning-rules", lambda body: body["data"][0]["id"]),
        ("slug", "/api/v1/content/article", lambda body: body["data"][0]["slug"]),
    )
    for name, path, find in lists:
        body = client.get(path).get_json()
        if body and (not isinstance(body, dict) or body.get("data")):
            known[name] = str(find(body))
    return known
