"""Locks that last as long as a transaction."""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.orm import Session


def transaction_lock(session: Session, name: str) -> None:
    """Let one transaction at a time pass this point; waits, and is released by commit or rollback.

    On SQLite a writing transaction already excludes all others, so nothing is done there.

    Args:
        name: what is locked; the same name is the same lock in every process.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
