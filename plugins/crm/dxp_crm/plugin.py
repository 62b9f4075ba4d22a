"""Wiring of the plugin."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from click import Command
from marshmallow import Schema

from dxp.api import (
    AuditViewContext,
    Base,
    BatchSubscription,
    DemoContext,
    DemoReport,
    ErasureContext,
    EventType,
    FactField,
    FactFieldsContext,
    FactsContext,
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    Job,
    MenuEntry,
    MergeContext,
    Permission,
    Plugin,
    ProfileViewContext,
    Routes,
    Schedule,
    SearchContext,
    SearchDocument,
    StartContext,
    SubjectContext,
    Subscription,
    UnmergeContext,
)
from dxp.api import lazy_gettext as _l
from dxp.contracts import PURPOSE_MARKETING, Consents, Profiles, Purpose
from dxp_crm.settings import CrmSettings


class CrmPlugin(Plugin):
    """Customers: profiles, consents, and one timeline of everything that happened."""

    name = "crm"
    title = _l("Customers")
    settings_schema: ClassVar[type[Schema]] = CrmSettings

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        from dxp_crm.models import MODELS

        return MODELS

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        from dxp_crm.services import Crm

        crm = Crm(ctx.platform)
        return {Crm: crm, Profiles: crm.customers, Consents: crm.consents}

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        from dxp_crm.permissions import PERMISSIONS

        return PERMISSIONS

    def purposes(self, ctx: StartContext) -> Sequence[Purpose]:
        return (
            Purpose(
                key=PURPOSE_MARKETING,
                label=_l("Marketing messages"),
                description=_l("We may write to you with offers and news."),
            ),
        )

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        from dxp_crm.events import EVENTS

        return EVENTS

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription | BatchSubscription]:
        from dxp_crm.segment_jobs import SUBSCRIPTIONS

        return SUBSCRIPTIONS

    def jobs(self, ctx: StartContext) -> Sequence[Job | Schedule]:
        from dxp_crm.jobs import JOBS

        return JOBS

    def routes(self, ctx: StartContext) -> Routes:
        from dxp_crm.web import APIS
        from dxp_crm.web.admin import admin

        return Routes(api=APIS, admin=[admin])

    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        from dxp_crm.web.menu import MENU

        return MENU

    def commands(self, ctx: StartContext) -> Sequence[Command]:
        from dxp_crm.commands import export_command, import_command

        return (import_command, export_command)

    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        from dxp_crm.services.panels import fragments

        return fragments(ctx)

    def facts(self, ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        from dxp_crm.services.facts import facts

        return facts(ctx)

    def fact_fields(self, ctx: FactFieldsContext) -> Sequence[FactField]:
        from dxp_crm.services.facts import fact_fields

        return fact_fields(ctx)

    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        from dxp_crm.services.panels import search_documents

        return search_documents(ctx)

    def hidden_profile_fields(self, ctx: ProfileViewContext) -> Collection[str]:
        from dxp_crm.services.panels import hidden_profile_fields

        return hidden_profile_fields(ctx)

    def hidden_audit_values(self, ctx: AuditViewContext) -> Collection[str]:
        from dxp_crm.services.panels import hidden_audit_values

        return hidden_audit_values(ctx)

    def export_subject(self, ctx: SubjectContext) -> Mapping[str, Any]:
        from dxp_crm.services.privacy import export_subject

        return export_subject(ctx)

    def erase_subjects(self, ctx: ErasureContext) -> None:
        from dxp_crm.services.privacy import erase_subjects

        erase_subjects(ctx)

    def merge_subjects(self, ctx: MergeContext) -> Mapping[str, Any]:
        from dxp_crm.services.privacy import merge_subjects

        return merge_subjects(ctx)

    def unmerge_subjects(self, ctx: UnmergeContext) -> None:
        from dxp_crm.services.privacy import unmerge_subjects

        unmerge_subjects(ctx)

    def demo(self, ctx: DemoContext) -> DemoReport | None:
        from dxp_crm.demo import demo

        return demo(ctx)

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        from dxp_crm.services.panels import health

        return health(ctx)
