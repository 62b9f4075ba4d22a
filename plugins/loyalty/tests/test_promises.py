"""The platform's promises, kept by this plugin."""

from __future__ import annotations

from dxp.testing import PluginKit
from dxp_loyalty.plugin import LoyaltyPlugin


class TestPromises(PluginKit):
    plugin = LoyaltyPlugin
