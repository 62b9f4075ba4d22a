"""The nodes and marks a text may be made of: all else is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HEADING_LEVELS = (2, 3, 4)
"""The page's own title is level 1; below 4 nobody finds their way."""

BLOCKS = frozenset(
    {
        "paragraph",
        "heading",
        "bulletList",
        "orderedList",
        "blockquote",
        "codeBlock",
        "horizontalRule",
    }
)
INLINE = frozenset({"text", "hardBreak"})

MAX_DEPTH = 24
MAX_NODES = 20_000
MAX_CHARACTERS = 500_000


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a node may hold.

    Attributes:
        content: types of its children.
        attributes: names it may carry; others are dropped, since editors add some of their own
            (`class`, `textAlign`) that mean nothing here.
        needs_content: whether it must have a child.
        marks: whether marks may lie on the text inside.
    """

    content: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    needs_content: bool = False
    marks: bool = True


_DIR = frozenset({"dir"})

NODES: Mapping[str, Node] = {
    "doc": Node(content=BLOCKS),
    "paragraph": Node(content=INLINE, attributes=_DIR),
    "heading": Node(content=INLINE, attributes=_DIR | {"level"}),
    "blockquote": Node(content=BLOCKS, attributes=_DIR, needs_content=True),
    "bulletList": Node(content=frozenset({"listItem"}), attributes=_DIR, needs_content=True),
    "orderedList": Node(
        content=frozenset({"listItem"}), attributes=_DIR | {"start"}, needs_content=True
    ),
    "listItem": Node(content=BLOCKS, attributes=_DIR, needs_content=True),
    "codeBlock": Node(content=frozenset({"text"}), attributes=frozenset({"language"}), marks=False),
    "horizontalRule": Node(),
    "hardBreak": Node(),
    "text": Node(),
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A mark, its tag in HTML, and the attributes it may carry."""

    tag: str
    attributes: frozenset[str] = field(default_factory=frozenset)


MARKS: Mapping[str, Mark] = {
    "link": Mark(tag="a", attributes=frozenset({"href", "title"})),
    "bold": Mark(tag="strong"),
    "italic": Mark(tag="em"),
    "underline": Mark(tag="u"),
    "strike": Mark(tag="s"),
    "code": Mark(tag="code"),
}
"""In the order in which they nest: a link outside of bold, so that one link stays one link."""
