"""The syntax tree: what was asked, checked, before any backend sees it.

A `Node` is about a person, a `Test` about one value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Comparison = Literal["$gt", "$gte", "$lt", "$lte"]
VersionComparison = Literal["$veq", "$vgt", "$vgte", "$vlt", "$vlte"]


@dataclass(frozen=True)
class All:
    """Every part holds; without parts it holds for everybody."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Any_:  # noqa: N801  # typing has the plain name
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The exact complement."""

    part: Node


@dataclass(frozen=True)
class Check:
    """A test of one fact; `operator` and `wanted` are as the source has them."""

    fact: str
    operator: str
    wanted: Any
    test: Test


@dataclass(frozen=True)
class Event:
    """How often something happened to the person.

    Attributes:
        where: about the event's data; None: all of the type count.
        count: of the number of such events.
        within: how far back they count; None: for ever.
        since, until: a half-open span in which they count; None: no end on that side.
        most: a larger number of events changes nothing.
    """

    type: str
    where: Node | None
    count: Test
    within: timedelta | None
    most: int
    wanted: Mapping[str, Any]
    since: datetime | None = None
    until: datetime | None = None

    @property
    def limited(self) -> bool:
        """Whether not all such events count, whenever they happened."""
        return self.within is not None or self.since is not None or self.until is not None

    def counts_at(self, moment: datetime, now: datetime) -> bool:
        """Whether an event of that moment counts now."""
        return (
            (self.within is None or moment > now - self.within)
            and (self.since is None or moment >= self.since)
            and (self.until is None or moment < self.until)
        )


@dataclass(frozen=True)
class InSegment:
    """Whether the person is in a segment."""

    key: str


Node = All | Any_ | Not | Check | Event | InSegment


@dataclass(frozen=True)
class Equals:
    wanted: Any


@dataclass(frozen=True)
class Order:
    """Two numbers or two texts; anything else does not hold."""

    operator: Comparison
    wanted: float | str


@dataclass(frozen=True)
class Moment:
    """A moment or day against one that lies `offset` from now."""

    operator: Comparison
    offset: timedelta


@dataclass(frozen=True)
class OneOf:
    """One of the items; of an array, whether they have one in common."""

    items: tuple[Any, ...]
    folded: bool


@dataclass(frozen=True)
class Exists:
    """Neither missing nor null."""


@dataclass(frozen=True)
class OfKind:
    kind: str


@dataclass(frozen=True)
class Matches:
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Version:
    operator: VersionComparison
    wanted: str


@dataclass(frozen=True)
class Size:
    """Of an array."""

    test: Test


@dataclass(frozen=True)
class Element:
    """An element of an array, other than null, passes: itself, or as an object."""

    test: Test | None
    node: Node | None


@dataclass(frozen=True)
class Contains:
    """An array has, for each test, an element that passes."""

    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Anniversary:
    """A day of the year lies between `first` and `last` days from today."""

    first: int
    last: int


@dataclass(frozen=True)
class Numeric:
    """A number, or a text that is a decimal number as money is written, passes as a number."""

    test: Test


@dataclass(frozen=True)
class Both:
    """All tests pass."""

    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Fails:
    """The exact complement."""

    test: Test


Test = (
    Equals
    | Order
    | Moment
    | OneOf
    | Exists
    | OfKind
    | Matches
    | Version
    | Size
    | Element
    | Contains
    | Anniversary
    | Numeric
    | Both
    | Fails
)
