"""Wiring of the plugin."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from click import Command
from marshmallow import Schema

from dxp.api import (
    Base,
    BatchSubscription,
    DecideContext,
    DemoContext,
    DemoReport,
    ErasureContext,
    EventType,
    FactField,
    FactFieldsContext,
    FactsContext,
    FieldError,
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    Job,
    MenuEntry,
    MergeContext,
    Permission,
    Platform,
    Plugin,
    Proposal,
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
from dxp.contracts import PURPOSE_BIRTHDAY, Points, Purpose
from dxp_loyalty.settings import LoyaltySettingsSchema

if TYPE_CHECKING:
    from dxp_loyalty.hooks import (
        RewardCheckContext,
        RewardFulfilmentContext,
        RewardKindsContext,
        RewardsLeftContext,
        RewardUndoContext,
    )
    from dxp_loyalty.services.loyalty import Loyalty


class LoyaltyPlugin(Plugin):
    """Points, rewards and birthday gifts."""

    name = "loyalty"
    title = _l("Loyalty")
    after: ClassVar[Sequence[str]] = ("crm",)
    settings_schema: ClassVar[type[Schema]] = LoyaltySettingsSchema

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        from dxp_loyalty.models import MODELS

        return MODELS

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        from dxp_loyalty.services.loyalty import Loyalty

        loyalty = Loyalty(ctx.platform, ctx.settings)
        return {Loyalty: loyalty, Points: loyalty.points}

    def hookspecs(self, ctx: StartContext) -> Sequence[type]:
        from dxp_loyalty.hooks import LoyaltyHooks

        return [LoyaltyHooks]

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        from dxp_loyalty.permissions import PERMISSIONS

        return PERMISSIONS

    def purposes(self, ctx: StartContext) -> Sequence[Purpose]:
        from dxp_loyalty.services.issuing import PURPOSE_GUARDIAN

        return (
            Purpose(
                key=PURPOSE_BIRTHDAY,
                label=_l("Birthday gifts"),
                description=_l("We may use the date of your birthday to give you something."),
            ),
            Purpose(
                key=PURPOSE_GUARDIAN,
                label=_l("A guardian's consent"),
                description=_l("A parent or guardian lets a minor have birthday gifts."),
            ),
        )

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        from dxp_loyalty.events import EVENTS
        from dxp_loyalty.reward_events import REWARD_EVENTS

        return (*EVENTS, *REWARD_EVENTS)

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription | BatchSubscription]:
        from dxp_loyalty.subscribers import SUBSCRIPTIONS

        return SUBSCRIPTIONS

    def routes(self, ctx: StartContext) -> Routes:
        from dxp_loyalty.web import (
            api,
            coupons_api,
            earning_api,
            members_api,
            occasions_api,
            programme_api,
            tiers_api,
        )
        from dxp_loyalty.web.admin import admin

        parts = (
            api,
            coupons_api,
            earning_api,
            members_api,
            programme_api,
            occasions_api,
            tiers_api,
        )
        return Routes(api=[part.api for part in parts], admin=[admin])

    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        from dxp_loyalty.web.menu import MENU

        return MENU

    def commands(self, ctx: StartContext) -> Sequence[Command]:
        from dxp_loyalty.commands import COMMANDS

        return COMMANDS

    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        from dxp_loyalty.services.panels import fragments

        return fragments(ctx)

    def facts(self, ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        from dxp_loyalty.services.facts import facts

        return facts(ctx)

    def fact_fields(self, ctx: FactFieldsContext) -> Sequence[FactField]:
        from dxp_loyalty.services.fact_fields import fact_fields

        return fact_fields(ctx)

    def decide(self, ctx: DecideContext) -> Sequence[Proposal]:
        from dxp_loyalty.services.facts import decide

        return decide(ctx)

    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        from dxp_loyalty.services.panels import search_documents

        return search_documents(ctx)

    def export_subject(self, ctx: SubjectContext) -> Mapping[str, Any]:
        return _loyalty(ctx.platform).people.export(ctx.session, ctx.subject_id)

    def erase_subjects(self, ctx: ErasureContext) -> None:
        _loyalty(ctx.platform).people.erase(ctx.session, ctx.subject_ids, actor=ctx.actor)

    def merge_subjects(self, ctx: MergeContext) -> Mapping[str, Any]:
        return _loyalty(ctx.platform).merging.merge(ctx)

    def unmerge_subjects(self, ctx: UnmergeContext) -> None:
        _loyalty(ctx.platform).merging.unmerge(ctx)

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        from dxp_loyalty.services.panels import health

        return health(ctx)

    def demo(self, ctx: DemoContext) -> DemoReport | None:
        from dxp_loyalty.demo import demo

        return demo(ctx)

    def jobs(self, ctx: StartContext) -> Sequence[Job | Schedule]:
        from dxp_loyalty.jobs import JOBS

        return JOBS

    def ready(self, ctx: StartContext) -> None:
        """Refuse to start with kinds of rewards that are declared wrongly."""
        _loyalty(ctx.platform).kinds.all()

    # The kinds of rewards that come with the plugin: by its own hooks, as anybody's.

    def loyalty_reward_kinds(self, ctx: RewardKindsContext) -> Sequence[Mapping[str, Any]]:
        from dxp_loyalty.services.reward_kinds import KINDS

        return KINDS

    def loyalty_check_reward(self, ctx: RewardCheckContext) -> Sequence[FieldError]:
        from dxp_loyalty.services.reward_kinds import check

        return check(ctx)

    def loyalty_rewards_left(self, ctx: RewardsLeftContext) -> Mapping[uuid.UUID, int]:
        from dxp_loyalty.services.reward_kinds import left

        return left(ctx)

    def loyalty_fulfil_reward(self, ctx: RewardFulfilmentContext) -> Mapping[str, Any]:
        from dxp_loyalty.services.reward_kinds import fulfil

        return fulfil(ctx)

    def loyalty_undo_reward(self, ctx: RewardUndoContext) -> None:
        from dxp_loyalty.services.reward_kinds import undo

        undo(ctx)


def _loyalty(platform: Platform) -> Loyalty:
    from dxp_loyalty.services.loyalty import Loyalty

    return platform.services.get(Loyalty)
