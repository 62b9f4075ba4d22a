"""The frame around admin pages: who may, which menu, which language, which words on failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from dxp.errors import ConfigurationError
from dxp.plugins.contexts import Fragment, FragmentContext, MenuEntry, StartContext
from dxp.testing.client import DxpClient, client_of
from dxp.testing.plugin import MakeApp
from dxp.web import iter_routes
from tests.admin.markup import elements, one, policy_breaches
from tests.admin.shelf.plugin import READ, WRITE, Shelf

pytestmark = pytest.mark.usefixtures("built")
HTMX = {"HX-Request": "true"}


def page(client: DxpClient, path: str, **options: Any) -> str:
    """The text of a page that must be there."""
    response = client.get(path, **options)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def token(client: DxpClient, path: str = "/admin/") -> str:
    """The token that a page of this browser carries against forged requests."""
    return one(page(client, path), "meta", name="csrf-token").attributes["content"]


def menu(html: str) -> list[str]:
    """Words of the menu's lines."""
    start = html.index('class="dx-nav"')
    part = html[start : html.index("</nav>", start)]
    return [link.text.strip() for link in elements(part, "a")]


def test_the_menu_shows_what_the_roles_allow(client: DxpClient) -> None:
    assert menu(page(client.as_staff(), "/admin/")) == ["Dashboard"]
    assert menu(page(client.as_staff(READ), "/admin/")) == ["Dashboard", "Shelf"]
    everything = menu(page(client.as_staff("*"), "/admin/"))
    assert everything[0] == "Dashboard"
    assert {"Shelf", "Secret drawer", "Staff", "Privacy"} <= set(everything)


def test_the_menu_marks_the_line_of_the_page_and_of_those_below_it(client: DxpClient) -> None:
    staff = client.as_staff(READ, WRITE)
    for path, words in [
        ("/admin/", "Dashboard"),
        ("/admin/shelf/", "Shelf"),
        ("/admin/shelf/one/x", "Shelf"),
        ("/admin/shelf/hidden", "Secret drawer"),
    ]:
        current = one(page(staff, path), "a", aria_current="page")
        assert current.text.strip() == words


def test_a_menu_line_that_leads_nowhere_stops_the_start(make_app: MakeApp) -> None:
    class Astray(Shelf):
        def menu(self, ctx: StartContext) -> list[MenuEntry]:
            return [MenuEntry(label="X", endpoint="shelf.thinks", permission=READ)]

    with pytest.raises(ConfigurationError, match=r"did you mean 'shelf.things'"):
        make_app(plugins=[Astray])


def test_a_menu_line_cannot_lead_to_one_thing(make_app: MakeApp) -> None:
    class Astray(Shelf):
        def menu(self, ctx: StartContext) -> list[MenuEntry]:
            return [MenuEntry(label="X", endpoint="shelf.one", permission=READ)]

    with pytest.raises(ConfigurationError, match="path parameters"):
        make_app(plugins=[Astray])


def test_every_admin_route_says_who_may(app: Flask) -> None:
    """Default deny holds only if no page slips past the decorator."""
    undeclared = [r.rule for r in iter_routes(app) if r.rule.startswith("/admin") and not r.access]
    assert undeclared == []


def test_who_is_not_signed_in_is_sent_to_sign_in(client: DxpClient) -> None:
    response = client.get("/admin/shelf/?q=1")
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/admin/sign-in")
    asked_by_script = client.get("/admin/shelf/", headers=HTMX)
    assert asked_by_script.status_code == 200
    assert asked_by_script.headers["HX-Redirect"].startswith("/admin/sign-in")


def test_a_page_without_permission_is_refused_in_words(client: DxpClient) -> None:
    response = client.as_staff(READ).get("/admin/shelf/hidden")
    assert response.status_code == 403
    html = response.get_data(as_text=True)
    assert one(html, "h1").text.strip() == "You may not do this"
    assert WRITE in html


def test_an_api_key_opens_no_page(client: DxpClient) -> None:
    """Its scopes are for the API; a page for a person would be answered to a program."""
    assert client.as_key(READ).get("/admin/shelf/").status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/shelf/", "/admin/search?q=a", "/admin/nope"])
