"""Campaigns: the budgets that pay for rules, and how they burn."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, gettext, plain
from dxp_loyalty.models import Campaign, Earning, Entry
from dxp_loyalty.services import refusals
from dxp_loyalty.services.definitions import add_definition, lock_definition
from dxp_loyalty.services.terms import forget_terms


@dataclass(frozen=True, kw_only=True)
class CampaignDraft:
    """What staff say of a campaign: fields of `Campaign`."""

    key: str
    texts: Mapping[str, Mapping[str, Any]]
    budget: int | None = None
    active: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Campaigns:
    """The only writer of campaigns, but for what their rules spend."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listed(self, session: Session) -> Sequence[Campaign]:
        """All campaigns, those under way first."""
        return session.scalars(
            select(Campaign).order_by(Campaign.active.desc(), Campaign.key)
        ).all()

    def get(self, session: Session, campaign_id: uuid.UUID) -> Campaign:
        """A campaign.

        Raises:
            NotFound: there is no such campaign (`unknown_campaign`).
        """
        found = session.get(Campaign, campaign_id)
        if found is None:
            raise refusals.unknown(gettext("campaign"), code="unknown_campaign")
        return found

    def create(self, session: Session, draft: CampaignDraft, *, actor: Actor) -> Campaign:
        """A new campaign.

        Raises:
            Conflict: another one has the key (`campaign_key_taken`).
            Unprocessable: it would end before it begins (`invalid_campaign`).
        """
        _check_times(draft)
        campaign = Campaign(**asdict(draft), created_at=self._platform.clock.now())
        taken = refusals.key_taken(draft.key, code="campaign_key_taken")
        add_definition(session, campaign, taken=taken)
        forget_terms(session)
        self._audit(session, actor, "created", campaign, before=None, after=asdict(draft))
        return campaign

    def edit(
        self,
        session: Session,
        campaign_id: uuid.UUID,
        draft: CampaignDraft,
        *,
        expected_version: int,
        actor: Actor,
    ) -> Campaign:
        """Change a campaign; its key stays.

        Raises:
            NotFound: there is no such campaign.
            PreconditionFailed: it is no longer at `expected_version` (`campaign_changed`).
            Unprocessable: the budget is smaller than what is spent (`budget_too_small`), or it
                would end before it begins (`invalid_campaign`).
        """
        _check_times(draft)
        campaign = lock_definition(
            session,
            Campaign,
            campaign_id,
            unknown=refusals.unknown(gettext("campaign"), code="unknown_campaign"),
        )
        if campaign.version != expected_version:
            raise refusals.changed(
                actual=campaign.version, expected=expected_version, code="campaign_changed"
            )
        if draft.budget is not None and draft.budget < campaign.spent:
            raise refusals.budget_too_small(spent=campaign.spent)
        fields = asdict(draft)
        del fields["key"]
        before = {name: getattr(campaign, name) for name in fields}
        for name, value in fields.items():
            setattr(campaign, name, value)
        campaign.version += 1
        session.flush()
        forget_terms(session)
        self._audit(session, actor, "edited", campaign, before=before, after=fields)
        return campaign

    def _audit(
        self,
        session: Session,
        actor: Actor,
        verb: str,
        campaign: Campaign,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.campaign.{verb}",
            object_type="loyalty.campaign",
            object_id=str(campaign.id),
            before=None if before is None else _plain(before),
            after=_plain(after),
        )


def burn(session: Session, campaign_id: uuid.UUID) -> list[tuple[date, int]]:
    """Points that a campaign gave on each day (UTC) on which it gave any, the oldest first.

    What was taken back later is still in the day on which it was given.
    """
    day = func.date(Entry.effective_at)
    rows = session.execute(
        select(day, func.sum(Earning.points))
        .join(Entry, (Entry.account_id == Earning.account_id) & (Entry.seq == Earning.entry_seq))
        .where(Earning.campaign_id == campaign_id)
        .group_by(day)
        .order_by(day)
    )
    return [(date.fromisoformat(str(when)), int(points)) for when, points in rows]


def _check_times(draft: CampaignDraft) -> None:
    if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
        raise Unprocessable(
            gettext("The campaign would end before it begins; give it a later end"),
            code="invalid_campaign",
        )


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in fields.items()}
