"""The only writers of the plugin's tables."""

from __future__ import annotations

from dxp.api import Platform
from dxp_personalization.services.decisions import DecisionService
from dxp_personalization.services.slots import SlotService


class Personalization:
    """The plugin's services in one place, found by `services.get(Personalization)`."""

    def __init__(self, platform: Platform) -> None:
        self.slots = SlotService(platform)
        self.decisions = DecisionService(platform)


__all__ = ["DecisionService", "Personalization", "SlotService"]
