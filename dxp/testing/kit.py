"""The platform's promises, as tests for any plugin.

from dxp.testing import PluginKit
from dxp_wishlist.plugin import WishlistPlugin

class TestPromises(PluginKit):
    plugin = WishlistPlugin
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, select

from dxp.contracts import EventPayload
from dxp.db.engine import prepare_engine
from dxp.db.migrate import check, downgrade, upgrade
from dxp.db.owners import CORE_PREFIX, find_owner, owners_of
from dxp.events import (
    ALL_EVENTS,
    BatchContext,
    BatchSubscription,
    EventContext,
    EventRecord,
    Subscription,
)
from dxp.plugins.contexts import (
    ErasureContext,
    FactsContext,
    HealthContext,
    MergeContext,
    SubjectContext,
    UnmergeContext,
)
from dxp.plugins.discovery import installed
from dxp.plugins.spec import Plugin
from dxp.testing.actors import SYSTEM, make_subject
from dxp.testing.apps import platform_of
from dxp.testing.openapi import openapi_faults
from dxp.testing.queries import count_queries
from dxp.testing.samples import sample_payload

if TYPE_CHECKING:
    from flask import Flask

    from dxp.platform import Platform
    from dxp.testing.plugin import MakeApp
    from dxp.web import Route


class PluginKit:
    """Subclass it as `class TestPromises(PluginKit)` and name the plugin.

    Attributes:
        plugin: the plugin under test.
        samples: payloads by event type, for subscriptions whose handlers refuse made-up ones.
        not_repeatable: names of subscriptions that rely on being delivered exactly once.
        permissions_used_elsewhere: permissions that no route and no menu line needs, because the
            code asks `actor.may(…)` for them.
    """

    plugin: ClassVar[type[Plugin]]
    samples: ClassVar[Mapping[str, EventPayload]] = {}
    not_repeatable: ClassVar[Sequence[str]] = ()
    permissions_used_elsewhere: ClassVar[Sequence[str]] = ()

    @pytest.fixture
    def app_plugins(self) -> Sequence[type[Plugin]]:
        """The plugin, and what it requires."""
        return with_requirements(self.plugin)

    @pytest.fixture
    def blank_engine(self, blank_database: str) -> Iterator[Engine]:
        """A database without tables."""
        engine = create_engine(blank_database)
        prepare_engine(engine)
        yield engine
        engine.dispose()

    def test_starts_with_nothing_but_what_it_requires(self, platform: Platform) -> None:
        names = {loaded.name for loaded in platform.plugins}
        assert names == {plugin.name for plugin in with_requirements(self.plugin)}

    def test_starts_among_all_that_are_installed(self, make_app: MakeApp) -> None:
        platform = platform_of(make_app(plugins=_everything(self.plugin)))
        assert self.plugin.name in platform.plugins.loaded

    def test_starts_without_each_plugin_it_merely_follows(self, make_app: MakeApp) -> None:
        for absent in self.plugin.after:
            present = _without(_everything(self.plugin), absent)
            platform = platform_of(make_app(plugins=present))
            assert self.plugin.name in platform.plugins.loaded, f"without {absent}"

    def test_migrations_go_up_and_down_and_up_again(
        self, platform: Platform, blank_engine: Engine
    ) -> None:
        owners = owners_of(platform)
        own = find_owner(owners, self.plugin.name)
        assert own is not None
        upgrade(blank_engine, owners)
        made = _tables(blank_engine, own.prefix)
        downgrade(blank_engine, own, owners, revision="base")
        assert _tables(blank_engine, own.prefix) == set(), "left behind by a downgrade to base"
        upgrade(blank_engine, owners)
        assert _tables(blank_engine, own.prefix) == made

    def test_migrations_make_what_the_models_say(
        self, platform: Platform, blank_engine: Engine
    ) -> None:
        owners = owners_of(platform)
        upgrade(blank_engine, owners)
        found = [item for item in check(blank_engine, owners) if item.owner == self.plugin.name]
        command = f'dxp db revision {self.plugin.name} -m "…"'
        assert found == [], f"write the migration: {command}"

    def test_tables_carry_the_plugins_prefix(self, platform: Platform) -> None:
        prefix = self._instance(platform).prefix
        assert [name for name in self._model_tables(platform) if not name.startswith(prefix)] == []

    def test_foreign_keys_lead_to_own_and_core_tables_only(self, platform: Platform) -> None:
        allowed = (self._instance(platform).prefix, CORE_PREFIX)
        strays = [
            f"{name} -> {key.target_fullname}"
            for name, table in self._model_tables(platform).items()
            for key in table.foreign_keys
            if not key.target_fullname.startswith(allowed)
        ]
        assert strays == []

    def test_every_route_declares_who_may_use_it(self, app: Flask) -> None:
        assert [route.rule for route in self._routes(app) if route.access is None] == []

    def test_every_permission_is_needed_somewhere(self, app: Flask) -> None:
        platform = platform_of(app)
        needed = set(self.permissions_used_elsewhere)
        for route in self._routes(app):
            needed |= set(route.access.permissions if route.access else ())
        for answer in platform.plugins.call_start(Plugin.menu):
            needed |= {entry.permission for entry in answer.value}
        declared = {item.name for item in self._answer(platform, Plugin.permissions, ())}
        assert sorted(declared - needed) == [], "declared, and needed by no route or menu line"

    def test_the_openapi_document_is_valid(self, app: Flask) -> None:
        answer = app.test_client().get("/api/openapi.json")
        assert answer.status_code == 200
        assert openapi_faults(answer.get_json()) == []

    def test_every_page_and_list_can_be_got_on_an_empty_installation(self, app: Flask) -> None:
        staff = app.test_client().as_staff("*")  # type: ignore[attr-defined]
        answers = {
            route.rule: staff.get(route.rule).status_code
            for route in self._routes(app)
            if "GET" in route.methods and "<" not in route.rule
        }
        # A list may refuse to be got without a query, or by staff; it must never fail.
        assert {rule: status for rule, status in answers.items() if status >= 500} == {}
        pages = {rule: s for rule, s in answers.items() if rule.startswith("/admin")}
        assert {rule: s for rule, s in pages.items() if s not in (200, 302, 303)} == {}

    def test_every_setting_has_a_meaning_and_an_example(self) -> None:
        schema = self.plugin.settings_schema
        missing = [
            f"{name}: {member}"
            for name, field in (schema().fields if schema else {}).items()
            for member in ("help", "example")
            if field.metadata.get(member) in (None, "")
        ]
        assert missing == [], "add it to the field's metadata"

    def test_the_defaults_of_the_settings_are_good(self) -> None:
        schema = self.plugin.settings_schema
        if schema is not None:
            assert schema().validate(schema().dump(schema().load({}))) == {}

    def test_events_are_documented(self, platform: Platform) -> None:
        bare = [
            event_type.name
            for event_type in self._answer(platform, Plugin.events, ())
            if not event_type.payload.__doc__
            or event_type.payload.__doc__.startswith(f"{event_type.payload.__name__}(")
        ]
        assert bare == [], "give the payload a docstring"

    def test_subscribers_may_be_told_twice(self, platform: Platform) -> None:
        """A second delivery of the same event changes none of the plugin's rows."""
        subscriptions = self._answer(platform, Plugin.subscriptions, ())
        told = [
            (subscription, name)
            for subscription in subscriptions
            for name in _events_of(platform, subscription)
            if subscription.name not in self.not_repeatable
        ]
        for subscription, name in told:
            declared = platform.events.types.get(name)
            if declared is None:
                continue
            payload = self.samples.get(name) or sample_payload(declared.payload)
            record = self._publish(platform, payload)
            self._deliver(platform, subscription, record)
            before = self._rows(platform)
            self._deliver(platform, subscription, record)
            assert self._rows(platform) == before, f"{subscription.name} is not repeatable"

    def test_facts_take_a_constant_number_of_queries(self, platform: Platform) -> None:
        counts = []
        for number in (1, 6):
            subject_ids = [make_subject(platform) for _ in range(number)]
            with platform.db.read() as session, count_queries(platform) as queries:
                context = FactsContext(
                    session=session,
                    platform=platform,
                    subject_ids=subject_ids,
                    now=platform.clock.now(),
                )
                self._instance(platform).facts(context)
            counts.append(queries.count)
        assert counts[0] == counts[1]

    def test_a_customers_data_can_be_exported_merged_and_erased_twice(
        self, platform: Platform
    ) -> None:
        plugin = self._instance(platform)
        winner, loser = make_subject(platform), make_subject(platform)
        with platform.db.write() as session:
            merge = MergeContext(
                session=session,
                platform=platform,
                winner_id=winner,
                loser_id=loser,
                actor=SYSTEM,
            )
            person = SubjectContext(
                session=session, platform=platform, subject_id=winner, actor=SYSTEM
            )
            undo = json.loads(json.dumps(plugin.merge_subjects(merge)))
            json.dumps(plugin.export_subject(person))
            back = UnmergeContext(**vars(merge), members=[loser], undo=undo)
            plugin.unmerge_subjects(back)
            plugin.merge_subjects(merge)
            gone = ErasureContext(
                session=session, platform=platform, subject_ids=[winner, loser], actor=SYSTEM
            )
            plugin.erase_subjects(gone)
            plugin.erase_subjects(gone)

    def test_health_checks_come_with_advice(self, platform: Platform) -> None:
        with platform.db.read() as session:
            checks = self._instance(platform).health(
                HealthContext(session=session, platform=platform)
            )
        assert [check.name for check in checks if not check.ok and not check.advice] == []

    def _instance(self, platform: Platform) -> Plugin:
        return platform.plugins.loaded[self.plugin.name].plugin

    def _answer(self, platform: Platform, hook: Any, default: Any) -> Any:
        for answer in platform.plugins.call_start(hook):
            if answer.plugin == self.plugin.name:
                return answer.value
        return default

    def _model_tables(self, platform: Platform) -> dict[str, Any]:
        models = self._answer(platform, Plugin.models, ())
        return {model.__table__.name: model.__table__ for model in models}

    def _routes(self, app: Flask) -> list[Route]:
        from dxp.web import iter_routes

        routes = self._answer(platform_of(app), Plugin.routes, None)
        names = [blueprint.name for blueprint in (*routes.api, *routes.admin)] if routes else []
        return [route for route in iter_routes(app) if route.endpoint.rpartition(".")[0] in names]

    @staticmethod
    def _publish(platform: Platform, payload: EventPayload) -> EventRecord:
        subject_id = make_subject(platform)
        with platform.db.write() as session:
            record = platform.events.publish(
                session, payload, subject_id=subject_id, external_id=str(uuid.uuid4())
            )
        assert record is not None
        return record

    @staticmethod
    def _deliver(
        platform: Platform, subscription: Subscription | BatchSubscription, record: EventRecord
    ) -> None:
        try:
            with platform.db.write() as session:
                if isinstance(subscription, BatchSubscription):
                    subscription.handler(
                        BatchContext(records=[record], session=session, platform=platform)
                    )
                else:
                    subscription.handler(
                        EventContext(record=record, session=session, platform=platform)
                    )
        except Exception as error:
            raise AssertionError(
                f"{subscription.name} refused {dict(record.data)}. If that is right, because such "
                f"an event cannot be, name a better one in `samples[{record.type!r}]`."
            ) from error

    def _rows(self, platform: Platform) -> dict[str, list[str]]:
        found = MetaData()
        prefix = self._instance(platform).prefix
        with platform.db.read() as session:
            connection = session.connection()
            names = [n for n in inspect(connection).get_table_names() if n.startswith(prefix)]
            found.reflect(connection, only=names, resolve_fks=False)
            return {
                name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                for name, table in found.tables.items()
            }


