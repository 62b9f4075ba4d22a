"""The context objects that hooks take: frozen, so that a hook grows by fields alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.orm import Session

from dxp.auth.actors import Actor

if TYPE_CHECKING:
    from flask import Blueprint, Request
    from jinja2 import Environment

    from dxp.conditions import SqlValue
    from dxp.platform import Platform


@dataclass(frozen=True, kw_only=True)
class StartContext:
    """Start-up: the platform as far as it stands, and this plugin's checked settings."""

    platform: Platform
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TemplateContext(StartContext):
    """`environment` is the Jinja environment of the admin; add filters and globals to it."""

    environment: Environment


@dataclass(frozen=True, kw_only=True)
class MenuEntry:
    """A line of the admin's menu. Shown to staff who hold `permission`.

    Attributes:
        label: lazily translated.
        endpoint: Flask endpoint of an admin page without path parameters.
        icon: name of a bootstrap icon.
        section: `content`, `customers`, `loyalty`, `selection` or `system`; others are made anew.
        order: within the section, low first.
    """

    label: Any
    endpoint: str
    permission: str
    icon: str = "circle"
    section: str = "content"
    order: int = 100


@dataclass(frozen=True, kw_only=True)
class Routes:
    """What a plugin serves: `api` blueprints are documented in OpenAPI, `admin` ones are pages."""

    api: Sequence[Blueprint] = ()
    admin: Sequence[Blueprint] = ()


@dataclass(frozen=True, kw_only=True)
class ActorContext:
    """A request whose actor the core could not tell by session, API key or customer token."""

    request: Request
    session: Session
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class AuthorizeContext:
    """An actor who holds the permission is about to use it on a route.

    Attributes:
        permission: what let the actor in so far: a permission, `customer` or `staff`.
        endpoint: Flask endpoint of the route.
        view_args: the route's path parameters.
    """

    actor: Actor
    permission: str
    endpoint: str
    view_args: Mapping[str, Any]
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class FragmentContext:
    """A named slot of a page or of a JSON answer is being filled.

    Attributes:
        slot: `admin.dashboard`, `admin.customer` (panels of one customer), `api.me` (members of
            the customer's own summary); a plugin may name slots of its own.
        subject_id: whose page it is, for slots about one customer.
        hidden: fields of the profile that `actor` may not see, such as `birthday`; a panel leaves
            out what tells them.
    """

    slot: str
    session: Session
    platform: Platform
    actor: Actor
    now: datetime
    locale: str
    subject_id: uuid.UUID | None = None
    hidden: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """One plugin's share of a slot: `template` with `values` for pages, `values` alone for JSON.

    Attributes:
        key: unique in the slot; the member's name in JSON slots.
        title: lazily translated heading of the panel.
        permission: staff without it do not see the panel.
        order: low first.
    """

    key: str
    values: Mapping[str, Any]
    title: Any = None
    template: str | None = None
    permission: str | None = None
    order: int = 100


@dataclass(frozen=True, kw_only=True)
class ProfileViewContext:
    """Somebody is about to read what is known of persons, or what follows from it."""

    session: Session
    platform: Platform
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class FactsContext:
    """Values that conditions may ask about are needed for several subjects at once.

    Attributes:
        subject_ids: whom they are needed of; the answer may leave some out.
    """

    session: Session
    platform: Platform
    subject_ids: Sequence[uuid.UUID]
    now: datetime


NextChange = Callable[[Session, Sequence[uuid.UUID], datetime], Mapping[uuid.UUID, datetime]]
"""Of some people and a moment: when, after it, something may change for each by time alone."""


@dataclass(frozen=True, kw_only=True)
class FactField:
    """What a fact is, so that forms can offer it and segments can keep up with it.

    Attributes:
        name: as in the answer of `facts`, such as `loyalty.points_available`.
        label: translated or lazily translated.
        kind: of its values; `day` is a date or a day of the year, `texts` a list of texts.
        choices: its possible values with their labels, when they are few.
        changed_by: types of the events after which it may be another.
        in_segments: False when it changes by time alone, and nobody can tell when; segments then
            could not keep up.
        next_change: when, after a moment, time alone may change the value of each of some people;
            those for whom it never does are left out. One query or two for all of them.
        sql: makes the value of a person out of the column with their id and the dialect's name;
            without it queries ask the facts themselves about each candidate.
        reveals: fields of the profile that the fact tells, such as `birthday`; who may not see
            one of them does not see the fact, nor asks for it.
    """

    name: str
    label: Any
    kind: Literal["text", "number", "boolean", "moment", "day", "texts"]
    choices: Sequence[tuple[str, Any]] = ()
    changed_by: Sequence[str] = ()
    in_segments: bool = True
    reveals: Sequence[str] = ()
    sql: Callable[[Any, str], SqlValue] | None = field(default=None, repr=False)
    next_change: NextChange | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class FactFieldsContext:
    """A form or a check needs to know which facts there are.

    Attributes:
        locale: of the labels that are kept in the database.
    """

    session: Session
    platform: Platform
    locale: str = "en"


