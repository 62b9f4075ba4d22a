"""What the API takes and answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

KEY = validate.Regexp(
    r"^[a-z0-9][a-z0-9._-]{0,59}\Z",
    error="Not a key such as home.hero: lower-case letters, digits, dots, dashes.",
)


class SubjectIn(Schema):
    """Who is asking; nothing at all is a stranger."""

    id = fields.UUID(metadata={"description": "dxp's id of the customer."})
    ref = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "The shop's own number of the customer.", "example": "C-1001"},
    )
    anonymous_id = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "A browser's id, for people who are not signed in."},
    )


class WantedSlotIn(Schema):
    """A slot to fill."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "home.hero"})
    k = fields.Integer(
        strict=True,
        validate=validate.Range(1, 50),
        metadata={"description": "How many items; at most, and by default, the slot's size."},
    )


class ContextIn(Schema):
    """What the storefront knows of the moment; conditions can ask for it as `context.…`."""

    locale = fields.String(
        validate=validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z"), metadata={"example": "fr"}
    )
    channel = fields.String(validate=validate.Length(1, 50), metadata={"example": "web"})
    device = fields.String(validate=validate.Length(1, 50), metadata={"example": "phone"})


class DecideIn(Schema):
    """One question for several slots."""

    subject = fields.Nested(SubjectIn, load_default=dict)
    slots = fields.List(fields.Nested(WantedSlotIn), required=True, validate=validate.Length(1, 20))
    context = fields.Nested(ContextIn, load_default=dict)
    explain = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "Also answer `why`, stage by stage."},
    )

    @validates_schema
    def _each_slot_once(self, data: dict[str, Any], **_kwargs: Any) -> None:
        keys = [slot["key"] for slot in data.get("slots", ())]
        if len(keys) != len(set(keys)):
            raise ValidationError("A slot is asked for twice.", "slots")


class StepOut(Schema):
    """What one stage found about one candidate."""

    stage = fields.String(required=True)
    candidate = fields.String(required=True)
    result = fields.Boolean(required=True)
    failed = fields.String(required=True, allow_none=True)
    actual = fields.Raw(required=True, allow_none=True)


class ItemOut(Schema):
    """Content at one position of a slot."""

    candidate = fields.String(required=True)
    content_id = fields.UUID(required=True)
    variant = fields.String(required=True, allow_none=True)
    position = fields.Integer(required=True)
    content = fields.Raw(
        required=True, metadata={"description": "The published entry, as its own route answers."}
    )


class DecisionOut(Schema):
    """What was decided for one slot."""

    decision_id = fields.UUID(required=True)
    slot = fields.String(required=True)
    items = fields.List(fields.Nested(ItemOut), required=True)
    source = fields.String(
        required=True,
        metadata={"description": "`plugin:<name>`, `rule`, `fallback` or `empty`."},
    )
    personalised = fields.Boolean(required=True)
    propensity = fields.Float(required=True)
    in_holdout = fields.Boolean(required=True)
    why = fields.List(fields.Nested(StepOut), metadata={"description": "Only with `explain`."})


class DecideOut(Schema):
    """The decisions, in the order of the question."""

    decisions = fields.List(fields.Nested(DecisionOut), required=True)
    ttl = fields.Integer(required=True, metadata={"description": "In seconds."})


class SlotIn(Schema):
    """A slot about to be made."""

    key = fields.String(required=True, validate=KEY, metadata={"example": "home.hero"})
    title = fields.String(required=True, validate=validate.Length(1, 200))
    size = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, 50))


class CandidateIn(Schema):
    """Content that may appear in a slot, and for whom."""

    content_id = fields.UUID(required=True)
    condition = fields.Dict(
        load_default=dict,
        metadata={
            "description": "In the condition language; {} is everybody.",
            "example": {"loyalty.points_available": {"$gte": 500}},
        },
    )
    priority = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(-1_000_000, 1_000_000)
    )
    fallback = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    tags = fields.List(
        fields.String(validate=validate.Length(1, 50)),
        load_default=list,
        validate=validate.Length(max=20),
    )
    starts_at = fields.AwareDateTime(load_default=None, allow_none=True)
    ends_at = fields.AwareDateTime(load_default=None, allow_none=True)

    @validates_schema
    def _ends_after_start(self, data: dict[str, Any], **_kwargs: Any) -> None:
        starts_at, ends_at = data.get("starts_at"), data.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            raise ValidationError("Must lie after starts_at.", "ends_at")


class CandidateOut(Schema):
    """A candidate of a slot."""

    key = fields.String(required=True)
    content_id = fields.UUID(required=True)
    condition = fields.Dict(required=True)
    priority = fields.Integer(required=True)
    fallback = fields.Boolean(required=True)
    tags = fields.List(fields.String(), required=True)
    starts_at = fields.AwareDateTime(required=True, allow_none=True)
    ends_at = fields.AwareDateTime(required=True, allow_none=True)


class SlotOut(Schema):
    """A slot."""

    key = fields.String(required=True)
    title = fields.String(required=True)
    size = fields.Integer(required=True)
    version = fields.Integer(required=True)


class SlotWithCandidatesOut(SlotOut):
    """A slot with its candidates."""

    candidates = fields.List(fields.Nested(CandidateOut), required=True)
