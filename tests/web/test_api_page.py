"""The API page in a real browser: it shows every operation and asks nothing of other servers."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser


def test_the_page_shows_the_operations_under_its_own_policy(
    chromium: Browser, address: str
) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/api/docs")
    operation = page.locator("#operations-books-books_sell")
    expect(operation).to_be_visible()
    operation.click()
    expect(operation.get_by_text("Idempotency-Key").first).to_be_visible()
    expect(operation.get_by_text("sold_out").first).to_be_visible()
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {
        urlsplit(address).netloc
    }
    assert complaints == []
    page.close()
