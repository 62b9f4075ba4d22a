"""The platform's promises, kept by this plugin."""

from __future__ import annotations

from dxp.testing import PluginKit
from dxp_crm.permissions import RESTRICTED
from dxp_crm.plugin import CrmPlugin


class TestPromises(PluginKit):
    plugin = CrmPlugin
    permissions_used_elsewhere = (RESTRICTED,)
