"""Kinds of field: what a value may be, how it is edited, rendered, filtered and described."""

from dxp_cms.fields.base import Faults, Field, FieldKind, RenderContext
from dxp_cms.fields.registry import KINDS, build_field

__all__ = ["KINDS", "Faults", "Field", "FieldKind", "RenderContext", "build_field"]
