"""Conditions of candidates count time from the moment of the decision."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from dxp.api import compile_condition
from dxp_personalization.services.pipeline import Option, choose

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.mark.parametrize(("days", "source"), [(29, "rule"), (31, "none")])
def test_a_relative_date_is_relative_to_the_decision(days: int, source: str) -> None:
    content = uuid.uuid4()
    option = Option(
        key="welcome",
        content_id=content,
        condition=compile_condition({"crm.created_at": {"$gt": "-30d"}}),
        priority=0,
        fallback=False,
        tags=(),
        starts_at=None,
        ends_at=None,
    )
    facts = {"crm.created_at": NOW - timedelta(days=days)}
    choice = choose([option], size=1, now=NOW, live={content}, facts=facts, proposals={})
    assert bool(choice.chosen) is (source == "rule")
