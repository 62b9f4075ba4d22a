"""The reference pages tell what the code declares, and notice what it leaves unsaid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from marshmallow import Schema, fields

from dxp.cli.reference import events, events_page, hooks, hooks_page, settings, settings_page
from dxp.contracts.payload import EventPayload
from dxp.events import EventBus, EventContext, EventType, Subscription
from dxp.platform import Platform
from dxp.plugins.contexts import FactsContext, StartContext
from dxp.plugins.discovery import describe
from dxp.plugins.hooks import OnError, hook
from dxp.plugins.manager import PluginManager
from dxp.plugins.spec import Plugin
from dxp.settings.model import Settings


@dataclass(frozen=True, kw_only=True)
class KettleContext:
    """Water is about to boil.

    Attributes:
        litres: how much there is.
    """

    litres: float
    lid: bool = True


@dataclass(frozen=True, kw_only=True)
class Whistle:
    """A sound.

    Attributes:
        pitch: in hertz, a number | a range of two.
    """

    pitch: str = "440"


class KettleHooks:
    """What others may do to the water."""

    @hook(on_error=OnError.ISOLATE, phase="request", writes=True)
    def kettle_boils(self, ctx: KettleContext) -> Sequence[Whistle]:
        """Answer the boiling
        with a sound.
        """
        return ()


@dataclass(frozen=True, kw_only=True)
class Silence:
    seconds: float = 0


class SilentHooks:
    @hook(on_error=OnError.ISOLATE, phase="request")
    def kettle_sulks(self, ctx: KettleContext) -> Silence:
        return Silence()


class KettleSettings(Schema):
    """How hot."""

    degrees = fields.Integer(
        load_default=100, metadata={"help": "Degrees Celsius at which it stops.", "example": 95}
    )
    secret_tea = fields.String(
        metadata={"help": "What is in it.", "example": "mint", "secret": True}
    )
    unexplained = fields.String(metadata={"example": "x"})
    unexemplified = fields.String(metadata={"help": "Said, but not shown."})


class KettlePlugin(Plugin):
    """Boils water."""

    name = "kettle"
    settings_schema: ClassVar[type[Schema] | None] = KettleSettings
    specs: ClassVar[tuple[type, ...]] = (KettleHooks,)

    def hookspecs(self, ctx: StartContext) -> Sequence[type]:
        return self.specs

    def facts(self, ctx: FactsContext) -> Mapping[Any, Any]:
        return {}


class WhistlingPlugin(Plugin):
    """Implements another plugin's hook."""

    name = "whistling"
    after = ("kettle",)

    def kettle_boils(self, ctx: KettleContext) -> Sequence[Whistle]:
        return (Whistle(),)


@dataclass(frozen=True, kw_only=True)
class TeaPoured(EventPayload):
    """Somebody poured tea.

    Attributes:
        cups: how many.
    """

    type: ClassVar[str] = "kettle.tea_poured"
    cups: int
    sugar: list[str] = field(default_factory=list)


class TeaSchema(Schema):
    """Tea from outside."""

    cups = fields.Integer()


def manager_of(*plugins: type[Plugin]) -> PluginManager:
    """Load plugins without an application around them."""
    platform = Platform()
    platform.settings = Settings()
    manager = PluginManager(platform, [describe(plugin) for plugin in plugins], strict=True)
    manager.load()
    return manager


@pytest.fixture
def manager() -> PluginManager:
    """A plugin with a hook of its own, and another that implements it."""
    return manager_of(KettlePlugin, WhistlingPlugin)


@pytest.fixture
def bus() -> EventBus:
    """A bus with one event, open to senders, and a subscriber of each kind."""

    def handle(ctx: EventContext) -> None:
        raise AssertionError("a page is not an event")

    bus = EventBus(Platform())
    bus.declare(EventType(payload=TeaPoured, schema=TeaSchema))
    bus.subscribe(Subscription(event=TeaPoured.type, handler=handle, name="cup.fills"))
    bus.subscribe(
        Subscription(event=TeaPoured.type, handler=handle, name="pot.empties", when="inside")
    )
    return bus


def section(page: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level = heading.partition(" ")[0]
    start = page.index(f"\n{heading}\n")
    following = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE).search(page, start + 2)
    return page[start : following.start() if following else len(page)]


