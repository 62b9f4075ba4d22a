"""What is kept of an error, and which errors pass by themselves."""

from __future__ import annotations

import os
import re
import traceback

from sqlalchemy.exc import DBAPIError, StatementError

MAX_CHARACTERS = 4000
_FRAMES = 8
_LIBRARIES = f"{os.sep}site-packages{os.sep}"
_MASK = "***"
# Serialization failure, deadlock; SQLite says it in words.
_TRANSIENT_SQLSTATES = frozenset({"40001", "40P01"})
_TRANSIENT_WORDS = ("database is locked", "database table is locked")
# Repetitions of names are bounded: unbounded ones take minutes on a long message.
_SECRETS = (
    (re.compile(r"(://[^:/@\s]{0,200}:)[^@\s]{1,200}@"), rf"\1{_MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {_MASK}"),
    (
        re.compile(
            r"(?i)([\"']?[\w-]{0,30}(?:password|passwd|secret|token|api[_-]?key|authorization)[\w-]{0,30}"
            r"[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;)}\]]+)"
        ),
        rf"\1{_MASK}",
    ),
)


def describe_error(error: BaseException) -> str:
    """The error and the tail of its traceback, as staff may read them.

    Values stay out as far as can be told: database errors are cut to the driver's first line,
    because the rest quotes rows, and what looks like a credential is masked.
    """
    lines = [f"{type(error).__name__}: {_message(error)}"]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    # SQLAlchemy's errors have the driver's as their cause, which says the same.
    if cause is not None and cause is not getattr(error, "orig", None):
        lines.append(f"because of {type(cause).__name__}: {_message(cause)}")
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _LIBRARIES not in frame.filename]
    lines += [
        f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line or ''}"
        for frame in (ours or frames)[-_FRAMES:]
    ]
    return "\n".join(lines)[:MAX_CHARACTERS]


def is_transient(error: BaseException) -> bool:
    """Whether the database asked to try the same transaction again."""
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlstate", None) in _TRANSIENT_SQLSTATES:
        return True
    return any(word in str(error.orig) for word in _TRANSIENT_WORDS)


def _message(error: BaseException) -> str:
    source: object = error
    if isinstance(error, StatementError) and error.orig is not None:
        source = error.orig
    text = str(source)
    if source is not error or isinstance(error, StatementError):
        text = text.partition("\n")[0]
    text = text[:MAX_CHARACTERS]
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
