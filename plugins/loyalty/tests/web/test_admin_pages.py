"""The admin's pages: what staff see and do, and who may."""

from __future__ import annotations

import io
import re
import uuid
from typing import Any

import pytest

from dxp.api import Platform

PAGES = (
    "/admin/loyalty/",
    "/admin/loyalty/rewards",
    "/admin/loyalty/rewards/new",
    "/admin/loyalty/redemptions",
    "/admin/loyalty/coupons",
    "/admin/loyalty/rules",
    "/admin/loyalty/rules/new",
    "/admin/loyalty/occasions",
    "/admin/loyalty/occasions/rules/new",
    "/admin/loyalty/occasions/days",
    "/admin/loyalty/occasions/days/new",
    "/admin/loyalty/campaigns",
    "/admin/loyalty/campaigns/new",
    "/admin/loyalty/wallets",
    "/admin/loyalty/wallets/new",
)
REWARD_FORM = {
    "key": "tea-pot",
    "kind": "product",
    "cost": "90",
    "stock": "7",
    "per_member": "",
    "limit_window": "lifetime",
    "active": "true",
    "first_day": "",
    "last_day": "2026-04-30",
    "name_en": "Tea pot",
    "name_fa": "قوری",
}
RULE_FORM = {
    "key": "per-dollar",
    "name": "A point for each dollar",
    "event_type": "order.placed",
    "type": "per_amount",
    "points": "2",
    "per": "1",
    "currency": "",
    "rounding": "down",
    "condition": '{"order.channel": "web"}',
    "pending_days": "0",
    "expires_after_days": "",
    "active": "true",
}


@pytest.fixture
def staff(client: Any) -> Any:
    return client.as_staff("*")


def send(staff: Any, url: str, form: dict[str, Any]) -> Any:
    """Post a form as the page would, with its token."""
    page = staff.get("/admin/loyalty/").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    return staff.post(url, data={**form, "csrf_token": token[1]})


@pytest.mark.parametrize("url", PAGES)
def test_pages_open_while_there_is_nothing(staff: Any, url: str) -> None:
    """With an empty state instead of an error."""
    answer = staff.get(url)
    assert answer.status_code == 200
    assert "<h1" in answer.get_data(as_text=True)


@pytest.mark.parametrize("locale", ["fr", "ar", "fa"])
def test_pages_open_in_every_language(staff: Any, locale: str) -> None:
    """Right to left too."""
    for url in PAGES:
        assert staff.get(url, headers={"Accept-Language": locale}).status_code == 200


@pytest.mark.parametrize("url", PAGES)
def test_pages_are_for_staff_who_may(client: Any, url: str) -> None:
    """Strangers sign in first; others are refused."""
    assert client.get(url).status_code == 303
    assert client.as_staff("core.audit.read").get(url).status_code == 403


def test_a_reward_is_made_and_changed(staff: Any, programme: Any, platform: Platform) -> None:
    """The list shows it; a stale form is refused and keeps what was typed."""
    assert send(staff, "/admin/loyalty/rewards/new", REWARD_FORM).status_code == 303
    assert "Tea pot" in staff.get("/admin/loyalty/rewards").get_data(as_text=True)
    with platform.db.read() as session:
        ((reward, version),) = programme.loyalty.rewards.listed(session)
    assert (version.cost, reward.stock) == (90, 7)
    assert version.active_until.isoformat() == "2026-05-01T00:00:00+00:00"
    url = f"/admin/loyalty/rewards/{reward.id}"
    page = staff.get(url).get_data(as_text=True)
    assert 'value="2026-04-30"' in page
    changed = {**REWARD_FORM, "cost": "80", "version": "1"}
    assert send(staff, url, changed).status_code == 303
    stale = send(staff, url, {**changed, "cost": "70"})
    assert stale.status_code == 422
    assert 'value="70"' in stale.get_data(as_text=True)


def test_a_faulty_reward_comes_back_with_its_faults(staff: Any) -> None:
    """And with what was typed."""
    answer = send(staff, "/admin/loyalty/rewards/new", {**REWARD_FORM, "cost": "0"})
    assert answer.status_code == 422
    assert "Tea pot" in answer.get_data(as_text=True)


