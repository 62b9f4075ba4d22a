"""Checks of input that no schema makes: what would fail later, in a database or a calendar."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dxp.errors import BadRequest, FieldError

MAX_DEPTH = 64
_MEMBER = re.compile(rb'"[ \t\r\n]*:')
INT64 = range(-(2**63), 2**63)
MAX_DECIMAL_DIGITS = 30
"""Digits before or after the point; 1E+999999999 is short to send and fatal to write out."""


def check_document(document: object) -> list[FieldError]:
    """Look through parsed JSON for what JSON allows and no store can hold.

    Returns:
        One error for each string with a NUL character, which PostgreSQL cannot store.

    Raises:
        BadRequest: nested deeper than `MAX_DEPTH` (`json_too_deep`), or a number beyond 64 bits
            (`number_out_of_range`), which parsers silently round.
    """
    if _is_harmless(document):
        return []
    errors = []
    for pointer, depth, value in _walk(document):
        if depth > MAX_DEPTH:
            raise BadRequest(
                f"The body was not read, because its JSON is nested deeper than {MAX_DEPTH} "
                "levels; flatten it",
                code="json_too_deep",
            )
        if isinstance(value, str) and "\x00" in value:
            errors.append(
                FieldError(code="nul_character", detail="Holds a NUL character.", pointer=pointer)
            )
        elif _is_beyond_64_bits(value):
            raise BadRequest(
                f"The body was not read, because the number at {pointer or 'its root'} is beyond "
                "64 bits and would be rounded; send it as a string, or send a smaller number",
                code="number_out_of_range",
                errors=(
                    FieldError(
                        code="number_out_of_range", detail="Beyond 64 bits.", pointer=pointer
                    ),
                ),
            )
    return errors


def check_members(body: bytes, document: object) -> None:
    """Refuse an object that names a member twice: readers differ on which of the two they take.

    Args:
        body: as it was sent.
        document: what the body says, without the members that others have hidden.

    Raises:
        BadRequest: names the member (`duplicate_member`).
    """
    # Each member has its colon, and text can only add to them, so most bodies need no second look.
    if len(_MEMBER.findall(body)) != _count_members(document):
        json.loads(body, object_pairs_hook=_without_duplicates)


def _count_members(root: object) -> int:
    count = 0
    level = [root]
    while level:
        deeper: list[Any] = []
        for value in level:
            if type(value) is dict:
                count += len(value)
                deeper.extend(value.values())
            elif type(value) is list:
                deeper.extend(value)
        level = deeper
    return count


def _without_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise BadRequest(
                f"The body was not read, because an object in it has the member {name[:100]!r} "
                "twice, and nobody can tell which is meant; send it once",
                code="duplicate_member",
            )
        found[name] = value
    return found


def check_loaded(value: object) -> Iterator[tuple[str, str, str]]:
    """Look through values that a schema let pass, for what the database would refuse.

    Yields:
        (JSON pointer, code, detail) of each fault.
    """
    if _is_harmless(value):
        return
    for pointer, _, item in _walk(value):
        if isinstance(item, bool):
            continue
        if isinstance(item, int) and item not in INT64:
            yield pointer, "number_out_of_range", "Beyond 64 bits."
        elif isinstance(item, float) and not math.isfinite(item):
            yield pointer, "number_out_of_range", "Not a finite number."
        elif isinstance(item, Decimal) and not _is_plain(item):
            yield (
                pointer,
                "number_out_of_range",
                f"More than {MAX_DECIMAL_DIGITS} digits before or after the point.",
            )
        elif isinstance(item, datetime):
            yield from _check_moment(pointer, item)


def _is_harmless(root: object) -> bool:
    """Whether there is plainly nothing to report: a look without pointers, at a tenth of the cost.

    False means that the checks have to look themselves.
    """
    level: list[Any] = [root]
    depth = 0
    while level:
        deeper: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is str:
                harmless = "\x00" not in value
            elif kind is int or kind is float:
                harmless = INT64.start <= value < INT64.stop
            elif kind is dict:
                harmless = "\x00" not in "".join(map(str, value))
                deeper.extend(value.values())
            elif kind is list:
                harmless = True
                deeper.extend(value)
            elif kind is datetime:
                harmless = value.tzinfo is not None and 1 < value.year < 9999
            else:
                harmless = value is None or kind is bool or kind is uuid.UUID
            if not harmless:
                return False
        level, depth = deeper, depth + 1
        if depth > MAX_DEPTH:
            return not deeper
    return True


def _check_moment(pointer: str, moment: datetime) -> Iterator[tuple[str, str, str]]:
    if moment.tzinfo is None:
        yield pointer, "zone_missing", "Has no offset; write one, such as 2026-11-22T09:00:00Z."
        return
    try:
        moment.astimezone(UTC)
    except OverflowError:
        yield pointer, "moment_out_of_range", "Lies outside the years 1 to 9999 in UTC."


def _is_plain(number: Decimal) -> bool:
    if not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int)
        and number.adjusted() < MAX_DECIMAL_DIGITS
        and exponent > -MAX_DECIMAL_DIGITS
    )


def _is_beyond_64_bits(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) and not INT64.start <= value < INT64.stop


def _walk(root: object) -> Iterator[tuple[str, int, Any]]:
    """Every value, and every key as a string, with its JSON pointer and depth; not recursive."""
    stack: list[tuple[str, int, object]] = [("", 0, root)]
    while stack:
        pointer, depth, value = stack.pop()
        yield pointer, depth, value
        if isinstance(value, Mapping):
            for key, item in value.items():
                here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
                if isinstance(key, str) and "\x00" in key:
                    yield here, depth + 1, key
                stack.append((here, depth + 1, item))
        elif isinstance(value, (list, tuple)):
            stack.extend((f"{pointer}/{i}", depth + 1, item) for i, item in enumerate(value))
