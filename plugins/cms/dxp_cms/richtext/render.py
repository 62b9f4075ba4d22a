"""From a cleaned document to HTML, and to plain text.

Three walls, each enough alone: the document was checked when it was saved, the renderer below
writes only what it knows and escapes the rest, and nh3 parses the result as a browser would and
drops what is not on the same list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from markupsafe import escape

from dxp_cms.richtext.grammar import HEADING_LEVELS, MARKS
from dxp_cms.richtext.urls import SCHEMES, is_safe_url

_PLAIN_TAGS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
}
_TAGS = (
    {mark.tag for mark in MARKS.values()}
    | set(_PLAIN_TAGS.values())
    | {f"h{level}" for level in HEADING_LEVELS}
    | {"pre", "hr", "br"}
)
_DIRECTED = {"p", "blockquote", "ul", "ol", "li"} | {f"h{level}" for level in HEADING_LEVELS}
_ATTRIBUTES = {tag: {"dir"} for tag in _DIRECTED} | {
    "a": {"href", "title"},
    "ol": {"dir", "start"},
    "code": {"class"},
}
_LINK_REL = "noopener noreferrer"


def to_html(document: Mapping[str, Any]) -> str:
    """HTML of a cleaned document: whitelisted tags, text escaped, then cleaned by nh3."""
    html = "".join(_node(child) for child in document.get("content", ()))
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        link_rel=_LINK_REL,
    )


def to_text(document: Mapping[str, Any]) -> str:
    """The words alone, one line for each paragraph."""
    lines: list[str] = []
    _collect(document, lines)
    return "\n".join(lines).strip()


def _node(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if kind == "text":
        return _text(node)
    if kind == "hardBreak":
        return "<br>"
    if kind == "horizontalRule":
        return "<hr>"
    inside = "".join(_node(child) for child in node.get("content", ()))
    attrs = node.get("attrs") or {}
    if kind == "codeBlock":
        language = attrs.get("language")
        opening = f'<code class="language-{escape(language)}">' if language else "<code>"
        return f"<pre>{opening}{inside}</code></pre>"
    if kind == "heading" and attrs.get("level") in HEADING_LEVELS:
        tag = f"h{int(attrs['level'])}"
    elif isinstance(kind, str) and kind in _PLAIN_TAGS:
        tag = _PLAIN_TAGS[kind]
    else:
        return inside
    extra = f' dir="{attrs["dir"]}"' if attrs.get("dir") in ("ltr", "rtl") else ""
    if kind == "orderedList" and isinstance(attrs.get("start"), int):
        extra += f' start="{int(attrs["start"])}"'
    return f"<{tag}{extra}>{inside}</{tag}>"


def _text(node: Mapping[str, Any]) -> str:
    html = str(escape(node.get("text", "")))
    marks = {mark["type"]: mark for mark in node.get("marks", ()) if mark.get("type") in MARKS}
    for kind in reversed(list(MARKS)):
        if kind not in marks:
            continue
        if kind == "link":
            html = _link(marks[kind].get("attrs") or {}, html)
        else:
            html = f"<{MARKS[kind].tag}>{html}</{MARKS[kind].tag}>"
    return html


def _link(attrs: Mapping[str, Any], inside: str) -> str:
    href = attrs.get("href")
    if not isinstance(href, str) or not is_safe_url(href):
        return inside
    title = attrs.get("title")
    extra = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(href)}"{extra}>{inside}</a>'


def _collect(node: Mapping[str, Any], lines: list[str]) -> None:
    children: Sequence[Mapping[str, Any]] = node.get("content", ())
    if any(child.get("type") in ("text", "hardBreak") for child in children):
        lines.append(
            "".join(
                "\n" if child.get("type") == "hardBreak" else str(child.get("text", ""))
                for child in children
            )
        )
        return
    if node.get("type") == "horizontalRule":
        lines.append("———")
    for child in children:
        _collect(child, lines)