def test_a_reward_of_a_kind_has_the_fields_of_its_kind(
    staff: Any, programme: Any, platform: Platform
) -> None:
    """They come when the kind is chosen, and faults are shown at their fields."""
    part = staff.get("/admin/loyalty/rewards/kind?kind=discount_code").get_data(as_text=True)
    assert 'name="details_discount_percent"' in part
    form = {
        **REWARD_FORM,
        "kind": "discount_code",
        "limit_window": "week",
        "details_discount_percent": "150",
        "gate": '{"loyalty.points_earned_total": {"$gte": 10}}',
        "image_en": "javascript:alert(1)",
    }
    refused = send(staff, "/admin/loyalty/rewards/new", form)
    assert refused.status_code == 422
    assert 'id="f-image_en-error' in refused.get_data(as_text=True)
    form["image_en"] = "/media/tea.webp"
    refused = send(staff, "/admin/loyalty/rewards/new", form)
    assert 'id="f-details_discount_percent-error' in refused.get_data(as_text=True)
    form["details_discount_percent"] = "15"
    assert send(staff, "/admin/loyalty/rewards/new", form).status_code == 303
    with platform.db.read() as session:
        ((reward, version),) = programme.loyalty.rewards.listed(session)
    assert version.details == {"discount_percent": 15}
    assert version.gate == {"loyalty.points_earned_total": {"$gte": 10}}
    assert version.texts["en"]["image"] == "/media/tea.webp"
    page = staff.get(f"/admin/loyalty/rewards/{reward.id}").get_data(as_text=True)
    assert 'src="/media/tea.webp"' in page
    assert 'value="15"' in page


def test_a_redemption_is_found_shown_and_taken_back(
    staff: Any, client: Any, programme: Any, member: uuid.UUID
) -> None:
    """A form that is sent twice takes back once."""
    programme.give(member, 100)
    reward = programme.reward(cost=60, kind="discount_code")
    body = {"reward_id": str(reward.id), "capture": True}
    made = client.as_customer(member).post(
        "/api/v1/redemptions", json=body, headers={"Idempotency-Key": "r"}
    )
    code = made.json["code"]
    assert made.json["id"] in staff.get("/admin/loyalty/redemptions?state=captured").text
    assert made.json["id"] in staff.get(f"/admin/loyalty/redemptions?member={member}").text
    assert made.json["id"] not in staff.get("/admin/loyalty/redemptions?state=open").text
    url = f"/admin/loyalty/redemptions/{made.json['id']}"
    assert code in staff.get(url).text
    assert staff.get(f"{url}/code.svg").data.startswith(b"<svg")
    form = {"points": "20", "reason_code": "returned", "note": "", "seen": "0"}
    assert send(staff, f"{url}/reverse", form).status_code == 303
    assert send(staff, f"{url}/reverse", form).status_code == 422
    assert programme.available(member) == 60
    over = send(staff, f"{url}/reverse", {**form, "points": "41", "seen": "20"})
    assert over.status_code == 422
    assert send(staff, f"{url}/reverse", {**form, "points": "", "seen": "20"}).status_code == 303
    assert programme.available(member) == 100
    reader = client.as_staff("loyalty.ledger.read")
    assert code not in reader.get(url).text
    assert reader.get(f"{url}/code.svg").status_code == 403
    programme.check()


def test_codes_are_made_downloaded_once_and_withdrawn(
    staff: Any, programme: Any, platform: Platform, run_jobs: Any
) -> None:
    """The page tells how far the job is, and how hard a code is to guess."""
    form = {"key": "spring", "name": "Spring", "what": "download", "count": "25", "length": "12"}
    weak = send(staff, "/admin/loyalty/coupons/new", {**form, "length": "6"})
    assert weak.status_code == 422
    made = send(staff, "/admin/loyalty/coupons/new", form)
    url = made.headers["Location"]
    assert "0 of 25 codes are made" in staff.get(url).text
    assert "0 of 25" in staff.get(f"{url}/progress").text
    run_jobs()
    assert "59 bits" in staff.get(url).text
    file = send(staff, f"{url}/codes.csv", {})
    codes = file.text.split()[1:]
    assert len(set(codes)) == 25
    with platform.db.read() as session:
        assert programme.loyalty.coupons.validate(session, codes[7]).uses_left == 1
    assert send(staff, f"{url}/codes.csv", {}).status_code == 303
    assert "downloaded before" in staff.get(url).text
    send(staff, f"{url}/withdraw", {})
    assert "Withdrawn" in staff.get(url).text


