"""The platform's promises, kept by this plugin."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar

from dxp.contracts import CustomersSplit, EventPayload
from dxp.testing import PluginKit
from dxp_loyalty.plugin import LoyaltyPlugin


class TestPromises(PluginKit):
    plugin = LoyaltyPlugin
    samples: ClassVar[Mapping[str, EventPayload]] = {
        CustomersSplit.type: CustomersSplit(loser=str(uuid.uuid4())),
    }
