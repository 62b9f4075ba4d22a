"""A state machine of orders that come and go, gifts between members, ends and tiers.

It stands beside that of the ledger: every invariant, that of the tiers with them, is checked
after every step.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import EventRow, KeyActor, Platform, Problem, SystemActor
from dxp.contracts import OrderPlaced
from dxp_loyalty.jobs import BATCH
from dxp_loyalty.models import MODELS, Account, Entry
from dxp_loyalty.services.accounts import lock_accounts, open_account
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.expiry import PolicyDraft
from dxp_loyalty.services.invariants import verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.returns import ReturnedLine
from dxp_loyalty.services.rewards import RewardDraft
from dxp_loyalty.services.tier_plans import PlanDraft, TierDraft

ACTOR = SystemActor(name="machine")
REFUSALS = {"insufficient_points", "over_reversal", "same_member", "out_of_stock", "hold_not_open"}
MEMBERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 90)


class PointsMachine(RuleBasedStateMachine):
    """Three members of a programme whose wallet has a policy, and which has tiers."""

    def __init__(self, platform: Platform, clock: Any) -> None:
        super().__init__()
        self.platform, self.clock = platform, clock
        self.loyalty = platform.services.get(Loyalty)
        self.orders: list[str] = []
        self.merges: list[tuple[int, uuid.UUID, uuid.UUID]] = []
        with platform.db.write() as session:
            for model in reversed(MODELS):
                session.execute(delete(model))
            session.execute(delete(EventRow))
            self.members = [platform.subjects.create(session).id for _ in range(3)]
            rule = RuleDraft(
                key="one",
                name="One for one",
                event_type=OrderPlaced.type,
                definition={"award": {"type": "per_amount", "points": "1"}, "pending_days": 0},
            )
            self.loyalty.earning.create(session, rule, actor=ACTOR)
            draft = RewardDraft(key="mug", kind="product", cost=20, texts={"en": {"name": "Mug"}})
            self.reward = self.loyalty.rewards.create(session, draft, actor=ACTOR).id
            plans = self.loyalty.tier_plans
            plan = plans.save_plan(
                session,
                PlanDraft(period="rolling", months=2, grace_days=3),
                expected_version=None,
                actor=ACTOR,
            )
            for key, threshold in (("silver", 50), ("gold", 150)):
                step = TierDraft(key=key, threshold=Decimal(threshold), texts={"en": {"name": key}})
                plans.add_tier(session, step, expected_version=plan.version, actor=ACTOR)

    def _try(self, work: Callable[[Session], Any]) -> Any:
        try:
            with self.platform.db.write() as session:
                return work(session)
        except Problem as problem:
            if problem.code not in REFUSALS:
                raise
            return None

    @rule(member=MEMBERS, euros=AMOUNTS, pieces=st.integers(1, 3), late=st.sampled_from([0, 0, 9]))
    def buy(self, member: int, euros: int, pieces: int, late: int) -> None:
        number = f"o-{len(self.orders)}-{uuid.uuid4().hex[:6]}"
        lines = [
            {"sku": "a", "quantity": pieces, "total": f"{euros}.50"},
            {"sku": "b", "quantity": 1, "total": "7.25"},
        ]
        order = OrderPlaced(order_id=number, total=f"{euros + 7}.75", currency="EUR", lines=lines)
        at = self.clock.now()
        self.clock.advance(days=late)
        with self.platform.db.write() as session:
            self.platform.events.publish(
                session, order, subject_id=self.members[member], occurred_at=at
            )
        self.orders.append(number)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), line=st.sampled_from(["1", "2", None]))
    def send_back(self, data: st.DataObject, line: str | None) -> None:
        number = data.draw(st.sampled_from(self.orders))
        lines = None if line is None else [ReturnedLine(ref=line, quantity=1)]
        self._try(
            lambda session: self.loyalty.returns.take(
                session, number, uuid.uuid4().hex, lines, actor=ACTOR
            )
        )

    @precondition(lambda self: self.orders)
    @rule(member=MEMBERS, data=st.data())
    def redeem(self, member: int, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.orders))

        def work(session: Session) -> None:
            hold = self.loyalty.redemptions.authorise(
                session,
                subject_id=self.members[member],
                reward_id=self.reward,
                cart_ref=number,
            )
            session.flush()
            self.loyalty.redemptions.capture(session, hold.id, actor=ACTOR)

        self._try(work)

    @rule(member=MEMBERS, points=AMOUNTS)
    def spend(self, member: int, points: int) -> None:
        cause = Cause(source=f"spend:{uuid.uuid4()}", actor=ACTOR)

        def work(session: Session) -> None:
            account = open_account(session, self.platform, self.members[member], wallet="points")
            self.loyalty.ledger.spend(session, account, points, cause=cause)

        self._try(work)

    @rule(giver=MEMBERS, taker=MEMBERS, points=AMOUNTS)
    def transfer(self, giver: int, taker: int, points: int) -> None:
        self._try(
            lambda session: self.loyalty.transfers.transfer(
                session, self.members[giver], self.members[taker], points, actor=ACTOR
            )
        )

    @rule(member=MEMBERS, points=st.sampled_from([-30, 40, 20_000]), approve=st.booleans())
    def adjust(self, member: int, points: int, approve: bool) -> None:
        asks, decides = (KeyActor(key_id=uuid.uuid4(), name=name) for name in ("a", "b"))
        before = self._posted()
        outcome = self._try(
            lambda session: self.loyalty.approvals.adjust(
                session,
                self.members[member],
                points,
                reason_code="correction",
                note="Counted again",
                actor=asks,
            )
        )
        if outcome is None or outcome.request is None:
            return
        assert self._posted() == before
        verb = self.loyalty.approvals.approve if approve else self.loyalty.approvals.reject
        self._try(lambda session: verb(session, outcome.request.id, actor=decides))

    @rule(kind=st.sampled_from(["never", "days", "end_of_month", "inactivity"]))
    def change_the_policy(self, kind: Any) -> None:
        expiry = self.loyalty.expiry
        with self.platform.db.write() as session:
            old = expiry.policy(session, "points")
            expiry.save(
                session,
                "points",
                PolicyDraft(kind=kind, length=0 if kind == "never" else 1),
                expected_version=None if old is None else old.version,
                actor=ACTOR,
            )

    @rule(days=st.sampled_from([1, 5, 20, 40]))
    def wait(self, days: float) -> None:
        self.clock.advance(days=days)

    @rule()
    def run_the_jobs(self) -> None:
        with self.platform.db.write() as session:
            ids = session.scalars(select(Account.id)).all()
            self.loyalty.ledger.expire_many(session, lock_accounts(session, ids), actor=ACTOR)
            self.loyalty.expiry.warn(session)
            self.loyalty.tiers.assess_due(session, limit=BATCH)

    @rule(winner=MEMBERS, loser=MEMBERS)
    def merge(self, winner: int, loser: int) -> None:
        if winner == loser:
            return
        with self.platform.db.write() as session:
            merge = self.platform.privacy.merges.merge(
                session, ACTOR, winner_id=self.members[winner], loser_id=self.members[loser]
            )
            self.merges.append((loser, self.members[loser], merge.id))
            self.members[loser] = self.platform.subjects.create(session).id

    @precondition(lambda self: self.merges)
    @rule()
    def split(self) -> None:
        place, loser_id, merge_id = self.merges.pop()
        try:
            with self.platform.db.write() as session:
                self.platform.privacy.merges.undo(session, ACTOR, merge_id=merge_id)
        except Problem as problem:
            if problem.code not in ("merge_in_the_way", "merge_expired"):
                raise
        else:
            self.members[place] = loser_id

    def _posted(self) -> int:
        with self.platform.db.read() as session:
            return sum(entry.amount for entry in session.scalars(select(Entry)))

    @invariant()
    def everything_holds(self) -> None:
        with self.platform.db.read() as session:
            report = verify(session, now=self.clock.now(), counting=self.loyalty.tier_counting)
        assert report.ok, report.violations[:5]


@pytest.mark.slow
def test_every_invariant_holds_after_every_step(platform: Platform, clock: Any) -> None:
    """Whatever members, shops, staff, jobs and time do in whatever order."""
    run_machine(
        lambda: PointsMachine(platform, clock),
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
