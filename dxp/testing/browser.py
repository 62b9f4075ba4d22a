"""Pages in a real browser: Chromium, a server for it, and a reader who sees what is wrong."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dxp.testing.services import missing

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser, Page, Request

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""What axe checks."""

# Two frames: what the scripts of a page begin when it is there has begun by then.
_TWO_FRAMES = """() => document.fonts.ready.then(() => new Promise(
  done => requestAnimationFrame(() => requestAnimationFrame(done))))"""
# Only ends what would hang.
_PATIENCE_SECONDS = 30
_BUILT = Path(__file__).resolve().parents[1] / "admin" / "static" / "build" / "manifest.json"
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_OFFERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The Chromium of this machine, or that of DXP_TEST_CHROMIUM; without one the test is skipped.

    Nothing of a browser's own making is downloaded.
    """
    from playwright.sync_api import expect, sync_playwright

    # What is expected comes at once, or on a busy machine late; only a failing test waits longer.
    expect.set_options(timeout=_PATIENCE_SECONDS * 1000)
    if not _BUILT.is_file():
        pytest.skip("the admin's assets are not built; run: npm ci && npm run build")
    named = os.environ.get("DXP_TEST_CHROMIUM")
    found = filter(None, map(shutil.which, [named] if named else _OFFERS))
    path = next(found, None)
    if path is None:
        missing("Chromium", variable="DXP_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def serve(app: Flask) -> Iterator[str]:
    """Where the application answers, on a free port of this machine, within the block."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
            pass

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Reader:
    """Somebody at a screen.

    Attributes:
        complaints: what the browser objected to: errors of scripts, and what the policy forbids.
    """

    def __init__(self, page: Page, *, address: str, axe: Path) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        self._axe = axe
        self._awaited: set[Request] = set()
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def open(self, path: str) -> Page:
        """Go to a path of the application."""
        self._awaited.clear()
        self.page.goto(self.address + path)
        return self.page

    def settle(self) -> None:
        """Wait until everything that the page asked for is there, and its scripts ask no more.

        Unlike playwright's `networkidle` it does not wait half a second to be sure.
        """
        self.page.wait_for_load_state("load")
        until = time.monotonic() + _PATIENCE_SECONDS
        quiet = 0
        while quiet < 2:
            self.page.evaluate(_TWO_FRAMES)
            quiet = 0 if self._awaited else quiet + 1
            still = [request.url for request in self._awaited]
            assert time.monotonic() < until, f"the page still waits for {still}"

    def faults(self) -> list[str]:
        """What axe finds wrong with the page as it is now, one line an element."""
        if not self._axe.is_file():
            pytest.skip("axe-core is not installed; run: npm install axe-core")
        self.page.evaluate(self._axe.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules}).then(r => r.violations)", RULES
        )
        return [f"{v['id']}: {node['html'][:160]}" for v in found for node in v["nodes"]]

    def too_wide(self) -> bool:
        """Whether the page must be scrolled sideways."""
        wide, screen = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return bool(wide > screen)

    def _asked(self, request: Request) -> None:
        self._awaited.add(request)

    def _answered(self, request: Request) -> None:
        self._awaited.discard(request)

    def _heard(self, said: Any) -> None:
        # The browser also reports each 4xx answer; that is the server's business.
        if said.type in ("error", "warning") and "status of 4" not in said.text:
            self.complaints.append(said.text)


@contextmanager
def reading(
    browser: Browser,
    address: str,
    *,
    session: str | None,
    axe: Path,
    look: tuple[str, str, int] = ("en", "light", 1280),
) -> Iterator[Reader]:
    """A reader with a window of their own, who at the end must have nothing to complain of.

    Args:
        session: the cookie of a staff sign-in; None for somebody who is not signed in.
        axe: the file `axe.min.js`.
        look: locale, theme (`light` or `dark`) and width in pixels.
    """
    locale, theme, width = look
    values = {"dxp_theme": theme, "dxp_locale": locale}
    if session is not None:
        values["dxp_session"] = session
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, locale=locale
    )
    context.add_cookies([{"name": n, "value": v, "url": address} for n, v in values.items()])
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader = Reader(context.new_page(), address=address, axe=axe)
    yield reader
    context.close()
    assert reader.complaints == []
