"""Merging two persons and undoing it: the same totals as if they had never been merged."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import func, select

from dxp.contracts import Consents, Points
from dxp.errors import Conflict, Unprocessable
from dxp.events import EventRow, NewEvent
from dxp.platform import Platform
from dxp.privacy import Merge
from dxp.testing import staff_actor
from dxp_crm.services import Crm
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.balances import earned_totals
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.invariants import verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.rewards import RewardDraft

STAFF = staff_actor("*")
PURPOSES = ("birthday", "profiling", "marketing")
_names = itertools.count(1)


class Model:
    """What each of a few people did, as if nobody had ever been merged."""

    def __init__(self, people: list[uuid.UUID]) -> None:
        self.points = dict.fromkeys(people, 0)
        self.earned = dict.fromkeys(people, 0)
        self.orders = dict.fromkeys(people, 0)
        self.notes = dict.fromkeys(people, 0)
        self.words: dict[uuid.UUID, list[tuple[str, bool, int]]] = {key: [] for key in people}


class Story:
    """Does to people what a test or a machine decides, and compares with the model."""

    def __init__(self, platform: Platform, *, number: int) -> None:
        self.platform = platform
        self.crm, self.loyalty = platform.services.get(Crm), platform.services.get(Loyalty)
        self.refs: dict[uuid.UUID, str] = {}
        for _person in range(number):
            ref = f"p{next(_names)}"
            with platform.db.write() as session:
                made = self.crm.customers.register(session, STAFF, {"ref": ref, "name": ref})
            self.refs[made.subject_id] = ref
        self.people = list(self.refs)
        self.model = Model(self.people)
        self.leads: dict[uuid.UUID, uuid.UUID] = {}
        self.merges: list[Merge] = []
        self.clock = itertools.count()

    def root(self, person: uuid.UUID) -> uuid.UUID:
        while person in self.leads:
            person = self.leads[person]
        return person

    def order(self, person: uuid.UUID) -> None:
        """An order under the person's own number, whoever they were merged into."""
        platform, subjects = self.platform, self.platform.subjects
        with platform.db.write() as session:
            name = ("ref", self.refs[person])
            found = subjects.trace_many(session, [name])[name]
            data = {"order_id": f"o{next(_names)}", "total": "10", "currency": "USD", "lines": []}
            event = NewEvent(
                type="order.placed",
                data=data,
                subject_id=found.subject_id,
                origin_id=found.origin_id,
                source="shop",
                external_id=str(next(_names)),
            )
            platform.events.publish_many(session, [event])
        self.model.orders[person] += 1
        self.model.points[person] += 10
        self.model.earned[person] += 10

    def spend(self, person: uuid.UUID, points: int) -> None:
        """A purchase of whoever the person is now; it stays with the survivor."""
        root = self.root(person)
        with self.platform.db.write() as session:
            account = open_account(session, self.platform, root, wallet="points")
            cause = Cause(source=f"spend:{next(_names)}", actor=STAFF)
            try:
                self.loyalty.ledger.spend(session, account, points, cause=cause)
            except Unprocessable:
                return
        self.model.points[root] -= points

    def consent(self, person: uuid.UUID, purpose: str, granted: bool) -> None:
        with self.platform.db.write() as session:
            self.crm.consents.record(
                session,
                STAFF,
                subject_id=person,
                purpose=purpose,
                granted=granted,
                channel="web",
                text_version="1",
            )
        self.model.words[person].append((purpose, granted, next(self.clock)))

    def note(self, person: uuid.UUID) -> None:
        with self.platform.db.write() as session:
            self.crm.customers.add_note(
                session, STAFF, subject_id=person, text="Hello", author="Ada"
            )
        self.model.notes[person] += 1

    def merge(self, winner: uuid.UUID, loser: uuid.UUID) -> None:
        winner, loser = self.root(winner), self.root(loser)
        if winner == loser:
            return
        with self.platform.db.write() as session:
            made = self.platform.privacy.merges.merge(
                session, STAFF, winner_id=winner, loser_id=loser
            )
        self.leads[loser] = winner
        self.merges.append(made)

    def undo(self, merge: Merge) -> None:
        """As the rule has it: the latest of a person first, and none that was built upon."""
        later = self.merges[self.merges.index(merge) + 1 :]
        built_upon = any(merge.winner_id in (one.winner_id, one.loser_id) for one in later)
        with self.platform.db.write() as session:
            if built_upon:
                with pytest.raises(Conflict) as refused:
                    self.platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
                assert refused.value.code == "merge_in_the_way"
                return
            self.platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
        del self.leads[merge.loser_id]
        self.merges.remove(merge)

    def check(self) -> None:
        """Every person has what the model says of them and of those who lead to them."""
        groups: dict[uuid.UUID, list[uuid.UUID]] = {}
        for person in self.people:
            groups.setdefault(self.root(person), []).append(person)
        model, platform = self.model, self.platform
        with platform.db.read() as session:
            balances = platform.services.get(Points).balances(session, list(groups))
            earned = earned_totals(session, list(groups), wallet="points")
            orders = dict(
                session.execute(
                    select(EventRow.subject_id, func.count())
                    .where(EventRow.type == "order.placed")
                    .group_by(EventRow.subject_id)
                ).all()
            )
            for root, members in groups.items():
                balance = balances.get(root)
                has = 0 if balance is None else balance.available + balance.pending - balance.debt
                assert has == sum(model.points[person] for person in members)
                assert earned.get(root, 0) == sum(model.earned[person] for person in members)
                assert orders.get(root, 0) == sum(model.orders[person] for person in members)
                notes = self.crm.customers.notes(session, root)
                assert len(notes) == sum(model.notes[person] for person in members)
                self.check_consents(session, root, members)
            report = verify(session, now=platform.clock.now())
            assert report.ok, report.violations[:3]

    def check_consents(self, session: Any, root: uuid.UUID, members: list[uuid.UUID]) -> None:
        words = sorted((w for person in members for w in self.model.words[person]), key=_when)
        last = {purpose: granted for purpose, granted, _at in words}
        for purpose in PURPOSES:
            granted = self.platform.services.get(Consents).granted(session, root, purpose)
            assert granted == last.get(purpose, False)


