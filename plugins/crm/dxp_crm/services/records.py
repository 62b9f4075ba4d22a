"""Kinds of records: what fields, tags and rules are for."""

from __future__ import annotations

import uuid

from dxp_crm.models import ORGANISATION, PERSON, Customer, Organisation

Record = Customer | Organisation


def model_of(kind: str) -> type[Customer] | type[Organisation]:
    """The table of a kind of record."""
    return Customer if kind == PERSON else Organisation


def kind_of(record: Record) -> str:
    """`person` or `organisation`."""
    return PERSON if isinstance(record, Customer) else ORGANISATION


def id_of(record: Record) -> uuid.UUID:
    """What names a record among those of its kind."""
    return record.subject_id if isinstance(record, Customer) else record.id
