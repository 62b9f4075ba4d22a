"""The demo's day, set through the API. Exists only with `demo.time_travel`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from dxp.errors import FieldError
from dxp.web.access import needs
from dxp.web.blueprint import ApiBlueprint
from dxp.web.call import Call
from dxp.web.clock import DemoOffset, read_offset, store_offset
from dxp.web.reading import refuse

MAX_DAYS = 36_500
MAX_STOPS = 53
WEEK = 7


class ClockIn(Schema):
    """The day to go to: exactly one of the two."""

    class Meta:
        unknown = RAISE

    date = fields.Date(metadata={"description": "The day, in the platform's time zone."})
    offset_days = fields.Integer(
        strict=True,
        validate=validate.Range(-MAX_DAYS, MAX_DAYS),
        metadata={"description": "Days from today; 0 goes back to today."},
    )

    @validates_schema
    def check_one(self, data: Mapping[str, Any], **_options: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Send exactly one of date and offset_days.")


class ClockOut(Schema):
    """What day it is."""

    date = fields.Date(required=True, metadata={"description": "In the platform's time zone."})
    now = fields.AwareDateTime(format="iso", required=True)
    offset_days = fields.Integer(required=True)
    timezone = fields.String(required=True)


def clock_api(offset: DemoOffset) -> ApiBlueprint:
    """The blueprint for an application whose clock follows `offset`."""
    api = ApiBlueprint(
        "demo",
        __name__,
        url_prefix="/api/v1/demo",
        description="For demonstrations only: what day it is.",
    )

    @api.endpoint(
        "GET",
        "/clock",
        summary="Read the demo's day",
        access=needs("demo.clock"),
        response=ClockOut,
    )
    def read_clock(call: Call) -> Any:
        """The day that all rules about customers see."""
        return _clock(call, read_offset(call.session))

    @api.endpoint(
        "PUT",
        "/clock",
        summary="Shift the demo's day",
        access=needs("demo.clock"),
        body=ClockIn,
        response=ClockOut,
        transaction=False,
    )
    def shift_clock(call: Call, body: dict[str, Any]) -> Any:
        """All processes follow within half a second. Tokens, sessions and leases keep real time.

        On the way ahead the days between pass too: what falls due on them is done, week by week.
        """
        platform = call.platform
        days = body["offset_days"] if "offset_days" in body else _days_to(call, body["date"])
        with platform.db.read() as session:
            before = read_offset(session)
        for stop in _stops(before.days, days):
            with platform.db.write() as session:
                store_offset(session, timedelta(days=stop), at=platform.clock.wall())
                if stop == days:
                    _audit(call, session, before=before.days, after=days)
            offset.forget()
            if stop != days:
                platform.jobs.tick()
                platform.jobs.run_pending()
        return _clock(call, timedelta(days=days))

    return api


def _stops(before: int, days: int) -> list[int]:
    """The offsets to halt at on the way to `days`: at most a year's worth of weeks."""
    stride = max(WEEK, -(-(days - before) // MAX_STOPS))
    return [*range(before + stride, days, stride), days]


def _audit(call: Call, session: Session, *, before: int, after: int) -> None:
    call.platform.audit.record(
        session,
        call.actor,
        action="core.clock.shifted",
        object_type="clock",
        object_id="demo",
        before={"offset_days": before},
        after={"offset_days": after},
    )


def _days_to(call: Call, day: date) -> int:
    days = (day - call.platform.clock.wall().astimezone(_zone(call)).date()).days
    if abs(days) > MAX_DAYS:
        fault = FieldError(
            code="out_of_range", detail="More than 100 years from today.", pointer="/date"
        )
        raise refuse("json", [fault])
    return days


def _clock(call: Call, offset: timedelta) -> dict[str, Any]:
    now: datetime = call.platform.clock.wall() + offset
    return {
        "date": now.astimezone(_zone(call)).date(),
        "now": now,
        "offset_days": offset.days,
        "timezone": call.platform.settings.locale.timezone,
    }


def _zone(call: Call) -> ZoneInfo:
    return ZoneInfo(call.platform.settings.locale.timezone)
