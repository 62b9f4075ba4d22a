"""The short way of checking data gives what the schema gives, or leaves it to the schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from dxp.events.quick import DataCheck
from dxp.events.vocabulary import OrderPlacedSchema


class Leg(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 5))
    hours = fields.Float(load_default=0.5)


class TripSchema(Schema):
    """One of each kind of field."""

    id = fields.UUID(required=True)
    seats = fields.Integer(required=True, strict=True, validate=validate.Range(1, 9))
    loose = fields.Integer()
    paid = fields.Boolean(load_default=False)
    price = fields.Decimal(as_string=True, places=2, allow_none=True)
    kind = fields.String(validate=validate.OneOf(["bus", "train"]), allow_none=True)
    at = fields.AwareDateTime(format="iso")
    day = fields.Date(load_default=None, allow_none=True)
    legs = fields.List(fields.Nested(Leg), load_default=list, validate=validate.Length(max=3))
    notes = fields.List(fields.String(validate=validate.Length(max=3)), allow_none=True)
    extra = fields.Dict(keys=fields.String())


ODD = st.sampled_from(
    [
        *(None, True, False, 0, 1, 9, 10, -1, 2.0, 2.5, float("inf"), "", "1", "1.005", "bus"),
        *("x" * 6, "true", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05", [], {}),
        *(["ab"], [None], ["long one"], [{"name": "a"}], [{"name": "", "hours": 1}]),
        *([{"name": "a", "more": 1}], [{"name": "a", "hours": 2.5}, {"name": "b"}], [{}] * 4),
        *("0198c5e4-0000-7000-8000-000000000001", "0198C5E4000070008000000000000001"),
        *({"a": {"b": 1}}, {"1": None}, "١٢", "1e3", "NaN"),
    ]
)
RIGHT: dict[str, Any] = {"id": "0198c5e4-0000-7000-8000-000000000001", "seats": 2}


def by_schema(schema: Schema, data: Any) -> Any:
    try:
        return schema.dump(schema.load(data))
    except ValidationError as error:
        return error.messages


def by_check(check: DataCheck, data: Any) -> Any:
    try:
        return check(data)
    except ValidationError as error:
        return error.messages


@given(st.dictionaries(st.sampled_from([*TripSchema().fields, "unknown"]), ODD, max_size=6))
def test_the_short_way_agrees_with_the_schema(changes: dict[str, Any]) -> None:
    schema = TripSchema()
    check = DataCheck(schema)
    assert check.quick
    data = RIGHT | changes
    assert repr(by_check(check, data)) == repr(by_schema(schema, data))


MONEY = st.sampled_from(["12.50", "0", "-1", "1e3", "x", "", 5, 1.5, None, "1e999", "12.34567"])


@given(
    total=MONEY,
    currency=st.sampled_from(["EUR", "eur", "EURO", None, 1]),
    lines=st.lists(
        st.fixed_dictionaries(
            {"sku": st.sampled_from(["a", "", 1]), "quantity": st.integers(-1, 3), "total": MONEY},
            optional={"name": ODD, "category": ODD, "colour": ODD},
        ),
        max_size=3,
    ),
    rest=st.dictionaries(st.sampled_from(["channel", "order_id", "colour"]), ODD),
)
def test_orders_are_checked_as_their_schema_says(
    total: Any, currency: Any, lines: Any, rest: dict[str, Any]
) -> None:
    schema = OrderPlacedSchema()
    check = DataCheck(schema)
    assert check.quick
    data = {"order_id": "1", "total": total, "currency": currency, "lines": lines} | rest
    assert repr(by_check(check, data)) == repr(by_schema(schema, data))


class Hooked(Schema):
    name = fields.String()

    @post_load
    def shout(self, data: Any, **_options: Any) -> Any:
        return {"name": data["name"].upper()}


class Lenient(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String()


class Renamed(Schema):
    name = fields.String(data_key="n")


class Holding(Schema):
    inner = fields.Nested(Hooked)


@pytest.mark.parametrize(
    ("kind", "data", "given_back"),
    [
        (Hooked, {"name": "ada"}, {"name": "ADA"}),
        (Lenient, {"name": "ada", "more": 1}, {"name": "ada"}),
        (Renamed, {"n": "ada"}, {"n": "ada"}),
        (Holding, {"inner": {"name": "ada"}}, {"inner": {"name": "ADA"}}),
    ],
)
def test_a_schema_with_ways_of_its_own_is_asked_itself(
    kind: type[Schema], data: Any, given_back: Any
) -> None:
    check = DataCheck(kind())
    assert not check.quick
    assert check(data) == given_back