def test_a_file_of_codes_is_brought_in(staff: Any) -> None:
    """With the rows that were left out, and why."""
    form = {"key": "old", "name": "Old shop", "what": "imported"}
    url = send(staff, "/admin/loyalty/coupons/new", form).headers["Location"]
    file = (io.BytesIO(b"code\nWELCOME10\nX\n"), "codes.csv")
    page = send(staff, f"{url}/import", {"file": file})
    assert "1 codes were brought in, 1 rows were left out" in page.text
    latin = (io.BytesIO("code\ncaf\u00e9-12\n".encode("latin-1")), "codes.csv")
    assert send(staff, f"{url}/import", {"file": latin}).status_code == 422
    assert send(staff, f"{url}/import", {}).status_code == 422


def test_a_rule_is_made_and_revised(
    staff: Any, programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    """Orders earn by it at once."""
    assert send(staff, "/admin/loyalty/rules/new", RULE_FORM).status_code == 303
    programme.order(member, "10.00")
    assert programme.available(member) == 20
    with platform.db.read() as session:
        ((rule, _version),) = programme.loyalty.earning.listed(session)
    url = f"/admin/loyalty/rules/{rule.id}"
    assert "order.channel" in staff.get(url).get_data(as_text=True)
    changed = {**RULE_FORM, "points": "3", "condition": "", "version": "1"}
    assert send(staff, url, changed).status_code == 303
    programme.order(member, "10.00", channel="store")
    assert programme.available(member) == 50
    assert send(staff, url, changed).status_code == 422


@pytest.mark.parametrize("condition", ["{", "[1]", '{"a": {"$near": 1}}'])
def test_a_faulty_condition_is_shown_at_its_field(staff: Any, condition: str) -> None:
    """So that an editor can mend it."""
    answer = send(staff, "/admin/loyalty/rules/new", {**RULE_FORM, "condition": condition})
    assert answer.status_code == 422
    assert 'id="f-condition-error' in answer.get_data(as_text=True)


def test_a_birthday_rule_is_made_and_its_gifts_are_listed(
    staff: Any, programme: Any, consents: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Planned, issued, and why one waits."""
    form = {
        "key": "birthday",
        "points": "200",
        "days_before": "0",
        "days_after": "14",
        "minimum_days": "14",
        "late_policy": "immediate",
        "leap_day": "february_28",
        "active": "true",
        "name_en": "Birthday gift",
    }
    url = "/admin/loyalty/occasions/rules/new"
    assert send(staff, url, {**form, "name_en": ""}).status_code == 422
    assert send(staff, url, form).status_code == 303
    programme.birthday(member, 3, 10)
    programme.run()
    page = staff.get("/admin/loyalty/occasions?state=planned").get_data(as_text=True)
    assert str(member) in page
    assert "No consent" in page
    consents.given.add((member, "birthday"))
    programme.run()
    assert str(member) in staff.get("/admin/loyalty/occasions").get_data(as_text=True)
    with platform.db.read() as session:
        (rule,) = programme.loyalty.occasions.rules(session)
    edit = f"/admin/loyalty/occasions/rules/{rule.id}"
    assert staff.get(edit).status_code == 200
    assert send(staff, edit, {**form, "points": "300", "version": "1"}).status_code == 303
    assert send(staff, edit, {**form, "points": "400", "version": "1"}).status_code == 422


def test_a_day_of_the_calendar_is_kept_used_moved_and_let_go(
    staff: Any, programme: Any, platform: Platform
) -> None:
    """With the next dates beside it; what is wrong is told at its field and nothing is lost."""
    url = "/admin/loyalty/occasions/days/new"
    form = {
        "key": "eid-al-fitr",
        "name_en": "Eid al-Fitr",
        "rows": "2",
        "country_0": "*",
        "way_0": "date",
        "calendar_0": "hijri_umalqura",
        "month_0": "10",
        "day_0": "1",
        "country_1": "US",
        "way_1": "weekday",
        "month_1": "5",
        "nth_1": "-1",
        "weekday_1": "6",
    }
    wrong = send(staff, url, {**form, "day_0": "31"})
    assert wrong.status_code == 422
    assert 'value="31"' in wrong.get_data(as_text=True)
    assert send(staff, url, {**form, "name_en": ""}).status_code == 422
    assert send(staff, url, {**form, "country_1": "*"}).status_code == 422
    assert send(staff, url, form).status_code == 303
    assert send(staff, url, form).status_code == 422
    assert "Eid al-Fitr" in staff.get("/admin/loyalty/occasions/days").get_data(as_text=True)
    with platform.db.read() as session:
        (day,) = programme.loyalty.days.listed(session)
    edit = f"/admin/loyalty/occasions/days/{day.id}"
    assert staff.get(edit).status_code == 200
    moved = {**form, "version": "1", "dates_0": "1447=2026-03-21"}
    assert send(staff, edit, {**moved, "dates_0": "1447=soon"}).status_code == 422
    assert send(staff, edit, moved).status_code == 303
    assert send(staff, edit, moved).status_code == 422
    rule = {"key": "eid", "kind": "calendar", "points": "10", "name_en": "Eid gift"}
    rules = "/admin/loyalty/occasions/rules/new"
    assert send(staff, rules, rule).status_code == 422
    assert send(staff, rules, {**rule, "day_id": str(day.id), "condition": "{"}).status_code == 422
    assert send(staff, rules, {**rule, "day_id": str(day.id)}).status_code == 303
    assert "Eid gift" in staff.get("/admin/loyalty/occasions").get_data(as_text=True)
    send(staff, f"{edit}/remove", {})
    assert staff.get(edit).status_code == 200


def test_a_members_ledger_is_shown_verified_and_adjusted(
    staff: Any, programme: Any, member: uuid.UUID
) -> None:
    """With the note beside the line; a form that is sent twice counts once."""
    url = f"/admin/loyalty/members/{member}"
    form = {"points": "25", "reason_code": "goodwill", "note": "Sorry for the wait"}
    form["once"] = str(uuid.uuid4())
    assert send(staff, f"{url}/adjust", form).status_code == 303
    assert send(staff, f"{url}/adjust", form).status_code == 303
    page = staff.get(url).get_data(as_text=True)
    assert "Sorry for the wait" in page
    assert programme.available(member) == 25
    send(staff, f"{url}/verify", {})
    assert "The chain of" in staff.get(url).get_data(as_text=True)
    send(staff, f"{url}/adjust", {**form, "points": "-26", "once": str(uuid.uuid4())})
    assert "only 25 can be spent" in staff.get(url).get_data(as_text=True)
    assert programme.available(member) == 25
    programme.check()


def test_a_broken_chain_is_told(
    staff: Any, programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """When somebody changed an entry behind the ledger's back."""
    from sqlalchemy import update

    from dxp_loyalty.models import Entry

    programme.give(member, 25)
    with platform.db.write() as session:
        session.execute(update(Entry).values(amount=26))
    url = f"/admin/loyalty/members/{member}"
    send(staff, f"{url}/verify", {})
    assert "The chain is broken" in staff.get(url).get_data(as_text=True)


def test_a_member_is_found_by_the_shops_number(staff: Any, platform: Platform) -> None:
    """Or the page says that nobody has it."""
    with platform.db.write() as session:
        found = platform.subjects.create(session, keys=[("ref", "C-1")]).id
    answer = staff.get("/admin/loyalty/members?ref=C-1")
    assert answer.headers["Location"].endswith(f"/admin/loyalty/members/{found}")
    assert staff.get("/admin/loyalty/members?ref=C-2").headers["Location"].endswith("/loyalty/")


def test_gifts_are_stopped_and_go_on(
    staff: Any, programme: Any, consents: Any, member: uuid.UUID
) -> None:
    """Rule 12: reversibly."""
    programme.birthday_rule(late_policy="immediate")
    consents.given.add((member, "birthday"))
    programme.birthday(member, 3, 10)
    url = f"/admin/loyalty/members/{member}/occasions"
    send(staff, url, {"paused": "true"})
    programme.run()
    first = programme.grants(member)[0]
    assert (first.state, first.reason) == ("planned", "paused")
    send(staff, url, {"paused": "false"})
    programme.run()
    assert programme.grants(member)[0].state == "issued"


def test_several_wallets_are_told_apart(
    staff: Any, programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """By the name, or the key where nobody named one; a single one needs none."""
    from dxp.api import SystemActor
    from dxp_loyalty.services.accounts import open_account
    from dxp_loyalty.services.entries import Cause

    url = f"/admin/loyalty/members/{member}"
    programme.give(member, 25)
    named = '<p class="dx-muted">%s</p>'
    assert named % "points" not in staff.get(url).get_data(as_text=True)
    with platform.db.write() as session:
        account = open_account(session, platform, member, wallet="stars")
        cause = Cause(source="event:1", actor=SystemActor(name="test"))
        programme.loyalty.ledger.earn(session, account, 7, cause=cause)
    page = staff.get(url).get_data(as_text=True)
    assert named % "stars" in page
    assert named % "points" in page
