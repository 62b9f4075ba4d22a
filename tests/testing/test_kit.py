"""Each promise of the kit is broken by some plugin, and then the kit says so."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from marshmallow import Schema, fields
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import (
    Base,
    EventContext,
    EventType,
    FactsContext,
    HealthCheck,
    HealthContext,
    Id,
    Permission,
    Plugin,
    StartContext,
    Subject,
    SubjectContext,
    Subscription,
)
from dxp.contracts import EventPayload
from dxp.testing import MakeApp, PluginKit, platform_of


class Stray(Base):
    __tablename__ = "stray_thing"
    id: Mapped[Id]


class NeighboursThing(Base):
    __tablename__ = "neighbour_thing"
    id: Mapped[Id]


class Own(Base):
    __tablename__ = "careless_thing"
    id: Mapped[Id]
    neighbour_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("neighbour_thing.id"))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dxp_subject.id"))


@dataclass(frozen=True, kw_only=True)
class Undocumented(EventPayload):
    type: ClassVar[str] = "careless.done"
    thing_id: str


class CarelessSettings(Schema):
    rate = fields.Integer(load_default=1)


class NeighbourPlugin(Plugin):
    """Has a table that others should leave alone."""

    name = "neighbour"

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        return [NeighboursThing]


class CarelessPlugin(Plugin):
    """Breaks every promise that a plugin can break and still start."""

    name = "careless"
    after = ("neighbour",)
    settings_schema = CarelessSettings

    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        return [Own, Stray]

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        return [Permission(name="careless.things.read", label="Read things")]

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        return [EventType(payload=Undocumented)]

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription]:
        return [Subscription(event="careless.done", handler=_add, name="careless.add")]

    def facts(self, ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        for subject_id in ctx.subject_ids:
            ctx.session.scalar(select(func.count()).where(Subject.id == subject_id))
        return {}

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        return [HealthCheck(name="mood", ok=False, detail="bad")]

    def export_subject(self, ctx: SubjectContext) -> Mapping[str, Any]:
        return {"id": ctx.subject_id}


def _add(ctx: EventContext) -> None:
    ctx.session.add(Own())


class TidyPlugin(Plugin):
    """Does nothing, and that rightly."""

    name = "tidy"


class TestTidy(PluginKit):
    plugin = TidyPlugin


class CarelessKit(PluginKit):
    plugin = CarelessPlugin


BOTH = (NeighbourPlugin, CarelessPlugin)
# What each check of the careless plugin finds.
FOUND = {
    "test_tables_carry_the_plugins_prefix": "stray_thing",
    "test_foreign_keys_lead_to_own_and_core_tables_only": "careless_thing -> neighbour_thing.id",
    "test_every_permission_is_needed_somewhere": "careless.things.read",
    "test_every_setting_has_a_meaning_and_an_example": "rate: help",
    "test_events_are_documented": "careless.done",
    "test_subscribers_may_be_told_twice": "careless.add is not repeatable",
    "test_facts_take_a_constant_number_of_queries": "assert",
    "test_health_checks_come_with_advice": "mood",
}


@pytest.mark.parametrize("check", sorted(FOUND))
def test_a_broken_promise_is_found(make_app: MakeApp, check: str) -> None:
    app = make_app(plugins=BOTH)
    method = getattr(CarelessKit(), check)
    wanted = method.__code__.co_varnames[1 : method.__code__.co_argcount]
    given = {"app": app, "platform": platform_of(app)}
    with pytest.raises(AssertionError) as caught:
        method(**{name: given[name] for name in wanted})
    assert FOUND[check] in str(caught.value)


def test_data_that_cannot_be_exported_is_found(make_app: MakeApp) -> None:
    platform = platform_of(make_app(plugins=BOTH))
    with pytest.raises(TypeError, match="UUID is not JSON serializable"):
        CarelessKit().test_a_customers_data_can_be_exported_merged_and_erased_twice(platform)


def test_what_relies_on_exactly_once_can_be_excused(make_app: MakeApp) -> None:
    app = make_app(plugins=BOTH)

    class Excused(CarelessKit):
        not_repeatable = ("careless.add",)
        permissions_used_elsewhere = ("careless.things.read",)

    Excused().test_subscribers_may_be_told_twice(platform_of(app))
    Excused().test_every_permission_is_needed_somewhere(app)
