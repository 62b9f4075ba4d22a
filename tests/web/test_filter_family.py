"""Filters whose names are known only when the request comes."""

from __future__ import annotations

import pytest
from flask import Flask
from marshmallow import Schema

from dxp.api import FilterFamily
from dxp.errors import BadRequest
from dxp.web.reading import read_query


class Query(Schema):
    values = FilterFamily("field", description="One for each field.")


def test_each_member_is_loaded_by_what_follows_the_point(app: Flask) -> None:
    with app.test_request_context("/?filter[field.size]=42&filter[field.a.b]=x&limit=5"):
        assert read_query(Query(), paged=True) == {"values": {"size": "42", "a.b": "x"}}


def test_without_members_there_is_an_empty_dict(app: Flask) -> None:
    with app.test_request_context("/"):
        assert read_query(Query(), paged=False) == {"values": {}}


@pytest.mark.parametrize("name", ["filter[fields.size]", "filter[field.size", "field.size"])
def test_what_is_not_of_the_family_is_refused(app: Flask, name: str) -> None:
    with app.test_request_context(f"/?{name}=42"), pytest.raises(BadRequest) as refused:
        read_query(Query(), paged=False)
    assert [error.parameter for error in refused.value.errors] == [name]
