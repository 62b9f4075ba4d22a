"""The plugin manager: registers what plugins override, and makes every call through a guard."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy
import structlog
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from dxp.errors import ConfigurationError, Problem, field_errors
from dxp.plugins.answers import check_answer, declared_answer
from dxp.plugins.contexts import StartContext
from dxp.plugins.discovery import Found, start_order
from dxp.plugins.failure_log import FailureLog
from dxp.plugins.guard import Breaker, Failures
from dxp.plugins.hooks import HookSpec, OnError, spec_of
from dxp.plugins.spec import Plugin
from dxp.settings.loading import example_line

if TYPE_CHECKING:
    from dxp.platform import Platform

C = TypeVar("C")
R = TypeVar("R")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A started plugin with its checked settings."""

    plugin: Plugin
    version: str
    distribution: str
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.plugin.name


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[R]):
    """What one plugin answered. `error` is set only where the policy is to deny."""

    plugin: str
    value: R
    error: Exception | None = None


class PluginManager(pluggy.PluginManager):
    """Holds the plugins in start order.

    Args:
        platform: handed to the plugins in their contexts.
        found: the enabled plugins, in any order.
        strict: every error is raised, whatever the hook's policy: for tests and debugging.
    """

    def __init__(self, platform: Platform, found: Sequence[Found], *, strict: bool) -> None:
        super().__init__("dxp")
        self._platform = platform
        self.strict = strict
        self.breaker = Breaker()
        self.failure_log = FailureLog(platform)
        self.specs: dict[str, HookSpec] = {}
        self.spec_owners: dict[str, type] = {}
        self._answers: dict[str, Any] = {}
        self.loaded: dict[str, Loaded] = {}
        self._order = start_order(found)
        self._add_specs(Plugin)

    def load(self) -> None:
        """Make the plugins, check their settings, learn their own hooks, and register them.

        Raises:
            ConfigurationError: settings that do not fit, or a method that is no hook.
        """
        for found in self._order:
            plugin = found.plugin()
            self.loaded[plugin.name] = Loaded(
                plugin=plugin,
                version=found.version,
                distribution=found.distribution,
                settings=self._check_settings(plugin),
            )
        for loaded in self.loaded.values():
            for specs in self._hookspecs_of(loaded):
                self._add_specs(specs)
        for loaded in self.loaded.values():
            self._refuse_unknown_hooks(loaded.plugin)
            self._register(loaded)

    def start_context(self, loaded: Loaded) -> StartContext:
        """The context of start-up hooks for one plugin."""
        return StartContext(platform=self._platform, settings=loaded.settings)

    def settings_of(self, name: str) -> Mapping[str, Any]:
        """The checked settings of a plugin."""
        return self.loaded[name].settings

    def __iter__(self) -> Iterator[Loaded]:
        """Started plugins in start order."""
        return iter(self.loaded.values())

    def call(self, hook: Callable[[Any, C], R], ctx: C) -> list[Answer[R]]:
        """Call a hook of every plugin that implements it, in start order.

        Args:
            hook: the spec's method, such as `Plugin.facts`; the answers get its type.
            ctx: the one context all implementations get.
        """
        return list(self._calls(hook, lambda _loaded: ctx))

    def call_start(self, hook: Callable[[Any, StartContext], R]) -> list[Answer[R]]:
        """Call a start-up hook; each plugin gets its own settings in the context."""
        return list(self._calls(hook, self.start_context))

    def call_each(
        self, hook: Callable[[Any, C], R], context_of: Callable[[Loaded], C]
    ) -> list[Answer[R]]:
        """Call a hook with a context made for each plugin."""
        return list(self._calls(hook, context_of))

    def ask(self, hook: Callable[[Any, C], R], plugin: str, ctx: C) -> Answer[R] | None:
        """Call a hook of one plugin alone, such as the one that declared what `ctx` is about.

        None when it does not implement the hook, is not started, or failed under `isolate`.
        """
        name = hook.__name__
        for impl in getattr(self.hook, name).get_hookimpls():
            if impl.plugin_name == plugin:
                loaded = self.loaded[plugin]
                return next(self._guarded(self.specs[name], name, loaded, impl.function, ctx), None)
        return None

    def first(self, hook: Callable[[Any, C], R | None], ctx: C) -> Answer[R] | None:
        """The first answer that is not None; later plugins are not asked."""
        for answer in self._calls(hook, lambda _loaded: ctx):
            if answer.value is not None:
                return Answer(plugin=answer.plugin, value=answer.value)
        return None

    def implementers(self, hook_name: str) -> list[str]:
        """Names of the plugins that implement a hook, in start order."""
        return [impl.plugin_name for impl in getattr(self.hook, hook_name).get_hookimpls()]

    def failures(self) -> dict[tuple[str, str], Failures]:
        """What went wrong since the start, by (plugin, hook)."""
        return self.breaker.report()

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        """Only what a plugin overrides is an implementation."""
        if name not in self.specs or not isinstance(plugin, Plugin):
            return None
        own = inspect.getattr_static(type(plugin), name, None)
        if own is None or own is inspect.getattr_static(Plugin, name, None):
            return None
        return {}

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
        """A method marked with `hook` is a spec."""
        spec = spec_of(inspect.getattr_static(module_or_class, name, None))
        return None if spec is None else {}

    def _calls(
        self, hook: Callable[[Any, C], R], context_of: Callable[[Loaded], C]
    ) -> Iterator[Answer[R]]:
        name = hook.__name__
        spec = self.specs[name]
        for impl in getattr(self.hook, name).get_hookimpls():
            loaded = self.loaded[impl.plugin_name]
            yield from self._guarded(spec, name, loaded, impl.function, context_of(loaded))

    def _guarded(
        self, spec: HookSpec, name: str, loaded: Loaded, function: Any, ctx: Any
    ) -> Iterator[Answer[Any]]:
        plugin = loaded.name
        isolated = spec.on_error is OnError.ISOLATE
        if isolated and not self.breaker.lets_through(plugin, name):
            return
        session = getattr(ctx, "session", None)
        try:
            value = _in_savepoint(session, function, ctx) if isolated else function(ctx)
            check_answer(value, self._answers[name])
        except Exception as error:
            failures = self.breaker.failed(plugin, name, error)
            if spec.on_error is OnError.BOOT:
                raise _boot_error(plugin, name, error) from error
            if not isinstance(error, Problem):  # a refusal is an answer
                self.failure_log.note(plugin, name, error)
            if self.strict or spec.on_error is OnError.PROPAGATE:
                raise
            log.exception("hook_failed", plugin=plugin, hook=name, in_a_row=failures.in_a_row)
            if spec.on_error is OnError.DENY:
                yield Answer(plugin=plugin, value=None, error=error)
            return
        self.breaker.succeeded(plugin, name)
        yield Answer(plugin=plugin, value=value)

    def _add_specs(self, specs: type) -> None:
        for name in dir(specs):
            spec = spec_of(inspect.getattr_static(specs, name, None))
            if spec is None:
                continue
            if name in self.specs:
                raise ConfigurationError(
                    f"hook {name!r} is declared by both {self.spec_owners[name].__qualname__} and "
                    f"{specs.__qualname__}; start its name with the plugin's"
                )
            self.specs[name] = spec
            self._answers[name] = declared_answer(getattr(specs, name))
            self.spec_owners[name] = specs
        self.add_hookspecs(specs)

    def _check_settings(self, plugin: Plugin) -> Mapping[str, Any]:
        given = dict(self._platform.settings.plugins.get(plugin.name, {}))
        if plugin.settings_schema is None:
            if given:
                raise ConfigurationError(
                    f"[plugins.{plugin.name}] is set, but the plugin has no settings; "
                    "remove the section"
                )
            return {}
        schema = plugin.settings_schema()
        try:
            loaded: dict[str, Any] = schema.load(given)
        except ValidationError as error:
            raise ConfigurationError(
                "\n".join(
                    self._setting_fault(plugin, schema.fields, fault.pointer or "", fault.detail)
                    for fault in field_errors(error.messages)
                )
            ) from error
        return loaded

    def _register(self, loaded: Loaded) -> None:
        try:
            self.register(loaded.plugin, loaded.name)
        except pluggy.PluginValidationError as error:
            what = " ".join(str(error).split())
            raise ConfigurationError(
                f"plugin {loaded.name!r} has a hook that cannot be called: {what}; a hook takes "
                "one argument besides self, and it is named `ctx`"
            ) from error

    def _hookspecs_of(self, loaded: Loaded) -> Sequence[type]:
        """Asked before the plugins are registered, because what they add decides what is a hook."""
        name = Plugin.hookspecs.__name__
        try:
            found = loaded.plugin.hookspecs(self.start_context(loaded))
            check_answer(found, self._answers[name])
        except Exception as error:
            raise _boot_error(loaded.name, name, error) from error
        return found

    def _setting_fault(
        self, plugin: Plugin, fields: Mapping[str, Any], pointer: str, detail: str
    ) -> str:
        key = pointer.strip("/").replace("/", ".")
        setting = key.partition(".")[0]
        place = self._platform.settings.origins.get(f"plugins.{plugin.name}.{setting}", "")
        text = f"plugins.{plugin.name}.{key}" + (f" ({place})" if place else "") + f": {detail}"
        field = fields.get(setting)
        if field is None:
            near = difflib.get_close_matches(key, fields, n=1)
            known = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(fields)}."
            return text + known
        example = field.metadata.get("example")
        return text if example is None else f"{text} Example: {example_line(key, place, example)}"

    def _refuse_unknown_hooks(self, plugin: Plugin) -> None:
        absent = [name for name in plugin.after if name not in self.loaded]
        for name, member in inspect.getmembers_static(type(plugin)):
            if name.startswith("_") or hasattr(Plugin, name) or not inspect.isfunction(member):
                continue
            if name in self.specs or any(name.startswith(f"{other}_") for other in absent):
                continue
            near = difflib.get_close_matches(name, self.specs, n=1)
            raise ConfigurationError(
                f"plugin {plugin.name!r} has a method {name!r} that is no hook"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + "; correct the name, or start it with an underscore if it is a helper"
            )


def _boot_error(plugin: str, name: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"plugin {plugin!r} failed in its {name!r} hook: {error}; mend or update the plugin, or "
        f"start without it: dxp plugin disable {plugin}"
    )


def _in_savepoint(session: Session | None, function: Callable[[Any], Any], ctx: Any) -> Any:
    """Keep one plugin's database error from spoiling the transaction for the others.

    A session that only reads is rolled back instead, which costs nothing while all goes well.
    """
    if session is None:
        return function(ctx)
    if getattr(session, "read_only", False):
        try:
            return function(ctx)
        except Exception:
            session.rollback()
            raise
    with session.begin_nested():
        return function(ctx)
