"""Every page of the admin with all plugins on, as readers of four languages see it."""

from __future__ import annotations

import pytest
from flask import Flask

from dxp.testing import DxpClient, MakeReader, Reader

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [("en", "light", 1280), ("fa", "dark", 1280), ("ar", "light", 390), ("fr", "dark", 390)]
# Elements that reach out of the card that they stand in; a table may, since it scrolls.
SPILLED = """() => [...document.querySelectorAll("main .dx-card *")].filter((element) => {
  if (!element.offsetParent) return false;
  if (element.closest(".dx-table-wrap, .dx-tabs, .visually-hidden")) return false;
  const box = element.getBoundingClientRect();
  const card = element.closest(".dx-card").getBoundingClientRect();
  return box.width > 0 && (box.left < card.left - 1 || box.right > card.right + 1);
}).map((element) => element.outerHTML.slice(0, 160))"""


@pytest.fixture
def app_plugins() -> None:
    """All that are installed."""


def paths(app: Flask, reader: DxpClient) -> tuple[list[str], list[str]]:
    """Pages without path parameters: those of who is signed in, and those of who is not."""
    within, without = [], []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin") or rule.arguments or "GET" not in rule.methods:
            continue
        answer = reader.get(rule.rule)
        if answer.status_code == 200 and b"<html" in answer.data:
            within.append(rule.rule)
        elif b"<html" in reader.as_anyone().get(rule.rule, follow_redirects=False).data:
            without.append(rule.rule)
    return sorted(within), sorted(without)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_every_page_is_accessible_and_fits(
    look: tuple[str, str, int], app: Flask, client: DxpClient, make_reader: MakeReader
) -> None:
    """Axe finds nothing, nothing is wider than its place, and the browser objects to nothing."""
    staff = client.as_staff("*")
    within, without = paths(app, staff)
    assert {"/admin/", "/admin/content/", "/admin/loyalty/rules/new"} <= set(within)
    assert "/admin/sign-in" in without
    insider, stranger = make_reader(staff, look=look), make_reader(look=look)
    wrong = [fault for path in within for fault in looked_at(insider, path)]
    wrong += [fault for path in without for fault in looked_at(stranger, path)]
    assert wrong == []


def looked_at(reader: Reader, path: str) -> list[str]:
    """What is wrong with a page."""
    page = reader.open(path)
    reader.settle()
    wrong = [f"{path}: {fault}" for fault in reader.faults()]
    if reader.too_wide():
        wrong.append(f"{path}: scrolls sideways")
    return wrong + [f"{path}: spills: {html}" for html in page.evaluate(SPILLED)]
