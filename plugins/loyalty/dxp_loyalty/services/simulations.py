"""Simulations: asking for a replay, running it, and keeping its numbers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, format_number, gettext
from dxp_loyalty.models import EarningRuleVersion, Simulation
from dxp_loyalty.services import refusals
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.awarding import Awarding
from dxp_loyalty.services.earning import Earning
from dxp_loyalty.services.replay import MAX_EVENTS, Period, Replay, events_in
from dxp_loyalty.services.terms import Terms

JOB = "loyalty.simulate"
MAX_DAYS = 36_500
AT_ONCE = 2_000
"""So many events are replayed while the asker waits; more are for a job."""


class Simulations:
    """The only writer of simulations; they write nothing else."""

    def __init__(
        self, platform: Platform, earning: Earning, awarding: Awarding, terms: Terms
    ) -> None:
        self._platform = platform
        self._earning = earning
        self._awarding = awarding
        self._terms = terms

    def ask(
        self,
        session: Session,
        rule_id: uuid.UUID,
        *,
        days: int,
        number: int | None,
        actor: Actor,
    ) -> Simulation:
        """Replay the last days with a version of a rule: at once when it is little, else by a job.

        Args:
            number: of the version; None: the newest, be it a draft.

        Raises:
            NotFound: there is no such rule (`unknown_rule`), or no such version of it
                (`unknown_version`).
            Unprocessable: there are too many events (`simulation_too_large`).
        """
        self._earning.get(session, rule_id)
        version = next(
            (
                version
                for version in self._earning.versions(session, rule_id)
                if number is None or version.number == number
            ),
            None,
        )
        if version is None:
            raise refusals.unknown(gettext("version of the rule"), code="unknown_version")
        now = self._platform.clock.now()
        total = events_in(session, Period(since=now - timedelta(days=days), until=now))
        if total > MAX_EVENTS:
            raise Unprocessable(
                gettext(
                    "These days have %(total)s events, and a simulation looks at %(most)s at "
                    "most, because it keeps sums for each member; choose fewer days",
                    total=format_number(total),
                    most=format_number(MAX_EVENTS),
                ),
                code="simulation_too_large",
            )
        simulation = Simulation(
            rule_id=rule_id,
            rule_version_id=version.id,
            days=days,
            until=now,
            total=total,
            created_at=now,
            created_by=actor_text(actor),
        )
        session.add(simulation)
        session.flush()
        if total <= AT_ONCE:
            self._finish(session, simulation, self._replay(session, simulation))
        else:
            self._platform.jobs.enqueue(session, JOB, {"simulation_id": str(simulation.id)})
        return simulation

    def run(self, simulation_id: uuid.UUID) -> None:
        """Run what was asked for; repeating it gives the same numbers."""
        with self._platform.db.write() as session:
            simulation = session.get(Simulation, simulation_id)
            if simulation is None or simulation.state == "done":
                return
            simulation.state = "running"
        try:
            with self._platform.db.read() as session:
                simulation = session.get_one(Simulation, simulation_id)
                result = self._replay(session, simulation, told=simulation_id)
        except Exception as error:
            with self._platform.db.write() as session:
                failed = session.get_one(Simulation, simulation_id)
                failed.state, failed.failure = "failed", str(error)[:500]
            raise
        with self._platform.db.write() as session:
            self._finish(session, session.get_one(Simulation, simulation_id), result)

    def get(self, session: Session, simulation_id: uuid.UUID) -> Simulation:
        """A simulation.

        Raises:
            NotFound: there is no such simulation (`unknown_simulation`).
        """
        found = session.get(Simulation, simulation_id)
        if found is None:
            raise refusals.unknown(gettext("simulation"), code="unknown_simulation")
        return found

    def of_rule(self, session: Session, rule_id: uuid.UUID) -> Sequence[Simulation]:
        """The latest simulations of a rule, the newest first."""
        return session.scalars(
            select(Simulation)
            .where(Simulation.rule_id == rule_id)
            .order_by(Simulation.id.desc())
            .limit(10)
        ).all()

    def _replay(
        self, session: Session, simulation: Simulation, *, told: uuid.UUID | None = None
    ) -> dict[str, object]:
        rule = self._earning.get(session, simulation.rule_id)
        version = session.get_one(EarningRuleVersion, simulation.rule_version_id)
        replay = Replay(
            self._platform,
            self._awarding,
            self._terms.programme(session),
            self._earning.histories(session),
            self._earning.ready(rule.key, version),
        )
        since = simulation.until - timedelta(days=simulation.days)
        period = Period(since=since, until=simulation.until)

        def progress(done: int) -> None:
            if told is None:
                return
            with self._platform.db.write() as own:
                own.get_one(Simulation, told).done = done

        return replay.run(session, period, progress=progress)

    def _finish(self, session: Session, simulation: Simulation, result: dict[str, object]) -> None:
        known = session.get_one(Simulation, simulation.id)
        known.state, known.result = "done", result
        known.done = known.total
        known.finished_at = self._platform.clock.now()
        session.flush()
