"""The editors' pages in a real browser: typing is never lost, and everybody can use them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from dxp.api import Platform
from dxp.testing import DxpClient
from dxp_cms.models import Entry, Revision
from dxp_cms.services import Cms

from .conftest import article, change

pytestmark = pytest.mark.browser

Write = Callable[..., uuid.UUID]
ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SLOW_SECONDS = 1.5


@pytest.fixture
def desk(chromium: Browser, address: str, client: DxpClient) -> Iterator[BrowserContext]:
    """The browser of an editor who is signed in."""
    editor = client.as_staff("cms.entries.read", "cms.entries.write", "cms.entries.publish")
    cookie = editor.get_cookie("dxp_session")
    assert cookie is not None
    context = chromium.new_context(base_url=address)
    context.add_cookies([{"name": "dxp_session", "value": cookie.value, "url": address}])
    yield context
    context.close()


@pytest.fixture
def draft(platform: Platform) -> Callable[[uuid.UUID], dict[str, Any]]:
    """`draft(entry_id)` is the English part of the present draft."""

    def read(entry_id: uuid.UUID) -> dict[str, Any]:
        with platform.db.read() as session:
            entry = session.get(Entry, entry_id)
            assert entry is not None
            head = session.get(Revision, entry.head_revision_id)
            assert head is not None
            part: dict[str, Any] = head.document["locales"]["en"]
            return part

    return read


def until(ready: Callable[[], bool], page: Page) -> None:
    """Wait for the server to have caught up with the page; give up after minutes."""
    for _ in range(900):
        if ready():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"it never came: {page.inner_text('#autosave-state')}")


def test_typing_in_two_fields_over_a_slow_line_loses_nothing(
    desk: BrowserContext, write: Write, draft: Callable[..., Any]
) -> None:
    """Saves wait for one another, the page is not in conflict with itself, the focus stays."""
    entry_id = write(article("Spring"))
    page = desk.new_page()
    page.goto(f"/admin/content/{entry_id}")
    in_flight: list[int] = [0, 0]

    def slowly(route: Route) -> None:
        in_flight[0] += 1
        in_flight[1] = max(in_flight)
        time.sleep(SLOW_SECONDS)
        answer = route.fetch()
        in_flight[0] -= 1
        route.fulfill(response=answer)

    page.route("**/autosave", slowly)
    page.fill("#f-en-title", "Spring has come")
    page.wait_for_timeout(1700)
    page.locator("#f-en-summary").press_sequentially("Written while it was saving.", delay=40)
    until(lambda: draft(entry_id).get("summary") == "Written while it was saving.", page)
    assert draft(entry_id)["title"] == "Spring has come"
    expect(page.locator("#autosave-state")).to_contain_text("Saved as revision")
    expect(page.locator("#f-en-summary")).to_be_focused()
    expect(page.locator("#f-en-summary")).to_have_value("Written while it was saving.")
    assert in_flight[1] == 1
    page.close()


def test_rich_text_is_saved_by_itself_and_published(
    desk: BrowserContext, write: Write, client: DxpClient, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Spring", body=None))
    page = desk.new_page()
    page.goto(f"/admin/content/{entry_id}")
    page.click(".ProseMirror")
    page.keyboard.type("Tulips are ")
    page.keyboard.press("Control+b")
    page.keyboard.type("early")
    until(lambda: "early" in str(draft(entry_id).get("body")), page)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("It is live now.")).to_be_visible()
    answer = client.as_key("content.read").get("/api/v1/content/article/spring")
    assert answer.json["body"]["html"] == "<p>Tulips are <strong>early</strong></p>"


def test_two_tabs_are_settled_without_losing_either_edit(
    desk: BrowserContext, write: Write, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Spring"))
    first, second = desk.new_page(), desk.new_page()
    for tab in (first, second):
        tab.goto(f"/admin/content/{entry_id}")
    first.fill("#f-en-title", "Title of the first tab")
    first.get_by_role("button", name="Save draft").click()
    expect(first.get_by_text("The draft was saved.")).to_be_visible()
    second.fill("#f-en-summary", "Summary of the second tab.")
    expect(second.get_by_role("alert")).to_contain_text("Somebody else saved first")
    second.on("dialog", lambda dialog: dialog.accept())
    second.get_by_role("link", name="Show both and settle").click()
    expect(second.get_by_text("Title of the first tab").last).to_be_visible()
    expect(second.get_by_text("Summary of the second tab.")).to_be_visible()
    second.get_by_role("button", name="Save as one draft").click()
    expect(second.get_by_text("The two edits are one draft now.")).to_be_visible()
    assert draft(entry_id)["title"] == "Title of the first tab"
    assert draft(entry_id)["summary"] == "Summary of the second tab."


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_axe_finds_nothing_on_any_page(
    desk: BrowserContext, address: str, write: Write, cms: Cms, platform: Platform, locale: str
) -> None:
    """In English and in Arabic, whose pages run from right to left."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run: npm ci")
    target = write(article("Target"))
    entry_id = write(article("Spring", shared={"related": [str(target)]}), publish=["en"])
    change(platform, cms, entry_id, {"en.title": "Spring has come"})
    desk.add_cookies([{"name": "dxp_locale", "value": locale, "url": address}])
    page = desk.new_page()
    faults: dict[str, list[str]] = {}
    for path in (
        "/admin/content/",
        "/admin/content/?q=nothing",
        "/admin/content/trash",
        "/admin/content/new/article",
        "/admin/content/new/banner",
        f"/admin/content/{entry_id}",
        f"/admin/content/{target}?lang=fa",
        f"/admin/content/{entry_id}/history",
    ):
        page.goto(path)
        faults[path] = _faults(page)
    page.goto(f"/admin/content/{entry_id}/history")
    page.locator("a[href*='/compare?']").first.click()
    faults["compare"] = _faults(page)
    assert page.locator("html").get_attribute("dir") == ("rtl" if locale == "ar" else "ltr")
    assert {path: found for path, found in faults.items() if found} == {}


def _faults(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules}).then(r => r.violations)", RULES
    )
    return [f"{v['id']}: {node['html'][:160]}" for v in found for node in v["nodes"]]