def _events_of(platform: Platform, subscription: Subscription | BatchSubscription) -> Sequence[str]:
    """The types that a subscriber is told of."""
    if isinstance(subscription, Subscription):
        return (subscription.event,)
    if ALL_EVENTS in subscription.events:
        return tuple(platform.events.types)
    return subscription.events


def with_requirements(plugin: type[Plugin]) -> list[type[Plugin]]:
    """A plugin after all that it requires, which must be installed."""
    known = {found.plugin.name: found.plugin for found in installed()} if plugin.requires else {}
    wanted: dict[str, type[Plugin]] = {}

    def add(item: type[Plugin]) -> None:
        for name in item.requires:
            add(known[name])
        wanted[item.name] = item

    add(plugin)
    return list(wanted.values())


def _everything(plugin: type[Plugin]) -> list[type[Plugin]]:
    return [*_without([found.plugin for found in installed()], plugin.name, keep=True), plugin]


def _without(
    plugins: Sequence[type[Plugin]], name: str, *, keep: bool = False
) -> list[type[Plugin]]:
    """The plugins but one, and but those that require it unless `keep`."""
    return [
        plugin
        for plugin in plugins
        if plugin.name != name and (keep or name not in plugin.requires)
    ]


def _tables(engine: Engine, prefix: str) -> set[str]:
    return {name for name in inspect(engine).get_table_names() if name.startswith(prefix)}
