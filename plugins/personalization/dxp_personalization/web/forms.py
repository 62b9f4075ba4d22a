"""What the admin's forms send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from dxp_personalization.web.schemas import KEY


class ConditionText(fields.Field[dict[str, Any]]):
    """A condition written as JSON."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        try:
            condition = json.loads(value or "{}")
        except ValueError as error:
            raise ValidationError(f"This is not JSON: {error}.") from error
        if not isinstance(condition, dict):
            raise ValidationError('A condition is an object, such as {"crm.country": "FR"}.')
        return condition


class LocalMoment(fields.Field[datetime]):
    """A moment as a browser's field writes it, in UTC."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise ValidationError("This is not a date and time.") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class SlotForm(Schema):
    """A new slot."""

    key = fields.String(required=True, validate=KEY)
    title = fields.String(required=True, validate=validate.Length(1, 200))
    size = fields.Integer(load_default=1, validate=validate.Range(1, 50))


class CandidateForm(Schema):
    """A candidate; the condition is written as JSON, tags with commas."""

    key = fields.String(validate=KEY)
    content_id = fields.UUID(required=True)
    condition = ConditionText(load_default=dict, allow_none=False)
    priority = fields.Integer(load_default=0, validate=validate.Range(-1_000_000, 1_000_000))
    fallback = fields.Boolean(load_default=False)
    tags = fields.List(fields.String(validate=validate.Length(1, 50)))
    starts_at = LocalMoment(load_default=None, allow_none=True)
    ends_at = LocalMoment(load_default=None, allow_none=True)
    version = fields.Integer(allow_none=True)

    @pre_load
    def _tidy(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        text = data.get("tags")
        tags = [tag.strip() for tag in (text or "").split(",") if tag.strip()]
        return data | {"tags": tags, "condition": data.get("condition") or "{}"}
