"""What rules, rewards, campaigns and wallets share: keys that are unique, edits by version."""

from __future__ import annotations

import uuid
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import Conflict, Problem
from dxp_loyalty.models import (
    Campaign,
    EarningRule,
    OccasionDay,
    OccasionRule,
    Reward,
    WalletDefinition,
)

D = TypeVar("D", EarningRule, OccasionDay, OccasionRule, Reward, Campaign, WalletDefinition)


def add_definition(
    session: Session,
    definition: EarningRule | OccasionDay | OccasionRule | Reward | Campaign | WalletDefinition,
    *,
    taken: Conflict,
) -> None:
    """Write a new definition.

    Raises:
        Conflict: `taken`, when another one has its key.
    """
    try:
        with session.begin_nested():
            session.add(definition)
            session.flush()
    except IntegrityError as error:
        raise taken from error


def lock_definition(
    session: Session,
    model: type[D],
    definition_id: uuid.UUID,
    *,
    unknown: Problem,
) -> D:
    """The definition as it stands, locked for an edit.

    Raises:
        Problem: `unknown`, when there is none with this id.
    """
    found = session.scalars(
        select(model)
        .where(model.id == definition_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise unknown
    return found
