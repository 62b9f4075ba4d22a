"""The platform's promises, kept by this plugin."""

from __future__ import annotations

from dxp.testing import PluginKit
from dxp_cms.plugin import CmsPlugin


class TestPromises(PluginKit):
    plugin = CmsPlugin
