"""The admin's pages of rules, simulations, campaigns and wallets."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from dxp.api import Platform
from dxp_loyalty.services.rule_language import check_definition
from dxp_loyalty.web.admin.rule_form import RuleForm, definition_of, values_of

FORM = {
    "key": "tea-hour",
    "name": "Tea hour",
    "event_type": "order.placed",
    "type": "per_amount",
    "points": "2",
    "per": "1",
    "categories": "tea, ware",
    "price_from": "5",
    "basis": "undiscounted",
    "channels": "web",
    "window_0_days": ["5", "6"],
    "window_0_from": "17:00",
    "window_0_until": "19:00",
    "cap_0_points": "500",
    "cap_0_window": "month",
    "stacking": "best_of",
    "priority": "3",
    "name_fa": "ساعت چای",
    "active": "true",
}


@pytest.fixture
def staff(client: Any) -> Any:
    return client.as_staff("*")


def send(staff: Any, url: str, form: dict[str, Any]) -> Any:
    page = staff.get("/admin/loyalty/").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    return staff.post(url, data={**form, "csrf_token": token[1]})


def only_rule(programme: Any) -> Any:
    with programme.platform.db.read() as session:
        ((rule, version),) = programme.loyalty.earning.listed(session)
    return rule, version


def test_a_rule_is_made_without_json_and_comes_back_as_it_was(staff: Any, programme: Any) -> None:
    """Every field of the form finds its place in the definition, and its way back."""
    assert send(staff, "/admin/loyalty/rules/new", FORM).status_code == 303
    rule, version = only_rule(programme)
    said = version.definition
    assert said["line_condition"] == {
        "line.category": {"$in": ["tea", "ware"]},
        "line.price": {"$gte": 5.0},
    }
    assert said["condition"] == {"order.channel": {"$in": ["web"]}}
    assert said["windows"] == [{"weekdays": [5, 6], "from": "17:00", "until": "19:00"}]
    assert said["caps"] == [{"window": "month", "points": 500, "times": None}]
    assert said["names"] == {"fa": "ساعت چای"}
    assert (said["stacking"], said["priority"], said["basis"]) == ("best_of", 3, "undiscounted")
    page = staff.get(f"/admin/loyalty/rules/{rule.id}").get_data(as_text=True)
    assert 'value="tea, ware"' in page
    assert 'value="17:00"' in page
    assert "ساعت چای" in page


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"points": ""}, "points"),
        ({"type": "multiplier"}, "factor"),
        ({"cap_0_points": "none"}, "caps"),
        ({"window_0_from": "25:00"}, "windows"),
        ({"line_condition": "{"}, "line_condition"),
        ({"campaign": "nowhere"}, "campaign"),
        ({"live_from": "0001-01-01T00:00"}, "live_from"),
        ({"live_from": "2030-01-02T00:00", "live_until": "2030-01-01T00:00"}, "live_until"),
    ],
)
def test_a_faulty_rule_comes_back_with_what_was_typed(
    staff: Any, change: dict[str, str], field: str
) -> None:
    """And says at which field."""
    answer = send(staff, "/admin/loyalty/rules/new", {**FORM, **change})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "ساعت چای" in page
    assert f'#f-{field}"' in page


def test_a_draft_goes_to_its_simulation_and_its_numbers_can_be_taken_along(
    staff: Any, programme: Any, member: uuid.UUID, clock: Any
) -> None:
    """The page shows cost, winners and losers; the file has a line for each day."""
    form = {"key": "a", "name": "Simple", "event_type": "order.placed", "type": "per_amount"}
    form |= {"points": "3", "active": "true", "draft": "true"}
    programme.order(member, "10.00")
    answer = send(staff, "/admin/loyalty/rules/new", form)
    rule, _version = only_rule(programme)
    url = f"/admin/loyalty/rules/{rule.id}/simulations"
    assert answer.headers["Location"].endswith(url)
    assert "Draft" in staff.get("/admin/loyalty/rules").get_data(as_text=True)
    clock.advance(hours=1)
    programme.order(member, "2.00")
    clock.advance(hours=1)
    assert "No simulations yet" in staff.get(url).get_data(as_text=True)
    assert send(staff, url, {"days": "30", "number": "1"}).status_code == 303
    page = staff.get(url).get_data(as_text=True)
    assert "Winners" in page
    link = re.search(r'href="([^"]+\.csv)"', page)
    assert link is not None
    lines = staff.get(link[1]).get_data(as_text=True).splitlines()
    assert lines[0] == "day,points_before,points_after,difference"
    assert lines[1].endswith(",0,36,36") or len(lines) == 3
    assert send(staff, url, {"days": "0"}).status_code == 422
    for locale in ("fr", "ar", "fa"):
        assert staff.get(url, headers={"Accept-Language": locale}).status_code == 200


def test_a_campaign_is_made_and_its_burn_is_shown(
    staff: Any, programme: Any, platform: Platform, member: uuid.UUID
) -> None:
    """A stale form, or one without a name, is refused."""
    url = "/admin/loyalty/campaigns/new"
    form = {"key": "spring", "name_en": "Spring", "budget": "100", "active": "true"}
    assert send(staff, url, {**form, "name_en": ""}).status_code == 422
    assert send(staff, url, {**form, "key": ""}).status_code == 422
    assert send(staff, url, form).status_code == 303
    assert send(staff, url, form).status_code == 422
    rule = {**FORM, "categories": "", "price_from": "", "campaign": "spring", "channels": ""}
    rule = {name: value for name, value in rule.items() if not name.startswith("window")}
    assert send(staff, "/admin/loyalty/rules/new", rule).status_code == 303
    programme.order(member, "40.00")
    with platform.db.read() as session:
        (campaign,) = programme.loyalty.campaigns.listed(session)
    assert campaign.spent == 80
    edit = f"/admin/loyalty/campaigns/{campaign.id}"
    assert "Points given by day" in staff.get(edit).get_data(as_text=True)
    assert send(staff, edit, {**form, "budget": "70", "version": "1"}).status_code == 422
    assert send(staff, edit, {**form, "budget": "90", "version": "1"}).status_code == 303
    assert send(staff, edit, {**form, "budget": "95", "version": "1"}).status_code == 422


def test_a_wallet_is_defined_and_changed(staff: Any, programme: Any, platform: Platform) -> None:
    """Members have it from then on."""
    url = "/admin/loyalty/wallets/new"
    form = {"key": "stars", "name_en": "Stars", "rounding": "up", "active": "true"}
    form["pending_days"] = "3"
    assert send(staff, url, {**form, "name_en": ""}).status_code == 422
    assert send(staff, url, form).status_code == 303
    assert send(staff, url, form).status_code == 422
    with platform.db.read() as session:
        (wallet,) = programme.loyalty.wallets.listed(session)
    assert (wallet.rounding, wallet.pending_days) == ("up", 3)
    edit = f"/admin/loyalty/wallets/{wallet.id}"
    assert 'value="3"' in staff.get(edit).get_data(as_text=True)
    changed = {**form, "pending_days": "4", "version": "1"}
    assert send(staff, edit, changed).status_code == 303
    assert send(staff, edit, changed).status_code == 422


TEXTS = st.lists(st.sampled_from(["tea", "ware", "a b"]), min_size=1, max_size=2, unique=True)
CONDITIONS = st.sampled_from(
    [
        {},
        {"line.category": {"$in": ["tea"]}},
        {"line.category": "tea"},
        {"line.price": {"$gte": 2.5, "$lte": 9}},
        {"line.price": {"$gt": 2}},
        {"line.sku": {"$in": ["a", "b"]}, "line.quantity": {"$gte": 3}},
        {"$and": [{"line.sku": {"$in": ["a"]}}, {"line.sku": {"$in": ["b"]}}]},
    ]
)


@settings(deadline=None, max_examples=60)
@given(
    award=st.sampled_from(
        [
            {"type": "per_amount", "points": "2", "per": "5", "currency": "EUR", "minimum": 3},
            {"type": "per_piece", "points": "5"},
            {"type": "fixed", "points": "50"},
            {"type": "multiplier", "factor": "1.5", "rounding": "up"},
        ]
    ),
    lines=CONDITIONS,
    condition=st.sampled_from(
        [
            {},
            {"crm.segments": {"$in": ["vip"]}, "order.total": {"$gte": 50}},
            {"crm.country": "FR", "order.channel": {"$in": ["web"]}},
            {"order.total": {"$gte": 50, "$lt": 90}},
        ]
    ),
    caps=st.lists(
        st.sampled_from(
            [
                {"window": "day", "points": 5, "times": None},
                {"window": "ever", "points": None, "times": 2},
            ]
        ),
        max_size=2,
    ),
    names=st.dictionaries(st.sampled_from(["en", "fr"]), st.just("Name")),
)
def test_a_definition_survives_the_form(
    award: Any, lines: Any, condition: Any, caps: Any, names: Any
) -> None:
    """Whatever it says, opening and saving it changes nothing."""
    source = {
        "award": award,
        "line_condition": lines,
        "condition": condition,
        "caps": caps,
        "windows": [{"weekdays": [1], "from": "09:00", "until": "10:00"}],
        "names": names,
        "pending_days": 3,
    }
    stored = check_definition("order.placed", source)
    shown = values_of(stored)
    form: MultiDict[str, str] = MultiDict()
    for name, value in shown.items():
        if name not in ("windows", "caps") and value is not None:
            form[name] = str(value)
    for number, row in enumerate(shown["windows"]):
        form.setlist(f"window_{number}_days", [str(day) for day in row["weekdays"]])
        form[f"window_{number}_from"] = row["from"]
        form[f"window_{number}_until"] = row["until"]
    for number, row in enumerate(shown["caps"]):
        for name, value in row.items():
            form[f"cap_{number}_{name}"] = "" if value is None else str(value)
    form["name"], form["event_type"] = "A rule", "order.placed"
    plain = {name: form[name] or None for name in RuleForm().fields if name in form}
    values = RuleForm().load(plain)
    again = check_definition("order.placed", definition_of(values, form, ["en", "fr"]))
    assert again == stored
