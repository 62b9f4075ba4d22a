"""The hash chain: making links and checking them.

Links are HMACs under a key derived from the platform's secret, so that whoever can write to the
database alone cannot make a false chain that verifies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dxp.audit.models import AuditEntry

GENESIS = "0" * 64
SALT_BYTES = 16
_PROGRESS_EVERY = 500


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A link noted outside of the database: the chain must still contain it."""

    seq: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a check of the chain found.

    Attributes:
        checked: number of entries looked at, the broken one included.
        blanked: how many of them have their details erased, which is no fault.
        broken_seq: the first entry that does not fit; None when all do.
        reason: what does not fit there.
        head: the last good link, to be noted as the next anchor; None for an empty log.
    """

    checked: int
    blanked: int
    broken_seq: int | None
    reason: str | None
    head: Anchor | None

    @property
    def ok(self) -> bool:
        return self.broken_seq is None


def link(key: bytes, entry: AuditEntry, *, seq: int, prev_hash: str) -> None:
    """Give `entry` its place at the end of the chain."""
    entry.seq = seq
    entry.prev_hash = prev_hash
    entry.salt = secrets.token_bytes(SALT_BYTES)
    entry.details_digest = _details_digest(entry)
    entry.hash = _entry_hash(key, entry)


def verify(
    key: bytes,
    entries: Iterable[AuditEntry],
    *,
    anchor: Anchor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Walk `entries` in order of seq and stop at the first that does not fit.

    Args:
        progress: told the number of entries checked so far, now and then.
    """
    checked = blanked = 0
    head: Anchor | None = None

    def result(broken: int | None = None, reason: str | None = None) -> Verification:
        if progress is not None:
            progress(checked)
        return Verification(
            checked=checked, blanked=blanked, broken_seq=broken, reason=reason, head=head
        )

    for entry in entries:
        checked += 1
        expected = head.seq + 1 if head else 1
        if entry.seq != expected:
            return result(expected, f"entry {expected} is missing; the next one is {entry.seq}")
        fault = _fault(key, entry, prev_hash=head.hash if head else GENESIS)
        if fault is None and anchor and entry.seq == anchor.seq and entry.hash != anchor.hash:
            fault = "it is not the entry that the anchor names: the chain was made anew"
        if fault is not None:
            return result(entry.seq, fault)
        blanked += entry.salt is None
        head = Anchor(seq=entry.seq, hash=entry.hash)
        if progress is not None and checked % _PROGRESS_EVERY == 0:
            progress(checked)
    if anchor is not None and (head is None or head.seq < anchor.seq):
        last = head.seq if head else 0
        return result(last + 1, f"the log ends before entry {anchor.seq}, which the anchor names")
    return result()


def _fault(key: bytes, entry: AuditEntry, *, prev_hash: str) -> str | None:
    if entry.prev_hash != prev_hash:
        return "it does not point to the entry before it"
    if not hmac.compare_digest(entry.hash, _entry_hash(key, entry)):
        return "its columns do not fit its hash"
    if entry.salt is None:
        if entry.before is not None or entry.after is not None:
            return "it has details without the salt of their digest"
        return None
    if not hmac.compare_digest(entry.details_digest, _details_digest(entry)):
        return "what was changed does not fit its digest"
    return None


def _details_digest(entry: AuditEntry) -> str:
    salt = entry.salt or b""
    return hashlib.sha256(
        salt + _canonical({"before": entry.before, "after": entry.after})
    ).hexdigest()


def _entry_hash(key: bytes, entry: AuditEntry) -> str:
    covered = {
        "seq": entry.seq,
        "at": entry.at.isoformat(timespec="microseconds"),
        "actor_key": entry.actor_key,
        "actor_label": entry.actor_label,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "subject_id": None if entry.subject_id is None else str(entry.subject_id),
        "request_id": entry.request_id,
        "details_digest": entry.details_digest,
        "prev_hash": entry.prev_hash,
    }
    return hmac.new(key, _canonical(covered), hashlib.sha256).hexdigest()


def _canonical(value: Any) -> bytes:
    """One byte form for equal values, whichever database they went through."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
