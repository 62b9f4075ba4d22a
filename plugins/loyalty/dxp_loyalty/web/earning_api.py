"""The JSON API of what earns: previews of carts, simulations, campaigns and wallets."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from dxp.api import ApiBlueprint, Call, CustomerActor, Page, customer, needs, paginate
from dxp_loyalty.models import Campaign, WalletDefinition
from dxp_loyalty.permissions import LEDGER_READ, RULES_READ, RULES_WRITE
from dxp_loyalty.services.campaigns import CampaignDraft
from dxp_loyalty.services.explain import rule_name
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.preview import Prospect
from dxp_loyalty.services.wallets import WalletDraft
from dxp_loyalty.web import earning_schemas as schemas
from dxp_loyalty.web import present

api = ApiBlueprint(
    "loyalty_earning",
    __name__,
    url_prefix="/api/v1",
    description="What carts would earn, what rules would cost, and the wallets that they fill.",
)


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)


@api.endpoint(
    "POST",
    "/carts/preview",
    summary="Preview what a cart earns",
    access=customer() | needs(LEDGER_READ),
    body=schemas.CartIn,
    response=schemas.CartOut,
    transaction="read",
    problems=("unknown_subject",),
)
def preview_cart(call: Call, body: dict[str, Any]) -> Any:
    """What its order would earn now, rule by rule, and which rewards there are. Writes nothing."""
    loyalty = _loyalty(call)
    own = call.actor.subject_id if isinstance(call.actor, CustomerActor) else None
    subject_id = own or body["member"]
    prospects = loyalty.previews.of_cart(call.session, _cart(body), subject_id=subject_id)
    points: dict[str, int] = defaultdict(int)
    for prospect in prospects:
        points[prospect.earned.wallet] += prospect.earned.points
    offers = [] if subject_id is None else loyalty.rewards.offers(call.session, subject_id)
    return {
        "points": dict(points),
        "earns": [_prospect(call, prospect) for prospect in prospects],
        "rewards": [present.offer(call.platform, offer, call.locale) for offer in offers],
    }


def _cart(body: Mapping[str, Any]) -> dict[str, Any]:
    """A cart as the data of an order."""
    lines = schemas.CartLine(many=True).dump(body["lines"])
    total = body["total"]
    if total is None:
        total = sum((line["total"] for line in body["lines"]), Decimal(0))
    return {
        "total": str(total),
        "currency": body["currency"],
        "channel": body["channel"],
        "lines": lines,
    }


def _prospect(call: Call, prospect: Prospect) -> dict[str, Any]:
    earned = prospect.earned
    return {
        "rule": earned.rule.key,
        "name": rule_name(call.platform, prospect.version, call.locale),
        "wallet": earned.wallet,
        "points": earned.points,
        "lines": earned.parts,
        "limited_by": earned.limited_by,
        "available_at": earned.available_at,
        "expires_at": earned.expires_at,
    }


# Simulations


@api.endpoint(
    "POST",
    "/loyalty/earning-rules/<uuid:rule_id>/simulations",
    summary="Simulate a version of an earning rule",
    access=needs(RULES_WRITE),
    body=schemas.SimulationIn,
    response=schemas.SimulationOut,
    status=201,
    problems=("unknown_rule", "unknown_version", "simulation_too_large"),
)
def simulate_rule(call: Call, body: dict[str, Any], rule_id: uuid.UUID) -> Any:
    """Replay the last days of real events with it. Much takes a while: read it until it is done."""
    simulation = _loyalty(call).simulations.ask(
        call.session, rule_id, days=body["days"], number=body["number"], actor=call.actor
    )
    location = f"/api/v1/loyalty/simulations/{simulation.id}"
    return call.reply(simulation, headers={"Location": location})


@api.endpoint(
    "GET",
    "/loyalty/simulations/<uuid:simulation_id>",
    summary="Read a simulation",
    access=needs(RULES_READ),
    response=schemas.SimulationOut,
    problems=("unknown_simulation",),
)
def read_simulation(call: Call, simulation_id: uuid.UUID) -> Any:
    """Points before and after, winners and losers, day by day, and what budgets would burn."""
    return _loyalty(call).simulations.get(call.session, simulation_id)


# Campaigns


@api.endpoint(
    "GET",
    "/loyalty/campaigns",
    summary="List campaigns",
    access=needs(RULES_READ),
    response=schemas.CampaignOut,
    paged=True,
)
def list_campaigns(call: Call) -> Page:
    """By key, with what they have spent."""
    return paginate(call, select(Campaign), keys=[(Campaign.key, "asc")])


@api.endpoint(
    "POST",
    "/loyalty/campaigns",
    summary="Create a campaign",
    access=needs(RULES_WRITE),
    body=schemas.CampaignIn,
    response=schemas.CampaignOut,
    status=201,
    problems=("campaign_key_taken", "invalid_campaign"),
)
def create_campaign(call: Call, body: dict[str, Any]) -> Any:
    """Rules name it by its key; its budget pays for them."""
    campaign = _loyalty(call).campaigns.create(
        call.session, CampaignDraft(**body), actor=call.actor
    )
    location = f"/api/v1/loyalty/campaigns/{campaign.id}"
    return call.reply(campaign, etag=f"v{campaign.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/loyalty/campaigns/<uuid:campaign_id>",
    summary="Read a campaign",
    access=needs(RULES_READ),
    response=schemas.CampaignOut,
    problems=("unknown_campaign",),
)
def read_campaign(call: Call, campaign_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    campaign = _loyalty(call).campaigns.get(call.session, campaign_id)
    return call.reply(campaign, etag=f"v{campaign.version}")


@api.endpoint(
    "PUT",
    "/loyalty/campaigns/<uuid:campaign_id>",
    summary="Change a campaign",
    access=needs(RULES_WRITE),
    body=schemas.CampaignFields,
    response=schemas.CampaignOut,
    etag=True,
    problems=("unknown_campaign", "campaign_changed", "budget_too_small", "invalid_campaign"),
)
def change_campaign(call: Call, body: dict[str, Any], campaign_id: uuid.UUID) -> Any:
    """What it has spent stays; the budget cannot become smaller than that."""
    campaigns = _loyalty(call).campaigns
    campaign = campaigns.get(call.session, campaign_id)
    call.check_match(f"v{campaign.version}")
    campaign = campaigns.edit(
        call.session,
        campaign_id,
        CampaignDraft(key=campaign.key, **body),
        expected_version=campaign.version,
        actor=call.actor,
    )
    return call.reply(campaign, etag=f"v{campaign.version}")


# Wallets


@api.endpoint(
    "GET",
    "/loyalty/wallets",
    summary="List wallets",
    access=needs(RULES_READ),
    response=schemas.WalletDefinitionOut,
    paged=True,
)
def list_wallets(call: Call) -> Page:
    """By key. The main wallet is there without a definition."""
    return paginate(call, select(WalletDefinition), keys=[(WalletDefinition.key, "asc")])


@api.endpoint(
    "POST",
    "/loyalty/wallets",
    summary="Define a wallet",
    access=needs(RULES_WRITE),
    body=schemas.WalletIn,
    response=schemas.WalletDefinitionOut,
    status=201,
    problems=("wallet_key_taken",),
)
def create_wallet(call: Call, body: dict[str, Any]) -> Any:
    """Every member has it from now on; rules name it by its key."""
    wallet = _loyalty(call).wallets.create(call.session, WalletDraft(**body), actor=call.actor)
    location = f"/api/v1/loyalty/wallets/{wallet.id}"
    return call.reply(wallet, etag=f"v{wallet.version}", headers={"Location": location})


@api.endpoint(
    "GET",
    "/loyalty/wallets/<uuid:wallet_id>",
    summary="Read a wallet",
    access=needs(RULES_READ),
    response=schemas.WalletDefinitionOut,
    problems=("unknown_wallet",),
)
def read_wallet(call: Call, wallet_id: uuid.UUID) -> Any:
    """The ETag is what `If-Match` of a change takes."""
    wallet = _loyalty(call).wallets.get(call.session, wallet_id)
    return call.reply(wallet, etag=f"v{wallet.version}")


@api.endpoint(
    "PUT",
    "/loyalty/wallets/<uuid:wallet_id>",
    summary="Change a wallet",
    access=needs(RULES_WRITE),
    body=schemas.WalletFields,
    response=schemas.WalletDefinitionOut,
    etag=True,
    problems=("unknown_wallet", "wallet_changed"),
)
def change_wallet(call: Call, body: dict[str, Any], wallet_id: uuid.UUID) -> Any:
    """Points that were earned before keep their terms."""
    wallets = _loyalty(call).wallets
    wallet = wallets.get(call.session, wallet_id)
    call.check_match(f"v{wallet.version}")
    wallet = wallets.edit(
        call.session,
        wallet_id,
        WalletDraft(key=wallet.key, **body),
        expected_version=wallet.version,
        actor=call.actor,
    )
    return call.reply(wallet, etag=f"v{wallet.version}")
