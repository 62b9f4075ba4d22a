"""What the API of coupons takes and answers."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from dxp_loyalty.services.coupon_batches import MOST_CODES
from dxp_loyalty.services.coupon_codes import ALPHABETS, LEAST_LENGTH, MOST_LENGTH
from dxp_loyalty.services.coupon_imports import MOST_USES
from dxp_loyalty.web.schemas import KEY


class WhoSchema(Schema):
    """Who has the code in hand.

    `member` may use codes of their own. `visitor` is any word by which the shop tells its visitors
    apart, such as that of a session: wrong codes are counted for each.
    """

    member = fields.UUID(load_default=None, allow_none=True)
    visitor = fields.String(load_default="", validate=validate.Length(0, 100))


class CouponRedeemIn(WhoSchema):
    """`ref` is the shop's number of the order or cart: a code is used for it once."""

    ref = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 100))


class CouponRollbackIn(WhoSchema):
    """Which use: that of an order, or one by its id; by default the latest."""

    ref = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 100))
    use_id = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 2**53)
    )


class CouponOut(Schema):
    """A coupon that can be used; `benefit` is what it is worth."""

    batch = fields.String(required=True)
    benefit = fields.Dict(required=True)
    valid_until = fields.AwareDateTime(required=True, allow_none=True)
    uses_left = fields.Integer(required=True)


class CouponUseOut(Schema):
    """One use of a coupon."""

    use_id = fields.Integer(required=True)
    ref = fields.String(required=True, allow_none=True)
    used_at = fields.AwareDateTime(required=True)
    rolled_back_at = fields.AwareDateTime(required=True, allow_none=True)


class CouponRedeemOut(CouponUseOut):
    """A use, and the coupon after it."""

    coupon = fields.Nested(CouponOut, required=True)


class CouponBatchIn(Schema):
    """Codes to make. They look like `prefix` and `length` letters with a check character."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "spring"})
    name = fields.String(required=True, validate=validate.Length(1, 120))
    purpose = fields.String(
        load_default="download", validate=validate.OneOf(["download", "rewards"])
    )
    count = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, MOST_CODES),
        metadata={"example": 100},
    )
    prefix = fields.String(load_default="", validate=validate.Length(0, 19))
    length = fields.Integer(
        strict=True, load_default=12, validate=validate.Range(LEAST_LENGTH, MOST_LENGTH)
    )
    alphabet = fields.String(
        load_default="letters_digits", validate=validate.OneOf(list(ALPHABETS))
    )
    benefit = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 40)),
        values=fields.Raw(),
        load_default=dict,
        validate=validate.Length(max=20),
    )
    max_uses = fields.Integer(strict=True, load_default=1, validate=validate.Range(1, MOST_USES))
    valid_from = fields.AwareDateTime(load_default=None, allow_none=True)
    valid_until = fields.AwareDateTime(load_default=None, allow_none=True)


class CouponBatchOut(Schema):
    """A batch of codes. `entropy_bits` is how hard one of its codes is to guess."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    name = fields.String(required=True)
    origin = fields.String(required=True)
    purpose = fields.String(required=True)
    state = fields.String(required=True)
    wanted = fields.Integer(required=True)
    made = fields.Integer(required=True)
    entropy_bits = fields.Float(required=True, allow_none=True)
    benefit = fields.Dict(required=True)
    max_uses = fields.Integer(required=True)
    valid_from = fields.AwareDateTime(required=True, allow_none=True)
    valid_until = fields.AwareDateTime(required=True, allow_none=True)
    delivered_at = fields.AwareDateTime(required=True, allow_none=True)
