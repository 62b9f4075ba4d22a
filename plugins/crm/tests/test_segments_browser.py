"""The form for conditions in a real browser: rows come and go, and the count follows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from dxp.testing import DxpClient

pytestmark = pytest.mark.browser


@pytest.fixture
def people(client: DxpClient) -> None:
    key = client.as_key("crm.customers.read", "crm.customers.write")
    for ref, country in (("C-1", "FR"), ("C-2", "FR"), ("C-3", "DE")):
        key.post("/api/v1/customers", json={"ref": ref, "country": country})


@pytest.mark.parametrize("reader", [("en", "light", 1280), ("ar", "light", 390)], indirect=True)
def test_the_count_follows_what_is_written(reader: Any, people: None) -> None:
    page = reader.page
    page.goto("/admin/crm/segments/new")
    expect(page.locator("#preview")).to_contain_text("C-3")
    page.locator('button[value="add:c:field"]').click()
    page.locator('select[name="c.0.field"]').select_option("crm.country")
    page.locator('input[name="c.0.value"]').fill("FR")
    expect(page.locator("#preview")).not_to_contain_text("C-3")
    expect(page.locator("#preview")).to_contain_text("C-2")
    page.locator('button[value="add:c:event"]').click()
    expect(page.locator('select[name="c.1.event"]')).to_be_visible()
    expect(page.locator('input[name="c.0.value"]')).to_have_value("FR")
    assert not reader.too_wide()
    assert not reader.faults()
    page.locator('button[value="remove:c.1"]').click()
    expect(page.locator('select[name="c.1.event"]')).to_have_count(0)
    page.locator('input[name="name"]').fill("French")
    page.locator('input[name="key"]').fill("french")
    page.locator(".dx-form-actions button").click()
    expect(page).to_have_url(re.compile("/segments/french$"))
    assert not reader.too_wide()
    assert not reader.faults()