def test_pages_obey_their_own_policy(client: DxpClient, path: str) -> None:
    response = client.as_staff("*").get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert policy_breaches(response.get_data(as_text=True)) == []


def test_pages_are_kept_by_no_cache_and_assets_by_all(client: DxpClient) -> None:
    staff = client.as_staff()
    assert staff.get("/admin/").headers["Cache-Control"] == "no-store"
    html = page(staff, "/admin/")
    script = one(html, "script", type="module").attributes["src"]
    with client.get(script) as response:
        assert "immutable" in response.headers["Cache-Control"]


def test_a_wrong_address_gets_a_page_in_the_readers_language(client: DxpClient) -> None:
    response = client.get("/admin/nothing/here", headers={"Accept-Language": "fa"})
    assert response.status_code == 404
    root = one(response.get_data(as_text=True), "html").attributes
    assert (root["lang"], root["dir"]) == ("fa", "rtl")


def test_a_form_without_the_pages_token_is_refused(client: DxpClient) -> None:
    staff = client.as_staff(WRITE)
    assert staff.post("/admin/shelf/add", data={"name": "cup"}).status_code == 403
    other = token(client.as_staff(READ), "/admin/shelf/")
    forged = {"name": "cup", "csrf_token": other}
    assert staff.post("/admin/shelf/add", data=forged).status_code == 403


def test_what_was_done_is_said_on_the_next_page(client: DxpClient) -> None:
    staff = client.as_staff(READ, WRITE)
    data = {"name": "cup", "csrf_token": token(staff)}
    response = staff.post("/admin/shelf/add", data=data)
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/shelf/")
    assert "Put cup there" in page(staff, "/admin/shelf/")
    assert "Put cup there" not in page(staff, "/admin/shelf/")


def test_a_form_with_errors_comes_back_with_them(client: DxpClient) -> None:
    staff = client.as_staff(READ, WRITE)
    data = {"name": "cupboard", "csrf_token": token(staff)}
    response = staff.post("/admin/shelf/add", data=data)
    assert response.status_code == 422
    field = one(response.get_data(as_text=True), "input", id="f-name").attributes
    assert field["aria-invalid"] == "true"


@pytest.mark.parametrize(("status", "kept"), [(200, True), (422, False), (409, False)])
def test_a_refused_form_has_saved_nothing(client: DxpClient, status: int, kept: bool) -> None:
    """Also when a service failed after it had begun to write."""
    staff = client.as_staff(READ, WRITE)
    data = {"ref": "r1", "status": str(status), "csrf_token": token(staff)}
    assert staff.post("/admin/shelf/half", data=data).status_code == status
    with client.platform.db.read() as session:
        found = client.platform.subjects.find(session, "ref", "r1")
    assert (found is not None) is kept


def test_a_script_is_told_what_was_done_in_a_header(client: DxpClient) -> None:
    """Headers are Latin-1 on the wire, so other scripts travel escaped."""
    staff = client.as_staff(READ, WRITE)
    headers = HTMX | {"X-CSRF-Token": token(staff)}
    response = staff.post("/admin/shelf/mark", headers=headers)
    assert response.headers["HX-Trigger"].isascii()
    notes = json.loads(response.headers["HX-Trigger"])["toast"]["toasts"]
    assert notes == [{"message": "علامت خورد", "kind": "info"}]


def test_a_services_refusal_is_shown_as_it_was_worded(client: DxpClient) -> None:
    staff = client.as_staff(READ, WRITE)
    response = staff.post("/admin/shelf/refuse", data={"csrf_token": token(staff)})
    assert response.status_code == 422
    shown = one(response.get_data(as_text=True), data_problem_detail="")
    assert "because it is full" in shown.text


def test_nobody_is_sent_to_a_foreign_address(client: DxpClient) -> None:
    """A link to our sign-in page must not end on somebody else's."""
    for bad in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", ""):
        response = client.get("/admin/shelf/go", query_string={"next": bad})
        assert response.headers["Location"] == "/admin/", bad
    kept = client.get("/admin/shelf/go", query_string={"next": "/admin/shelf/?q=1"})
    assert kept.headers["Location"] == "/admin/shelf/?q=1"


