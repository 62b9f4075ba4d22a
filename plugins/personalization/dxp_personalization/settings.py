"""Settings of the plugin, in `[plugins.personalization]`."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class PersonalizationSettings(Schema):
    """How content is chosen."""

    answer_seconds = fields.Integer(
        load_default=60,
        validate=validate.Range(0, 86_400),
        metadata={
            "help": "How long a storefront may keep a decision, in seconds; sent as `ttl`.",
            "example": 60,
        },
    )
    log_days = fields.Integer(
        load_default=90,
        validate=validate.Range(1, 3650),
        metadata={"help": "How long decisions are kept in the log, in days.", "example": 90},
    )
