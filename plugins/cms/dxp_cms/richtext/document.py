"""Checking a document: what comes out holds only what the grammar knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dxp.api import FieldError, gettext
from dxp_cms.richtext.grammar import (
    HEADING_LEVELS,
    MARKS,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_NODES,
    NODES,
    Node,
)
from dxp_cms.richtext.urls import is_safe_url

_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.\-]{1,40}")
_MAX_TITLE = 300
_MAX_START = 1_000_000


class RichTextError(Exception):
    """A document is not one; `errors` point into it."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.errors = tuple(errors)


def clean_document(value: object, *, at: str = "") -> dict[str, Any]:
    """The document with only the nodes, marks and attributes that the grammar knows.

    Unknown attributes are dropped, since editors add some of their own; an unknown node or mark,
    an unsafe link or a broken structure is refused, since dropping it would lose what was written.

    Args:
        at: JSON pointer of the document, for the errors.

    Raises:
        RichTextError: with one error for each fault, the first 20 at most.
    """
    cleaner = _Cleaner()
    node = cleaner.node(value, allowed=frozenset({"doc"}), at=at, depth=0, marks=True)
    if cleaner.errors:
        raise RichTextError(cleaner.errors)
    if node is None:
        raise RichTextError([_error(at, "not_rich_text", _not_rich_text())])
    return node


def is_empty_document(document: object) -> bool:
    """Whether nothing would be seen: no text and no rule."""
    if not isinstance(document, Mapping):
        return True
    if document.get("type") == "horizontalRule":
        return False
    if str(document.get("text", "")).strip():
        return False
    return all(is_empty_document(child) for child in document.get("content", ()))


def _not_rich_text() -> str:
    return gettext("This is no rich text; write it in the editor, or send a ProseMirror document.")


def _error(at: str, code: str, detail: str) -> FieldError:
    return FieldError(code=code, detail=detail, pointer=at)


@dataclass
class _Cleaner:
    """One walk over a document, with its counts."""

    errors: list[FieldError] = field(default_factory=list)
    nodes: int = 0
    characters: int = 0

    def refuse(self, at: str, code: str, detail: str) -> None:
        if len(self.errors) < 20:
            self.errors.append(_error(at, code, detail))

    def node(
        self, value: object, *, allowed: frozenset[str], at: str, depth: int, marks: bool
    ) -> dict[str, Any] | None:
        """A cleaned node, or None after noting why not."""
        kind = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(kind, str):
            self.refuse(at, "not_rich_text", _not_rich_text())
            return None
        if kind not in allowed or kind not in NODES:
            detail = gettext(
                "A “%(kind)s” cannot stand here; remove it or turn it into a paragraph.",
                kind=kind[:40],
            )
            self.refuse(at, "unknown_node", detail)
            return None
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            if self.nodes <= MAX_NODES + 1:
                detail = gettext("The text is nested too deep or too long; split it.")
                self.refuse(at, "too_large", detail)
            return None
        if kind == "text":
            return self.text(value, at=at, marks=marks)
        return self.block(value, kind, NODES[kind], at=at, depth=depth, marks=marks)

    def block(
        self,
        value: Mapping[str, Any],
        kind: str,
        rule: Node,
        *,
        at: str,
        depth: int,
        marks: bool,
    ) -> dict[str, Any] | None:
        node: dict[str, Any] = {"type": kind}
        attributes = self.attributes(kind, rule, value.get("attrs"), at=at)
        if attributes:
            node["attrs"] = attributes
        children = value.get("content") or []
        if not isinstance(children, list) or (children and not rule.content):
            self.refuse(at, "not_rich_text", _not_rich_text())
            return None
        content = [
            self.node(
                child,
                allowed=rule.content,
                at=f"{at}/content/{place}",
                depth=depth + 1,
                marks=marks and rule.marks,
            )
            for place, child in enumerate(children)
        ]
        kept = [child for child in content if child is not None]
        if rule.needs_content and not kept:
            return None
        if kept:
            node["content"] = kept
        return node

    def attributes(self, kind: str, rule: Node, given: object, *, at: str) -> dict[str, Any]:
        attrs = given if isinstance(given, Mapping) else {}
        found: dict[str, Any] = {}
        if "dir" in rule.attributes and attrs.get("dir") in ("ltr", "rtl"):
            found["dir"] = attrs["dir"]
        if kind == "heading":
            level = attrs.get("level")
            if level not in HEADING_LEVELS or isinstance(level, bool):
                detail = gettext("Headings have the levels 2 to 4; choose one of them.")
                self.refuse(at, "heading_level", detail)
            found["level"] = level
        if kind == "orderedList":
            start = attrs.get("start")
            if type(start) is int and 1 < start <= _MAX_START:
                found["start"] = start
        if kind == "codeBlock":
            language = attrs.get("language")
            if isinstance(language, str) and _LANGUAGE.fullmatch(language):
                found["language"] = language
        return found

    def text(self, value: Mapping[str, Any], *, at: str, marks: bool) -> dict[str, Any] | None:
        text = value.get("text")
        if not isinstance(text, str):
            self.refuse(at, "not_rich_text", _not_rich_text())
            return None
        text = text.replace("\x00", "").encode("utf-8", "replace").decode()
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            self.refuse(at, "too_large", gettext("The text is too long; split it."))
            return None
        if not text:
            return None
        node: dict[str, Any] = {"type": "text", "text": text}
        cleaned = self.marks(value.get("marks"), at=at) if marks else []
        if cleaned:
            node["marks"] = cleaned
        return node

    def marks(self, given: object, *, at: str) -> list[dict[str, Any]]:
        """Known marks, each once, in the grammar's order."""
        found: dict[str, dict[str, Any]] = {}
        for place, mark in enumerate(given if isinstance(given, list) else []):
            here = f"{at}/marks/{place}"
            kind = mark.get("type") if isinstance(mark, Mapping) else None
            if not isinstance(kind, str) or kind not in MARKS:
                detail = gettext("The text carries a mark that is not known; remove it.")
                self.refuse(here, "unknown_mark", detail)
                continue
            found[kind] = self.mark(kind, mark.get("attrs"), at=here)
        return [found[kind] for kind in MARKS if kind in found]

    def mark(self, kind: str, given: object, *, at: str) -> dict[str, Any]:
        if kind != "link":
            return {"type": kind}
        attrs = given if isinstance(given, Mapping) else {}
        href = attrs.get("href")
        if not isinstance(href, str) or not is_safe_url(href.strip()):
            detail = gettext(
                "The link leads to an address that is not allowed; use one that begins with "
                "https://, http://, mailto:, tel: or /."
            )
            self.refuse(at, "unsafe_url", detail)
            return {"type": kind}
        cleaned = {"href": href.strip()}
        title = attrs.get("title")
        if isinstance(title, str) and title.strip():
            cleaned["title"] = title.replace("\x00", "").strip()[:_MAX_TITLE]
        return {"type": kind, "attrs": cleaned}
