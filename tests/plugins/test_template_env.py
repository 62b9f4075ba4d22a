"""Plugins add to the language of the admin's templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from marshmallow import Schema, fields

from dxp.errors import ConfigurationError
from dxp.plugins.contexts import TemplateContext
from dxp.plugins.spec import Plugin
from dxp.testing.apps import AppMaker


class ShoutSettings(Schema):
    """How loud."""

    marks = fields.Integer(load_default=1)


class ShoutPlugin(Plugin):
    """Adds a filter that its own settings tune."""

    name = "shout"
    settings_schema: ClassVar[type[Schema] | None] = ShoutSettings

    def template_env(self, ctx: TemplateContext) -> None:
        end = "!" * int(ctx.settings["marks"])
        ctx.environment.filters["shout_loudly"] = lambda text: f"{text.upper()}{end}"


class BrokenPlugin(Plugin):
    """Fails where it should add something."""

    name = "broken"

    def template_env(self, ctx: TemplateContext) -> None:
        raise RuntimeError("no voice")


@pytest.mark.parametrize(("section", "shown"), [({}, "TEA!"), ({"marks": 3}, "TEA!!!")])
def test_a_filter_of_a_plugin_works_in_templates(
    app_maker: AppMaker, section: Mapping[str, Any], shown: str
) -> None:
    """With the plugin's own checked settings at hand."""
    app = app_maker.make(plugins=[ShoutPlugin], settings={"plugins": {"shout": section}})
    template = app.jinja_env.from_string("{{ word|shout_loudly }}")
    assert template.render(word="tea") == shown


def test_a_plugin_that_fails_there_is_named_at_start(app_maker: AppMaker) -> None:
    """Rather than on the first page that wants the filter."""
    with pytest.raises(ConfigurationError, match=r"'broken'.*template_env.*no voice"):
        app_maker.make(plugins=[BrokenPlugin])
