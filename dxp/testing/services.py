"""Services that tests may need: one line when one is missing, or a failure where none may be."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, *, variable: str) -> NoReturn:
    """Skip the test that needs `what`; fail it under DXP_REQUIRE_SERVICES=1.

    Args:
        variable: names where the service is.
    """
    text = f"{what} does not answer; set {variable} to where it is"
    if os.environ.get("DXP_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{text} (DXP_REQUIRE_SERVICES=1 allows no test to be left out)", pytrace=False)
    pytest.skip(text)
