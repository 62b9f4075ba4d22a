"""Wiring of the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import Schema

from dxp.api import (
    Base,
    DemoContext,
    DemoReport,
    ErasureContext,
    EventType,
    Job,
    MenuEntry,
    MergeContext,
    Permission,
    Plugin,
    Routes,
    Schedule,
    SearchContext,
    SearchDocument,
    StartContext,
    SubjectContext,
    UnmergeContext,
)
from dxp.api import lazy_gettext as _l
from dxp.contracts import PURPOSE_PROFILING, Purpose, Selection
from dxp_personalization.settings import PersonalizationSettings


class PersonalizationPlugin(Plugin):
    """The right content for each person: slots, candidates, and an answer to why."""

    name = "personalization"
    title = _l("Selection")
    after = ("cms", "crm", "loyalty")
    settings_schema: ClassVar[type[Schema]] = PersonalizationSettings

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        from dxp_personalization.models import MODELS

        return MODELS

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        from dxp_personalization.services import Personalization

        service = Personalization(ctx.platform)
        return {Personalization: service, Selection: service.decisions}

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        from dxp_personalization.permissions import PERMISSIONS

        return PERMISSIONS

    def purposes(self, ctx: StartContext) -> Sequence[Purpose]:
        return (
            Purpose(
                key=PURPOSE_PROFILING,
                label=_l("Personal selection of content"),
                description=_l("We may choose what you see by what we know of you."),
            ),
        )

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        from dxp_personalization.events import EVENTS

        return EVENTS

    def jobs(self, ctx: StartContext) -> Sequence[Job | Schedule]:
        from dxp_personalization.jobs import JOBS

        return JOBS

    def routes(self, ctx: StartContext) -> Routes:
        from dxp_personalization.web.admin import admin
        from dxp_personalization.web.api import api

        return Routes(api=[api], admin=[admin])

    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        return (
            MenuEntry(
                label=_l("Slots"),
                endpoint="personalization_admin.list_slots",
                permission="personalization.slots.read",
                icon="bullseye",
                section="selection",
                order=10,
            ),
        )

    def demo(self, ctx: DemoContext) -> DemoReport | None:
        from dxp_personalization.demo import demo

        return demo(ctx)

    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        from dxp_personalization.services.panels import search_documents

        return search_documents(ctx)

    def export_subject(self, ctx: SubjectContext) -> Mapping[str, Any]:
        from dxp_personalization.services.privacy import export_subject

        return export_subject(ctx)

    def erase_subjects(self, ctx: ErasureContext) -> None:
        from dxp_personalization.services.privacy import erase_subjects

        erase_subjects(ctx)

    def merge_subjects(self, ctx: MergeContext) -> Mapping[str, Any]:
        from dxp_personalization.services.privacy import merge_subjects

        return merge_subjects(ctx)

    def unmerge_subjects(self, ctx: UnmergeContext) -> None:
        from dxp_personalization.services.privacy import unmerge_subjects

        unmerge_subjects(ctx)
