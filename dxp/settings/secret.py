"""The secret key: made once for the embedded default, demanded in production."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from dxp.errors import ConfigurationError

FILE_NAME = "secret.key"
LEAST_LENGTH = 32
_LEAST_DISTINCT = 12


def new_secret() -> str:
    """48 random bytes as 64 URL-safe characters."""
    return secrets.token_urlsafe(48)


def weakness(secret: str) -> str | None:
    """Why a secret is too easy to guess; None when it is not."""
    if len(secret) < LEAST_LENGTH:
        return f"has {len(secret)} characters and needs at least {LEAST_LENGTH}"
    if len(set(secret)) < _LEAST_DISTINCT:
        return "repeats a few characters, so it can be guessed"
    return None


def stored_secret(folder: Path) -> str:
    """Read the secret of an installation; make it when there is none yet.

    Two processes that start at once get the same one: the file appears whole, by a link that
    only the first can make.

    Raises:
        ConfigurationError: the file cannot be read or written, or holds no good secret.
    """
    path = folder / FILE_NAME
    try:
        if not path.exists():
            _create(path)
        secret = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(
            f"The secret key in {path} cannot be read or made: {error.strerror}.\n"
            "dxp signs sessions and tokens with it. Make the folder writable for this user, or "
            "set DXP_SECRET_KEY."
        ) from error
    fault = weakness(secret)
    if fault is not None:
        raise ConfigurationError(
            f"The secret key in {path} {fault}.\n"
            "The file was cut short or edited. Restore it from a backup; if there is none, delete "
            "it: a new one is made, everybody must sign in again, and what was stored under the "
            "old one (customers' lookup keys, TOTP) is lost."
        )
    return secret


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_secret() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
