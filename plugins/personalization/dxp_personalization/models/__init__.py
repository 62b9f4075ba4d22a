"""The plugin's tables."""

from dxp_personalization.models.decision import Decision
from dxp_personalization.models.slot import Candidate, Slot

MODELS = (Slot, Candidate, Decision)

__all__ = ["MODELS", "Candidate", "Decision", "Slot"]
