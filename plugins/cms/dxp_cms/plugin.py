"""Wires content into the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from click import Command

from dxp.api import (
    Base,
    DemoContext,
    DemoReport,
    EventType,
    Fragment,
    FragmentContext,
    Job,
    MenuEntry,
    Permission,
    Plugin,
    Routes,
    Schedule,
    SearchContext,
    SearchDocument,
    StartContext,
    Subscription,
)
from dxp.api import lazy_gettext as _
from dxp.contracts import PublishedContent
from dxp_cms.hooks import CmsHooks, ContentTypesContext
from dxp_cms.settings import CmsSettings


class CmsPlugin(Plugin):
    """Content: typed entries with drafts, history, languages and publishing."""

    name: ClassVar[str] = "cms"
    title: ClassVar[Any] = _("Content")
    settings_schema = CmsSettings

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        from dxp_cms.models import MODELS

        return MODELS

    def hookspecs(self, ctx: StartContext) -> Sequence[type]:
        return (CmsHooks,)

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        from dxp_cms.services import Cms

        cms = Cms(ctx.platform, ctx.settings)
        return {Cms: cms, PublishedContent: cms.reader}

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        from dxp_cms.permissions import PERMISSIONS

        return PERMISSIONS

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        from dxp_cms.events import EVENTS

        return EVENTS

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription]:
        from dxp_cms.jobs import SUBSCRIPTIONS

        return SUBSCRIPTIONS

    def jobs(self, ctx: StartContext) -> Sequence[Job | Schedule]:
        from dxp_cms.jobs import JOBS

        return JOBS

    def routes(self, ctx: StartContext) -> Routes:
        from dxp_cms.services import Cms
        from dxp_cms.web.admin import admin_blueprint
        from dxp_cms.web.api import api_blueprint

        cms = ctx.platform.services.get(Cms)
        return Routes(api=[api_blueprint(cms)], admin=[admin_blueprint()])

    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        from dxp_cms.permissions import ENTRIES_READ

        return [
            MenuEntry(
                label=_("Content"),
                endpoint="cms.entries",
                permission=ENTRIES_READ,
                icon="file-earmark-richtext",
                section="content",
                order=10,
            )
        ]

    def commands(self, ctx: StartContext) -> Sequence[Command]:
        from dxp_cms.cli import commands_for

        return commands_for(ctx.platform)

    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        from dxp_cms.web.admin.fragments import fragments_for

        return fragments_for(ctx)

    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        from dxp_cms.web.admin.fragments import hits_for

        return hits_for(ctx)

    def demo(self, ctx: DemoContext) -> DemoReport | None:
        from dxp_cms.demo import demo

        return demo(ctx)

    def cms_content_types(self, ctx: ContentTypesContext) -> Sequence[Mapping[str, Any]]:
        from dxp_cms.shipped import SHIPPED

        return SHIPPED
