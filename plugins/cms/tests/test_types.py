"""A content type that cannot work is refused at start, with its name and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from dxp.api import ConfigurationError, Plugin
from dxp.testing import MakeApp
from dxp_cms.plugin import CmsPlugin
from dxp_cms.shipped import SHIPPED
from dxp_cms.types import TypeRegistry
from dxp_cms.types.model import build_type

TITLE = {"name": "title", "kind": "text", "label": "Title", "required": True}


def defined(*fields: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The definition of a type with a title and these fields."""
    return {"name": "event", "label": "Event", "plural": "Events", "fields": [TITLE, *fields]} | (
        changes
    )


def field(**options: Any) -> dict[str, Any]:
    return {"name": "extra", "kind": "text", "label": "Extra"} | options


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (defined(name="Event"), "name"),
        (defined(name="drafts"), "reserved"),
        (defined(title_field="headline"), "title_field"),
        (defined(fields=[]), "fields"),
        (defined(colour="red"), "colour"),
        (defined(field(name="slug")), "'slug' is reserved"),
        (defined(field(name="published_at")), "'published_at' is reserved"),
        (defined(field(name="Extra field")), "name"),
        (defined(field(), field()), "two fields are named 'extra'"),
        (defined(field(kind="map")), "kind"),
        (defined(field(minimum=3)), "minimum"),
        (defined(field(kind="choice", choices=[])), "choices"),
        (
            defined(field(kind="choice", choices=[{"value": "a", "label": "A"}] * 2)),
            "same value",
        ),
        (defined(field(kind="reference")), "to"),
        (defined(field(kind="list")), "of"),
        (defined(field(kind="list", of={"kind": "list", "of": {"kind": "text"}})), "cannot hold"),
        (defined(field(kind="list", of={"kind": "richtext"})), "cannot hold"),
        (defined(field(kind="list", of={"kind": "choice"})), "choices"),
        (defined(field(kind="richtext", filterable=True)), "cannot be filtered by"),
        (defined(field(filterable=True)), "max_length"),
        (defined(field(kind="list", of={"kind": "text"}, filterable=True)), "max_length"),
    ],
)
def test_a_definition_that_cannot_work_is_refused_by_name(
    definition: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match="not well defined") as refused:
        build_type(definition)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (SHIPPED[0], "declared twice, by 'cms' and by 'events'"),
        (defined(field(kind="reference", to=["novel"])), "'novel', which no plugin declares"),
        (
            defined(field(kind="list", of={"kind": "reference", "to": ["novel"]})),
            "'novel', which no plugin declares",
        ),
        (
            defined(field(kind="reference", to=["article"], include=["colour"])),
            "'colour', which is no field of 'article'",
        ),
    ],
)
def test_types_are_checked_against_one_another(definition: Mapping[str, Any], said: str) -> None:
    registry = TypeRegistry()
    registry.declare(SHIPPED, plugin="cms")
    with pytest.raises(ConfigurationError) as refused:
        registry.declare([definition], plugin="events")
        registry.check()
    assert said in str(refused.value)


class Wrong(Plugin):
    """A plugin whose content type cannot work."""

    name: ClassVar[str] = "wrong"

    def cms_content_types(self, ctx: Any) -> Sequence[Mapping[str, Any]]:
        return [defined(field(name="slug"))]


def test_the_start_is_refused_and_names_the_plugin_and_the_type(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_app(plugins=[CmsPlugin, Wrong])
    message = str(refused.value)
    assert "'wrong'" in message
    assert "'event'" in message
    assert "'slug' is reserved" in message
