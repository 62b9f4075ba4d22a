"""Sites that may use a browser's key."""

from __future__ import annotations

import pytest

from dxp.auth.origins import check_origins
from dxp.errors import Unprocessable
from dxp.platform import Platform
from dxp.testing import SYSTEM

GOOD = {
    "https://shop.example": "https://shop.example",
    " https://Shop.Example/ ": "https://shop.example",
    "https://shop.example:443": "https://shop.example",
    "https://shop.example:8443": "https://shop.example:8443",
    "http://localhost:3000": "http://localhost:3000",
    "http://127.0.0.1": "http://127.0.0.1",
    "https://xn--caf-dma.example": "https://xn--caf-dma.example",
}
BAD = [
    *("", "*", "null", "shop.example", "https://", "ftp://shop.example", "http://shop.example"),
    *("https://*.shop.example", "https://shop.example/path", "https://a@shop.example"),
    *("https://shop.example?x", "https://shop.example:port", "https://shop.example:99999"),
    *("https://[::1", "https://sh\x00op.example", "https://" + "a" * 300, "https://café.example"),
]


@pytest.mark.parametrize("given", GOOD)
def test_origins_are_kept_as_browsers_send_them(given: str) -> None:
    assert check_origins([given, given]) == [GOOD[given]]


@pytest.mark.parametrize("given", BAD)
def test_what_is_no_origin_is_refused(given: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        check_origins([given])
    assert caught.value.code == "invalid_key"
    assert caught.value.errors[0].pointer == "/origins"


def test_a_key_has_a_bounded_number_of_sites() -> None:
    with pytest.raises(Unprocessable, match="More than 20"):
        check_origins([f"https://shop-{n}.example" for n in range(21)])


def test_a_browsers_key_holds_only_what_is_open_to_browsers(platform: Platform) -> None:
    with platform.db.write() as session, pytest.raises(Unprocessable) as caught:
        platform.accounts.keys.create(
            session,
            SYSTEM,
            name="page",
            scopes=["events.write", "events.read"],
            origins=["https://shop.example"],
        )
    assert "events.read" in caught.value.detail
    assert caught.value.errors[0].pointer == "/scopes"
