"""Writing documents in code: for types' examples, imports and tests."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]


def blocks(*parts: Node | str) -> Node:
    """A document of these blocks; a string is a paragraph."""
    return {
        "type": "doc",
        "content": [paragraph(part) if isinstance(part, str) else part for part in parts],
    }


def paragraph(*parts: Node | str) -> Node:
    """A paragraph of texts and links."""
    return {"type": "paragraph", "content": _inline(parts)}


def heading(text: str, *, level: int = 2) -> Node:
    """A heading; the level is 2 to 4."""
    return {"type": "heading", "attrs": {"level": level}, "content": _inline((text,))}


def bullets(*items: str) -> Node:
    """A list with one paragraph in each item."""
    return {
        "type": "bulletList",
        "content": [{"type": "listItem", "content": [paragraph(item)]} for item in items],
    }


def link(text: str, href: str) -> Node:
    """A text that leads somewhere."""
    return {"type": "text", "text": text, "marks": [{"type": "link", "attrs": {"href": href}}]}


def _inline(parts: tuple[Node | str, ...]) -> list[Node]:
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
