"""Staff, roles, keys and the audit log, in a browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from dxp.auth.models import ApiKey, Staff
from dxp.platform import Platform
from dxp.plugins.spec import Plugin
from dxp.testing import SYSTEM, DxpClient, make_staff
from tests.admin.browsing import page, send, shown
from tests.admin.markup import elements, one, policy_breaches

pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return ()


@pytest.fixture
def boss(client: DxpClient) -> DxpClient:
    return client.as_staff("*")


def person(platform: Platform, *permissions: str, email: str = "bo@example.com") -> uuid.UUID:
    with platform.db.write() as session:
        return make_staff(session, platform, *permissions, email=email)


def staff_of(platform: Platform, staff_id: uuid.UUID) -> Staff:
    with platform.db.read() as session:
        return platform.accounts.staff.get(session, staff_id)


PAGES = {
    "/admin/staff/": "core.staff.manage",
    "/admin/staff/new": "core.staff.manage",
    "/admin/roles/": "core.roles.manage",
    "/admin/roles/new": "core.roles.manage",
    "/admin/keys/": "core.keys.manage",
    "/admin/keys/new": "core.keys.manage",
    "/admin/audit/": "core.audit.read",
}


@pytest.mark.parametrize("path", PAGES)
def test_each_page_takes_its_permission_and_keeps_to_the_policy(
    client: DxpClient, path: str
) -> None:
    others = sorted(set(PAGES.values()) - {PAGES[path]})
    assert client.as_staff(*others).get(path).status_code == 403
    html = page(client.as_staff(PAGES[path]), path)
    assert policy_breaches(html) == []
    ids = [e.attributes["id"] for e in elements(html) if "id" in e.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path",
    [
        "/admin/staff/new",
        "/admin/staff/{id}",
        "/admin/staff/{id}/roles",
        "/admin/staff/{id}/disable",
        "/admin/staff/{id}/enable",
        "/admin/staff/{id}/password",
        "/admin/staff/{id}/second-factor/off",
        "/admin/staff/{id}/sessions/{id}/end",
        "/admin/roles/new",
        "/admin/roles/some",
        "/admin/roles/some/delete",
        "/admin/keys/new",
        "/admin/keys/{id}/revoke",
    ],
)
def test_every_form_takes_its_permission(client: DxpClient, platform: Platform, path: str) -> None:
    target = path.format(id=person(platform))
    area = target.split("/")[2]
    needed = {
        "staff": "core.staff.manage",
        "roles": "core.roles.manage",
        "keys": "core.keys.manage",
    }
    others = sorted({"core.audit.read", *needed.values()} - {needed[area]})
    assert send(client.as_staff(*others), target).status_code == 403


# Staff


def test_somebody_new_gets_a_password_that_is_shown_once(
    boss: DxpClient, platform: Platform, client: DxpClient
) -> None:
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
    answer = send(
        boss, "/admin/staff/new", name="Bo", email="bo@example.com", roles=["viewer"], locale="fr"
    )
    password = one(shown(answer), "pre", id="first-password").text.strip()
    assert len(password) == 20
    with platform.db.read() as session:
        made = platform.accounts.staff.by_email(session, "bo@example.com")
        assert made is not None
        roles = platform.accounts.staff.roles_of(session, [made.id])[made.id]
    assert (made.locale, made.must_change_password) == ("fr", True)
    assert [role.name for role in roles] == ["viewer"]
    assert password not in page(boss, f"/admin/staff/{made.id}")
    entered = send(client, "/admin/sign-in", email="bo@example.com", password=password)
    assert entered.location == "/admin/account"


def test_a_form_with_mistakes_comes_back_as_it_was_sent_and_nothing_is_written(
    boss: DxpClient, platform: Platform
) -> None:
    person(platform)
    answer = send(boss, "/admin/staff/new", name="Bo <b>", email="bo@example.com")
    html = shown(answer, 422)
    assert "Another member of staff has this address" in html
    assert one(html, "input", name="name").attributes["value"] == "Bo <b>"
    with platform.db.read() as session:
        assert len(session.scalars(platform.accounts.staff.matching()).all()) == 2


def test_a_role_that_one_may_not_give_is_not_given_though_it_is_sent(
    client: DxpClient, platform: Platform
) -> None:
    """And the account, which is made before the roles are given, is not left behind."""
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
    manager = client.as_staff("core.staff.manage")
    assert "Administrator" not in page(manager, "/admin/staff/new")
    answer = send(
        manager,
        "/admin/staff/new",
        name="Mallory",
        email="mallory@example.com",
        roles=["administrator"],
    )
    assert "permissions that you do not hold" in shown(answer, 422)
    with platform.db.read() as session:
        assert platform.accounts.staff.by_email(session, "mallory@example.com") is None
        assert "mallory" not in repr([e.after for e in platform.audit.entries(session)])


def test_an_account_that_may_do_more_can_be_looked_at_only(
    client: DxpClient, boss: DxpClient
) -> None:
    manager = client.as_staff("core.staff.manage")
    path = f"/admin/staff/{boss.staff_id}"
    html = page(manager, path)
    assert "You can only look" in html
    assert one(html, "input", name="email").attributes.get("disabled") == ""
    assert not [e for e in elements(html, "form") if e.attributes["action"].endswith("/disable")]
    for part in ("/password", "/disable", "/second-factor/off"):
        assert "may do more than yours" in shown(send(manager, path + part), 422)
    assert boss.get("/admin/").status_code == 200


def test_somebody_is_changed_disabled_and_enabled(boss: DxpClient, platform: Platform) -> None:
    bo = person(platform, "events.read")
    path = f"/admin/staff/{bo}"
    changed = send(boss, path, name="Bo B", email="b@example.com", locale="")
    assert changed.location == path
    assert "The account is changed" in page(boss, path)
    assert (staff_of(platform, bo).name, staff_of(platform, bo).email) == ("Bo B", "b@example.com")
    send(boss, f"{path}/roles", roles=[])
    with platform.db.read() as session:
        assert platform.accounts.staff.roles_of(session, [bo])[bo] == []
    send(boss, f"{path}/disable")
    assert staff_of(platform, bo).disabled_at is not None
    assert "Bo B" not in page(boss, "/admin/staff/")
    assert "Bo B" in page(boss, "/admin/staff/?disabled=true")
    send(boss, f"{path}/enable")
    assert staff_of(platform, bo).disabled_at is None


def test_oneself_cannot_be_disabled(boss: DxpClient, platform: Platform) -> None:
    person(platform, "*")
    answer = send(boss, f"/admin/staff/{boss.staff_id}/disable")
    assert "cannot disable your own account" in shown(answer, 422)


def test_the_list_is_searched_and_paged(boss: DxpClient, platform: Platform) -> None:
    with platform.db.write() as session:
        for number in range(25):
            platform.accounts.staff.create(
                session, SYSTEM, email=f"p{number:02}@example.com", name=f"Person {number:02}"
            )
    first = page(boss, "/admin/staff/?q=person")
    assert "Person 19" in first
    assert "Person 20" not in first
    (following,) = [e.attributes["href"] for e in elements(first, "a", rel="next")]
    assert "Person 24" in page(boss, following)
    assert "Nobody found" in page(boss, "/admin/staff/?q=%25")


@pytest.mark.parametrize("path", ["/admin/staff/{}", "/admin/roles/none", "/admin/audit/999"])
def test_what_is_not_there_is_not_found(boss: DxpClient, path: str) -> None:
    assert boss.get(path.format(uuid.uuid4())).status_code == 404


# Roles


def test_a_role_is_made_changed_and_deleted(boss: DxpClient, platform: Platform) -> None:
    made = send(
        boss, "/admin/roles/new", name="editor", title="Editor", permissions=["events.read"]
    )
    assert made.location == "/admin/roles/editor"
    html = page(boss, "/admin/roles/editor")
    ticked = [
        e.attributes["value"]
        for e in elements(html, "input", name="permissions")
        if "checked" in e.attributes
    ]
    assert ticked == ["events.read"]
    send(
        boss,
        "/admin/roles/editor",
        title="Editors",
        permissions=["events.read", "events.write"],
        require_totp="true",
    )
    with platform.db.read() as session:
        role = platform.accounts.roles.get(session, "editor")
    assert (role.title, role.require_totp) == ("Editors", True)
    assert role.permissions == ["events.read", "events.write"]
    assert send(boss, "/admin/roles/editor/delete").location == "/admin/roles/"
    assert boss.get("/admin/roles/editor").status_code == 404


def test_boxes_for_what_one_does_not_hold_cannot_be_ticked(client: DxpClient) -> None:
    manager = client.as_staff("core.roles.manage", "events.read")
    html = page(manager, "/admin/roles/new")
    free = [
        e.attributes["value"]
        for e in elements(html, "input", name="permissions")
        if "disabled" not in e.attributes
    ]
    assert sorted(free) == ["core.roles.manage", "events.read"]
    answer = send(
        manager, "/admin/roles/new", name="more", title="More", permissions=["events.write"]
    )
    assert "permissions that you do not hold" in shown(answer, 422)


def test_a_refused_change_of_a_role_shows_what_was_sent_and_keeps_what_was(
    boss: DxpClient, platform: Platform
) -> None:
    with platform.db.write() as session:
        platform.accounts.roles.create(
            session, SYSTEM, name="editor", title="Editor", permissions=["events.read"]
        )
    answer = send(boss, "/admin/roles/editor", title="", permissions=["events.write"])
    html = shown(answer, 422)
    assert "Write a title" in html
    with platform.db.read() as session:
        assert platform.accounts.roles.get(session, "editor").permissions == ["events.read"]


def test_a_role_in_use_and_the_built_in_one_stay(boss: DxpClient, platform: Platform) -> None:
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
    bo = person(platform, "events.read")
    with platform.db.read() as session:
        (role,) = platform.accounts.staff.roles_of(session, [bo])[bo]
    for name in (role.name, "administrator"):
        send(boss, f"/admin/roles/{name}/delete")
        assert boss.get(f"/admin/roles/{name}").status_code == 200


# Keys


def test_a_key_is_shown_once_and_works(boss: DxpClient, platform: Platform) -> None:
    answer = send(
        boss,
        "/admin/keys/new",
        name="Storefront",
        scopes=["events.write"],
        expires_on="2099-12-31",
    )
    html = shown(answer)
    presented = one(html, "pre", id="api-key").text.strip()
    assert one(html, "button", data_copy=presented)
    assert presented not in page(boss, "/admin/keys/")
    with platform.db.read() as session:
        actor = platform.accounts.actor_of_key(session, presented)
        key = platform.accounts.keys.get(session, actor.key_id)
    assert actor.permissions == {"events.write"}
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2100-01-01T00:00:00+00:00"


def test_many_scopes_of_a_key_are_folded(boss: DxpClient, platform: Platform) -> None:
    few = ["events.read", "events.write", "customers.token"]
    for name, scopes in {"short": few, "long": [*few, "core.jobs.read"]}.items():
        with platform.db.write() as session:
            platform.accounts.keys.create(session, SYSTEM, name=name, scopes=scopes)
    page = boss.get("/admin/keys/").get_data(as_text=True)
    assert page.count("<details>") == 1
    assert "4 scopes</summary>" in page
    assert page.count("customers.token") == 2


def test_a_browsers_key_names_its_sites(boss: DxpClient, platform: Platform) -> None:
    sites = "https://shop.example\nhttps://www.shop.example/ \n"
    told = shown(
        send(
            boss,
            "/admin/keys/new",
            name="Pages",
            scopes=["events.write"],
            kind="browser",
            origins=sites,
        )
    )
    assert "https://www.shop.example" in told
    with platform.db.read() as session:
        (key,) = platform.accounts.keys.all(session)
    assert key.origins == ["https://shop.example", "https://www.shop.example"]
    assert "https://shop.example" in page(boss, "/admin/keys/")


def test_sites_of_a_servers_key_are_not_looked_at(boss: DxpClient, platform: Platform) -> None:
    fields = {"name": "Shop", "scopes": ["events.write"], "kind": "server", "origins": "x"}
    send(boss, "/admin/keys/new", **fields)
    with platform.db.read() as session:
        (key,) = platform.accounts.keys.all(session)
    assert key.origins == []


BROWSER = {"kind": "browser", "origins": "https://shop.example"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Write a name"),
        ({"scopes": []}, "Choose at least one"),
        (BROWSER | {"origins": " "}, "Write at least one site"),
        (BROWSER | {"origins": "https://shop.example/path"}, "Write at least one site"),
        (BROWSER | {"scopes": ["events.read"]}, "open to browsers"),
        ({"expires_on": "2001-01-01"}, "This day has passed"),
        ({"expires_on": "soon"}, "Write the day like"),
    ],
)
def test_a_key_with_mistakes_is_not_made(
    boss: DxpClient, platform: Platform, changes: dict[str, Any], words: str
) -> None:
    fields: dict[str, Any] = {"name": "Shop", "scopes": ["events.write"], "expires_on": ""}
    assert words in shown(send(boss, "/admin/keys/new", **(fields | changes)), 422)
    with platform.db.read() as session:
        assert platform.accounts.keys.all(session) == []


def test_scopes_that_one_does_not_hold_are_neither_offered_nor_given(
    client: DxpClient, platform: Platform
) -> None:
    manager = client.as_staff("core.keys.manage", "events.read")
    html = page(manager, "/admin/keys/new")
    offered = [e.attributes["value"] for e in elements(html, "input", name="scopes")]
    assert offered == ["events.read"]
    answer = send(manager, "/admin/keys/new", name="x", scopes=["events.write"])
    assert answer.status_code == 422
    with platform.db.read() as session:
        assert platform.accounts.keys.all(session) == []


def test_a_revoked_key_is_refused_at_once(
    boss: DxpClient, client: DxpClient, platform: Platform
) -> None:
    shop = client.as_key("customers.token")
    body = {"customer": {"ref": "x"}}
    assert shop.post("/api/v1/auth/customer-tokens", json=body).status_code == 404
    with platform.db.read() as session:
        key_id = session.query(ApiKey.id).scalar()
    send(boss, f"/admin/keys/{key_id}/revoke")
    refused = shop.post("/api/v1/auth/customer-tokens", json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (401, "key_revoked")
    assert "Revoked" in page(boss, "/admin/keys/")


# The audit log


def test_the_log_shows_who_did_what_with_the_request_s_id(
    boss: DxpClient, platform: Platform
) -> None:
    bo = person(platform)
    answer = send(boss, f"/admin/staff/{bo}", name="Bo <i>", email="bo@example.com", locale="")
    with platform.db.read() as session:
        newest = platform.audit.entries(session, limit=1)[0]
    assert newest.request_id == answer.headers["X-Request-Id"]
    html = page(boss, f"/admin/audit/{newest.seq}")
    assert policy_breaches(html) == []
    assert "core.staff.updated" in html
    assert "Bo &lt;i&gt;" in html
    assert answer.headers["X-Request-Id"] in html


def test_the_log_is_filtered_and_paged(boss: DxpClient, platform: Platform) -> None:
    subject = uuid.uuid4()
    with platform.db.write() as session:
        for number in range(30):
            platform.audit.record(
                session,
                SYSTEM,
                action="crm.customer.updated" if number % 2 else "crm.note.added",
                object_type="crm.customer",
                object_id=number,
                subject_id=subject if number == 7 else None,
            )

    def found(query: str) -> list[str]:
        links = elements(page(boss, f"/admin/audit/?{query}"), "a", class_="dx-row-link")
        return [link.text for link in links]

    assert len(found("object_type=crm.customer")) == 20
    assert len(found("action=crm.note")) == 15
    assert len(found(f"who={SYSTEM.key}&object_id=3")) == 1
    assert len(found(f"subject={subject}")) == 1
    assert found("since=2999-01-01") == []
    assert found("until=1999-01-01") == []
    assert found("action=no.such") == []
    html = page(boss, "/admin/audit/?object_type=crm.customer")
    (following,) = [e.attributes["href"] for e in elements(html, "a", rel="next")]
    assert re.search(r"object_type=crm\.customer", following)
    rest = elements(page(boss, following), "a", class_="dx-row-link")
    assert len(rest) == 10


@pytest.mark.parametrize(
    "query",
    ["since=never", "until=9999-12-31", "since=0001-01-01", "subject=x", "who=%F0%9F%92%A9"],
)
def test_a_filter_that_makes_no_sense_does_not_break_the_page(boss: DxpClient, query: str) -> None:
    assert boss.get(f"/admin/audit/?{query}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/admin/audit/?who=%00", "/admin/roles/%00", "/admin/staff/?q=a%00"]
)
def test_a_character_that_no_database_can_hold_is_refused(boss: DxpClient, path: str) -> None:
    assert boss.get(path).status_code == 400
    assert send(boss, "/admin/roles/new", name="a", title="a\x00b").status_code == 400


def test_erased_details_are_said_to_be_erased(boss: DxpClient, platform: Platform) -> None:
    with platform.db.write() as session:
        platform.audit.record(
            session,
            SYSTEM,
            action="crm.customer.updated",
            object_type="crm.customer",
            object_id="7",
            after={"name": "Grace"},
        )
    with platform.db.write() as session:
        platform.audit.blank(session, "crm.customer", "7")
        seq = platform.audit.entries(session, limit=1)[0].seq
    html = page(boss, f"/admin/audit/{seq}")
    assert "The details are erased" in html
    assert "Grace" not in html
