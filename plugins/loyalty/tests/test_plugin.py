"""What the plugin answers to others: start, facts, proposals, panels, search, commands, demo."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from dxp.api import (
    DecideContext,
    DemoContext,
    FactsContext,
    FragmentContext,
    HealthContext,
    Platform,
    Plugin,
    SearchContext,
    SystemActor,
)
from dxp.contracts import Points
from dxp_loyalty.commands import birthdays_command, verify_command
from dxp_loyalty.plugin import LoyaltyPlugin

STAFF = SystemActor(name="test")
LONG_BEFORE = datetime(2025, 6, 1, tzinfo=UTC)


def facts_of(platform: Platform, *subject_ids: uuid.UUID) -> dict[uuid.UUID, dict[str, Any]]:
    with platform.db.read() as session:
        context = FactsContext(
            session=session, platform=platform, subject_ids=subject_ids, now=platform.clock.now()
        )
        (answer,) = platform.plugins.call(Plugin.facts, context)
    return dict(answer.value)  # type: ignore[arg-type]


def proposals(platform: Platform, facts: dict[str, Any]) -> list[tuple[str, str]]:
    with platform.db.read() as session:
        context = DecideContext(
            session=session,
            platform=platform,
            slot="home.hero",
            subject_id=None,
            facts=facts,
            tags={"plain": [], "gift": ["birthday-gift"]},
            now=platform.clock.now(),
            locale="en",
        )
        (answer,) = platform.plugins.call(Plugin.decide, context)
    return [(proposal.candidate, proposal.reason) for proposal in answer.value]


def test_it_starts_alone_and_gives_no_gift_without_consents(make_app: Any) -> None:
    """No plugin keeps consents then, so nobody can have given one."""
    app = make_app(plugins=[LoyaltyPlugin])
    platform = app.extensions["dxp"]
    from dxp.contracts import BirthdayChanged
    from dxp_loyalty.jobs import birthday_run
    from dxp_loyalty.services.loyalty import Loyalty
    from dxp_loyalty.services.occasions import OccasionRuleDraft

    now = platform.clock.now()
    draft = OccasionRuleDraft(
        key="birthday", texts={"en": {"name": "Gift"}}, points=5, late_policy="immediate"
    )
    birthday = {"month": now.month, "day": now.day, "year": None, "calendar": "gregorian"}
    with platform.db.write() as session:
        platform.services.get(Loyalty).occasions.create_rule(session, draft, actor=STAFF)
        subject_id = platform.subjects.create(session).id
        payload = BirthdayChanged(birthday=birthday | {"set_at": now.isoformat()})
        platform.events.publish(session, payload, subject_id=subject_id)
    run = birthday_run(platform)
    assert (run.outcome.issued, dict(run.outcome.waiting)) == (0, {"no_consent": 1})
    assert facts_of(platform, subject_id)[subject_id]["loyalty.birthday_in_days"] is None


def test_balances_are_read_by_others(programme: Any, member: uuid.UUID, platform: Platform) -> None:
    """Through the contract, many at once."""
    programme.give(member, 40)
    nobody = programme.member()
    with platform.db.read() as session:
        found = platform.services.get(Points).balances(session, [member, nobody])
    assert {subject_id: balance.available for subject_id, balance in found.items()} == {member: 40}


def test_facts_tell_points_and_gifts(
    programme: Any, member: uuid.UUID, consents: Any, platform: Platform
) -> None:
    """Of members and of somebody new alike."""
    programme.birthday_rule()
    programme.give(member, 40)
    programme.birthday(member, 3, 10, set_at=LONG_BEFORE)
    consents.given.add((member, "birthday"))
    programme.run()
    nobody = programme.member()
    found = facts_of(platform, member, nobody)
    assert found[member] == {
        "loyalty.points_available": 40,
        "loyalty.points_earned_total": 0,
        "loyalty.has_birthday_gift": True,
        "loyalty.birthday_in_days": 0,
        "loyalty.tier": None,
        "loyalty.tier_rank": 0,
    }
    assert found[nobody] == {
        "loyalty.points_available": 0,
        "loyalty.points_earned_total": 0,
        "loyalty.has_birthday_gift": False,
        "loyalty.birthday_in_days": None,
        "loyalty.tier": None,
        "loyalty.tier_rank": 0,
    }


def test_facts_take_the_same_queries_for_many(
    programme: Any, platform: Platform, consents: Any, count_queries: Any
) -> None:
    """A constant number."""

    def asked(count: int) -> int:
        members = [programme.member() for _ in range(count)]
        for number, member in enumerate(members):
            programme.give(member, 5)
            programme.birthday(member, 1, 1 + number)
            consents.given.add((member, "birthday"))
        with count_queries() as queries:
            facts_of(platform, *members)
        return queries.count

    assert asked(1) == asked(9) <= 7


def test_the_gift_is_proposed_while_it_waits(platform: Platform) -> None:
    """By its tag, and never without the facts that consent allows."""
    waiting = proposals(platform, {"loyalty.has_birthday_gift": True})
    assert [candidate for candidate, _reason in waiting] == ["gift"]
    assert proposals(platform, {"loyalty.has_birthday_gift": False}) == []
    assert proposals(platform, {}) == []


def test_a_customers_summary_has_the_wallet(client: Any, programme: Any, member: uuid.UUID) -> None:
    """And how many gifts wait."""
    programme.give(member, 40)
    me = client.as_customer(member).get("/api/v1/me").json
    assert me["loyalty"]["wallets"][0]["available"] == 40
    assert me["loyalty"]["gifts_waiting"] == 0


@pytest.mark.parametrize("slot", ["admin.dashboard", "admin.customer"])
def test_panels_render(
    app: Any, programme: Any, member: uuid.UUID, consents: Any, platform: Platform, slot: str
) -> None:
    """With the figures of the programme, or of the customer."""
    from flask import render_template

    programme.birthday_rule()
    programme.birthday(member, 3, 10, set_at=LONG_BEFORE)
    consents.given.add((member, "birthday"))
    programme.give(member, 41)
    programme.run()
    with app.test_request_context("/admin/"), platform.db.read() as session:
        context = FragmentContext(
            slot=slot,
            session=session,
            platform=platform,
            actor=STAFF,
            now=platform.clock.now(),
            locale="en",
            subject_id=member if slot == "admin.customer" else None,
        )
        (answer,) = platform.plugins.call(Plugin.fragments, context)
        (fragment,) = answer.value
        html = render_template(fragment.template, **fragment.values)
    assert "41" in html


def test_rewards_are_found_in_the_palette(programme: Any, platform: Platform) -> None:
    """By name in any language, by who may see them."""
    programme.reward(key="mug", texts={"en": {"name": "Coffee mug"}, "fr": {"name": "Tasse"}})

    def found(text_: str, actor: Any) -> list[str]:
        with platform.db.read() as session:
            context = SearchContext(
                session=session, platform=platform, actor=actor, text=text_, locale="en"
            )
            (answer,) = platform.plugins.call(Plugin.search_documents, context)
        return [document.title for document in answer.value]

    assert found("tasse", STAFF) == found("MUG", STAFF) == ["Coffee mug"]
    assert found("pot", STAFF) == []
    assert found("mug", SystemActor(permissions=frozenset())) == []


def test_it_says_that_it_is_well(platform: Platform) -> None:
    """Cheaply."""
    with platform.db.read() as session:
        context = HealthContext(session=session, platform=platform)
        (answer,) = platform.plugins.call(Plugin.health, context)
    assert all(check.ok for check in answer.value)


def run(app: Any, command: Any, *options: str) -> Any:
    with app.app_context():
        return CliRunner().invoke(command, list(options))


def test_the_command_verifies_the_ledger(
    app: Any, programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """0 when all is well, 1 and the places when not."""
    programme.give(member, 40)
    well = run(app, verify_command)
    assert (well.exit_code, "All invariants hold" in well.output) == (0, True)
    with platform.db.write() as session:
        session.execute(text("UPDATE loyalty_account SET posted = 41"))
    broken = run(app, verify_command)
    assert broken.exit_code == 1
    assert "Invariant 5" in broken.output


def test_a_dry_run_of_birthdays_writes_nothing(
    app: Any, programme: Any, member: uuid.UUID, consents: Any, events: Any
) -> None:
    """And tells what a run would do."""
    programme.birthday(member, 3, 10, set_at=LONG_BEFORE)
    consents.given.add((member, "birthday"))
    programme.birthday_rule()
    dry = run(app, birthdays_command, "--dry-run")
    assert dry.exit_code == 0
    assert "Nothing was written" in dry.output
    assert programme.grants(member) == []
    assert run(app, birthdays_command).exit_code == 0
    assert programme.grants(member)[0].state == "issued"
    assert len(events.all("loyalty.birthday_gift_issued")) == 1


def test_the_demo_is_repeatable_and_reconciles(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Orders in are earn entries."""

    def stage(name: Any) -> Any:
        context = DemoContext(
            platform=platform,
            actor=STAFF,
            stage=name,
            progress=lambda _label, _total: lambda _n: None,
        )
        (answer,) = platform.plugins.call(Plugin.demo, context)
        return answer.value

    for _ in range(2):
        stage("prepare")
    for total in ("12.50", "0.40", "0"):
        programme.order(member, total)
    checks = stage("check").checks
    assert all(check.ok for check in checks), checks
    assert "3 orders" in checks[0].detail
