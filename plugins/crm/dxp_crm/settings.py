"""Settings of the plugin, in `[plugins.crm]`."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class CrmSettings(Schema):
    """How customers are kept."""

    birthday_edits = fields.Integer(
        load_default=1,
        validate=validate.Range(0, 10),
        metadata={
            "help": "How often customers may correct their own birthday; then only staff can.",
            "example": 1,
        },
    )
    import_max_mb = fields.Integer(
        load_default=512,
        validate=validate.Range(1, 10_000),
        metadata={
            "help": "Largest file that an import takes, in MB, unpacked.",
            "example": 512,
        },
    )
    import_batch = fields.Integer(
        load_default=500,
        validate=validate.Range(1, 1000),
        metadata={
            "help": "Rows that an import writes in one transaction.",
            "example": 500,
        },
    )
