"""Reading docstrings: the summary, the text, and what an `Attributes:` section says of each."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

_SECTION = re.compile(r"^(Attributes|Args|Raises|Returns|Yields):$")
_ENTRY = re.compile(r"^ {4}(\w+): (.*)$")


@dataclass(frozen=True, kw_only=True)
class Docstring:
    """A docstring taken apart. `text` is all that stands before the first section."""

    text: str
    entries: dict[str, str] = field(default_factory=dict)


def docstring_of(documented: Any) -> Docstring:
    """Take an object's own docstring apart; empty when it has none of its own.

    What is inherited, or written by `dataclass` itself, does not count.
    """
    own = documented.__dict__.get("__doc__") if isinstance(documented, type) else None
    raw = own if isinstance(documented, type) else documented.__doc__
    if not raw or (isinstance(documented, type) and raw.startswith(f"{documented.__name__}(")):
        return Docstring(text="")
    lines = inspect.cleandoc(raw).splitlines()
    start = next((i for i, line in enumerate(lines) if _SECTION.match(line)), len(lines))
    return Docstring(text="\n".join(lines[:start]).strip(), entries=_entries(lines[start:]))


def paragraph(text: str) -> str:
    """Join the lines of each paragraph, as a Markdown table cell or list item needs it."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def member_docs(enumeration: type) -> dict[str, str]:
    """Return what the string below each member of an enum says, by member name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(enumeration)))
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for member, text in zip(definition.body, definition.body[1:], strict=False):
        match member, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str() as words)),
            ):
                found[name] = paragraph(inspect.cleandoc(words))
    return found


def _entries(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    inside = False
    for line in lines:
        section = _SECTION.match(line)
        if section:
            inside, current = section[1] == "Attributes", None
        elif inside and (entry := _ENTRY.match(line)):
            current = found.setdefault(entry[1], [])
            current.append(entry[2])
        elif current is not None and line.startswith(" " * 8):
            current.append(line.strip())
    return {name: " ".join(parts) for name, parts in found.items()}
