"""Fields in the OpenAPI document: where apispec's words and marshmallow's deeds differ."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import fields

_DECIMAL = r"^-?[0-9]{1,18}(\.[0-9]{1,10})?$"
_UNSIGNED_DECIMAL = r"^[0-9]{1,18}(\.[0-9]{1,10})?$"
_FOR_OBJECTS = {"minLength": "minProperties", "maxLength": "maxProperties"}


def mend_property(found: dict[str, Any], field: fields.Field[Any]) -> dict[str, Any]:
    """What `field` takes and gives, as JSON Schema 2020-12.

    Args:
        found: what apispec makes of the field; it is changed.
    """
    if isinstance(field, fields.Constant):
        return {"const": field.constant}
    if "example" in found:
        found["examples"] = [found.pop("example")]
    if isinstance(field, fields.Decimal):
        _as_text(found)
    if isinstance(found.get("pattern"), str):
        found["pattern"] = _pattern(found["pattern"])
    if "object" in _types(found):
        for name, better in _FOR_OBJECTS.items():
            if name in found:
                found[better] = found.pop(name)
    if isinstance(found.get("default"), (list, tuple)) and "array" not in _types(found):
        # A text of names with commas between them, loaded as a list.
        del found["default"]
    return found


def _types(found: dict[str, Any]) -> list[str]:
    kinds = found.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _as_text(found: dict[str, Any]) -> None:
    """Decimals travel as text, since a JSON number is a float to most readers."""
    bounds = [found.pop(name, None) for name in ("minimum", "exclusiveMinimum")]
    unsigned = any(bound is not None and Decimal(str(bound)) >= 0 for bound in bounds)
    for name in ("maximum", "exclusiveMaximum", "format"):
        found.pop(name, None)
    nullable = "null" in _types(found)
    found["type"] = ["string", "null"] if nullable else "string"
    found["pattern"] = _UNSIGNED_DECIMAL if unsigned else _DECIMAL
    if found.get("default") is not None:
        found["default"] = str(found["default"])


def _pattern(text: str) -> str:
    """Python's match begins at the start by itself, and its end of text has another name."""
    if text.endswith(r"\Z"):
        text = text.removesuffix(r"\Z") + "$"
    if text.startswith("^"):
        return text
    return f"^(?:{text})" if "|" in text else f"^{text}"
