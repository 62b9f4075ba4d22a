"""Rings in, marks out: a business row and an event in one transaction, a mark after it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from marshmallow import Schema, fields
from sqlalchemy import text

from dxp.api import (
    ApiBlueprint,
    Call,
    EventContext,
    EventType,
    Plugin,
    Routes,
    StartContext,
    Subscription,
    anyone,
)
from dxp.contracts import EventPayload


@dataclass(frozen=True, kw_only=True)
class Rang(EventPayload):
    """A bell rang."""

    type: ClassVar[str] = "tally.rang"

    number: int


class RingSchema(Schema):
    number = fields.Integer(required=True)


def keep_tally(ctx: EventContext) -> None:
    """Leave a mark, slowly enough to be killed before, while or after it."""
    time.sleep(random.uniform(0, 0.02))
    ctx.session.execute(
        text("INSERT INTO tally_mark (number) VALUES (:number)"),
        {"number": ctx.record.payload(Rang).number},
    )
    time.sleep(random.uniform(0, 0.02))


def blueprint() -> ApiBlueprint:
    api = ApiBlueprint("tally", __name__, url_prefix="/api/v1/tally", description="Bells.")

    @api.endpoint(
        "POST",
        "/rings",
        summary="Ring a bell",
        access=anyone(),
        body=RingSchema,
        response=RingSchema,
        status=201,
    )
    def ring(call: Call, body: dict[str, Any]) -> Any:
        call.session.execute(text("INSERT INTO tally_ring (number) VALUES (:number)"), body)
        call.platform.events.publish(call.session, Rang(number=body["number"]))
        return body

    return api


class TallyPlugin(Plugin):
    name = "tally"

    def events(self, ctx: StartContext) -> Sequence[EventType]:
        return [EventType(payload=Rang)]

    def subscriptions(self, ctx: StartContext) -> Sequence[Subscription]:
        return [Subscription(event="tally.rang", handler=keep_tally, name="tally.keep")]

    def routes(self, ctx: StartContext) -> Routes:
        return Routes(api=[blueprint()])
