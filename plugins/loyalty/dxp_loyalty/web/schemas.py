"""What the API takes and answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.offering import LIMIT_WINDOWS
from dxp_loyalty.services.rule_language import EARNING_EVENTS, DefinitionSchema
from dxp_loyalty.services.undoing import REASON_CODES as REVERSAL_REASONS

KEY = validate.Regexp(
    r"[a-z][a-z0-9-]{0,39}\Z", error="Not lower-case letters, digits and hyphens, at most 40."
)
LOCALE = validate.Regexp(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*\Z", error="Not a language tag.")


def points(**options: Any) -> fields.Integer:
    """A number of points to move or to ask for: whole, and not zero."""
    return fields.Integer(
        strict=True,
        validate=validate.Range(1, MAX_POINTS),
        **{"metadata": {"example": 200}, **options},
    )


class NameSchema(Schema):
    """A thing's words in one language."""

    name = fields.String(required=True, validate=validate.Length(1, 120))
    description = fields.String(load_default="", validate=validate.Length(0, 2000))


IMAGE = validate.Regexp(
    r"(https://[^\s\"'<>]{1,480}|/[^/\s\"'<>\\][^\s\"'<>]{0,480})\Z",
    error="Not an https address, nor a path on this server.",
)


class RewardTextSchema(NameSchema):
    """A reward's words and picture in one language."""

    image = fields.String(validate=IMAGE, metadata={"example": "https://shop.example/mug.webp"})
    image_alt = fields.String(validate=validate.Length(0, 200))


def texts(schema: type[Schema] = NameSchema) -> fields.Dict:
    """Words by language."""
    return fields.Dict(
        keys=fields.String(validate=LOCALE),
        values=fields.Nested(schema),
        required=True,
        validate=validate.Length(1, 40),
        metadata={"example": {"en": {"name": "Coffee mug", "description": "Holds coffee."}}},
    )


class ExpiringOut(Schema):
    """Points that are lost unless they are spent before."""

    points = fields.Integer(required=True)
    expires_at = fields.AwareDateTime(required=True)


class WalletOut(Schema):
    """One wallet of a member. `available` can be spent now."""

    wallet = fields.String(required=True, attribute="balance.wallet")
    name = fields.String(
        required=True, metadata={"description": "In the reader's language; else as `wallet`."}
    )
    available = fields.Integer(required=True, attribute="balance.available")
    pending = fields.Integer(required=True, attribute="balance.pending")
    held = fields.Integer(required=True, attribute="balance.held")
    debt = fields.Integer(required=True, attribute="balance.debt")
    expiring = fields.List(fields.Nested(ExpiringOut), required=True)


class WalletQuery(Schema):
    """Which wallet; the main one, when left out."""

    wallet = fields.String(validate=validate.Length(1, 40), metadata={"example": "points"})


class TransactionOut(Schema):
    """One line of a member's ledger, as the member sees it. `points` is signed."""

    seq = fields.Integer(required=True)
    kind = fields.String(required=True)
    points = fields.Integer(required=True)
    balance_after = fields.Integer(required=True)
    occurred_at = fields.AwareDateTime(required=True)
    why = fields.String(required=True)
    rule = fields.String(required=True, allow_none=True)
    rule_version = fields.Integer(required=True, allow_none=True)
    reverses = fields.Integer(required=True, allow_none=True)


class EntryOut(TransactionOut):
    """One line of a member's ledger, as staff and servers see it."""

    contra = fields.String(required=True)
    source = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    actor = fields.String(required=True)
    note = fields.String(required=True)
    inputs = fields.Dict(required=True)
    hash = fields.String(required=True)


class AdjustmentIn(Schema):
    """Points to add (above zero) or to take (below zero), and why."""

    points = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(-MAX_POINTS, MAX_POINTS),
        metadata={"example": 50},
    )
    reason_code = fields.String(required=True, validate=KEY, metadata={"example": "goodwill"})
    note = fields.String(load_default="", validate=validate.Length(0, 500))

    @validates("points")
    def check_points(self, value: int, **_options: Any) -> None:
        if value == 0:
            raise ValidationError("Zero moves no points.")


class AdjustmentOut(Schema):
    """What became of an adjustment: `done`, with the wallets afterwards, or `pending` until a
    second person decides; then nothing moved yet."""

    status = fields.String(required=True, validate=validate.OneOf(["done", "pending"]))
    request_id = fields.UUID(required=True, allow_none=True)
    wallets = fields.List(fields.Nested(WalletOut), required=True)


class TransferIn(Schema):
    """Points from one member to another."""

    giver = fields.UUID(required=True, data_key="from")
    taker = fields.UUID(required=True, data_key="to")
    points = points(required=True)
    note = fields.String(load_default="", validate=validate.Length(0, 500))


class TransferOut(Schema):
    """A transfer: two entries of the ledger under one id."""

    id = fields.UUID(required=True)
    giver = fields.UUID(required=True, data_key="from", attribute="giver_id")
    taker = fields.UUID(required=True, data_key="to", attribute="taker_id")
    points = fields.Integer(required=True)


class ReturnedLineIn(Schema):
    """Pieces of a line that came back, named by its `line_id`, else by its position from 1."""

    line = fields.String(required=True, validate=validate.Length(1, 100))
    quantity = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 10**9), metadata={"example": 1}
    )


class ReturnIn(Schema):
    """What of an order came back; without `lines` all that has not come back yet."""

    return_id = fields.String(required=True, validate=validate.Length(1, 100))
    lines = fields.List(
        fields.Nested(ReturnedLineIn),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 1000),
    )
    source = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 100))


