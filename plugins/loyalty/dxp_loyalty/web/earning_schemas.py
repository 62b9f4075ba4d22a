"""What the API of wallets, campaigns, previews and simulations takes and answers."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import Schema, fields, validate

from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.rule_schema import ROUNDINGS
from dxp_loyalty.services.simulations import MAX_DAYS
from dxp_loyalty.web.schemas import KEY, OfferOut, texts

WALLET_KEY = validate.Regexp(
    r"[a-z][a-z0-9_]{0,39}\Z", error="Not lower-case letters, digits and underscores."
)
MAX_MONEY = Decimal("1e12")


class CartLine(Schema):
    """One item of a cart, as a line of an order has it."""

    sku = fields.String(required=True, validate=validate.Length(1, 100))
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))
    total = fields.Decimal(
        required=True, as_string=True, places=4, validate=validate.Range(Decimal(0), MAX_MONEY)
    )
    line_id = fields.String(validate=validate.Length(1, 100))
    discount = fields.Decimal(
        as_string=True, places=4, validate=validate.Range(Decimal(0), MAX_MONEY)
    )
    name = fields.String(validate=validate.Length(0, 300))
    category = fields.String(validate=validate.Length(0, 100))


class CartIn(Schema):
    """A cart. A customer's token asks for its owner; a server names the member, or a stranger's."""

    lines = fields.List(
        fields.Nested(CartLine), load_default=list, validate=validate.Length(max=500)
    )
    currency = fields.String(
        required=True, validate=validate.Regexp(r"[A-Z]{3}\Z"), metadata={"example": "USD"}
    )
    total = fields.Decimal(
        load_default=None,
        allow_none=True,
        as_string=True,
        places=4,
        validate=validate.Range(Decimal(0), MAX_MONEY),
        metadata={"description": "What is to be paid; the sum of the lines, when left out."},
    )
    channel = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 50))
    member = fields.UUID(load_default=None, allow_none=True)


class ProspectOut(Schema):
    """What one rule would give."""

    rule = fields.String(required=True)
    name = fields.String(required=True)
    wallet = fields.String(required=True)
    points = fields.Integer(required=True)
    lines = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Points by line; under an empty name those of the whole cart."},
    )
    limited_by = fields.String(required=True, allow_none=True)
    available_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "What the rule says; null: by the wallet's expiry policy."},
    )


class CartOut(Schema):
    """What the cart would earn now, and what its member could redeem."""

    points = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "By wallet.", "example": {"points": 29}},
    )
    earns = fields.List(fields.Nested(ProspectOut), required=True)
    rewards = fields.List(fields.Nested(OfferOut), required=True)


class WalletFields(Schema):
    """What can be changed of a wallet."""

    texts = texts()
    rounding = fields.String(load_default="down", validate=validate.OneOf(ROUNDINGS))
    pending_days = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, 730))
    active = fields.Boolean(load_default=True)


class WalletIn(WalletFields):
    """A new wallet."""

    key = fields.String(required=True, validate=WALLET_KEY, metadata={"example": "stars"})


class WalletDefinitionOut(WalletIn):
    """A wallet as it is defined."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)


class CampaignFields(Schema):
    """What can be changed of a campaign."""

    texts = texts()
    budget = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(0, MAX_POINTS)
    )
    active = fields.Boolean(load_default=True)
    starts_at = fields.AwareDateTime(load_default=None, allow_none=True)
    ends_at = fields.AwareDateTime(load_default=None, allow_none=True)


class CampaignIn(CampaignFields):
    """A new campaign."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "spring"})


class CampaignOut(CampaignIn):
    """A campaign with what it has spent."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    spent = fields.Integer(required=True)


class SimulationIn(Schema):
    """Which version to try, over how many of the last days."""

    days = fields.Integer(
        strict=True,
        load_default=30,
        validate=validate.Range(1, MAX_DAYS),
        metadata={"example": 30},
    )
    number = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 10**9),
        metadata={"description": "Of the version; the newest, be it a draft, when left out."},
    )


class SimulationOut(Schema):
    """A simulation; `result` is there once `state` is `done`."""

    id = fields.UUID(required=True)
    rule_id = fields.UUID(required=True)
    days = fields.Integer(required=True)
    until = fields.AwareDateTime(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(["queued", "running", "done", "failed"])
    )
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)
    result = fields.Dict(required=True, allow_none=True)
    failure = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
