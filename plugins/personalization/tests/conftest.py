"""Fixtures of the plugin's tests: this plugin, with small neighbours that answer its questions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy.orm import Session

from dxp.api import DecideContext, FactsContext, Plugin, Proposal, StartContext
from dxp.contracts import Consents, PublishedContent, PublishedEntry
from dxp.testing.client import DxpClient
from dxp_personalization.plugin import PersonalizationPlugin

DEFAULT, GOLD, GIFT = (uuid.UUID(int=number) for number in (1, 2, 3))
TITLES = {DEFAULT: "Welcome", GOLD: "For gold members", GIFT: "A gift waits"}


class Neighbours(Plugin):
    """Content, consents, facts and a proposal, settable by a test."""

    name = "neighbours"

    def __init__(self) -> None:
        self.consenting: set[uuid.UUID] = set()
        self.known: dict[uuid.UUID, dict[str, Any]] = {}
        self.live = set(TITLES)
        self.broken = False

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        return {PublishedContent: _Content(self), Consents: _Consents(self)}

    def facts(self, ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        if self.broken:
            raise RuntimeError("facts are broken")
        return {key: self.known.get(key, {}) for key in ctx.subject_ids}

    def decide(self, ctx: DecideContext) -> Sequence[Proposal]:
        if not ctx.facts.get("loyalty.has_birthday_gift"):
            return ()
        return [
            Proposal(candidate=key, reason="a gift waits")
            for key, tags in ctx.tags.items()
            if "birthday-gift" in tags
        ]


class _Content:
    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def by_ids(
        self, session: Session, ids: Sequence[uuid.UUID], *, locale: str
    ) -> Mapping[uuid.UUID, PublishedEntry]:
        return {key: _entry(key, locale) for key in ids if key in self._neighbours.live}

    def by_slug(
        self, session: Session, type_name: str, slug: str, *, locale: str
    ) -> PublishedEntry | None:
        return None

    def choices(self, session: Session, *, query: str, locale: str) -> Sequence[PublishedEntry]:
        return [_entry(key, locale) for key in sorted(self._neighbours.live)]


class _Consents:
    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def granted(self, session: Session, subject_id: uuid.UUID, purpose: str) -> bool:
        return purpose == "profiling" and subject_id in self._neighbours.consenting

    def granted_many(
        self, session: Session, subject_ids: Sequence[uuid.UUID], purpose: str
    ) -> set[uuid.UUID]:
        return {key for key in subject_ids if self.granted(session, key, purpose)}


def _entry(key: uuid.UUID, locale: str) -> PublishedEntry:
    body = orjson.dumps({"id": str(key), "title": TITLES[key]})
    return PublishedEntry(
        id=key,
        type="banner",
        slug=str(key.int),
        title=TITLES[key],
        locale=locale,
        body=body,
        etag="1",
    )


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return (PersonalizationPlugin, Neighbours)


@pytest.fixture
def neighbours(platform: Any) -> Neighbours:
    plugin = platform.plugins.loaded["neighbours"].plugin
    assert isinstance(plugin, Neighbours)
    return plugin


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    """A storefront that may do all that the plugin offers."""
    return client.as_key(
        "personalization.decide", "personalization.slots.read", "personalization.slots.write"
    )


@pytest.fixture
def hero(key: DxpClient) -> str:
    """The slot `home.hero` with three candidates: a fallback, one by points, one for a gift."""
    assert key.post("/api/v1/slots", json={"key": "home.hero", "title": "Hero"}).status_code == 201
    candidates: dict[str, dict[str, Any]] = {
        "welcome": {"content_id": str(DEFAULT), "fallback": True},
        "gold": {
            "content_id": str(GOLD),
            "condition": {"loyalty.points_available": {"$gte": 500}},
            "priority": 10,
        },
        "gift": {
            "content_id": str(GIFT),
            "condition": {"loyalty.has_birthday_gift": True},
            "tags": ["birthday-gift"],
        },
    }
    for name, candidate in candidates.items():
        answer = key.put(f"/api/v1/slots/home.hero/candidates/{name}", json=candidate)
        assert answer.status_code == 200, answer.get_data(as_text=True)
    return "home.hero"
