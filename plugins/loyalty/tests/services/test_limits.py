"""Caps and budgets are never exceeded, come back with what is taken back, and follow a merge."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import NewEvent, Platform, SystemActor, Unprocessable
from dxp_loyalty.models import Account, Campaign, CapCounter, Earning, Entry
from dxp_loyalty.services.accounts import open_wallets
from dxp_loyalty.services.campaigns import CampaignDraft, burn
from dxp_loyalty.services.earning import RuleDraft
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.wallets import WalletDraft

ACTOR = SystemActor(name="test")
TEXTS = {"en": {"name": "Spring"}}


def make_rule(programme: Any, key: str, **values: Any) -> Any:
    """A point a dollar, with whatever the test says besides."""
    definition = {"award": {"type": "per_amount", "points": "1"}} | values.pop("definition", {})
    draft = RuleDraft(key=key, name=key, event_type="order.placed", definition=definition, **values)
    with programme.platform.db.write() as session:
        return programme.loyalty.earning.create(session, draft, actor=ACTOR)


def make_campaign(programme: Any, budget: int | None, **values: Any) -> uuid.UUID:
    with programme.platform.db.write() as session:
        draft = CampaignDraft(key="spring", texts=TEXTS, budget=budget, **values)
        return programme.loyalty.campaigns.create(session, draft, actor=ACTOR).id


def send(platform: Platform, orders: list[tuple[uuid.UUID, int]]) -> None:
    """Orders in one publish."""
    events = [
        NewEvent(
            type="order.placed",
            subject_id=member,
            data={"order_id": number, "total": f"{total}.00", "currency": "USD", "lines": []},
            source="shop",
            external_id=number,
        )
        for member, total in orders
        if (number := uuid.uuid4().hex)
    ]
    with platform.db.write() as session:
        platform.events.publish_many(session, events)


def spent(platform: Platform) -> int:
    with platform.db.read() as session:
        return session.scalars(select(Campaign.spent)).one()


def take_back(programme: Any, member: uuid.UUID, seq: int, points: int) -> None:
    with programme.platform.db.write() as session:
        pair = (member, "points")
        account = open_wallets(session, programme.platform, [pair])[pair]
        cause = Cause(source=uuid.uuid4().hex, actor=ACTOR)
        programme.loyalty.reversals.reverse(session, account, seq, points, cause=cause)


def test_a_cap_holds_in_its_period_and_begins_anew(
    programme: Any, platform: Platform, member: uuid.UUID, clock: Any
) -> None:
    make_rule(programme, "a", definition={"caps": [{"window": "day", "points": 50}]})
    send(platform, [(member, 30), (member, 30), (member, 30)])
    send(platform, [(member, 30)])
    assert programme.available(member) == 50
    clock.advance(days=1)
    send(platform, [(member, 30)])
    assert programme.available(member) == 80
    programme.check()


def test_a_cap_on_times_counts_entries(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    make_rule(programme, "a", definition={"caps": [{"window": "ever", "times": 2}]})
    send(platform, [(member, 1), (member, 1)])
    send(platform, [(member, 1)])
    assert programme.available(member) == 2


def test_what_is_taken_back_returns_to_cap_and_budget(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    make_campaign(programme, 100)
    caps = [{"window": "ever", "points": 60, "times": 2}]
    make_rule(programme, "a", definition={"caps": caps, "campaign": "spring"})
    send(platform, [(member, 40), (member, 40)])
    assert (programme.available(member), spent(platform)) == (60, 60)
    take_back(programme, member, 2, 5)
    with platform.db.read() as session:
        counter = session.scalars(select(CapCounter)).one()
        assert (counter.points, counter.times, spent(platform)) == (55, 2, 55)
    take_back(programme, member, 2, 15)
    with platform.db.read() as session:
        counter = session.scalars(select(CapCounter)).one()
        assert (counter.points, counter.times, spent(platform)) == (40, 1, 40)
    send(platform, [(member, 40)])
    assert (programme.available(member), spent(platform)) == (60, 60)
    programme.check()


def test_a_cap_counts_what_a_merged_member_had(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    make_rule(programme, "a", definition={"caps": [{"window": "ever", "points": 50}]})
    other = programme.member()
    send(platform, [(other, 30), (member, 10)])
    with platform.db.write() as session:
        platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    send(platform, [(member, 30)])
    assert programme.available(member) == 50


def test_points_go_to_the_wallet_that_the_rule_names(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    with platform.db.write() as session:
        draft = WalletDraft(
            key="stars",
            texts={"en": {"name": "Stars"}},
            rounding="up",
            pending_days=3,
        )
        programme.loyalty.wallets.create(session, draft, actor=ACTOR)
    make_rule(programme, "a")
    award = {"type": "per_amount", "points": "0.1"}
    make_rule(programme, "b", definition={"wallet": "stars", "award": award})
    send(platform, [(member, 31)])
    with platform.db.read() as session:
        wallets = programme.loyalty.points.wallets(session, member)
    assert [(w.balance.wallet, w.balance.available, w.balance.pending) for w in wallets] == [
        ("points", 31, 0),
        ("stars", 0, 4),
    ]
    programme.check()


def test_a_rule_that_names_what_is_not_there_is_refused(programme: Any) -> None:
    for definition in ({"campaign": "nowhere"}, {"wallet": "nowhere"}):
        with pytest.raises(Unprocessable) as caught:
            make_rule(programme, "a", definition=definition)
        assert caught.value.code == "invalid_rule"
        assert [fault.pointer for fault in caught.value.errors] == [f"/{next(iter(definition))}"]


def test_a_rule_goes_live_when_it_says_and_ends(
    programme: Any, platform: Platform, member: uuid.UUID, clock: Any
) -> None:
    from datetime import timedelta

    now = clock.now()
    make_rule(programme, "a", draft=True)
    make_rule(programme, "b", live_from=now + timedelta(days=1), live_until=now + timedelta(days=2))
    for wanted in (0, 10, 10):
        programme.order(member, "10.00", occurred_at=clock.now())
        assert programme.available(member) == wanted
        clock.advance(days=1)
    programme.order(member, "10.00", occurred_at=now - timedelta(days=9))
    assert programme.available(member) == 10


def test_the_burn_of_a_budget_is_told_by_day(
    programme: Any, platform: Platform, member: uuid.UUID, clock: Any
) -> None:
    campaign_id = make_campaign(programme, None)
    make_rule(programme, "a", definition={"campaign": "spring"})
    send(platform, [(member, 30), (member, 5)])
    first = clock.now().date()
    clock.advance(days=2)
    send(platform, [(member, 7)])
    with platform.db.read() as session:
        told = burn(session, campaign_id)
    assert told == [(first, 35), (clock.now().date(), 7)]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    orders=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=12),
    cut=st.integers(0, 12),
    budget=st.integers(0, 200),
)
def test_however_orders_come_limits_hold_and_counters_are_sums(
    orders: list[tuple[int, int]], cut: int, budget: int, make_programme: Any
) -> None:
    programme = make_programme()
    platform = programme.platform
    members = [programme.member() for _number in range(3)]
    caps = [{"window": "month", "points": 70}, {"window": "ever", "times": 4}]
    campaign_id = programme.campaign(budget)
    key = programme.rule(caps)
    told = [(members[number], total) for number, total in orders]
    send(platform, told[:cut])
    send(platform, told[cut:])
    had: dict[uuid.UUID, int] = dict.fromkeys(members, 0)
    times: dict[uuid.UUID, int] = dict.fromkeys(members, 0)
    left = budget
    for member, total in told:
        points = min(total, 70 - had[member], left) if times[member] < 4 else 0
        if points:
            had[member], times[member], left = (
                had[member] + points,
                times[member] + 1,
                left - points,
            )
    with platform.db.read() as session:
        rows = session.execute(
            select(Account.subject_id, CapCounter.points, CapCounter.times, CapCounter.window_key)
            .join(Account, Account.id == CapCounter.account_id)
            .where(CapCounter.rule_id == key)
        ).all()
        used = session.get_one(Campaign, campaign_id).spent
    assert {member: programme.available(member) for member in members} == had
    assert used == budget - left
    assert {(m, p, t) for m, p, t, _w in rows} == {(m, had[m], times[m]) for m in members if had[m]}


@pytest.fixture
def make_programme(programme: Any) -> Any:
    """The programme with a campaign and a rule that are its only ones in force."""

    def made() -> Any:
        with programme.platform.db.write() as session:
            for rule, version in programme.loyalty.earning.listed(session):
                draft = RuleDraft(
                    key=rule.key,
                    name=version.name,
                    event_type=rule.event_type,
                    definition=version.definition,
                    active=False,
                )
                programme.loyalty.earning.revise(
                    session, rule.id, draft, expected_version=rule.version, actor=ACTOR
                )
        name = f"c{uuid.uuid4().hex[:8]}"

        def campaign(budget: int) -> uuid.UUID:
            with programme.platform.db.write() as session:
                draft = CampaignDraft(key=name, texts=TEXTS, budget=budget)
                return programme.loyalty.campaigns.create(session, draft, actor=ACTOR).id

        def rule(caps: Any) -> uuid.UUID:
            return make_rule(programme, name, definition={"caps": caps, "campaign": name}).id

        programme.campaign, programme.rule = campaign, rule
        return programme

    return made


def test_at_the_same_time_no_more_is_given_than_there_is(
    programme: Any, platform: Platform
) -> None:
    """Eight senders, four members, one budget, and a cap for each member."""
    make_campaign(programme, 100)
    caps = [{"window": "ever", "points": 40}]
    make_rule(programme, "a", definition={"caps": caps, "campaign": "spring"})
    members = [programme.member() for _number in range(4)]
    start, faults = threading.Barrier(8), []

    def sender(number: int) -> None:
        try:
            start.wait(20)
            for _time in range(4):
                send(platform, [(members[number % 4], 9), (members[(number + 1) % 4], 9)])
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert spent(platform) == 100
    held = [programme.available(member) for member in members]
    assert sum(held) == 100
    assert max(held) <= 40
    with platform.db.read() as session:
        counted = session.scalars(select(CapCounter.points)).all()
        entries = session.scalars(select(Entry.amount).where(Entry.kind == "earn")).all()
        made = session.scalars(select(Earning.points)).all()
    assert sum(counted) == sum(entries) == sum(made) == 100
    programme.check()


def test_a_campaign_that_does_not_add_up_is_found(
    programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    from dxp_loyalty.services.invariants import verify

    make_campaign(programme, 100)
    make_rule(programme, "a", definition={"campaign": "spring"})
    send(platform, [(member, 40)])
    take_back(programme, member, 1, 15)
    programme.check()
    with platform.db.write() as session:
        session.scalars(select(Campaign)).one().spent = 26
    with platform.db.read() as session:
        report = verify(session, now=programme.clock.now())
    assert {violation.invariant for violation in report.violations} == {18}