def test_the_language_is_kept_in_the_browser_and_with_the_account(client: DxpClient) -> None:
    staff = client.as_staff(READ)
    data = {"locale": "fa", "next": "/admin/shelf/", "csrf_token": token(staff)}
    response = staff.post("/admin/locale", data=data)
    assert response.headers["Location"] == "/admin/shelf/"
    html = page(staff, "/admin/", headers={"Accept-Language": "fr"})
    assert one(html, "html").attributes["lang"] == "fa"
    assert "admin.rtl" in one(html, "link", rel="stylesheet").attributes["href"]
    staff.delete_cookie("dxp_locale", path="/admin")
    elsewhere = page(staff, "/admin/", headers={"Accept-Language": "fr"})
    assert one(elsewhere, "html").attributes["lang"] == "fa"


def test_a_language_that_is_not_offered_changes_nothing(client: DxpClient) -> None:
    staff = client.as_staff(READ)
    response = staff.post("/admin/locale", data={"locale": "xx", "csrf_token": token(staff)})
    assert response.headers["Location"] == "/admin/"
    assert one(page(staff, "/admin/"), "html").attributes["lang"] == "en"


def test_the_theme_is_known_before_the_page_is_painted(client: DxpClient) -> None:
    staff = client.as_staff()
    assert "data-bs-theme" not in one(page(staff, "/admin/"), "html").attributes
    staff.set_cookie("dxp_theme", "dark")
    assert one(page(staff, "/admin/"), "html").attributes["data-bs-theme"] == "dark"
    staff.set_cookie("dxp_theme", 'x"><script>')
    assert one(page(staff, "/admin/"), "html").attributes["data-theme-choice"] == "auto"


def test_the_dashboard_shows_panels_by_permission(client: DxpClient) -> None:
    """A fragment without a template is for JSON, and no panel."""
    all_of_it = page(client.as_staff(READ, WRITE), "/admin/")
    assert "7 on the shelf" in all_of_it
    assert "Drawer" in all_of_it
    some = page(client.as_staff(READ), "/admin/")
    assert "7 on the shelf" not in some
    assert "open to all" in some


def test_the_palette_finds_pages_and_things_that_one_may_see(client: DxpClient) -> None:
    staff = client.as_staff(READ)
    hits = elements(page(staff, "/admin/search?q=she", headers=HTMX), "a", role="option")
    assert [h.text for h in hits][:2] == ["Shelf", "she 0"]
    assert len(hits) == 1 + 8
    assert len({h.attributes["id"] for h in hits}) == len(hits)
    nobody = page(client.as_staff(), "/admin/search?q=she", headers=HTMX)
    assert elements(nobody, "a", role="option") == []
    assert "Nothing found" in nobody


def test_the_palette_offers_all_pages_before_anything_is_typed(client: DxpClient) -> None:
    hits = elements(page(client.as_staff(READ, WRITE), "/admin/search?q="), "a", role="option")
    assert [h.text for h in hits] == ["Shelf", "Secret drawer"]


def test_a_fault_in_a_page_is_answered_with_a_page(make_app: MakeApp) -> None:
    """Without a word of the fault itself, and with the number under which it is logged."""
    app = make_app(environment="development")
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = app.test_client().get("/admin/shelf/crash")
    assert response.status_code == 500
    html = response.get_data(as_text=True)
    assert "ZeroDivisionError" not in html
    assert response.headers["X-Request-Id"] in html


def test_a_panel_that_cannot_be_drawn_takes_nothing_else_down(make_app: MakeApp) -> None:
    class Broken(Shelf):
        def fragments(self, ctx: FragmentContext) -> list[Fragment]:
            return [
                Fragment(key="a", title="Broken", template="shelf/absent.html", values={}),
                Fragment(key="b", template="shelf/open.html", values={}, order=200),
            ]

    app = make_app(plugins=[Broken], environment="development")
    html = page(client_of(app).as_staff(), "/admin/")
    assert "This panel could not be drawn" in html
    assert "open to all" in html