def test_every_hook_of_the_core_is_on_the_page_with_its_policy(manager: PluginManager) -> None:
    """No hook can be added without appearing there."""
    page = hooks_page(manager)
    for name, spec in manager.specs.items():
        text = section(page, f"### `{name}`")
        assert f"def {name}(self, ctx: " in text
        assert f"when it raises: `{spec.on_error.value}`" in text
        assert ("may write" in text) is spec.writes


def test_a_hook_is_told_with_who_implements_it(manager: PluginManager) -> None:
    """In start order, and nothing is said where nobody does."""
    page = hooks_page(manager)
    assert "implemented by kettle" in section(page, "### `facts`")
    assert "implemented by" not in section(page, "### `decide`")


def test_a_plugins_own_hook_is_told_with_its_context_and_answer(manager: PluginManager) -> None:
    """Under the plugin's name, its text in one paragraph, and its dataclasses below."""
    page = hooks_page(manager)
    text = section(page, "### `kettle_boils`")
    assert "\nAnswer the boiling with a sound.\n" in text
    assert "implemented by whistling" in text
    assert "[KettleContext](#kettlecontext), [Whistle](#whistle)" in text
    assert page.index("### `kettle_boils`") > page.index("## Hooks of ")
    assert "| `litres` | `float` |  | how much there is. |" in section(page, "### KettleContext")
    pitch = "| `pitch` | `str` | `'440'` | in hertz, a number \\| a range of two. |"
    assert pitch in section(page, "### Whistle")


def test_every_link_on_the_hooks_page_leads_to_a_heading(manager: PluginManager) -> None:
    """A context is linked from each hook that takes it."""
    page = hooks_page(manager)
    anchors = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", page, re.MULTILINE)}
    links = set(re.findall(r"\]\(#(\S+)\)", page))
    assert links
    assert links <= anchors


def test_every_error_policy_is_explained(manager: PluginManager) -> None:
    """From the words below the members of the enum."""
    text = section(hooks_page(manager), "## When a hook raises")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert set(rows) == {policy.value for policy in OnError}
    assert all(len(words) > 10 for words in rows.values())


def test_a_hook_without_words_is_reported() -> None:
    """So that the test over the real plugins fails when somebody forgets."""

    class Sulking(KettlePlugin):
        name = "sulking"
        specs = (KettleHooks, SilentHooks)

    missing = hooks.undocumented(manager_of(Sulking))
    assert missing == ["kettle_sulks", "Silence"]


def test_a_setting_is_told_with_default_example_and_variable(manager: PluginManager) -> None:
    """The core's and the plugin's, and a secret is marked as one."""
    page = settings_page(manager)
    kettle = section(page, "## [plugins.kettle]")
    assert "How hot." in kettle
    assert (
        "| `degrees` | `100` | Degrees Celsius at which it stops. | `95` |"
        " `DXP_PLUGINS__KETTLE__DEGREES` |"
    ) in kettle
    assert "What is in it. Never shown or logged." in kettle
    assert "`DXP_SERVER__PORT`" in section(page, "## [server]")
    assert "`DXP_SECRET_KEY`" in section(page, "## [dxp]")


def test_a_setting_without_help_or_example_is_reported(manager: PluginManager) -> None:
    """And no setting of the core is."""
    assert settings.undocumented(manager) == [
        "plugins.kettle.unexplained",
        "plugins.kettle.unexemplified",
    ]


def test_an_event_is_told_with_fields_senders_and_subscribers(bus: EventBus) -> None:
    """Who may send it, who acts inside the transaction, and who after it."""
    text = section(events_page(bus), "### `kettle.tea_poured`")
    assert "\nSomebody poured tea.\n" in text
    assert "| `cups` | `int` |  | how many. |" in text
    assert "| `sugar` | `list[str]` | `[]` |  |" in text
    assert "may be sent by a shop" in text
    assert "subscribed in the transaction by `pot.empties`" in text
    assert "subscribed after it by `cup.fills`" in text


def test_an_event_without_words_is_reported(bus: EventBus) -> None:
    """The text that `dataclass` makes up does not count."""

    @dataclass(frozen=True, kw_only=True)
    class LidDropped(EventPayload):
        type: ClassVar[str] = "kettle.lid_dropped"

    bus.declare(EventType(payload=LidDropped))
    assert events.undocumented(bus) == ["kettle.lid_dropped"]