def _when(word: tuple[str, bool, int]) -> int:
    return word[2]


@pytest.fixture
def rules(client: Any) -> None:
    """Ten points an order."""
    award = {"type": "fixed", "points": "10"}
    body = {"key": "ten", "name": "Ten", "event_type": "order.placed", "award": award}
    answer = client.as_key("loyalty.rules.write").post("/api/v1/loyalty/earning-rules", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)


@pytest.fixture
def story(platform: Platform, rules: None) -> Story:
    return Story(platform, number=3)


def test_any_story_ends_with_the_totals_of_people_who_were_never_merged(
    platform: Platform, rules: None
) -> None:
    """Orders, purchases, consents and notes between merges and their undoing, in any order."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.story = Story(platform, number=4)

        people = st.integers(0, 3)

        @rule(person=people)
        def order(self, person: int) -> None:
            self.story.order(self.story.people[person])

        @rule(person=people, points=st.integers(1, 25))
        def spend(self, person: int, points: int) -> None:
            self.story.spend(self.story.people[person], points)

        @rule(person=people, purpose=st.sampled_from(PURPOSES), granted=st.booleans())
        def consent(self, person: int, purpose: str, granted: bool) -> None:
            self.story.consent(self.story.people[person], purpose, granted)

        @rule(person=people)
        def note(self, person: int) -> None:
            self.story.note(self.story.people[person])

        @rule(winner=people, loser=people)
        def merge(self, winner: int, loser: int) -> None:
            self.story.merge(self.story.people[winner], self.story.people[loser])
            self.story.check()

        @precondition(lambda self: self.story.merges)
        @rule(data=st.data())
        def undo(self, data: st.DataObject) -> None:
            self.story.undo(data.draw(st.sampled_from(self.story.merges)))
            self.story.check()

        def teardown(self) -> None:
            while self.story.merges:
                self.story.undo(self.story.merges[-1])
            self.story.check()

    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_what_was_split_is_whole_again(story: Story) -> None:
    """Orders under either number, words on consent, and points that were spent meanwhile."""
    one, two, _three = story.people
    for person in (one, one, two, two, two):
        story.order(person)
    story.consent(one, "birthday", granted=True)
    story.consent(two, "birthday", granted=False)
    story.merge(one, two)
    story.check()
    story.order(two)
    story.order(one)
    story.consent(two, "profiling", granted=True)
    story.note(two)
    story.spend(one, 60)
    story.check()
    story.undo(story.merges[0])
    story.check()
    assert story.model.points[one] == -30


def test_a_chain_of_merges_is_undone_from_its_end(story: Story) -> None:
    one, two, three = story.people
    for person in (one, two, three):
        story.order(person)
    story.merge(two, one)
    story.merge(three, two)
    story.order(one)
    story.spend(two, 35)
    story.check()
    story.undo(story.merges[0])
    story.undo(story.merges[1])
    story.check()
    story.undo(story.merges[0])
    story.check()


def test_a_merge_stands_after_thirty_days(story: Story, platform: Platform, clock: Any) -> None:
    """It says why, and what undoing would need is dropped by the nightly job."""
    one, two, _three = story.people
    story.merge(one, two)
    [merge] = story.merges
    clock.advance(days=30, seconds=1)
    with platform.db.write() as session:
        with pytest.raises(Conflict, match="30 days") as refused:
            platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
        assert refused.value.code == "merge_expired"
        assert platform.privacy.merges.drop_overdue(session) == 1
        assert session.get_one(Merge, merge.id).undo is None


def test_one_limit_holds_for_both_who_were_merged(
    story: Story, platform: Platform, client: Any
) -> None:
    """A reward of one piece a member was had by the other already."""
    one, two, _three = story.people
    for person in (one, two):
        for _order in range(3):
            story.order(person)
    draft = RewardDraft(
        key="mug", kind="product", cost=10, per_member=1, texts={"en": {"name": "Mug"}}
    )
    redemptions = story.loyalty.redemptions
    with platform.db.write() as session:
        mug = story.loyalty.rewards.create(session, draft, actor=STAFF)
        hold = redemptions.authorise(session, subject_id=two, reward_id=mug.id)
        redemptions.capture(session, hold.id, actor=STAFF)
    story.model.points[two] -= 10
    story.merge(one, two)
    with platform.db.write() as session:
        with pytest.raises(Unprocessable) as refused:
            redemptions.authorise(session, subject_id=one, reward_id=mug.id)
        assert refused.value.code == "limit_reached"
        [offer] = story.loyalty.rewards.offers(session, one)
        assert "limit_reached" in str(offer.reasons)
    story.undo(story.merges[0])
    with platform.db.write() as session:
        redemptions.authorise(session, subject_id=one, reward_id=mug.id)
