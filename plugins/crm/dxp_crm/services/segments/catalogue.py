"""The facts and events that a segment's condition may ask about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    String,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session

from dxp.api import (
    ColumnValue,
    Condition,
    FactField,
    FactFieldsContext,
    FieldError,
    Platform,
    Plugin,
    SqlValue,
    Unprocessable,
    json_value,
)
from dxp.api import lazy_gettext as _l
from dxp.contracts import PURPOSE_BIRTHDAY, SEGMENTS_FACT
from dxp_crm.models import Consent, Customer
from dxp_crm.services.birthdays import CALENDARS

OWN_EVENTS = ("crm.segment_entered", "crm.segment_left")
_CALENDAR = Customer.birthday_calendar
PROFILE_EVENTS = ("customer.registered", "crm.customer_changed")


def crm_fields() -> list[FactField]:
    """The facts of a customer's profile that every installation has."""

    def plain(name: str, label: Any) -> FactField:
        return _field(name, label, "text", PROFILE_EVENTS, lambda _s, d: _column(name, "string", d))

    return [
        plain("country", _l("Country")),
        plain("locale", _l("Language")),
        plain("timezone", _l("Time zone")),
        plain("ref", _l("Number in the shop")),
        _field("tags", _l("Tags"), "texts", PROFILE_EVENTS, _tags),
        _field(
            "created_at",
            _l("Customer since"),
            "moment",
            PROFILE_EVENTS,
            lambda _s, d: _column("created_at", "moment", d),
        ),
        _field(
            "birthday",
            _l("Birthday"),
            "day",
            ("customer.birthday_changed", "consent.changed"),
            _birthday,
        ),
        _field("consents", _l("Consents given"), "texts", ("consent.changed",), _consents),
    ]


def _field(name: str, label: Any, kind: Any, changed_by: Sequence[str], sql: Any) -> FactField:
    return FactField(
        name=f"crm.{name}",
        label=label,
        kind=kind,
        changed_by=changed_by,
        reveals=(name,),
        sql=sql,
    )


def _column(name: str, kind: Any, dialect: str) -> SqlValue:
    return ColumnValue(getattr(Customer, name), kind, dialect=dialect)


def _tags(_subject: Any, dialect: str) -> SqlValue:
    value = json_value(Customer.tags, dialect=dialect)
    assert value is not None
    return value


def birthday_fact(customer: Any) -> str | None:
    """`1990-03-10`, or `--03-10` when the year was not told or is of another calendar."""
    if customer.birthday_month is None or customer.birthday_day is None:
        return None
    day = f"{customer.birthday_month:02}-{customer.birthday_day:02}"
    if customer.birthday_calendar != CALENDARS[0]:
        return f"--{day}@{customer.birthday_calendar}"
    return f"--{day}" if customer.birthday_year is None else f"{customer.birthday_year:04}-{day}"


def _birthday(subject: Any, dialect: str) -> SqlValue:
    """As `birthday_fact`; of nobody who does not consent to the use of the date."""

    def padded(column: Any, width: int) -> Any:
        number = literal("0" * width).concat(cast(column, String))
        return func.substr(number, func.length(number) - width + 1, width)

    day = padded(Customer.birthday_month, 2).concat("-").concat(padded(Customer.birthday_day, 2))
    willing = exists(_last_words(subject).where(Consent.purpose == PURPOSE_BIRTHDAY))
    is_gregorian = Customer.birthday_calendar == CALENDARS[0]
    text = case(
        (or_(Customer.birthday_month.is_(None), not_(willing)), null()),
        (not_(is_gregorian), literal("--").concat(day).concat("@").concat(_CALENDAR)),
        (Customer.birthday_year.is_(None), literal("--").concat(day)),
        else_=padded(Customer.birthday_year, 4).concat("-").concat(day),
    )
    return ColumnValue(text, "string", dialect=dialect)


def _consents(subject: Any, dialect: str) -> SqlValue:
    """The purposes to which the last word was yes, as a list."""
    rows = _last_words(subject).subquery()
    gathered: Any
    if dialect == "postgresql":
        gathered = func.coalesce(func.jsonb_agg(rows.c.purpose), literal_column("'[]'::jsonb"))
    else:
        gathered = func.json_group_array(rows.c.purpose)
    value = select(gathered).select_from(rows).correlate(Customer).scalar_subquery()
    found = json_value(value, dialect=dialect)
    assert found is not None
    return found


def _last_words(subject: Any) -> Any:
    """Purposes to which the last word of a person was yes."""
    last = select(func.max(Consent.id)).where(Consent.subject_id == subject)
    last = last.group_by(Consent.purpose).correlate(Customer)
    words = select(Consent.purpose).where(Consent.granted, Consent.id.in_(last))
    return words.correlate(Customer)


class FieldCatalogue:
    """What conditions may ask about, from all plugins."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def fields(self, session: Session, *, locale: str = "en") -> dict[str, FactField]:
        """All facts by name, labelled in `locale`."""
        context = FactFieldsContext(session=session, platform=self._platform, locale=locale)
        return {
            field.name: field
            for answer in self._platform.plugins.call(Plugin.fact_fields, context)
            for field in answer.value
        }

    def events(self) -> dict[str, str]:
        """Labels of the types of events that segments may count, by name, sorted by label."""
        types = self._platform.events.types
        labels = {
            name: str(kind.label or name) for name, kind in types.items() if name not in OWN_EVENTS
        }
        return dict(sorted(labels.items(), key=lambda item: item[1]))

    def check(self, session: Session, condition: Condition, *, known: Mapping[str, Any]) -> None:
        """Refuse what nobody could answer or keep up with.

        Args:
            known: segments by key.

        Raises:
            Unprocessable: `invalid_condition`, with each unknown field, event and segment.
        """
        fields = self.fields(session)
        faults: list[FieldError] = []
        for name in sorted(condition.facts):
            field = find_field(fields, name)
            if name == SEGMENTS_FACT:
                faults.append(_fault("unknown_field", f"{name}: ask for a segment with $segment"))
            elif field is None:
                detail = f"there is no field {name}; known: {', '.join(sorted(fields))}"
                faults.append(_fault("unknown_field", detail))
            elif not field.in_segments:
                detail = f"{name} changes by time alone; use $anniversary or a relative date"
                faults.append(_fault("field_not_here", detail))
        for event in condition.events:
            if event.type not in self._platform.events.types or event.type in OWN_EVENTS:
                detail = f"events of type {event.type} cannot be counted: no plugin declares it"
                faults.append(_fault("unknown_event_type", detail))
        faults.extend(
            _fault("unknown_segment", f"there is no segment {key}")
            for key in sorted(condition.segments - known.keys())
        )
        if faults:
            raise Unprocessable(
                "The condition cannot be used, because it asks for what nobody can answer; mend "
                "the places named in errors",
                code="invalid_condition",
                errors=faults,
            )


def find_field(fields: Mapping[str, FactField], name: str) -> FactField | None:
    """The fact that a dotted name asks for, which may lead on into its value."""
    while name not in fields and "." in name:
        name = name.rpartition(".")[0]
    return fields.get(name)


def _fault(code: str, detail: str) -> FieldError:
    return FieldError(pointer="", code=code, detail=detail)
