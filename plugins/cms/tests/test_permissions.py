"""Each page and each endpoint takes exactly the permission that it should, the small ones too."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from dxp.api import Platform
from dxp.testing import DxpClient
from dxp_cms.models import Entry, Revision
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms, Stale

from .conftest import OTHER, article, change
from .forms import Form

Write = Callable[..., uuid.UUID]
READ, WRITE, PUBLISH = "cms.entries.read", "cms.entries.write", "cms.entries.publish"
ALL = (READ, WRITE, PUBLISH)

# (method, address) -> permission. `{entry}` and so on are filled in by the fixture `world`.
PAGES = {
    ("GET", "/admin/content/"): READ,
    ("GET", "/admin/content/trash"): READ,
    ("GET", "/admin/content/choices/article/related"): READ,
    ("GET", "/admin/content/new/article"): WRITE,
    ("POST", "/admin/content/new/article"): WRITE,
    ("GET", "/admin/content/{entry}"): READ,
    ("POST", "/admin/content/{entry}"): WRITE,
    ("POST", "/admin/content/{entry}/autosave"): WRITE,
    ("POST", "/admin/content/{entry}/publish"): PUBLISH,
    ("POST", "/admin/content/{entry}/unpublish"): PUBLISH,
    ("GET", "/admin/content/{entry}/history"): READ,
    ("GET", "/admin/content/{entry}/compare?from={first}&to={head}"): READ,
    ("POST", "/admin/content/{entry}/restore"): WRITE,
    ("GET", "/admin/content/{entry}/conflict/{kept}"): READ,
    ("POST", "/admin/content/{entry}/conflict/{kept}"): WRITE,
    ("POST", "/admin/content/{entry}/trash"): WRITE,
    ("POST", "/admin/content/{entry}/untrash"): WRITE,
}


@pytest.fixture
def world(platform: Platform, cms: Cms, write: Write) -> dict[str, str]:
    """A live entry with a history and an edit that was kept aside."""
    entry_id = write(article("Spring"), publish=["en"])
    with platform.db.read() as session:
        first = session.get(Entry, entry_id).head_revision_id
    change(platform, cms, entry_id, {"en.title": "Later"})
    with platform.db.write() as session:
        stale = cms.drafts.save(
            session,
            OTHER,
            entry_id=entry_id,
            base_id=first,
            document=article("Elsewhere", slug="spring"),
        )
        assert isinstance(stale, Stale)
        head = session.get(Revision, session.get(Entry, entry_id).head_revision_id)
    return {
        "entry": str(entry_id),
        "first": str(first),
        "head": str(head.id),
        "kept": str(stale.kept.id),
    }


def ask(client: DxpClient, method: str, url: str, world: dict[str, str]) -> Any:
    if method == "GET":
        return client.get(url)
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/admin/").text)
    assert token is not None
    form = {
        "csrf_token": token[1],
        "base": world["head"],
        "revision": world["first"],
        "lang": "en",
        "en.title": "Sent",
    }
    return client.post(url, data=form)


def test_the_table_names_every_page_of_the_plugin(app: Flask) -> None:
    """A page that is added without a line in this test fails here."""
    rules = {
        (method, re.sub(r"<[^>]+>", "*", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("cms.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    named = {
        (method, re.sub(r"\{\w+\}", "*", url.partition("?")[0]).replace("/article", "/*"))
        for method, url in PAGES
    }
    assert {(m, u.replace("/*/related", "/*/*")) for m, u in named} == rules


@pytest.mark.parametrize(("method", "url"), PAGES, ids=str)
def test_a_page_opens_with_its_permission_alone_and_with_no_other(
    client: DxpClient, world: dict[str, str], method: str, url: str
) -> None:
    needed = PAGES[method, url]
    address = url.format(**world)
    others = [permission for permission in ALL if permission != needed]
    refused = ask(client.as_staff(*others), method, address, world)
    assert refused.status_code == 403, refused.text
    allowed = ask(client.as_staff(needed), method, address, world)
    # Moving a live entry to the trash takes it off, which is a right of its own: see below.
    expected = {403} if url.endswith("/trash") and method == "POST" else {200, 303, 409, 422}
    assert allowed.status_code in expected, allowed.text


@pytest.mark.parametrize(("method", "url"), PAGES, ids=str)
def test_a_page_is_closed_to_strangers_customers_and_api_keys(
    client: DxpClient, world: dict[str, str], method: str, url: str
) -> None:
    address = url.format(**world)
    stranger = client.open(address, method=method)
    assert stranger.status_code == 303 or stranger.status_code == 403
    assert "sign-in" in stranger.headers.get("Location", "sign-in")
    for someone in (client.as_customer(), client.as_key("content.read", "content.drafts.read")):
        assert someone.open(address, method=method).status_code == 403


def test_a_live_entry_is_thrown_away_only_by_who_may_take_it_off(
    client: DxpClient, world: dict[str, str], platform: Platform
) -> None:
    url = f"/admin/content/{world['entry']}/trash"
    assert ask(client.as_staff(WRITE), "POST", url, world).status_code == 403
    with platform.db.read() as session:
        assert session.get(Entry, uuid.UUID(world["entry"])).trashed_at is None
    assert ask(client.as_staff(WRITE, PUBLISH), "POST", url, world).status_code == 303


def test_who_may_only_publish_does_not_change_what_was_written(
    client: DxpClient, world: dict[str, str], cms: Cms, platform: Platform
) -> None:
    """The form that comes along with the button is not saved without the right to write."""
    form = Form.open(client.as_staff(*ALL), f"/admin/content/{world['entry']}")
    publisher = client.as_staff(READ, PUBLISH)
    token = Form.open(publisher, f"/admin/content/{world['entry']}").fields["csrf_token"]
    form.fields |= {"csrf_token": token, "en.title": ["Smuggled"]}
    answer = publisher.post(form.buttons["Publish"], data=form.fields)
    assert answer.status_code == 303, answer.text
    with platform.db.read() as session:
        live = cms.reader.by_ids(session, [uuid.UUID(world["entry"])], locale="en")
    assert [entry.title for entry in live.values()] == ["Later"]


def test_who_may_only_read_sees_the_page_closed(client: DxpClient, world: dict[str, str]) -> None:
    page = Form.open(client.as_staff(READ), f"/admin/content/{world['entry']}")
    assert page.buttons == {}
    assert "en.title" not in page.fields
    assert page.autosave_url is None
    assert "Move to the trash" not in page.html
    assert "Take off" not in page.html


@pytest.mark.parametrize("type_name", ["article", "banner", "faq"])
@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("", "content.read"),
        ("/nothing", "content.read"),
        (f"/drafts/{uuid.UUID(int=7)}", "content.drafts.read"),
    ],
)
def test_the_api_takes_its_scope(client: DxpClient, type_name: str, path: str, scope: str) -> None:
    url = f"/api/v1/content/{type_name}{path}"
    other = {"content.read": "content.drafts.read"}.get(scope, "content.read")
    assert client.get(url).status_code == 401
    assert client.as_key(other).get(url).status_code == 403
    assert client.as_key(scope).get(url).status_code in (200, 404)


def test_the_palette_and_the_dashboard_keep_content_from_who_may_not_see_it(
    client: DxpClient, write: Write
) -> None:
    write(article("كِتاب", body=blocks("x")))
    reader, stranger = client.as_staff(READ), client.as_staff("content.read")
    assert "كِتاب" in reader.get("/admin/search?q=کتاب").text
    assert "كِتاب" in reader.get("/admin/").text
    assert "كِتاب" not in stranger.get("/admin/search?q=کتاب").text
    assert "كِتاب" not in stranger.get("/admin/").text


def test_nobody_reaches_an_entry_through_the_address_of_another(
    client: DxpClient, world: dict[str, str], write: Write
) -> None:
    """Revisions are looked up within their entry."""
    other = write(article("Other"))
    editor = client.as_staff(*ALL)
    foreign = world["first"]
    assert editor.get(f"/admin/content/{other}/conflict/{world['kept']}").status_code == 404
    compared = f"/admin/content/{other}/compare?from={foreign}&to={foreign}"
    assert editor.get(compared).status_code == 404
    assert editor.get(f"/admin/content/{other}/compare?from=x&to=y").status_code == 404
    restored = ask(editor, "POST", f"/admin/content/{other}/restore", world)
    assert restored.status_code == 404
