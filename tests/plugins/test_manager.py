"""How plugins are wired, called, and kept from harming one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest
from flask import Flask
from marshmallow import Schema, fields, validate
from sqlalchemy import text

from dxp.api import (
    AuthorizeContext,
    ConfigurationError,
    FactsContext,
    HealthCheck,
    HealthContext,
    OnError,
    Plugin,
    ServiceMissing,
    StartContext,
    Subscription,
    SystemActor,
    hook,
)
from dxp.plugins.guard import FAILURES_TO_OPEN


class Steady(Plugin):
    name = "steady"

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        return (HealthCheck(name="steady", ok=True, detail="fine"),)


class Shaky(Plugin):
    """Fails as long as it is told to."""

    name = "shaky"

    def __init__(self) -> None:
        self.fails = True
        self.calls = 0

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        self.calls += 1
        if self.fails:
            ctx.session.execute(text("SELECT no_such_column"))
        return (HealthCheck(name="shaky", ok=True, detail="fine"),)


def platform_of(app: Flask) -> Any:
    return app.extensions["dxp"]


def ask_health(platform: Any) -> list[str]:
    with platform.db.read() as session:
        session.execute(text("SELECT 1"))
        context = HealthContext(session=session, platform=platform)
        answers = platform.plugins.call(Plugin.health, context)
        session.execute(text("SELECT 1"))
    return [answer.plugin for answer in answers]


def test_only_what_a_plugin_overrides_is_called(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Steady,)))
    assert platform.plugins.implementers("health") == ["steady"]
    assert platform.plugins.implementers("facts") == []


def test_one_plugins_database_error_loses_only_its_own_answer(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Shaky, Steady)))
    platform.plugins.strict = False
    assert ask_health(platform) == ["steady"]


def test_in_a_writing_transaction_the_others_work_stays(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Shaky, Steady)))
    platform.plugins.strict = False
    with platform.db.write() as session:
        subject = platform.subjects.create(session)
        context = HealthContext(session=session, platform=platform)
        assert [a.plugin for a in platform.plugins.call(Plugin.health, context)] == ["steady"]
    with platform.db.read() as session:
        assert platform.subjects.get(session, subject.id) == subject.id


def test_tests_see_every_error(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Shaky,)))
    with pytest.raises(Exception, match="no_such_column"):
        ask_health(platform)


def test_after_five_failures_a_hook_is_skipped_for_a_minute(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Shaky,)))
    platform.plugins.strict = False
    shaky = platform.plugins.loaded["shaky"].plugin
    now = [0.0]
    platform.plugins.breaker._monotonic = lambda: now[0]
    for _call in range(FAILURES_TO_OPEN + 3):
        ask_health(platform)
    assert shaky.calls == FAILURES_TO_OPEN
    failures = platform.plugins.failures()["shaky", "health"]
    assert failures.total == FAILURES_TO_OPEN
    assert "no_such_column" in failures.last_error
    shaky.fails = False
    now[0] = 59.0
    assert ask_health(platform) == []
    now[0] = 60.0
    assert ask_health(platform) == ["shaky"]
    assert platform.plugins.failures()["shaky", "health"].in_a_row == 0


def test_after_the_minute_one_failure_opens_the_breaker_again(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Shaky,)))
    platform.plugins.strict = False
    shaky = platform.plugins.loaded["shaky"].plugin
    now = [0.0]
    platform.plugins.breaker._monotonic = lambda: now[0]
    for _call in range(FAILURES_TO_OPEN):
        ask_health(platform)
    now[0] = 61.0
    ask_health(platform)
    ask_health(platform)
    assert shaky.calls == FAILURES_TO_OPEN + 1


def test_failures_are_told_to_all_processes_without_what_people_typed(make_app: Any) -> None:
    app = make_app(plugins=(Shaky,))
    platform = platform_of(app)
    platform.plugins.strict = False
    for _time in range(2):
        ask_health(platform)
        # The end of any request writes what failed during it.
        app.test_client().get("/healthz")
    other = platform_of(
        make_app(
            plugins=(Shaky,), database=platform.db.engine.url.render_as_string(hide_password=False)
        )
    )
    with other.db.read() as session:
        (failure,) = other.plugins.failure_log.all(session)
        assert (failure.plugin, failure.hook, failure.total) == ("shaky", "health", 2)
        assert "Error" in failure.last_error
        assert "no_such_column" not in failure.last_error


def test_a_misspelt_hook_is_refused_with_the_nearest_name(make_app: Any) -> None:
    class Typo(Plugin):
        name = "typo"

        def fragmnets(self, ctx: Any) -> Sequence[Any]:
            return ()

    with pytest.raises(ConfigurationError, match=r"'fragmnets' that is no hook; did you mean 'fra"):
        make_app(plugins=(Typo,))


def test_a_plugin_that_fails_at_start_is_named(make_app: Any) -> None:
    class Broken(Plugin):
        name = "broken"

        def permissions(self, ctx: StartContext) -> Sequence[Any]:
            raise RuntimeError("out of order")

    with pytest.raises(ConfigurationError, match=r"'broken' failed in its 'permissions' hook"):
        make_app(plugins=(Broken,))


def test_a_hook_with_other_parameters_is_refused_by_name(make_app: Any) -> None:
    class Renamed(Plugin):
        name = "renamed"

        def menu(self, context: StartContext) -> Sequence[Any]:  # type: ignore[override]
            return ()

    with pytest.raises(ConfigurationError, match=r"'renamed' .* 'menu' .*'context'.* named `ctx`"):
        make_app(plugins=(Renamed,))


@pytest.mark.parametrize(
    ("hook_name", "answer", "message"),
    [
        (
            "permissions",
            None,
            r"it gave None, where Sequence\[.*Permission\] is declared; is a",
        ),
        ("menu", ["a line"], r"it gave 'a line' among its answers, where each is MenuEntry"),
        ("routes", (), r"it gave \(\), where Routes is declared"),
        ("provide", ["a service"], r"where Mapping\[type, object\] is declared"),
        ("models", [Steady], r"among its answers, where each is type\[.*Base\]"),
        ("hookspecs", None, "it gave None"),
    ],
)
def test_a_wrong_answer_at_start_names_the_plugin_and_the_hook(
    make_app: Any, hook_name: str, answer: Any, message: str
) -> None:
    members = {"name": "careless", hook_name: lambda self, ctx: answer}
    careless = type("Careless", (Plugin,), members)
    with pytest.raises(ConfigurationError, match=rf"'careless' failed in its '{hook_name}' hook: "):
        make_app(plugins=(careless,))
    with pytest.raises(ConfigurationError, match=message):
        make_app(plugins=(careless,))


def test_a_wrong_answer_to_an_isolated_hook_loses_only_itself(make_app: Any) -> None:
    class Careless(Plugin):
        name = "forgetful"

        def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
            return None  # type: ignore[return-value]  # the slip that is tested

    platform = platform_of(make_app(plugins=(Careless, Steady)))
    platform.plugins.strict = False
    assert ask_health(platform) == ["steady"]
    assert platform.plugins.failures()["forgetful", "health"].total == 1


def test_settings_are_checked_and_the_message_names_key_and_example(
    make_app: Any, app_maker: Any
) -> None:
    class Tuned(Plugin):
        name = "tuned"

        class settings_schema(Schema):  # noqa: N801  # the attribute's name is the API
            speed = fields.Integer(
                load_default=3,
                validate=validate.Range(1, 9),
                metadata={"help": "How fast.", "example": 5},
            )

    platform = platform_of(make_app(plugins=(Tuned,)))
    assert platform.plugins.settings_of("tuned") == {"speed": 3}
    with pytest.raises(ConfigurationError, match=r"\.speed \(.*\): .*Example: speed = 5"):
        app_maker.make(plugins=(Tuned,), settings={"plugins": {"tuned": {"speed": 10}}})
    with pytest.raises(ConfigurationError, match=r"\.sped \(.*\): .*Did you mean 'speed'"):
        app_maker.make(plugins=(Tuned,), settings={"plugins": {"tuned": {"sped": 5}}})


def test_a_denied_action_stays_denied_when_the_objector_fails(make_app: Any) -> None:
    class Objector(Plugin):
        name = "objector"

        def authorize(self, ctx: AuthorizeContext) -> str | None:
            raise RuntimeError("cannot tell")

    platform = platform_of(make_app(plugins=(Objector,)))
    platform.plugins.strict = False
    context = AuthorizeContext(
        actor=SystemActor(), permission="x.y.z", endpoint="e", view_args={}, platform=platform
    )
    [answer] = platform.plugins.call(Plugin.authorize, context)
    assert answer.error is not None


class Greeting(Protocol):
    def greet(self) -> str: ...


class _Hello:
    def greet(self) -> str:
        return "hello"


class Greeter(Plugin):
    name = "greeter"

    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        return {Greeting: _Hello()}


def test_a_service_is_found_by_its_contract(make_app: Any) -> None:
    services = platform_of(make_app(plugins=(Greeter,))).services
    assert services.get(Greeting).greet() == "hello"
    assert services.provider(Greeting) == "greeter"


def test_a_missing_service_is_named(make_app: Any) -> None:
    services = platform_of(make_app(plugins=(Steady,))).services
    assert services.find(Greeting) is None
    with pytest.raises(ServiceMissing, match="no enabled plugin provides Greeting"):
        services.get(Greeting)


def test_two_providers_of_one_service_are_refused(make_app: Any) -> None:
    class Rival(Greeter):
        name = "rival"

    with pytest.raises(ConfigurationError, match="'greeter' and 'rival' both provide Greeting"):
        make_app(plugins=(Greeter, Rival))


class OvenHooks:
    @hook(on_error=OnError.ISOLATE, phase="request")
    def oven_recipes(self, ctx: FactsContext) -> Sequence[str]:
        """Recipes of other plugins."""
        return ()


class Oven(Plugin):
    name = "oven"

    def hookspecs(self, ctx: StartContext) -> Sequence[type]:
        return (OvenHooks,)


class Baker(Plugin):
    name = "baker"
    after = ("oven",)

    def oven_recipes(self, ctx: FactsContext) -> Sequence[str]:
        return ("bread",)


def test_a_plugins_own_hook_is_implemented_without_importing_it(make_app: Any) -> None:
    platform = platform_of(make_app(plugins=(Baker, Oven)))
    with platform.db.read() as session:
        context = FactsContext(
            session=session, platform=platform, subject_ids=(), now=platform.clock.now()
        )
        answers = platform.plugins.call(OvenHooks.oven_recipes, context)
    assert [(answer.plugin, answer.value) for answer in answers] == [("baker", ("bread",))]


def test_implementing_a_hook_of_an_absent_plugin_is_no_mistake(make_app: Any) -> None:
    assert platform_of(make_app(plugins=(Baker,))).plugins.loaded.keys() == {"baker"}


def test_subscribing_to_an_unknown_event_is_refused(make_app: Any) -> None:
    class Listener(Plugin):
        name = "listener"

        def subscriptions(self, ctx: StartContext) -> Sequence[Subscription]:
            return (
                Subscription(event="order.plaecd", handler=lambda _ctx: None, name="listener.x"),
            )

    with pytest.raises(ConfigurationError, match=r"did you mean 'order\.placed'"):
        make_app(plugins=(Listener,))


def test_one_plugin_alone_is_asked(make_app: Any) -> None:
    """The others are not called; who does not answer the hook, or is not there, gives None."""
    platform = platform_of(make_app(plugins=(Shaky, Steady)))
    with platform.db.read() as session:
        context = HealthContext(session=session, platform=platform)
        answer = platform.plugins.ask(Plugin.health, "steady", context)
        assert platform.plugins.ask(Plugin.health, "absent", context) is None
    assert (answer.plugin, answer.value[0].name) == ("steady", "steady")
    assert platform.plugins.loaded["shaky"].plugin.calls == 0
