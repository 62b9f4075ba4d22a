"""The story as people live it: an editor publishes, a shop shows it, a customer redeems."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "docs" / "images"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_demo_loads_and_reconciles(demo: Any) -> None:
    assert demo.said["ok"] is True
    assert demo.said["loaded"]["CDNOW customers"] == 2357
    assert demo.said["loaded"]["CDNOW orders"] == 6919
    assert len(demo.said["checks"]) >= 5


def test_an_editor_publishes_and_a_customer_redeems(demo: Any, chromium: Browser) -> None:
    """Steps 2 to 7 in one go, since each needs the one before it."""
    editor, shop = chromium.new_context(), chromium.new_context(locale="en")
    admin, page = editor.new_page(), shop.new_page()
    complaints: list[str] = []
    for one in (admin, page):
        one.on("pageerror", lambda error: complaints.append(str(error)))
    admin.set_viewport_size({"width": 1360, "height": 900})
    page.set_viewport_size({"width": 1200, "height": 1000})

    sign_in(admin, demo)
    title = write_article(admin, demo)

    page.goto(demo.shop)
    expect(page.get_by_role("heading", level=1)).to_have_text("Small things, made slowly")
    page.get_by_role("link", name=title).click()
    expect(page.get_by_text("Written in the browser.")).to_be_visible()
    page.reload()
    page.locator("footer summary").click()
    expect(page.locator("footer tbody tr", has_text="/content/article/").first).to_contain_text(
        "304"
    )

    become(page, demo, "Grace Miller")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Happy birthday! A gift is waiting", timeout=60_000
    )
    page.locator(".why summary").click()
    expect(page.locator(".why")).to_contain_text("loyalty")
    before = balance(page)
    page.locator("#gift").get_by_role("button", name="Claim it").click()
    expect(page.get_by_text("Claimed", exact=True)).to_be_visible()
    after = balance(page)
    assert after > before
    picture(page, "storefront")
    assert faults(page) == []

    page.locator("#rewards button:enabled").first.click()
    expect(page.get_by_text("Redeemed.")).to_be_visible()
    assert balance(page) < after
    page.go_back()
    page.go_back()

    travel(page, demo, "Amélie Laurent", days=4)
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    wait_for_gift(page, demo)
    expect(page.locator("#gift button")).to_have_text("L’obtenir")
    become(page, demo, "لیلا احمدی")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert faults(page) == []

    admin.goto(f"{demo.url}/admin/crm/customers?q=Grace")
    admin.get_by_role("link", name="Grace Miller").click()
    for text in ("Order placed", "Points earned"):
        expect(admin.locator(".dx-timeline-title", has_text=text).first).to_be_visible()
    picture(admin, "admin")
    assert complaints == []
    editor.close()
    shop.close()


def sign_in(admin: Page, demo: Any) -> None:
    admin.goto(f"{demo.url}/admin/")
    admin.get_by_label("E-mail").fill(demo.access["editor_email"])
    admin.get_by_label("Password", exact=True).fill(demo.access["editor_password"])
    admin.get_by_role("button", name="Sign in").click()
    expect(admin.get_by_role("heading", level=1)).to_contain_text("Eden Editor")


def write_article(admin: Page, demo: Any) -> str:
    title = "A day in the workshop"
    admin.goto(f"{demo.url}/admin/content/new/article")
    admin.get_by_label("Title").first.fill(title)
    editor = admin.locator(".ProseMirror").first
    editor.click()
    editor.press_sequentially("Written in the browser.")
    admin.get_by_role("button", name=re.compile("Create|Save")).first.click()
    expect(admin.get_by_role("button", name="Publish")).to_be_visible()
    admin.get_by_role("button", name="Publish").click()
    expect(admin.get_by_text("It is live now.")).to_be_visible()
    return title


def become(page: Page, demo: Any, name: str) -> None:
    page.goto(demo.shop)
    page.locator("select[name=person]").select_option(label=name)
    page.locator(".choose button").click()
    expect(page.locator("select[name=person] option:checked")).to_have_text(name)


def travel(page: Page, demo: Any, name: str, *, days: int) -> None:
    page.goto(demo.shop)
    today = date.fromisoformat(page.locator("input[name=day]").input_value())
    page.locator("select[name=person]").select_option(label=name)
    page.locator("input[name=day]").fill((today + timedelta(days=days)).isoformat())
    page.locator(".choose button").click()


def wait_for_gift(page: Page, demo: Any) -> None:
    """The job that grants gifts looks at the day about once a second."""
    for _second in range(180):
        page.goto(demo.shop)
        if page.locator("#gift button").count():
            return
        page.wait_for_timeout(1_000)
    raise AssertionError("no gift was granted within minutes of its day")


def balance(page: Page) -> int:
    return int(page.locator(".balance strong").first.inner_text())


def faults(page: Page) -> list[str]:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run: npm ci")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document).then(result => result.violations)")
    return [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"]]


def picture(page: Page, name: str) -> None:
    """The README's pictures are made here: DXP_WRITE_PICTURES=1."""
    if os.environ.get("DXP_WRITE_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png")
