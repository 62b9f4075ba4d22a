"""Tests of the core start it alone, so that none of them leans on a plugin."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dxp.plugins.spec import Plugin


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return ()
