"""The settings of a kind of reward as fields of a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from dxp.api import AdminCall
from dxp.api import gettext as _
from dxp_loyalty.services.kinds import SettingField
from dxp_loyalty.web.admin.blueprint import loyalty_of


def is_object(text: str | None) -> None:
    """Refuse a condition that is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise ValidationError(_("A condition is a JSON object, such as {}."))


def kind_fields(call: AdminCall, kind: str) -> Sequence[SettingField]:
    """The settings of a kind; a batch is chosen among those that rewards hand out."""
    known = loyalty_of(call).kinds.all().get(kind)
    if known is None:
        return ()
    batches = [
        (str(batch.id), batch.name)
        for batch in loyalty_of(call).coupon_batches.listed(call.session)
        if batch.purpose == "rewards" and batch.state != "withdrawn"
    ]
    return [
        replace(field, choices=batches) if field.kind == "coupon_batch" else field
        for field in known.settings
    ]


def kind_values(call: AdminCall, kind: str) -> dict[str, Any]:
    """The settings of a kind as the form has them; what is no number stays text and is refused."""
    found: dict[str, Any] = {}
    for field in kind_fields(call, kind):
        text = call.form.get(f"details_{field.name}", "").strip()
        if field.kind == "boolean":
            found[field.name] = text == "true"
        elif text:
            number = field.kind == "number" and text.isascii() and text[:12].isdigit()
            found[field.name] = int(text) if number and len(text) <= 12 else text
    return found
