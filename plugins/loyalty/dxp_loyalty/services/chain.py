"""The hash chain of an account's entries."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dxp_loyalty.models import Entry


def entry_hash(entry: Entry) -> str:
    """SHA-256 over all columns of an entry but the hash, as canonical JSON.

    It covers `prev_hash`, so one changed row breaks every later one; it covers no personal
    data, so the chain still verifies when a person's notes are gone.
    """
    fields = [
        entry.account_id.hex,
        entry.seq,
        entry.tx_id.hex,
        entry.kind,
        entry.contra,
        entry.amount,
        entry.balance_after,
        entry.source,
        entry.rule_version_id.hex if entry.rule_version_id else None,
        entry.reverses,
        _moment(entry.effective_at),
        _moment(entry.recorded_at),
        entry.actor,
        entry.note_digest,
        entry.prev_hash,
    ]
    return hashlib.sha256(_canonical(fields)).hexdigest()


def new_salt() -> str:
    """16 random bytes for a note's digest."""
    return secrets.token_hex(16)


def note_digest(salt: str, note: str, inputs: Mapping[str, Any]) -> str:
    """SHA-256 over a note and a rule's inputs; without the salt it cannot be guessed back."""
    return hashlib.sha256(_canonical([salt, note, inputs])).hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
