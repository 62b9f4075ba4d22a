"""Fixtures of the plugin's tests: an application with this plugin alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from dxp.api import Platform, Plugin, StartContext
from dxp.contracts import Purpose
from dxp.testing.client import DxpClient
from dxp_crm.plugin import CrmPlugin


class PurposesPlugin(Plugin):
    """Stands in for the plugins that use customers' data for something."""

    name = "purposeful"

    def purposes(self, ctx: StartContext) -> Sequence[Purpose]:
        return [
            Purpose(key="birthday", label="Birthday gifts", description="Gifts."),
            Purpose(key="profiling", label="Selection", description="Content for you."),
        ]


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return (CrmPlugin, PurposesPlugin)


@pytest.fixture
def visible() -> Callable[[TestResponse], str]:
    """`visible(answer)`: what stands between the tags of a page.

    Without the random tokens in the tags, which now and then hold any short word.
    """
    return lambda answer: re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True))


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    """A storefront that may read and write customers."""
    return client.as_key("crm.customers.read", "crm.customers.write", "events.write")


@pytest.fixture
def grace(key: DxpClient) -> dict[str, Any]:
    """A registered customer, as the API answers it."""
    answer = key.post(
        "/api/v1/customers",
        json={
            "ref": "C-1",
            "name": "Grace Miller",
            "email": "grace@example.com",
            "timezone": "Europe/Paris",
            "birthday": {"month": 12, "day": 9, "year": 1906},
            "consents": [{"purpose": "birthday", "granted": True, "channel": "web"}],
        },
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


class _Killed(BaseException):
    """What ends a process that was told to."""


@dataclass
class Death:
    """Whether a process ended before it was done."""

    happened: bool = False


@pytest.fixture
def dying(platform: Platform) -> Callable[[int], AbstractContextManager[Death]]:
    """`with dying(3) as death:` ends what runs in the block in place of its fourth commit."""

    @contextmanager
    def after(commits: int) -> Iterator[Death]:
        death = Death()
        left = iter(range(commits))

        def commit(_connection: Any) -> None:
            if next(left, None) is None:
                raise _Killed

        event.listen(platform.db.engine, "commit", commit)
        try:
            yield death
        except _Killed:
            death.happened = True
        finally:
            event.remove(platform.db.engine, "commit", commit)

    return after
