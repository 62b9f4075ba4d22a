"""Parse a condition once, then match it against facts, say why, or turn it into SQL.

The language is Mongo's in the form that GrowthBook's public specification gives conditions:
`{"loyalty.points_available": {"$gte": 100}, "$not": {"crm.country": "FR"}}`. Members of one
object are joined by and. Logic is two-valued: a fact that is missing compares as null, an order
comparison with null or between different kinds is false, and `$not` is the exact complement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dxp.conditions import matching
from dxp.conditions.matching import Facts, Finding, Situation
from dxp.conditions.nodes import Event, Node
from dxp.conditions.parsing import Parser
from dxp.errors import Unprocessable


class Condition:
    """A condition that was checked and compiled; matching costs microseconds.

    Attributes:
        source: as it was written.
        root: the syntax tree.
        facts: names of all facts that it asks about.
        events: the counts of events in it.
        segments: keys of the segments in it.
        timed: whether time alone can change its answer.
    """

    def __init__(self, source: Mapping[str, Any], root: Node, parser: Parser) -> None:
        self.source = source
        self.root = root
        self.facts = frozenset(parser.facts)
        self.events: tuple[Event, ...] = tuple(parser.events)
        self.segments = frozenset(parser.segments)
        self.timed = parser.timed
        self._holds = matching.compile_node(root)

    def matches(self, facts: Facts, at: Situation | None = None) -> bool:
        """Whether the condition holds for `facts`, now or in another situation."""
        return self._holds(facts, Situation() if at is None else at)

    def explain(
        self, facts: Facts, at: Situation | None = None, *, failed: Sequence[str] = ()
    ) -> list[Finding]:
        """Each comparison with the actual value, in the order of the source.

        Args:
            failed: how the names of facts begin whose teller failed, such as `loyalty.`.
        """
        found: list[Finding] = []
        matching.explain(
            self.root,
            facts,
            Situation() if at is None else at,
            found,
            failed=lambda name: name.startswith(tuple(failed)),
        )
        return found

    def next_change(self, facts: Facts, at: Situation) -> datetime | None:
        """The first moment after `at.now` at which the answer may change by time alone."""
        return matching.next_change(self.root, facts, at) if self.timed else None


def compile_condition(source: object, *, events: bool = False) -> Condition:
    """Check and compile a condition; `{}` holds for everybody.

    Args:
        events: whether it may count events with `$event`; then `Situation.events` must answer.

    Raises:
        Unprocessable: code `invalid_condition`, with a JSON pointer to each fault.
    """
    parser = Parser(events=events)
    root = parser.node(source, "", 0)
    if parser.faults or not isinstance(source, Mapping):
        raise Unprocessable(
            "The condition cannot be used, because parts of it are not in the condition language; "
            "mend the places named in errors",
            code="invalid_condition",
            errors=parser.faults,
        )
    return Condition(source, root, parser)
