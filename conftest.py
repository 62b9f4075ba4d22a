"""What holds for every test of this repository."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _loopback_only(loopback_only: None) -> None:
    """No test reaches another machine, whichever fixtures it uses."""
