"""The platform's promises, kept by this plugin."""

from __future__ import annotations

from dxp.testing import PluginKit
from dxp_personalization.plugin import PersonalizationPlugin


class TestPromises(PluginKit):
    plugin = PersonalizationPlugin
