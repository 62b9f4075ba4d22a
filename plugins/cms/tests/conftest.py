"""An application with this plugin alone, and shorthands for writing content."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from dxp.api import Platform, Plugin
from dxp.testing import staff_actor
from dxp_cms.models import Entry, Revision
from dxp_cms.plugin import CmsPlugin
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms, Saved
from dxp_cms.services.document import Place, with_values

EDITOR = staff_actor("*", name="Ada Archer")
OTHER = staff_actor("*", name="Bo Baker")


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return [CmsPlugin]


@pytest.fixture
def cms(platform: Platform) -> Cms:
    """The plugin's services."""
    return platform.services.get(Cms)


def article(
    title: str = "Spring",
    *,
    locale: str = "en",
    shared: Mapping[str, Any] | None = None,
    **own: Any,
) -> dict[str, Any]:
    """The document of an article in one locale."""
    values = {"title": title, "body": blocks(f"About {title}.")} | own
    return {"shared": dict(shared or {}), "locales": {locale: values}}


@pytest.fixture
def write(platform: Platform, cms: Cms) -> Callable[..., uuid.UUID]:
    """`write(document, type_name="article", publish=("en",))` makes an entry, returns its id."""

    def make(
        document: Mapping[str, Any] | None = None,
        *,
        type_name: str = "article",
        publish: Sequence[str] = (),
    ) -> uuid.UUID:
        with platform.db.write() as session:
            saved = cms.drafts.create(
                session, EDITOR, type_name=type_name, document=document or article()
            )
            for locale in publish:
                cms.publishing.publish(session, EDITOR, entry_id=saved.entry.id, locale=locale)
            return saved.entry.id

    return make


def change(
    platform: Platform,
    cms: Cms,
    entry_id: uuid.UUID,
    values: Mapping[str, Any],
    *,
    publish: Sequence[str] = (),
) -> None:
    """Save a new draft with these values, named `en.title` or `tags`, and publish it."""
    with platform.db.write() as session:
        entry = session.get(Entry, entry_id)
        head = session.get(Revision, entry.head_revision_id)
        places = {}
        for key, value in values.items():
            locale, _, name = key.rpartition(".")
            places[Place(locale=locale or None, name=name)] = value
        saved = cms.drafts.save(
            session,
            EDITOR,
            entry_id=entry_id,
            base_id=head.id,
            document=with_values(head.document, places),
        )
        assert isinstance(saved, Saved)
        for locale in publish:
            cms.publishing.publish(session, EDITOR, entry_id=entry_id, locale=locale)
