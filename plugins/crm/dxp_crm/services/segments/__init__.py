"""Segments: what they are, who is in them, and how that is kept."""

from __future__ import annotations

from dxp.api import Platform
from dxp_crm.services.segments.building import Builder
from dxp_crm.services.segments.catalogue import FieldCatalogue
from dxp_crm.services.segments.definitions import SegmentService
from dxp_crm.services.segments.evaluating import Evaluator
from dxp_crm.services.segments.live import LiveSegments
from dxp_crm.services.segments.looking import Looking
from dxp_crm.services.segments.people import People
from dxp_crm.services.segments.updates import Updates


class Segments:
    """The services of segments in one place: `crm.segments.<part>`."""

    def __init__(self, platform: Platform) -> None:
        self.catalogue = FieldCatalogue(platform)
        self.people = People(platform, self.catalogue)
        self.evaluator = Evaluator(platform, self.people, LiveSegments())
        self.definitions = SegmentService(platform, self.catalogue, self.evaluator)
        self.builder = Builder(platform, self.people, self.evaluator)
        self.updates = Updates(platform, self.catalogue, self.evaluator)
        self.looking = Looking(platform, self.people, self.catalogue)


__all__ = ["Segments"]
