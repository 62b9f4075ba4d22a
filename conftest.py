"""What holds for every test of this repository."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# A machine that is short of time is no fault of what is tested.
settings.register_profile("dxp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dxp")


@pytest.fixture(autouse=True)
def _loopback_only(loopback_only: None) -> None:
    """No test reaches another machine, whichever fixtures it uses."""
