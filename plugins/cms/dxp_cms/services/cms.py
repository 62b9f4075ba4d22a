"""The plugin's services in one hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import Platform
from dxp_cms.hooks import CmsHooks, ContentTypesContext
from dxp_cms.services.checks import PublishChecks
from dxp_cms.services.drafts import Drafts
from dxp_cms.services.publishing import Publishing
from dxp_cms.services.reading import PublishedReader
from dxp_cms.services.rendering import Renderer
from dxp_cms.services.trash import Trash
from dxp_cms.types import TypeRegistry


class Cms:
    """Everything that web, jobs and commands of this plugin ask for.

    `platform.services.get(Cms)` finds it.

    Attributes:
        settings: the plugin's checked settings.
        types: the content types that the plugins declare.
    """

    def __init__(self, platform: Platform, settings: Mapping[str, Any]) -> None:
        self.platform = platform
        self.settings = settings
        self.types = _types_of(platform)
        self.renderer = Renderer(platform, self.types)
        self.checks = PublishChecks(platform)
        self.drafts = Drafts(platform, self.types)
        self.publishing = Publishing(
            platform, self.types, drafts=self.drafts, renderer=self.renderer, checks=self.checks
        )
        self.trash = Trash(platform, drafts=self.drafts, publishing=self.publishing)
        self.reader = PublishedReader(platform)


def _types_of(platform: Platform) -> TypeRegistry:
    registry = TypeRegistry()
    context = ContentTypesContext(platform=platform)
    for answer in platform.plugins.call(CmsHooks.cms_content_types, context):
        registry.declare(answer.value, plugin=answer.plugin)
    registry.check()
    return registry
