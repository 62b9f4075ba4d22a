"""Content types as data."""

from dxp_cms.types.model import RESERVED, ContentType
from dxp_cms.types.registry import TypeRegistry

__all__ = ["RESERVED", "ContentType", "TypeRegistry"]
