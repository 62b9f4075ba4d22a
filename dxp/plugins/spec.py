"""All hooks, readable in one go. A plugin is a class that overrides some of them.

Each method is both the spec and its empty default: the manager registers only what a plugin
overrides. `dxp docs hooks` makes the reference page from this file.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from click import Command
from marshmallow import Schema

from dxp.auth.actors import Actor, Permission
from dxp.contracts import Purpose
from dxp.db import Base
from dxp.events import BatchSubscription, EventType, Subscription
from dxp.jobs.types import Job, Schedule
from dxp.plugins.contexts import (
    ActorContext,
    AuditViewContext,
    AuthorizeContext,
    DecideContext,
    DemoContext,
    DemoReport,
    ErasureContext,
    FactField,
    FactFieldsContext,
    FactsContext,
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    LifeContext,
    MenuEntry,
    MergeContext,
    ProfileViewContext,
    Proposal,
    Routes,
    SearchContext,
    SearchDocument,
    StartContext,
    SubjectContext,
    TemplateContext,
    UnmergeContext,
)
from dxp.plugins.hooks import OnError, hook

API_VERSION = 1


class Plugin:
    """Base of every plugin.

    Attributes:
        name: short, lower case, a valid identifier; also the entry point's name.
        title: for people; may be lazily translated.
        api_version: of the plugin API that the plugin was written for.
        requires: names of plugins that must be there, each with a version range (PEP 440), such
            as `{"crm": ">=0.1"}`.
        after: names of plugins to start after, if they are there.
        settings_schema: checks the plugin's section of the settings; each field's metadata has
            `help` and `example`.
        table_prefix: of the plugin's tables, with its separator; by default `<name>_`.
        package: import name of the package that holds templates, static files, translations and
            migrations; by default that of the class.
    """

    name: ClassVar[str]
    title: ClassVar[Any] = None
    api_version: ClassVar[int] = API_VERSION
    requires: ClassVar[Mapping[str, str]] = {}
    after: ClassVar[Sequence[str]] = ()
    settings_schema: ClassVar[type[Schema] | None] = None
    table_prefix: ClassVar[str | None] = None
    package: ClassVar[str | None] = None

    # Start-up, in dependency order

    @hook(on_error=OnError.BOOT, phase="start")
    def models(self, ctx: StartContext) -> Sequence[type[Base]]:
        """The plugin's tables. Importing them here keeps module import free of side effects."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def hookspecs(self, ctx: StartContext) -> Sequence[type]:
        """Classes with hooks of the plugin's own, named `<plugin>_<hook>`, for others."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def provide(self, ctx: StartContext) -> Mapping[type, object]:
        """Services by Protocol: what exactly one plugin can do for the others."""
        return {}

    @hook(on_error=OnError.BOOT, phase="start")
    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        """Permissions that roles and API keys may hold; routes may need no other."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def purposes(self, ctx: StartContext) -> Sequence[Purpose]:
        """What the plugin uses customers' data for, if they let it; nothing else is asked."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def events(self, ctx: StartContext) -> Sequence[EventType]:
        """Event types that the plugin raises or takes in from senders."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription | BatchSubscription]:
        """Events that the plugin wants to know of, inside the transaction or after it.

        A `BatchSubscription` is told inside, once for all events of a publish.
        """
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def jobs(self, ctx: StartContext) -> Sequence[Job | Schedule]:
        """Background work, and the times at which it is due."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def routes(self, ctx: StartContext) -> Routes:
        """Blueprints of the JSON API and of the admin."""
        return Routes()

    @hook(on_error=OnError.BOOT, phase="start")
    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        """Lines of the admin's menu."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def commands(self, ctx: StartContext) -> Sequence[Command]:
        """Click commands, found under `dxp <plugin>`."""
        return ()

    @hook(on_error=OnError.BOOT, phase="start")
    def template_env(self, ctx: TemplateContext) -> None:
        """Add filters, tests and globals, prefixed with the plugin's name, to the templates."""

    @hook(on_error=OnError.BOOT, phase="start")
    def ready(self, ctx: StartContext) -> None:
        """All plugins are wired; the last chance to refuse to start."""

    # In a request

    @hook(on_error=OnError.PROPAGATE, phase="request")
    def resolve_actor(self, ctx: ActorContext) -> Actor | None:
        """Tell who is asking, by a credential that is not the core's. The first answer wins."""
        return None

    @hook(on_error=OnError.DENY, phase="request")
    def authorize(self, ctx: AuthorizeContext) -> str | None:
        """Object to an action that the permission would allow: the reason, or None."""
        return None

    @hook(on_error=OnError.ISOLATE, phase="request")
    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        """Fill a named slot of a page or of a JSON answer."""
        return ()

    @hook(on_error=OnError.PROPAGATE, phase="request")
    def hidden_profile_fields(self, ctx: ProfileViewContext) -> Collection[str]:
        """Fields of a person's profile that `ctx.actor` may not see, such as `birthday`.

        What tells them is kept back too: panels leave it out by `FragmentContext.hidden`, facts
        and events by what they `reveal`. Ask with `dxp.api.hidden_profile_fields`.
        """
        return ()

    @hook(on_error=OnError.ISOLATE, phase="request")
    def facts(self, ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
        """Values for conditions by subject, keyed `<plugin>.<value>`; never a query a row."""
        return {}

    @hook(on_error=OnError.ISOLATE, phase="request")
    def fact_fields(self, ctx: FactFieldsContext) -> Sequence[FactField]:
        """What the plugin's facts are: their kinds, their labels, and what changes them."""
        return ()

    @hook(on_error=OnError.ISOLATE, phase="request")
    def decide(self, ctx: DecideContext) -> Sequence[Proposal]:
        """Propose candidates of a slot for this person, such as the gift that waits for them."""
        return ()

    @hook(on_error=OnError.ISOLATE, phase="request")
    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        """Hits for the admin's palette, only what `ctx.actor` may see."""
        return ()

    @hook(on_error=OnError.PROPAGATE, phase="request")
    def hidden_audit_values(self, ctx: AuditViewContext) -> Collection[str]:
        """Those of `ctx.names` whose values `ctx.actor` may not see in the audit log."""
        return ()

    # Life of a person's data, and of the plugin

    @hook(on_error=OnError.PROPAGATE, phase="life")
    def export_subject(self, ctx: SubjectContext) -> Mapping[str, Any]:
        """All that the plugin holds of one person, as JSON-ready data."""
        return {}

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def erase_subjects(self, ctx: ErasureContext) -> None:
        """Forget persons, in the transaction of `ctx.session`: all plugins or none."""

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def merge_subjects(self, ctx: MergeContext) -> Mapping[str, Any]:
        """Move what belongs to the loser to the winner, in the transaction of `ctx.session`.

        Returns JSON-ready data that `unmerge_subjects` needs. It is kept for 30 days, so it is
        for what cannot be read from the rows: those keep the loser's id as their origin.
        """
        return {}

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def unmerge_subjects(self, ctx: UnmergeContext) -> None:
        """Give back to the loser what is theirs, in the transaction of `ctx.session`.

        That is what they brought, and what came since under their own names. What else happened
        since the merge stays with the winner.
        """

    @hook(on_error=OnError.ISOLATE, phase="life")
    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        """Say whether the plugin is well, cheaply: /readyz asks often."""
        return ()

    @hook(on_error=OnError.PROPAGATE, phase="life")
    def demo(self, ctx: DemoContext) -> DemoReport | None:
        """Fill an instance with data that shows what the plugin does, and reconcile it."""
        return None

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def enabled(self, ctx: LifeContext) -> None:
        """The plugin was switched on by `dxp plugin enable`."""

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def disabled(self, ctx: LifeContext) -> None:
        """The plugin is being switched off by `dxp plugin disable`; its tables stay."""

    @hook(on_error=OnError.PROPAGATE, phase="life", writes=True)
    def purge(self, ctx: LifeContext) -> None:
        """The plugin is being removed: let go of what lies outside its tables, such as files."""

    @property
    def prefix(self) -> str:
        """The prefix of the plugin's tables."""
        return self.table_prefix or f"{self.name}_"

    @property
    def import_name(self) -> str:
        """The package that holds the plugin's templates, translations and migrations."""
        return self.package or type(self).__module__.partition(".")[0]
