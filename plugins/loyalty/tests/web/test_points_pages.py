"""The admin's pages of tiers, expiry, adjustments for two, and a member's ledger."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from dxp.api import SystemActor
from dxp_loyalty.services.accounts import open_account
from dxp_loyalty.services.entries import Cause

STAFF = SystemActor(name="test")
PAGES = (
    "/admin/loyalty/tiers",
    "/admin/loyalty/expiry",
    "/admin/loyalty/adjustments",
    "/admin/loyalty/adjustments?state=approved",
)
PLAN_FORM = {
    "basis": "points",
    "currency": "",
    "period": "calendar_year",
    "months": "12",
    "keep_next": "true",
    "grace_days": "30",
    "active": "true",
}


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"plugins": {"loyalty": {"adjustment_limit": 100}}}


@pytest.fixture
def staff(client: Any) -> Any:
    return client.as_staff("*")


def send(staff: Any, url: str, form: dict[str, str]) -> Any:
    """Post a form as the page would, with its token."""
    page = staff.get("/admin/loyalty/tiers").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    return staff.post(url, data={**form, "csrf_token": token[1]})


def text_of(staff: Any, url: str) -> str:
    return str(staff.get(url).get_data(as_text=True))


def version_of(staff: Any) -> str:
    found = re.search(r'name="version" value="(\d+)"', text_of(staff, "/admin/loyalty/tiers"))
    assert found is not None
    return found[1]


def test_pages_open_in_every_language(staff: Any) -> None:
    """Right to left too, while there is nothing."""
    for locale in ("en", "fr", "ar", "fa"):
        for url in PAGES:
            assert staff.get(url, headers={"Accept-Language": locale}).status_code == 200


def test_a_ladder_is_built_and_edited(staff: Any, programme: Any) -> None:
    """A stale form is refused and keeps what was typed."""
    assert send(staff, "/admin/loyalty/tiers", PLAN_FORM).status_code == 303
    form = {"key": "gold", "threshold": "300", "name_en": "Gold", "name_ar": "ذهبي"}
    stale = send(staff, "/admin/loyalty/tiers/new", form | {"version": "7"})
    assert stale.status_code == 422
    assert "300" in stale.get_data(as_text=True)
    made = send(staff, "/admin/loyalty/tiers/new", form | {"version": version_of(staff)})
    assert made.status_code == 303
    assert "ذهبي" in staff.get("/admin/loyalty/tiers", headers={"Accept-Language": "ar"}).get_data(
        as_text=True
    )
    with programme.platform.db.read() as session:
        (tier,) = programme.loyalty.tier_plans.tiers(session)
    edit = f"/admin/loyalty/tiers/{tier.id}"
    assert "300" in text_of(staff, edit)
    half = send(staff, edit, form | {"threshold": "0.5", "version": version_of(staff)})
    assert half.status_code == 422
    done = send(staff, edit, form | {"threshold": "400", "version": version_of(staff)})
    assert done.status_code == 303
    assert "400" in text_of(staff, "/admin/loyalty/tiers")
    basis = PLAN_FORM | {"basis": "orders", "version": version_of(staff)}
    assert send(staff, "/admin/loyalty/tiers", basis).status_code == 422
    assert send(staff, f"{edit}/remove", {}).status_code == 303
    assert "gold" not in text_of(staff, "/admin/loyalty/tiers")


def test_a_tier_is_given_from_the_members_page(
    staff: Any, programme: Any, member: uuid.UUID
) -> None:
    """With its day and reason, and taken back."""
    send(staff, "/admin/loyalty/tiers", PLAN_FORM)
    form = {"key": "gold", "threshold": "300", "name_en": "Gold", "version": version_of(staff)}
    send(staff, "/admin/loyalty/tiers/new", form)
    with programme.platform.db.read() as session:
        (tier,) = programme.loyalty.tier_plans.tiers(session)
    until = (programme.clock.now() + timedelta(days=9)).date().isoformat()
    url = f"/admin/loyalty/members/{member}"
    send(staff, f"{url}/tier", {"tier_id": str(tier.id), "until": until, "reason": "Prize"})
    page = text_of(staff, url)
    assert "Given by staff" in page
    assert "Take the given tier back" in page
    send(staff, f"{url}/tier/take", {})
    assert "Take the given tier back" not in text_of(staff, url)


def test_two_people_make_a_large_adjustment(client: Any, programme: Any, member: uuid.UUID) -> None:
    """The one who asked sees no button to approve, and is refused without one."""
    ada, grace = client.as_staff("*"), client.as_staff("*")
    form = {"points": "500", "reason_code": "goodwill", "note": "", "once": str(uuid.uuid4())}
    send(ada, f"/admin/loyalty/members/{member}/adjust", form)
    assert programme.available(member) == 0
    page = text_of(ada, "/admin/loyalty/adjustments")
    (url,) = set(re.findall(r"/admin/loyalty/adjustments/[0-9a-f-]+/reject", page))
    approve = url.replace("reject", "approve")
    assert approve not in page
    send(ada, approve, {})
    assert programme.available(member) == 0
    assert approve in text_of(grace, "/admin/loyalty/adjustments")
    send(grace, approve, {})
    assert programme.available(member) == 500
    assert "wait for a second person" not in text_of(ada, f"/admin/loyalty/members/{member}")
    programme.check()


def test_deciding_takes_a_permission_of_its_own(
    client: Any, programme: Any, member: uuid.UUID
) -> None:
    """Whoever may adjust may ask, and withdraw what they asked."""
    clerk = client.as_staff(
        "loyalty.adjustments.write", "loyalty.ledger.read", "loyalty.tiers.read"
    )
    other = client.as_staff(
        "loyalty.adjustments.write", "loyalty.ledger.read", "loyalty.tiers.read"
    )
    form = {"points": "500", "reason_code": "goodwill", "note": "", "once": str(uuid.uuid4())}
    send(clerk, f"/admin/loyalty/members/{member}/adjust", form)
    page = text_of(clerk, "/admin/loyalty/adjustments")
    (url,) = set(re.findall(r"/admin/loyalty/adjustments/[0-9a-f-]+/reject", page))
    assert send(other, url.replace("reject", "approve"), {}).status_code == 403
    send(other, url, {})
    assert url in text_of(clerk, "/admin/loyalty/adjustments")
    send(clerk, url, {})
    assert url not in text_of(clerk, "/admin/loyalty/adjustments")


def test_a_reason_is_added_in_the_admin(staff: Any) -> None:
    """And offered from then on."""
    form = {"key": "jury-prize", "active": "true", "name_en": "Jury prize"}
    send(staff, "/admin/loyalty/adjustments/reasons", form)
    assert "Jury prize" in text_of(staff, "/admin/loyalty/adjustments")


def test_a_policy_is_put_in_force(staff: Any, programme: Any, member: uuid.UUID) -> None:
    """And what ends soon is told."""
    form = {"kind": "days", "length": "20", "warn_days": "7, 2"}
    wrong = send(staff, "/admin/loyalty/expiry", form | {"warn_days": "soon"})
    assert wrong.status_code == 422
    assert send(staff, "/admin/loyalty/expiry", form).status_code == 303
    programme.give(member, 40)
    page = text_of(staff, "/admin/loyalty/expiry")
    assert "7, 2" in page
    assert "40" in page
    assert send(staff, "/admin/loyalty/expiry", form | {"version": "9"}).status_code == 422


def test_the_ledger_is_filtered_dated_and_exported(
    staff: Any, programme: Any, member: uuid.UUID
) -> None:
    """By kind and day; no cell becomes a formula; what cannot be read is left out."""
    programme.give(member, 50)
    programme.clock.advance(days=5)
    with programme.platform.db.write() as session:
        account = open_account(session, programme.platform, member, wallet="points")
        cause = Cause(source="event:1", actor=STAFF, note="=1+1")
        programme.loyalty.ledger.earn(session, account, 7, cause=cause)
    url = f"/admin/loyalty/members/{member}"
    day = (programme.clock.now() - timedelta(days=3)).date().isoformat()
    then = text_of(staff, f"{url}?until={day}")
    assert re.search(r"Balance at the end of [^:]+: 50", then)
    assert "+7" not in then
    earned = text_of(staff, f"{url}?kind=earn&since=nonsense")
    assert "+7" in earned
    assert "+50" not in earned
    answer = staff.get(f"{url}/ledger.csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert [(row["points"], row["balance"]) for row in rows] == [("50", "50"), ("7", "57")]
    assert rows[1]["note"] == "'=1+1"
