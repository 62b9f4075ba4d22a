"""The lines of a member's ledger with all that explains them, as one query."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, and_, select

from dxp_loyalty.models import (
    Account,
    EarningRuleVersion,
    Entry,
    EntryNote,
    Hold,
    RewardVersion,
)

NEWEST_FIRST = [(Entry.seq, "desc")]


def entries_query(subject_id: uuid.UUID, *, wallet: str) -> Select[*tuple[Any, ...]]:
    """Rows of (entry, its note, the rule version that made it, the reward version it paid)."""
    return (
        select(Entry, EntryNote, EarningRuleVersion, RewardVersion)
        .join(Account, Account.id == Entry.account_id)
        .outerjoin(
            EntryNote,
            and_(EntryNote.account_id == Entry.account_id, EntryNote.seq == Entry.seq),
        )
        .outerjoin(EarningRuleVersion, EarningRuleVersion.id == Entry.rule_version_id)
        .outerjoin(Hold, and_(Hold.account_id == Entry.account_id, Hold.entry_seq == Entry.seq))
        .outerjoin(RewardVersion, RewardVersion.id == Hold.reward_version_id)
        .where(Account.subject_id == subject_id, Account.wallet == wallet)
    )
