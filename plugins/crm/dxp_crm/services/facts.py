"""What conditions may ask about a customer, and what these facts are."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from dxp.api import FactField, FactFieldsContext, FactsContext, SqlValue, json_value
from dxp.contracts import PURPOSE_BIRTHDAY, SEGMENTS_FACT
from dxp_crm.models import PERSON, Consent, Customer, FieldDefinition
from dxp_crm.services import Crm
from dxp_crm.services.segments.catalogue import PROFILE_EVENTS, birthday_fact, crm_fields
from dxp_crm.services.texts import in_locale

_KINDS: Mapping[str, Any] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "date": "day",
    "choices": "texts",
}


def facts(ctx: FactsContext) -> Mapping[uuid.UUID, Mapping[str, Any]]:
    """Profile, purposes consented to, and segments: a handful of queries for any number.

    The birthday is told only of those who consent to its use.
    """
    crm = ctx.platform.services.get(Crm)
    ids = list(ctx.subject_ids)
    attributes = crm.customers.attributes(ctx.session, ids)
    segments = crm.segments.looking.keys_of(ctx.session, ids)
    consents = _consents(ctx, ids)
    rows = ctx.session.execute(
        select(
            Customer.subject_id,
            Customer.ref,
            Customer.created_at,
            Customer.birthday_month,
            Customer.birthday_day,
            Customer.birthday_year,
            Customer.birthday_calendar,
        ).where(Customer.subject_id.in_(ids))
    )
    return {
        row.subject_id: {
            f"crm.{name}": value for name, value in attributes.get(row.subject_id, {}).items()
        }
        | {
            "crm.ref": row.ref,
            "crm.created_at": row.created_at,
            "crm.birthday": birthday_fact(row)
            if PURPOSE_BIRTHDAY in consents[row.subject_id]
            else None,
            "crm.consents": sorted(consents[row.subject_id]),
            SEGMENTS_FACT: segments.get(row.subject_id, []),
        }
        for row in rows
    }


def fact_fields(ctx: FactFieldsContext) -> Sequence[FactField]:
    """The facts of every customer, and the fields that staff defined."""
    crm = ctx.platform.services.get(Crm)
    own = [_custom(ctx, item) for item in crm.definitions.listed(ctx.session, PERSON)]
    return [*crm_fields(), *own]


def _consents(ctx: FactsContext, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
    last = select(func.max(Consent.id)).where(Consent.subject_id.in_(ids))
    rows = ctx.session.execute(
        select(Consent.subject_id, Consent.purpose).where(
            Consent.granted, Consent.id.in_(last.group_by(Consent.subject_id, Consent.purpose))
        )
    )
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for row in rows:
        found[row.subject_id].add(row.purpose)
    return found


def _custom(ctx: FactFieldsContext, definition: FieldDefinition) -> FactField:
    key = definition.key

    def sql(_subject: Any, dialect: str) -> SqlValue:
        value = json_value(Customer.fields, [key], dialect=dialect)
        assert value is not None, "keys are plain words"
        return value

    return FactField(
        name=f"crm.fields.{key}",
        label=in_locale(ctx.platform, definition.labels, ctx.locale) or key,
        kind=_KINDS.get(definition.type, "text"),
        choices=[
            (
                str(choice["value"]),
                in_locale(ctx.platform, choice["labels"], ctx.locale) or str(choice["value"]),
            )
            for choice in definition.choices
        ],
        changed_by=PROFILE_EVENTS,
        reveals=(f"fields.{key}",),
        sql=sql,
    )
