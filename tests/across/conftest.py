"""Tests across plugins start all that are installed."""

from __future__ import annotations

import pytest


@pytest.fixture
def app_plugins() -> None:
    return None
