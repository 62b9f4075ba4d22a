"""Comparing documents field by field, in words that a person can read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dxp_cms.fields import Field
from dxp_cms.services.document import Document, Place, places, value_at, with_values
from dxp_cms.types import ContentType

MAX_WORDS = 4_000
"""Beyond this a paragraph is shown as replaced whole: finer would take seconds."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
Mark = Literal["same", "removed", "added"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of text that is in both, only in the older, or only in the newer."""

    mark: Mark
    text: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that differs between two documents.

    `pieces` tell how, word by word; when only the form of a rich text differs, they are all same.
    """

    place: Place
    label: str
    before: Any
    after: Any
    pieces: Sequence[Piece]

    @property
    def only_form(self) -> bool:
        """Whether the words are equal: formatting or a link changed."""
        return all(piece.mark == "same" for piece in self.pieces)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that two edits of the same base left in different states.

    Attributes:
        theirs: what is saved now; `mine`: what the stale edit holds.
        clash: both changed it; otherwise only one did, and that one's value is the natural one.
        mine_changed: whether the stale edit changed it at all.
    """

    place: Place
    label: str
    base: str
    theirs: str
    mine: str
    clash: bool
    mine_changed: bool


def compare(
    content_type: ContentType, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Change]:
    """All values that differ, in the order of the type's fields, shared ones first."""
    changes = []
    for place in _ordered(content_type, before, after):
        old, new = value_at(before, place), value_at(after, place)
        if old == new:
            continue
        field = content_type.by_name.get(place.name)
        pieces = list(_pieces(plain_text(field, old), plain_text(field, new)))
        changes.append(
            Change(
                place=place,
                label=label_of(content_type, place),
                before=old,
                after=new,
                pieces=pieces,
            )
        )
    return changes


def three_way(
    content_type: ContentType,
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
) -> list[Difference]:
    """Where two edits of one base differ from each other."""
    found = []
    for place in _ordered(content_type, base, theirs, mine):
        was, saved, edited = (value_at(document, place) for document in (base, theirs, mine))
        if saved == edited:
            continue
        field = content_type.by_name.get(place.name)
        found.append(
            Difference(
                place=place,
                label=label_of(content_type, place),
                base=plain_text(field, was),
                theirs=plain_text(field, saved),
                mine=plain_text(field, edited),
                clash=saved != was and edited != was,
                mine_changed=edited != was,
            )
        )
    return found


def merge(theirs: Mapping[str, Any], mine: Mapping[str, Any], *, take: Sequence[Place]) -> Document:
    """`theirs` with the values of `mine` at the places in `take`."""
    return with_values(theirs, {place: value_at(mine, place) for place in take})


def label_of(content_type: ContentType, place: Place) -> str:
    """The field's label, or its name when the type no longer has it."""
    field = content_type.by_name.get(place.name)
    return place.name if field is None else str(field.label)


def plain_text(field: Field | None, value: Any) -> str:
    """A value as readable text; empty for none."""
    if value is None:
        return ""
    return str(value) if field is None else field.kind.plain(field, value)


def _ordered(content_type: ContentType, *documents: Mapping[str, Any]) -> list[Place]:
    order = {field.name: index for index, field in enumerate(content_type.everything)}
    return sorted(
        places(*documents),
        key=lambda place: (place.locale or "", order.get(place.name, len(order)), place.name),
    )


def _pieces(before: str, after: str) -> Iterator[Piece]:
    """Line by line first, and word by word inside of lines that changed."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for mark, i1, i2, j1, j2 in matcher.get_opcodes():
        gone, come = "".join(old[i1:i2]), "".join(new[j1:j2])
        if mark == "equal":
            yield Piece(mark="same", text=gone)
        elif mark == "replace":
            yield from _words(gone, come)
        else:
            yield from _replaced(gone, come)


def _words(before: str, after: str) -> Iterator[Piece]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) > MAX_WORDS or len(new) > MAX_WORDS:
        yield from _replaced(before, after)
        return
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for mark, i1, i2, j1, j2 in matcher.get_opcodes():
        if mark == "equal":
            yield Piece(mark="same", text="".join(old[i1:i2]))
        else:
            yield from _replaced("".join(old[i1:i2]), "".join(new[j1:j2]))


def _replaced(before: str, after: str) -> Iterator[Piece]:
    if before:
        yield Piece(mark="removed", text=before)
    if after:
        yield Piece(mark="added", text=after)
