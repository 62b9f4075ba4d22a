"""The few pieces of Markdown that the reference pages are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

WRITTEN_BY = "<!-- Written by `dxp docs`. Change the code, then run `make docs`. -->"


def page(title: str, *blocks: str) -> str:
    """Return a whole page, its blocks set apart by empty lines."""
    return "\n\n".join([f"# {title}", WRITTEN_BY, *filter(None, blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing when it would have no row."""
    lines = [_row([cell.replace("\n", " ").replace("|", "\\|") for cell in row]) for row in rows]
    if not lines:
        return ""
    return "\n".join([_row(head), _row(["---"] * len(head)), *lines])


def bullets(items: Iterable[str]) -> str:
    """Return a list, one item a line."""
    return "\n".join(f"- {item}" for item in items)


def code(text: str) -> str:
    """Return text in code type; a vertical bar is left for `table` to escape."""
    return f"`{text}`"


def literal(value: object) -> str:
    """Return a value the way it is written in dxp.toml."""
    if value is None:
        return ""
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {json.dumps(item)}" for key, item in value.items())
        return code(f"{{ {pairs} }}" if pairs else "{}")
    if isinstance(value, (list, tuple)):
        return code(json.dumps(list(value), default=str))
    if isinstance(value, (bool, int, float)):
        return code(json.dumps(value))
    return code(json.dumps(str(value), ensure_ascii=False))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
