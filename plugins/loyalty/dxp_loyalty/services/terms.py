"""The wallets and campaigns of the programme, as calculations need them."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp_loyalty.models import Campaign, WalletDefinition
from dxp_loyalty.services.calculation import CampaignTerms, Programme, RuleInForce
from dxp_loyalty.services.wallet_terms import WalletTerms
from dxp_loyalty.settings import LoyaltySettings

_PROGRAMME = "loyalty_programme"


class Terms:
    """Reads what holds for all members, once in a transaction."""

    def __init__(self, settings: LoyaltySettings) -> None:
        self._settings = settings

    def programme(self, session: Session, rules: Iterable[RuleInForce] | None = None) -> Programme:
        """The programme as it stands; an import asks for it with each of its batches.

        Args:
            rules: those that will be applied; campaigns are read only if one names any.
        """
        named = rules is None or any(rule.definition.campaign for rule in rules)
        transaction = session.get_transaction()
        known = session.info.get(_PROGRAMME)
        if known is not None and known[:2] == (transaction, named):
            found: Programme = known[2]
            return found
        wallets = {
            row.key: WalletTerms(
                key=row.key,
                rounding=row.rounding,
                pending_days=row.pending_days,
            )
            for row in session.scalars(select(WalletDefinition))
        }
        campaigns = {
            row.key: CampaignTerms(
                id=row.id,
                key=row.key,
                active=row.active,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
            )
            for row in (session.scalars(select(Campaign)) if named else ())
        }
        programme = Programme(
            zone=ZoneInfo(self._settings.timezone),
            main=self._settings.wallet,
            wallets=wallets,
            campaigns=campaigns,
        )
        session.info[_PROGRAMME] = (transaction, named, programme)
        return programme


def forget_terms(session: Session) -> None:
    """Let what follows in this transaction see wallets and campaigns that were just changed."""
    session.info.pop(_PROGRAMME, None)
