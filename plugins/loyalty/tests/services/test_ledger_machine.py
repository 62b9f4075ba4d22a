"""A state machine over the public services, with every invariant checked after every step."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dxp.api import EventRow, Platform, Problem, Subject, SystemActor
from dxp_loyalty.models import MODELS, Account, CouponCode, CouponUse, Entry, Hold
from dxp_loyalty.services.accounts import lock_accounts, open_account
from dxp_loyalty.services.balances import available_points
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.coupons import form_of
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.invariants import verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.rewards import RewardDraft

ACTOR = SystemActor(name="machine")
REFUSALS = {
    "insufficient_points",
    "out_of_stock",
    "limit_reached",
    "not_active",
    "over_reversal",
    "hold_not_open",
    "coupon_used",
    "unknown_redemption",
    "unknown_coupon",
    "unknown_coupon_use",
}
MEMBERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 80)
REWARDS = st.sampled_from([0, 0, 1, 2, 3])


class LedgerMachine(RuleBasedStateMachine):
    """Three members, four rewards, and a clock that may even go back."""

    def __init__(self, platform: Platform, clock: Any) -> None:
        super().__init__()
        self.platform, self.clock = platform, clock
        self.loyalty = platform.services.get(Loyalty)
        self.sources: list[tuple[int, str, int]] = []
        self.holds: list[uuid.UUID] = []
        self.balance: dict[uuid.UUID, int] = {}
        with platform.db.write() as session:
            _forget(session)
            self.members = [platform.subjects.create(session).id for _ in range(3)]
            for subject_id in self.members:
                self.loyalty.adjustments.adjust(
                    session, subject_id, 150, reason_code="migration", note="", actor=ACTOR
                )
            self.rewards = [
                self._reward(session, key="scarce", cost=10, stock=3, per_member=1),
                self._reward(session, key="plenty", cost=50, stock=None, per_member=None),
                self._reward(
                    session, key="weekly", cost=5, stock=9, per_member=2, limit_window="week"
                ),
                self._reward(
                    session,
                    key="coupon",
                    cost=7,
                    kind="discount_code",
                    details=self._codes(session),
                ),
            ]
        self._recount()

    def _reward(self, session: Session, **values: Any) -> uuid.UUID:
        values = {"kind": "product", "stock": None, "per_member": None, **values}
        draft = RewardDraft(texts={"en": {"name": "Mug"}}, **values)
        return self.loyalty.rewards.create(session, draft, actor=ACTOR).id

    def _codes(self, session: Session) -> dict[str, Any]:
        """A batch with its codes, made in the transaction that is open."""
        batches = self.loyalty.coupon_batches
        draft = BatchDraft(key="codes", name="Codes", purpose="rewards", count=4)
        batch = batches.create(session, draft, actor=ACTOR, background=False)
        form, origin = form_of(batch), batch.id.bytes
        for number in range(4):
            code = self.loyalty.coupons.codes.code(form, origin, number)
            session.add(
                CouponCode(
                    code_hash=self.loyalty.coupons.codes.hash(code),
                    batch_id=batch.id,
                    number=number,
                    state="free",
                    created_at=self.clock.now(),
                )
            )
        batch.made, batch.next_number, batch.state = 4, 4, "ready"
        session.flush()
        return {"batch": str(batch.id)}

    def _try(self, work: Callable[[Session], Entry | None]) -> bool:
        """Do it in a transaction of its own; a refusal must be one of the known ones."""
        try:
            with self.platform.db.write() as session:
                entry = work(session)
        except Problem as problem:
            if problem.code not in REFUSALS:
                raise
            return False
        if entry is not None:
            self._note(entry)
        return True

    def _note(self, entry: Entry) -> None:
        if entry.account_id in self.balance:
            self.balance[entry.account_id] += entry.amount

    def _account(self, session: Session, member: int) -> Account:
        return open_account(session, self.platform, self.members[member], wallet="points")

    @rule(
        member=MEMBERS,
        points=AMOUNTS,
        pending=st.sampled_from([0, 0, 3]),
        life=st.sampled_from([None, 1, 5, 40]),
    )
    def earn(self, member: int, points: int, pending: int, life: int | None) -> None:
        source = f"event:{uuid.uuid4()}"
        now = self.clock.now()
        self.sources.append((member, source, points))
        self._try(
            lambda session: self.loyalty.ledger.earn(
                session,
                self._account(session, member),
                points,
                cause=Cause(source=source, actor=ACTOR, inputs={"order_id": source[-4:]}),
                available_at=now + timedelta(days=pending),
                expires_at=None if life is None else now + timedelta(days=life),
            )
        )

    @precondition(lambda self: self.sources)
    @rule(data=st.data())
    def earn_again(self, data: st.DataObject) -> None:
        member, source, points = data.draw(st.sampled_from(self.sources))
        with self.platform.db.write() as session:
            cause = Cause(source=source, actor=ACTOR)
            account = self._account(session, member)
            entry = self.loyalty.ledger.earn(session, account, points, cause=cause)
        # After a merge the member's account is another one, which has not seen this cause.
        if entry is not None:
            self._note(entry)

    @rule(member=MEMBERS, points=AMOUNTS, sign=st.sampled_from([1, -1]))
    def adjust(self, member: int, points: int, sign: int) -> None:
        self._try(
            lambda session: self.loyalty.adjustments.adjust(
                session,
                self.members[member],
                sign * points,
                reason_code="correction",
                note="Counted again",
                actor=ACTOR,
            )
        )

    @rule(member=MEMBERS, points=AMOUNTS)
    def spend(self, member: int, points: int) -> None:
        self._try(
            lambda session: self.loyalty.ledger.spend(
                session,
                self._account(session, member),
                points,
                cause=Cause(source=f"spend:{uuid.uuid4()}", actor=ACTOR),
            )
        )

    @rule(member=MEMBERS, which=REWARDS)
    def authorise(self, member: int, which: int) -> None:
        def work(session: Session) -> None:
            hold = self.loyalty.redemptions.authorise(
                session, subject_id=self.members[member], reward_id=self.rewards[which]
            )
            made.append(hold.id)

        made: list[uuid.UUID] = []
        if self._try(work):
            self.holds += made

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), capture=st.booleans())
    def settle(self, data: st.DataObject, capture: bool) -> None:
        self._settle(data.draw(st.sampled_from(self.holds)), capture=capture)

    @rule(
        member=MEMBERS,
        which=REWARDS,
        capture=st.booleans(),
        wait=st.sampled_from([0, 0, 0, 1]),
    )
    def redeem(self, member: int, which: int, capture: bool, wait: int) -> None:
        """Authorise and settle, sometimes too late."""
        before = len(self.holds)
        self.authorise(member=member, which=which)
        self.clock.advance(days=wait)
        if len(self.holds) > before:
            self._settle(self.holds[-1], capture=capture)

    def _settle(self, hold_id: uuid.UUID, *, capture: bool) -> None:
        def work(session: Session) -> Entry | None:
            if not capture:
                self.loyalty.redemptions.void(session, hold_id, actor=ACTOR)
                return None
            hold = self.loyalty.redemptions.capture(session, hold_id, actor=ACTOR)
            return session.get(Entry, (hold.account_id, hold.entry_seq))

        self._try(work)
        self._recount()

    @rule(data=st.data(), points=AMOUNTS)
    def reverse(self, data: st.DataObject, points: int) -> None:
        with self.platform.db.read() as session:
            entries = session.execute(
                select(Entry.account_id, Entry.seq, Entry.amount)
                .where(
                    Entry.kind.in_(["earn", "spend"]),
                    # What a redemption took goes back with the redemption alone.
                    Entry.source.not_like("hold:%"),
                )
                .order_by(Entry.account_id, Entry.seq)
            ).all()
        if not entries:
            return
        account_id, seq, amount = data.draw(st.sampled_from(entries))
        self._try(
            lambda session: self.loyalty.reversals.reverse(
                session,
                lock_accounts(session, [account_id])[account_id],
                seq,
                min(points, abs(amount)),
                cause=Cause(source=f"return:{uuid.uuid4()}", actor=ACTOR),
            )
        )
        self._recount()

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), points=st.one_of(st.none(), st.integers(1, 30)))
    def take_back(self, data: st.DataObject, points: int | None) -> None:
        """A redemption, wholly or in part, whoever its member has become since."""
        hold_id = data.draw(st.sampled_from(self.holds[-8:]))

        def work(session: Session) -> None:
            self.loyalty.undoing.reverse(
                session, hold_id, points=points, reason_code="other", actor=ACTOR
            )

        self._try(work)
        self._recount()

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), back=st.booleans())
    def use_a_coupon(self, data: st.DataObject, back: bool) -> None:
        """Or roll its use back."""
        hold_id = data.draw(st.sampled_from(self.holds))

        def work(session: Session) -> None:
            hold = session.get_one(Hold, hold_id)
            code = self.loyalty.coupons.code_of(hold, kind="discount_code")
            if "_coupon" not in hold.fulfilment or code is None:
                return
            owner = session.get_one(Account, hold.account_id).subject_id
            if back:
                self.loyalty.coupons.roll_back(session, code)
            else:
                self.loyalty.coupons.redeem(session, code, member=owner, actor=ACTOR)

        self._try(work)

    @rule(member=MEMBERS, points=AMOUNTS, keep=st.integers(0, 40), share=st.floats(0.1, 1))
    def return_what_was_spent(self, member: int, points: int, keep: int, share: float) -> None:
        """Earn, spend nearly all there is, return part of what earned: often a debt."""

        def work(session: Session) -> Entry | None:
            account = self._account(session, member)
            cause = Cause(source=f"event:{uuid.uuid4()}", actor=ACTOR)
            earned = self.loyalty.ledger.earn(session, account, points, cause=cause)
            assert earned is not None
            session.flush()
            available = available_points(session, account.id, self.clock.now()) - keep
            if available > 0:
                spent = Cause(source=f"spend:{uuid.uuid4()}", actor=ACTOR)
                self.loyalty.ledger.spend(session, account, available, cause=spent)
            returned = Cause(source=f"return:{uuid.uuid4()}", actor=ACTOR)
            back = max(1, int(points * share))
            self.loyalty.reversals.reverse(session, account, earned.seq, back, cause=returned)
            return None

        self._try(work)
        self._recount()

    @rule(member=MEMBERS, points=AMOUNTS, which=st.sampled_from([0, 1]))
    def spend_after_some_points_ended(self, member: int, points: int, which: int) -> None:
        """Before the job comes by."""
        self.earn(member=member, points=points, pending=0, life=1)
        self.clock.advance(days=1)
        if which:
            self.spend(member=member, points=points)
        else:
            self.redeem(member=member, which=0, capture=True, wait=0)

    @rule(days=st.sampled_from([0.01, 1, 4, 30]))
    def wait(self, days: float) -> None:
        self.clock.advance(days=days)

    @rule()
    def turn_the_clock_back(self) -> None:
        self.clock.advance(days=-2)

    @rule()
    def run_the_jobs(self) -> None:
        with self.platform.db.write() as session:
            self.loyalty.redemptions.release_overdue(session)
            ids = session.scalars(select(Account.id)).all()
            for account in lock_accounts(session, ids).values():
                self.loyalty.ledger.expire_overdue(session, account, actor=ACTOR)
        self._recount()

    @rule(winner=MEMBERS, loser=MEMBERS)
    def merge(self, winner: int, loser: int) -> None:
        """The loser's place is taken by somebody new."""
        if winner == loser:
            return
        with self.platform.db.write() as session:
            winner_id, loser_id = self.members[winner], self.members[loser]
            self.platform.privacy.merges.merge(
                session, ACTOR, winner_id=winner_id, loser_id=loser_id
            )
            self.members[loser] = self.platform.subjects.create(session).id
        self._recount()

    @rule(member=MEMBERS)
    def erase(self, member: int) -> None:
        with self.platform.db.write() as session:
            self.loyalty.people.erase(session, [self.members[member]], actor=ACTOR)
            session.execute(
                update(Subject)
                .where(Subject.id == self.members[member])
                .values(erased_at=self.clock.now())
            )
            self.members[member] = self.platform.subjects.create(session).id
        self._recount()

    def _recount(self) -> None:
        """Expiries and transfers follow other steps; the model takes them from the ledger."""
        with self.platform.db.read() as session:
            self.balance = {
                account.id: account.posted for account in session.scalars(select(Account))
            }

    @invariant()
    def everything_holds(self) -> None:
        with self.platform.db.read() as session:
            report = verify(session, now=self.clock.now())
            posted = {account.id: account.posted for account in session.scalars(select(Account))}
            self._check_coupons(session)
        assert report.ok, report.violations[:5]
        for account_id, balance in self.balance.items():
            assert posted[account_id] == balance

    @staticmethod
    def _check_coupons(session: Session) -> None:
        """Each code is free, or that of one captured redemption; its uses are counted."""
        used = dict(
            session.execute(
                select(CouponUse.code_hash, func.count())
                .where(CouponUse.rolled_back_at.is_(None))
                .group_by(CouponUse.code_hash)
            ).all()
        )
        states = {row.id: row.state for row in session.scalars(select(Hold))}
        codes = session.scalars(select(CouponCode)).all()
        assert len(codes) == 4
        for code in codes:
            assert code.uses == used.get(code.code_hash, 0)
            assert (code.state == "free") == (code.redemption_id is None)
            if code.state == "issued" and code.redemption_id is not None:
                assert states[code.redemption_id] == "captured"


def _forget(session: Session) -> None:
    for model in reversed(MODELS):
        session.execute(delete(model))
    session.execute(delete(EventRow))


@pytest.mark.slow
def test_every_invariant_holds_after_every_step(platform: Platform, clock: Any) -> None:
    """Whatever members, staff, jobs and the clock do in whatever order."""
    run_machine(
        lambda: LedgerMachine(platform, clock),
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
