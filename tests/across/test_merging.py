"""Merging two persons and undoing it: the same totals as if they had never been merged."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from dxp.errors import Conflict, Unprocessable
from dxp.platform import Platform
from dxp.privacy import Merge
from dxp_loyalty.jobs import birthday_run
from dxp_loyalty.models import OccasionDate
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.services.rewards import RewardDraft
from tests.across.merge_story import PURPOSES, STAFF, Story, prepare


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


class Machine(RuleBasedStateMachine):
    """What may happen to four people, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.story = self.begin()

    def begin(self) -> Story:
        raise NotImplementedError

    person = st.integers(0, 3)

    def who(self, number: int) -> uuid.UUID:
        return self.story.people[number]

    @rule(
        person=person,
        what=st.sampled_from(
            ["order", "order", "note", "ticket", "decide", "tag", "paint", "list_on"]
        ),
    )
    def do(self, person: int, what: str) -> None:
        getattr(self.story, what)(self.who(person))

    @rule(person=person, points=st.integers(1, 25), hold=st.booleans())
    def use_points(self, person: int, points: int, hold: bool) -> None:
        (self.story.authorise if hold else self.story.spend)(self.who(person), points)

    @precondition(lambda self: self.story.holds)
    @rule(number=st.integers(0, 9), capture=st.booleans())
    def settle(self, number: int, capture: bool) -> None:
        self.story.settle(number, capture=capture)

    @precondition(lambda self: self.story.captured)
    @rule(number=st.integers(0, 9))
    def take_back(self, number: int) -> None:
        self.story.take_back(number)

    @rule(number=st.integers(0, 3))
    def claim(self, number: int) -> None:
        self.story.claim(number)

    @rule(person=person, purpose=st.sampled_from(PURPOSES), granted=st.booleans())
    def consent(self, person: int, purpose: str, granted: bool) -> None:
        self.story.consent(self.who(person), purpose, granted)

    @rule(winner=person, loser=person)
    def merge(self, winner: int, loser: int) -> None:
        self.story.merge(self.who(winner), self.who(loser))
        self.story.check()
        self.story.check_one_gift()

    @precondition(lambda self: self.story.merges)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        self.story.undo(data.draw(st.sampled_from(self.story.merges)))
        self.story.check()

    def teardown(self) -> None:
        while self.story.merges:
            self.story.undo(self.story.merges[-1])
        self.story.check()
        self.story.check_gifts()


def test_any_story_ends_with_the_totals_of_people_who_were_never_merged(
    platform: Platform, rules: None
) -> None:
    """Whatever they do between merges and their undoing, in any order."""

    prepare(platform)

    class Here(Machine):
        def begin(self) -> Story:
            return Story(platform, number=4, gifts=True)

    run_state_machine_as_test(
        Here,
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
    assert story.facts[one].points == -30


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
    story.facts[two].points -= 10
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


def test_a_gift_belongs_to_whose_birthday_brought_it(
    platform: Platform, rules: None, clock: Any
) -> None:
    """The merge chose the loser's birthday: what it brings is the loser's, and the winner's own
    gift is planned again.
    """
    clock.set(datetime(2026, 3, 2, 9, tzinfo=UTC))
    story = Story(platform, number=2)
    one, two = story.people
    loyalty, crm = story.loyalty, story.crm
    gift = OccasionRuleDraft(key="gift", texts={"en": {"name": "Gift"}}, points=70)
    with platform.db.write() as session:
        loyalty.occasions.create_rule(session, gift, actor=STAFF)
        for person, (month, day) in {one: (4, 20), two: (3, 15)}.items():
            told = {"month": month, "day": day, "calendar": "gregorian"}
            crm.customers.set_birthday(session, STAFF, subject_id=person, birthday=told)
    for person in story.people:
        story.consent(person, "birthday", granted=True)

    def planned(person: uuid.UUID) -> list[tuple[int, int, str]]:
        with platform.db.read() as session:
            grants = [item.grant for item in loyalty.occasions.gifts(session, person)]
            found = [(day.month, day.day, g.state) for g in grants if (day := g.occurs_on)]
            return sorted(found)

    assert (planned(one), planned(two)) == ([(4, 20, "planned")], [(3, 15, "planned")])
    with platform.db.write() as session:
        merge = platform.privacy.merges.merge(
            session, STAFF, winner_id=one, loser_id=two, choices={"crm.birthday": "loser"}
        )
    assert (planned(one), planned(two)) == ([(3, 15, "planned")], [])
    clock.advance(days=14)
    birthday_run(platform)
    with platform.db.write() as session:
        (waiting,) = [g for g in loyalty.occasions.gifts(session, one) if g.claimable]
        loyalty.occasions.claim(session, waiting.grant.id, subject_id=one, actor=STAFF)
    with platform.db.write() as session:
        platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
    birthday_run(platform)
    story.facts[two].points = story.facts[two].earned = 70
    story.check()
    assert planned(two)[0] == (3, 15, "claimed")
    assert planned(one) == [(4, 20, "planned")]
    clock.advance(days=36)
    birthday_run(platform)
    assert planned(one)[0] == (4, 20, "issued")
    with platform.db.read() as session:
        assert session.scalars(
            select(OccasionDate.origin_id).where(OccasionDate.subject_id.in_(story.people))
        ).all() == [None, None]


def test_who_redeems_by_the_losers_token_pays_alone(
    story: Story, platform: Platform, client: Any
) -> None:
    """And has the redemption, its code and its place in the reward's limit when they are two."""
    one, two, _three = story.people
    for person in (one, two, two):
        story.order(person)
    me = client.as_customer(two)
    with platform.db.write() as session:
        draft = RewardDraft(
            key="cup", kind="discount_code", cost=10, per_member=1, texts={"en": {"name": "Cup"}}
        )
        cup = story.loyalty.rewards.create(session, draft, actor=STAFF)
    story.merge(one, two)
    held = me.post(
        "/api/v1/redemptions", json={"reward_id": str(cup.id)}, headers={"Idempotency-Key": "a"}
    )
    assert held.status_code == 201, held.get_data(as_text=True)
    url = f"/api/v1/redemptions/{held.get_json()['id']}"
    code = me.post(f"{url}/capture", headers={"Idempotency-Key": "b"}).get_json()["code"]
    story.facts[two].points -= 10
    story.facts[two].counts["captured"] += 1
    assert client.as_customer(one).get(url).status_code == 200
    story.check()
    story.undo(story.merges[0])
    story.check()
    assert me.get(url).get_json()["code"] == code
    assert len(me.get("/api/v1/me/redemptions").get_json()["data"]) == 1
    assert client.as_customer(one).get(url).status_code == 404
    with platform.db.write() as session:
        story.loyalty.redemptions.authorise(session, subject_id=one, reward_id=cup.id)
        with pytest.raises(Unprocessable) as refused:
            story.loyalty.redemptions.authorise(session, subject_id=two, reward_id=cup.id)
        assert refused.value.code == "limit_reached"
