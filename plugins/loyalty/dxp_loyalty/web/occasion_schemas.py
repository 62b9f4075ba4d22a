"""What the routes of occasions take and answer."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate

from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.calendars import CALENDARS
from dxp_loyalty.services.planning import KINDS
from dxp_loyalty.web.schemas import KEY, texts


class PatternSchema(Schema):
    """When a day is: `calendar`, `month` and `day`, or `month`, `weekday` and `nth`."""

    class Meta:
        unknown = RAISE

    calendar = fields.String(validate=validate.OneOf(CALENDARS))
    month = fields.Integer(strict=True, required=True, validate=validate.Range(1, 12))
    day = fields.Integer(strict=True, validate=validate.Range(1, 31))
    weekday = fields.Integer(
        strict=True,
        validate=validate.Range(0, 6),
        metadata={"description": "0 for Monday to 6 for Sunday; then `nth` says which."},
    )
    nth = fields.Integer(
        strict=True,
        validate=validate.OneOf([1, 2, 3, 4, -1]),
        metadata={"description": "1 to 4, or -1 for the last of the month."},
    )
    dates = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[0-9]{1,4}\Z")),
        values=fields.String(
            validate=validate.Regexp(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"), metadata={"format": "date"}
        ),
        metadata={
            "description": "Dates of their own in some years of the day's calendar.",
            "example": {"1448": "2027-03-10"},
        },
    )


class OccasionDayFields(Schema):
    """What can be changed of a day of the calendar."""

    texts = texts()
    patterns = fields.Dict(
        keys=fields.String(metadata={"example": "FR"}),
        values=fields.Nested(PatternSchema),
        required=True,
        validate=validate.Length(1, 300),
        metadata={"description": "By country, such as FR; `*` stands for all others."},
    )


class OccasionDayIn(OccasionDayFields):
    """A new day of the calendar."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "nowruz"})


class OccasionDayOut(OccasionDayIn):
    """A day of the calendar."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)


class OccasionRuleFields(Schema):
    """What can be changed of an occasion rule. The gift is points, a free reward, or both."""

    day_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The day, for rules of the kind `calendar` alone."},
    )
    condition = fields.Dict(
        keys=fields.String(),
        load_default=None,
        allow_none=True,
        metadata={"description": "Whom it is for, asked on the day; null: everybody."},
    )
    texts = texts()
    points = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, MAX_POINTS),
        metadata={"example": 200},
    )
    reward_id = fields.UUID(load_default=None, allow_none=True)
    days_before = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, 60))
    days_after = fields.Integer(strict=True, load_default=14, validate=validate.Range(0, 60))
    minimum_days = fields.Integer(strict=True, load_default=14, validate=validate.Range(0, 365))
    late_policy = fields.String(
        load_default="delay", validate=validate.OneOf(["delay", "skip", "immediate"])
    )
    leap_day = fields.String(
        load_default="february_28", validate=validate.OneOf(["february_28", "march_1"])
    )
    minimum_age = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, 120)
    )
    active = fields.Boolean(load_default=True)


class OccasionRuleIn(OccasionRuleFields):
    """A new rule of gifts for an occasion."""

    kind = fields.String(
        load_default="birthday",
        validate=validate.OneOf(KINDS),
        metadata={"description": "It stays: make another rule for another kind."},
    )

    key = fields.String(required=True, validate=KEY, metadata={"example": "birthday"})


class OccasionRuleOut(OccasionRuleIn):
    """A rule of gifts for an occasion."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)


class GrantQuery(Schema):
    """Filters of the list of gifts."""

    state = fields.String(
        validate=validate.OneOf(
            [
                "planned",
                "issued",
                "claimed",
                "missed",
                "skipped",
                "cancelled",
                "revoked",
                "lapsed",
            ]
        )
    )


class GrantOut(Schema):
    """One occasion of one member, as staff see it."""

    id = fields.UUID(required=True)
    member = fields.UUID(required=True, attribute="subject_id")
    rule_id = fields.UUID(required=True)
    calendar = fields.String(required=True)
    occurrence_year = fields.Integer(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    occurs_on = fields.Date(required=True, allow_none=True)
    timezone = fields.String(required=True, allow_none=True)
    starts_at = fields.AwareDateTime(required=True, allow_none=True)
    ends_at = fields.AwareDateTime(required=True, allow_none=True)
    due_at = fields.AwareDateTime(required=True, allow_none=True)
    issued_at = fields.AwareDateTime(required=True, allow_none=True)
    valid_until = fields.AwareDateTime(required=True, allow_none=True)
    points = fields.Integer(required=True)