@dataclass(frozen=True, kw_only=True)
class DecideContext:
    """Content is being chosen for a slot and a person.

    Attributes:
        slot: key of the place that is being filled, such as `home_hero`.
        facts: what conditions see of the person, already gathered; empty without consent.
        tags: of the slot's candidates by candidate key, so that a plugin can propose by tag.
    """

    session: Session
    platform: Platform
    slot: str
    subject_id: uuid.UUID | None
    facts: Mapping[str, Any]
    tags: Mapping[str, Sequence[str]]
    now: datetime
    locale: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A plugin asks for a candidate to come first in a slot, and says why in one phrase.

    Attributes:
        candidate: key of one of the slot's candidates.
        reason: for the answer's `why`, in words of the field.
        priority: of several proposals the highest wins.
    """

    candidate: str
    reason: str
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class SearchContext:
    """Staff search for `text` in the command palette.

    Attributes:
        text: as it was typed.
        limit: most hits that are shown of one plugin.
    """

    session: Session
    platform: Platform
    actor: Actor
    text: str
    locale: str
    limit: int = 8


@dataclass(frozen=True, kw_only=True)
class SearchDocument:
    """A hit of the palette.

    Attributes:
        title: what was found, such as a customer's name.
        url: path of its page in the admin.
        kind: lazily translated name of what it is, such as "Customer".
        subtitle: what tells it from others of the same title.
        icon: name of a bootstrap icon.
    """

    title: str
    url: str
    kind: Any
    subtitle: str = ""
    icon: str = "circle"


@dataclass(frozen=True, kw_only=True)
class AuditViewContext:
    """Staff are about to read an entry of the audit log.

    Attributes:
        object_type: what was changed, such as `customer`.
        names: of the values that the entry holds, before and after.
    """

    session: Session
    platform: Platform
    actor: Actor
    object_type: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SubjectContext:
    """One person's data is wanted as a copy."""

    session: Session
    platform: Platform
    subject_id: uuid.UUID
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class ErasureContext:
    """Persons are forgotten, one or hundreds; write through `session` only.

    Nothing that names or describes them may stay, and every total must still reconcile. The
    number of statements should not grow with the number of persons.

    Attributes:
        subject_ids: whom; never empty.
        asked: whether they are to be forgotten; False when they are only taken back, as those of
            an import that was a mistake: what lies elsewhere under their names may be wanted.
    """

    session: Session
    platform: Platform
    subject_ids: Sequence[uuid.UUID]
    actor: Actor
    asked: bool = True


@dataclass(frozen=True, kw_only=True)
class MergeContext:
    """Two subjects turn out to be one person: what belongs to `loser_id` moves to `winner_id`.

    Attributes:
        choices: by field, such as `crm.email`, whose value stays: `winner` or `loser`. A field
            that is not named keeps the winner's value, or gains the loser's if that has none.
    """

    session: Session
    platform: Platform
    winner_id: uuid.UUID
    loser_id: uuid.UUID
    actor: Actor
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UnmergeContext(MergeContext):
    """A merge is undone: what is the loser's goes back to `loser_id`.

    Attributes:
        members: `loser_id`, and those who had been merged into it before.
        undo: what this plugin's `merge_subjects` returned.
    """

    members: Sequence[uuid.UUID] = ()
    undo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HealthContext:
    """`dxp doctor` and /readyz ask whether the plugin is well."""

    session: Session
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One finding.

    Attributes:
        name: what was looked at, in a word or two.
        ok: whether it is well.
        detail: what was found.
        advice: what to do when it is not well.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class LifeContext:
    """The plugin was enabled, disabled, or is about to be removed for good.

    Attributes:
        report: tell the person at the command line what is happening.
    """

    session: Session
    platform: Platform
    report: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(frozen=True, kw_only=True)
class DemoContext:
    """`dxp demo` fills an instance with data that shows what the plugin does.

    Each plugin is called once a stage, all plugins through one stage before the next:
    `prepare` (definitions: types, rules, slots), `load` (people, and what they did) and `check`
    (reconcile what was loaded). Every stage must be repeatable.

    Attributes:
        actor: whom the audit log names.
        stage: the one that is asked for now.
        progress: `progress(label, total)` starts a bar and returns the function that moves it on.
    """

    platform: Platform
    actor: Actor
    stage: Literal["prepare", "load", "check"]
    progress: Callable[[str, int], Callable[[int], None]]


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What one plugin did in one stage.

    Attributes:
        loaded: count by plural name, such as `{"customers": 2357}`.
        checks: what must hold, as health checks.
        people: sign-ins and names that help a person to look around, label and value.
    """

    loaded: Mapping[str, int] = field(default_factory=dict)
    checks: Sequence[HealthCheck] = ()
    people: Sequence[tuple[str, str]] = ()
