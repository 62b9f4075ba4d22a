"""Finding and locking accounts and their lots."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from dxp.api import Platform, Subject, dialect_insert, uuid7
from dxp_loyalty.models import Account, Lot, RewardCounter


def open_account(
    session: Session, platform: Platform, subject_id: uuid.UUID, *, wallet: str
) -> Account:
    """The account of a member, locked; made if the member has none yet.

    Raises:
        NotFound: there is no such member, or the member was erased (`unknown_subject`).
    """
    account = lock_of_subject(session, subject_id, wallet=wallet)
    if account is not None:
        return account
    return open_accounts(session, platform, [subject_id], wallet=wallet)[subject_id]


def open_accounts(
    session: Session, platform: Platform, subject_ids: Collection[uuid.UUID], *, wallet: str
) -> dict[uuid.UUID, Account]:
    """`open_wallets` in one wallet, by the member that was asked for."""
    pairs = [(subject_id, wallet) for subject_id in subject_ids]
    found = open_wallets(session, platform, pairs)
    return {subject_id: account for (subject_id, _wallet), account in found.items()}


def open_wallets(
    session: Session, platform: Platform, pairs: Collection[tuple[uuid.UUID, str]]
) -> dict[tuple[uuid.UUID, str], Account]:
    """The accounts of (member, wallet) as they were asked for, locked; made where there is none.

    At most three statements. They are locked in the order of their ids, after the missing ones
    were made in the order of their members: two callers never wait for each other.

    Raises:
        NotFound: there is no such member, or the member was erased (`unknown_subject`).
    """
    if not pairs:
        return {}
    subject_ids = {subject_id for subject_id, _wallet in pairs}
    wallets = {wallet for _subject_id, wallet in pairs}
    root_id = func.coalesce(Subject.merged_into_id, Subject.id)
    found = session.execute(
        select(Subject.id, root_id, Account.wallet)
        .outerjoin(Account, and_(Account.subject_id == root_id, Account.wallet.in_(wallets)))
        .where(Subject.id.in_(subject_ids), Subject.erased_at.is_(None))
    ).all()
    roots: dict[uuid.UUID, uuid.UUID] = {row[0]: row[1] for row in found}
    for unknown in subject_ids - set(roots):
        platform.subjects.get(session, unknown)
    held = {(root, wallet) for _id, root, wallet in found}
    wanted = {(roots[subject_id], wallet) for subject_id, wallet in pairs}
    if missing := sorted(wanted - held):
        now = platform.clock.now()
        session.connection().execute(
            dialect_insert(session, Account).on_conflict_do_nothing(),
            [
                {"id": uuid7(), "subject_id": member, "wallet": wallet, "opened_at": now}
                for member, wallet in missing
            ],
        )
    locked = session.scalars(
        select(Account)
        .where(Account.subject_id.in_(set(roots.values())), Account.wallet.in_(wallets))
        .order_by(Account.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    accounts = {(account.subject_id, account.wallet): account for account in locked}
    return {(asked, wallet): accounts[roots[asked], wallet] for asked, wallet in pairs}


def lock_of_subject(session: Session, subject_id: uuid.UUID, *, wallet: str) -> Account | None:
    """The account of a member, following a merge, locked; None when there is none."""
    return session.scalars(
        _lock_statement(), {"asked_subject": subject_id, "asked_wallet": wallet}
    ).first()


@lru_cache(maxsize=1)
def _lock_statement() -> Select[Account]:
    """Built once: every redemption runs it."""
    root_id = (
        select(func.coalesce(Subject.merged_into_id, Subject.id))
        .where(Subject.id == bindparam("asked_subject", type_=Uuid()))
        .scalar_subquery()
    )
    return (
        select(Account)
        .where(Account.subject_id == root_id, Account.wallet == bindparam("asked_wallet"))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def lock_accounts(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Account]:
    """Accounts by id, locked in the order of their ids, so that two callers never deadlock."""
    rows = session.scalars(
        select(Account)
        .where(Account.id.in_(sorted(set(ids))))
        .order_by(Account.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {account.id: account for account in rows}


def accounts_of(session: Session, subject_id: uuid.UUID) -> Sequence[Account]:
    """All wallets of a member, main ones first by name, without a lock."""
    return session.scalars(
        select(Account).where(Account.subject_id == subject_id).order_by(Account.wallet)
    ).all()


def used_elsewhere(
    session: Session, account_id: uuid.UUID, *window_keys: str
) -> dict[tuple[uuid.UUID, str], int]:
    """Pieces of rewards by (reward, window) that count for an account's member, and were had by
    those who were merged into that member.
    """
    rows = session.execute(
        select(RewardCounter.reward_id, RewardCounter.window_key, func.sum(RewardCounter.used))
        .join(Account, Account.id == RewardCounter.account_id)
        .join(Subject, Subject.id == Account.subject_id)
        .where(
            Subject.merged_into_id
            == select(Account.subject_id).where(Account.id == account_id).scalar_subquery(),
            *((RewardCounter.window_key.in_(window_keys),) if window_keys else ()),
        )
        .group_by(RewardCounter.reward_id, RewardCounter.window_key)
    )
    return {(reward_id, window_key): int(used) for reward_id, window_key, used in rows}


def free_lots(session: Session, account_id: uuid.UUID) -> list[Lot]:
    """Lots of a locked account with points that no hold has, in the order of consumption.

    Pending and overdue lots are among them; `spendable` tells them apart.
    """
    return list(
        session.scalars(
            select(Lot)
            .where(Lot.account_id == account_id, Lot.remaining > Lot.held)
            .order_by(Lot.expires_at.asc().nulls_last(), Lot.id)
            .execution_options(populate_existing=True)
        )
    )


def spendable(lots: Sequence[Lot], now: datetime) -> list[Lot]:
    """Those lots whose points may be spent at `now`: neither pending nor expired."""
    return [lot for lot in lots if lot.available_at <= now and not overdue(lot, now)]


def overdue(lot: Lot, now: datetime) -> bool:
    """Whether the lot has expired, be the expiry job late or not."""
    return lot.expires_at is not None and lot.expires_at <= now


def is_spendable(now: datetime) -> ColumnElement[bool]:
    """`spendable` as a condition in SQL."""
    return and_(
        Lot.remaining > Lot.held,
        Lot.available_at <= now,
        or_(Lot.expires_at.is_(None), Lot.expires_at > now),
    )


def free(lots: Iterable[Lot]) -> int:
    """Points of these lots that no hold has."""
    return sum(lot.remaining - lot.held for lot in lots)


def take(lots: Iterable[Lot], points: int) -> list[tuple[Lot, int]]:
    """Which lots give how much, first come first served, until `points` are together.

    Less is returned when the lots do not hold so many.
    """
    taken: list[tuple[Lot, int]] = []
    for lot in lots:
        if points == 0:
            break
        share = min(points, lot.remaining - lot.held)
        if share > 0:
            taken.append((lot, share))
            points -= share
    return taken
