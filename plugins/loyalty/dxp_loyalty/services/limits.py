"""What caps and budgets were used, counted exactly however many earn at once.

A cap's counter belongs to an account, and whoever changes it holds the lock of that account. A
budget is shared: its campaign is locked last of all, in the order of ids, and moves by a
conditional update that the table's own check backs. What is taken back of an entry is given back
to both.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from dxp.api import Subject, dialect_insert
from dxp_loyalty.models import Account, Campaign, CapCounter, Earning
from dxp_loyalty.services.calculation import Usage
from dxp_loyalty.services.entries import table_of


def usage_of(
    session: Session,
    member_ids: Collection[uuid.UUID],
    *,
    rule_ids: Collection[uuid.UUID],
    windows: Collection[str],
    budgets: dict[str, int],
) -> dict[uuid.UUID, Usage]:
    """What members had of caps, those merged into them with them; all share `budgets`."""
    found = {member_id: Usage(budgets=budgets) for member_id in member_ids}
    if not rule_ids or not windows or not member_ids:
        return found
    root = func.coalesce(Subject.merged_into_id, Subject.id)
    rows = session.execute(
        select(
            root,
            CapCounter.rule_id,
            CapCounter.window_key,
            func.sum(CapCounter.points),
            func.sum(CapCounter.times),
        )
        .join(Account, Account.id == CapCounter.account_id)
        .join(Subject, Subject.id == Account.subject_id)
        .where(
            root.in_(member_ids),
            CapCounter.rule_id.in_(rule_ids),
            CapCounter.window_key.in_(windows),
        )
        .group_by(root, CapCounter.rule_id, CapCounter.window_key)
    )
    for member_id, rule_id, window, points, times in rows:
        usage = found[member_id]
        usage.points[rule_id, window] = int(points)
        usage.times[rule_id, window] = int(times)
    return found


def budgets_of(session: Session, keys: Collection[str], *, lock: bool = False) -> dict[str, int]:
    """What campaigns with a budget have left.

    Args:
        lock: until the transaction ends, for who gives points of it.
    """
    if not keys:
        return {}
    statement = (
        select(Campaign.key, Campaign.budget, Campaign.spent)
        .where(Campaign.key.in_(keys), Campaign.budget.is_not(None))
        .order_by(Campaign.id)
    )
    rows = session.execute(statement.with_for_update() if lock else statement)
    return {key: int(budget) - spent for key, budget, spent in rows if budget is not None}


def count(
    session: Session,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Count entries that were written, as rows of `Earning`; their accounts must be locked."""
    had: dict[tuple[uuid.UUID, uuid.UUID, str], list[int]] = defaultdict(lambda: [0, 0])
    spent: dict[uuid.UUID, int] = defaultdict(int)
    for row in rows:
        for window in row["windows"]:
            counted = had[row["rule_id"], row["account_id"], window]
            counted[0] += row["points"]
            counted[1] += 1
        if row["campaign_id"] is not None:
            spent[row["campaign_id"]] += row["points"]
    if had:
        statement = dialect_insert(session, table_of(CapCounter))
        statement = statement.on_conflict_do_update(
            index_elements=["rule_id", "account_id", "window_key"],
            set_={
                "points": CapCounter.points + statement.excluded.points,
                "times": CapCounter.times + statement.excluded.times,
            },
        )
        session.connection().execute(
            statement,
            [
                {
                    "rule_id": rule_id,
                    "account_id": account_id,
                    "window_key": window,
                    "points": points,
                    "times": times,
                }
                for (rule_id, account_id, window), (points, times) in sorted(had.items())
            ],
        )
    for campaign_id in sorted(spent):
        points = spent[campaign_id]
        moved = session.execute(
            update(Campaign)
            .where(
                Campaign.id == campaign_id,
                or_(Campaign.budget.is_(None), Campaign.spent + points <= Campaign.budget),
            )
            .values(spent=Campaign.spent + points)
            .returning(Campaign.id)
            .execution_options(synchronize_session=False)
        ).first()
        assert moved is not None, "the campaign was locked before its points were given"


def give_back(
    session: Session, account_id: uuid.UUID, seq: int, points: int, *, whole: bool
) -> None:
    """Return points that were taken back of an entry to its caps and its budget.

    Args:
        whole: whether nothing of the entry is left: then it is not counted as one time either.
    """
    earning = session.get(Earning, (account_id, seq))
    if earning is None:
        return
    if earning.windows:
        session.execute(
            update(CapCounter)
            .where(
                CapCounter.rule_id == earning.rule_id,
                CapCounter.account_id == account_id,
                CapCounter.window_key.in_(earning.windows),
            )
            .values(points=CapCounter.points - points, times=CapCounter.times - int(whole))
            .execution_options(synchronize_session=False)
        )
    if earning.campaign_id is not None:
        session.execute(
            update(Campaign)
            .where(Campaign.id == earning.campaign_id)
            .values(spent=Campaign.spent - points)
            .execution_options(synchronize_session=False)
        )
