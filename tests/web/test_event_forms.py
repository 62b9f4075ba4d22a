"""A batch of the plain form is read the short way, and says what its schema would say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import RAISE, Schema

from dxp.web.core.event_schemas import EventsIn, Malformed, plain_events

ODD = st.sampled_from(
    [
        *(None, True, 1, 1.5, "", "api", "x" * 101, "x" * 201, [], {}, {"a": 1}, ["ref"]),
        *("2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02", "20260102T030405+01:00"),
        *({"ref": "C-1"}, {"ref": ""}, {"anonymous_id": "b", "ref": "C"}, {"id": "nobody"}),
        *({"id": "0198c5e4-0000-7000-8000-000000000001"}, {"email": "a@example.com"}),
    ]
)
MEMBERS = ["id", "type", "source", "subject", "occurred_at", "data", "more"]


@given(st.lists(st.dictionaries(st.sampled_from(MEMBERS), ODD, max_size=4), min_size=1, max_size=2))
def test_the_short_way_agrees_with_the_schema(changes: list[dict[str, Any]]) -> None:
    document = {"events": [{"id": "1", "type": "order.placed"} | change for change in changes]}
    read = plain_events(document)
    # The method of the base, which goes through all fields.
    said = Schema.load(EventsIn(), document, unknown=RAISE)["events"]
    if any(isinstance(event, Malformed) for event in said):
        assert read is None
    else:
        assert read in (None, said)


def test_the_plain_form_is_read_the_short_way() -> None:
    event = {
        "id": "1",
        "type": "order.placed",
        "source": "web",
        "subject": {"ref": "C-1"},
        "occurred_at": "2026-01-02T03:04:05+01:00",
        "data": {"total": "1.00"},
    }
    assert plain_events({"events": [event]}) is not None
    assert plain_events({"events": [{"id": "1", "type": "order.placed"}]}) is not None


def test_what_is_no_batch_is_left_to_the_schema() -> None:
    for document in (None, [], "events", 1, {}, {"events": None}, {"events": {}}, {"events": "ab"}):
        assert plain_events(document) is None
