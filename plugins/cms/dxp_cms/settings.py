"""The section [plugins.cms] of the settings."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class CmsSettings(Schema):
    """How long caches may keep content, and the admin its autosaves."""

    max_age_seconds = fields.Integer(
        strict=True,
        load_default=60,
        validate=validate.Range(0, 31_536_000),
        metadata={
            "help": "How long caches may answer with a content response without asking, in "
            "seconds. They are told of changes by tag, so a CDN may be given a long time.",
            "example": 300,
        },
    )
    stale_seconds = fields.Integer(
        strict=True,
        load_default=600,
        validate=validate.Range(0, 31_536_000),
        metadata={
            "help": "How long after that they may still answer while they ask in the background, "
            "in seconds.",
            "example": 3600,
        },
    )
    autosave_days = fields.Integer(
        strict=True,
        load_default=7,
        validate=validate.Range(1, 3650),
        metadata={
            "help": "Autosaves that a later save of the same author passed over are deleted after "
            "so many days. Saves made on purpose are kept for ever.",
            "example": 30,
        },
    )
