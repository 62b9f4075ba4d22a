"""The admin as a person meets it: in a real browser, under the policy that the server sends."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from dxp.admin.pages import CORE_MENU
from dxp.testing import Reader

pytestmark = pytest.mark.browser
LOOKS = [("en", "light", 1280), ("fa", "dark", 1280), ("ar", "light", 390), ("fr", "dark", 390)]


@pytest.mark.parametrize("reader", LOOKS, indirect=True, ids=lambda look: "-".join(map(str, look)))
def test_every_page_is_accessible_and_fits_the_screen(reader: Reader, app: Flask) -> None:
    """In each language, theme and width: axe finds nothing, and nothing scrolls sideways."""
    with app.test_request_context():
        paths = [app.url_for(entry.endpoint) for entry in CORE_MENU]
        paths.append(app.url_for("account.profile"))
    for path in ["/admin/", "/admin/shelf/", "/admin/nothing-here", *paths]:
        reader.open(path)
        reader.settle()
        assert reader.faults() == [], path
        assert not reader.too_wide(), path


def the_editor(page: Page) -> Locator:
    """The editor that takes the place of the plain field as soon as its script has come."""
    return page.get_by_role("textbox", name="Story").and_(page.locator(".dx-prose"))


def test_the_editor_writes_its_document_into_the_form(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    text = the_editor(page)
    expect(text).to_have_attribute("dir", "rtl")
    text.click()
    page.keyboard.type("سلام")
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Bold").click()
    expect(page.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    document = json.loads(page.locator("textarea[name=story]").input_value())
    (run,) = document["content"][0]["content"]
    assert (run["text"], run["marks"]) == ("سلام", [{"type": "bold"}])


def test_the_editor_refuses_an_address_that_would_run_a_script(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    the_editor(page).click()
    page.keyboard.type("here")
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Link").click()
    field = page.get_by_label("Address of the link")
    field.fill("javascript:alert(1)")
    field.press("Enter")
    expect(page.get_by_text("This address was not used")).to_be_visible()
    field.fill("example.org/path")
    field.press("Enter")
    stored = page.locator("textarea[name=story]").input_value()
    assert "javascript" not in stored
    assert '"href":"https://example.org/path"' in stored


def test_the_toolbar_is_one_stop_and_arrows_move_in_it(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.get_by_role("button", name="Bold").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Italic")).to_be_focused()
    assert page.locator("[role=toolbar] button[tabindex='0']").count() == 1


def test_leaving_with_unsaved_changes_asks_first(reader: Reader) -> None:
    asked: list[str] = []
    page = reader.open("/admin/shelf/")
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_label("Name", exact=True).fill("cup")
    page.get_by_role("link", name="Dashboard").click()
    page.wait_for_url("**/admin/")
    assert asked == ["beforeunload"]
    reader.open("/admin/shelf/")
    page.get_by_role("link", name="Dashboard").click()
    page.wait_for_url("**/admin/")
    assert asked == ["beforeunload"]


def test_a_form_with_errors_leads_to_its_fields(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.get_by_label("Name", exact=True).fill("cupboard")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-error-summary]")).to_be_focused()
    page.locator("[data-error-summary] a", has_text="Name").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    assert reader.faults() == []


def test_what_a_script_did_and_what_failed_is_said_in_the_corner(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.locator("#mark").click()
    expect(page.get_by_role("region", name="Notes")).to_contain_text("علامت خورد")
    page.locator("#refuse").click()
    expect(page.get_by_role("region", name="Notes")).to_contain_text("because it is full")
    expect(page.locator("#refuse")).to_have_text("Refuse")


def test_a_lost_connection_is_said_and_changes_nothing(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.route("**/admin/shelf/mark", lambda route: route.abort())
    page.locator("#mark").click()
    expect(page.get_by_role("region", name="Notes")).to_contain_text("could not be reached")
    expect(page.locator("#mark")).to_have_text("Mark")
    # The browser and htmx report the loss, as they should.
    assert reader.complaints
    reader.complaints.clear()


def test_a_confirmation_can_be_taken_back_by_the_keyboard(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    opener = page.get_by_role("button", name="Empty")
    opener.click()
    dialog = page.get_by_role("dialog", name="Empty the shelf?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert reader.faults() == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_palette_opens_by_keys_and_goes_where_it_says(reader: Reader) -> None:
    page = reader.open("/admin/")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    box.fill("shelf")
    expect(page.get_by_role("option", name="shelf 0")).to_be_visible()
    assert reader.faults() == []
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("option", name="shelf 0")
    expect(chosen).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/shelf/one/0")


def test_the_theme_changes_at_once_and_stays(reader: Reader) -> None:
    page = reader.open("/admin/")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_language_turns_the_page_round(reader: Reader) -> None:
    page = reader.open("/admin/")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="فارسی").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("link", name="داشبورد")).to_be_visible()
    menu = page.locator("#dx-side").bounding_box()
    assert menu is not None
    assert menu["x"] > 600


@pytest.mark.parametrize("reader", [("en", "light", 390)], indirect=True)
def test_on_a_phone_the_menu_comes_when_it_is_called(reader: Reader) -> None:
    page = reader.open("/admin/")
    line = page.get_by_role("link", name="Shelf", exact=True)
    expect(line).to_be_hidden()
    page.get_by_role("button", name="Open the menu").click()
    expect(page.get_by_role("dialog", name="Menu")).to_be_visible()
    assert reader.faults() == []
    line.click()
    page.wait_for_url("**/admin/shelf/")


def test_a_list_is_put_in_order_by_keys_with_an_announcement(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.get_by_role("button", name="Move one").focus()
    page.keyboard.press("Alt+ArrowDown")
    order = page.locator("#order input").evaluate_all("all => all.map(each => each.value)")
    assert order == ["two", "one", "three"]
    expect(page.get_by_text("Moved to place 2 of 3")).to_be_attached()
    expect(page.get_by_role("button", name="Move one")).to_be_focused()


def test_a_code_is_copied_as_it_is(reader: Reader) -> None:
    page = reader.open("/admin/shelf/")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("region", name="Notes")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "first"


def test_the_api_page_works_under_the_same_policy(reader: Reader) -> None:
    page = reader.open("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()