class ReturnedLineOut(Schema):
    """Pieces of a line that came back; an empty name stands for an order without lines."""

    line = fields.String(required=True)
    quantity = fields.Integer(required=True)


class ReturnOut(Schema):
    """A return: points that the lines had earned, and points that had been spent on them."""

    return_id = fields.String(required=True)
    lines = fields.List(fields.Nested(ReturnedLineOut), required=True)
    points_taken = fields.Integer(required=True)
    points_given = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)


class ReasonOut(Schema):
    """Why a reward cannot be had now; `code` is that of the refusal."""

    code = fields.String(required=True)
    detail = fields.String(required=True)


class OfferOut(Schema):
    """A reward as one member sees it. `left` is null when there is no end of it; of codes that are
    handed out one by one at most 1,000 are counted."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    image = fields.String(required=True, allow_none=True)
    image_alt = fields.String(required=True)
    points = fields.Integer(required=True)
    wallet = fields.String(required=True)
    available_until = fields.AwareDateTime(required=True, allow_none=True)
    left = fields.Integer(required=True, allow_none=True)
    eligible = fields.Boolean(required=True)
    reasons = fields.List(fields.Nested(ReasonOut), required=True)


class OccasionOut(Schema):
    """A gift: one that comes, waits to be claimed, or was claimed. `why` says why not yet."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True)
    occurs_on = fields.Date(required=True, allow_none=True)
    ready_at = fields.AwareDateTime(required=True, allow_none=True)
    valid_until = fields.AwareDateTime(required=True, allow_none=True)
    points = fields.Integer(required=True)
    reward_id = fields.UUID(required=True, allow_none=True)
    claimable = fields.Boolean(required=True)
    why = fields.String(required=True, allow_none=True)


class ClaimOut(Schema):
    """What a claimed gift gave. `redemption` names the free piece of a reward, if any."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    points = fields.Integer(required=True)
    redemption_id = fields.UUID(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)


class RedemptionIn(Schema):
    """Which reward. A server's key names the member; a customer is one. `capture` takes the points
    at once."""

    reward_id = fields.UUID(required=True)
    cart_ref = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 100))
    member = fields.UUID(load_default=None, allow_none=True)
    capture = fields.Boolean(load_default=False)


class ReversalIn(Schema):
    """How much to take back, and why. Without `points`: all that is left of the redemption."""

    points = points(load_default=None, allow_none=True)
    reason_code = fields.String(required=True, validate=validate.OneOf(REVERSAL_REASONS))
    note = fields.String(load_default="", validate=validate.Length(0, 500))


class RedemptionOut(Schema):
    """A redemption. `code` is the discount code of a captured one of that kind, `fulfilment` what
    else was given, and `reversed_points` what came back after the capture."""

    id = fields.UUID(required=True)
    status = fields.String(required=True)
    reward_id = fields.UUID(required=True)
    points = fields.Integer(required=True)
    cart_ref = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
    settled_at = fields.AwareDateTime(required=True, allow_none=True)
    reversed_points = fields.Integer(required=True)
    fulfilment = fields.Dict(required=True)
    code = fields.String(required=True, allow_none=True)


class RewardFields(Schema):
    """What can be changed of a reward."""

    kind = fields.String(load_default="product", validate=validate.Length(1, 40))
    cost = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, MAX_POINTS),
        metadata={"example": 200},
    )
    stock = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(0, MAX_POINTS)
    )
    per_member = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, 1_000_000)
    )
    limit_window = fields.String(load_default="lifetime", validate=validate.OneOf(LIMIT_WINDOWS))
    texts = texts(RewardTextSchema)
    details = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 40)),
        values=fields.Raw(),
        load_default=dict,
        validate=validate.Length(max=20),
    )
    gate = fields.Dict(
        load_default=dict,
        metadata={
            "example": {"loyalty.points_earned_total": {"$gte": 1000}},
            "description": "Condition that members must meet; `{}`: everybody does.",
        },
    )
    active = fields.Boolean(load_default=True)
    active_from = fields.AwareDateTime(load_default=None, allow_none=True)
    active_until = fields.AwareDateTime(load_default=None, allow_none=True)


class RewardIn(RewardFields):
    """A new reward. Its key and the wallet that pays for it never change."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "coffee-mug"})
    wallet = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="Not a short plain name."),
    )


class RewardOut(RewardIn):
    """A reward with its counts."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    reserved = fields.Integer(required=True)
    issued = fields.Integer(required=True)


class RuleFields(DefinitionSchema):
    """What a version of an earning rule says."""

    name = fields.String(required=True, validate=validate.Length(1, 120))
    event_type = fields.String(required=True, validate=validate.OneOf(EARNING_EVENTS))
    active = fields.Boolean(load_default=True)
    draft = fields.Boolean(
        load_default=False,
        metadata={"description": "Keep it without putting it in force; it can be simulated."},
    )
    live_from = fields.AwareDateTime(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "In force from then on; left out: from now on, and for what happened "
            "before the rule was made."
        },
    )
    live_until = fields.AwareDateTime(load_default=None, allow_none=True)


class RuleIn(RuleFields):
    """A new earning rule."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "one-per-dollar"})


class RuleOut(RuleIn):
    """An earning rule in its version in force."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)


class RuleVersionOut(DefinitionSchema):
    """One version of an earning rule."""

    number = fields.Integer(required=True)
    name = fields.String(required=True)
    draft = fields.Boolean(required=True)
    live_from = fields.AwareDateTime(required=True, allow_none=True)
    live_until = fields.AwareDateTime(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    created_by = fields.String(required=True)
