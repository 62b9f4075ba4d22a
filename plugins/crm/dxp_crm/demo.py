"""Demo data: four people of our own, and the public CDNOW sample as any shop would import it.

The sample holds all purchases, from January 1997 to June 1998, of a tenth of the customers who
first bought at the music shop CDNOW in the first quarter of 1997 (Fader and Hardie). It is read
from the PyPI package `lifetimes`, which is never imported.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from dxp.api import (
    DemoContext,
    DemoReport,
    EventRow,
    HealthCheck,
    NewEvent,
)
from dxp_crm.demo_desk import define_fields, load_desk
from dxp_crm.models import Customer, Import
from dxp_crm.segment_demo import check_segments, load_segments
from dxp_crm.services import Crm

CDNOW_CUSTOMERS = 2_357
CDNOW_ORDERS = 6_919
CDNOW_SOURCE = "cdnow"
DEMO_SOURCE = "demo-shop"

MEMBER_FOR = timedelta(days=60)

# (ref, name, e-mail, locale, zone, country, days until the birthday, calendar)
PEOPLE = (
    ("C-1001", "Grace Miller", "grace@example.com", "en", "America/New_York", "US", 0),
    ("C-1002", "Amélie Laurent", "amelie@example.com", "fr", "Europe/Paris", "FR", 3),
    ("C-1003", "عمر الحسن", "omar@example.com", "ar", "Asia/Dubai", "AE", 40),
    ("C-1004", "لیلا احمدی", "leila@example.com", "fa", "Asia/Tehran", "IR", 90),
)


def demo(ctx: DemoContext) -> DemoReport | None:
    """Own fields in `prepare`, people in `load`, and the reconciliation in `check`."""
    if ctx.stage == "prepare":
        return DemoReport(loaded={"customer fields": define_fields(ctx)})
    if ctx.stage == "load":
        return _load(ctx)
    return DemoReport(checks=_checks(ctx))


def _load(ctx: DemoContext) -> DemoReport:
    crm = ctx.platform.services.get(Crm)
    today = ctx.platform.clock.now()
    # They told their birthdays long enough ago for a gift that is due today.
    with ctx.platform.clock.shifted(-MEMBER_FOR), ctx.platform.db.write() as session:
        own = crm.customers.register_many(session, ctx.actor, list(_people(today)))
    _own_orders(ctx)
    loaded = {"demo customers": len(own)} | load_desk(ctx)
    path = cdnow_file()
    if path is None:
        return DemoReport(loaded=loaded, people=_sign_ins())
    orders = list(read_cdnow(path))
    customers = [{"ref": ref, "tags": "cdnow"} for ref in sorted({row["ref"] for row in orders})]
    for what, kind, rows in (
        ("CDNOW customers", "customers", customers),
        ("CDNOW orders", "order.placed", orders),
    ):
        counts = _import(ctx, what, kind, rows).counts
        loaded[what] = counts.get("new", 0) + counts.get("same", 0)
    loaded["segments"] = load_segments(ctx)
    return DemoReport(loaded=loaded, people=_sign_ins())


def _import(ctx: DemoContext, what: str, kind: str, rows: Sequence[Mapping[str, str]]) -> Import:
    """Through the import that people use, file and all."""

    def watch(job: Import) -> Callable[[int], None]:
        step, before = ctx.progress(what, job.size), 0

        def told(read: int) -> None:
            nonlocal before
            step(read - before)
            before = read

        return told

    file = BytesIO(as_csv(rows))
    return ctx.platform.services.get(Crm).imports.import_at_once(
        ctx.actor, file, kind=kind, file_name=f"{what}.csv", source=CDNOW_SOURCE, progress=watch
    )


def as_csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Rows as a file that the import takes."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _people(now: datetime) -> Iterator[dict[str, Any]]:
    for ref, name, email, locale, zone, country, days in PEOPLE:
        birthday = (now.astimezone(ZoneInfo(zone)) + timedelta(days=days)).date()
        yield {
            "ref": ref,
            "name": name,
            "email": email,
            "locale": locale,
            "timezone": zone,
            "country": country,
            "tags": ["demo"],
            "birthday": {"month": birthday.month, "day": birthday.day},
            "consents": [
                {"purpose": purpose, "granted": True, "channel": "web", "text_version": "2026-01"}
                for purpose in ("birthday", "profiling", "marketing")
            ],
        }


def _own_orders(ctx: DemoContext) -> None:
    """Each demo customer bought twice, so that their timelines and balances tell a story."""
    now = ctx.platform.clock.now()
    with ctx.platform.db.write() as session:
        events = []
        for number, (ref, *_rest) in enumerate(PEOPLE):
            subject_id = ctx.platform.subjects.find(session, "ref", ref)
            for days, total in ((21, "84.50"), (4, "129.00")):
                events.append(
                    NewEvent(
                        type="order.placed",
                        subject_id=subject_id,
                        source=DEMO_SOURCE,
                        external_id=f"{ref}-{days}",
                        occurred_at=now - timedelta(days=days, hours=number),
                        data={
                            "order_id": f"{ref}-{days}",
                            "total": total,
                            "currency": "USD",
                            "lines": [],
                            "channel": "web",
                        },
                    )
                )
        ctx.platform.events.publish_many(session, events)


def _checks(ctx: DemoContext) -> list[HealthCheck]:
    if cdnow_file() is None:
        detail = "the PyPI package lifetimes is not installed, so its sample was left out"
        return [HealthCheck(name="CDNOW sample", ok=True, detail=detail)]
    with ctx.platform.db.read() as session:
        customers = session.scalar(
            select(func.count()).select_from(Customer).where(Customer.ref.like("cdnow-%"))
        )
        orders = session.scalar(
            select(func.count())
            .select_from(EventRow)
            .where(EventRow.type == "order.placed", EventRow.source == CDNOW_SOURCE)
        )
    return [
        _equal("CDNOW customers", customers, CDNOW_CUSTOMERS),
        _equal("CDNOW orders", orders, CDNOW_ORDERS),
        check_segments(ctx, customers=CDNOW_CUSTOMERS),
    ]


def _equal(name: str, found: int | None, wanted: int) -> HealthCheck:
    return HealthCheck(
        name=name,
        ok=found == wanted,
        detail=f"{found} of {wanted} in the file",
        advice="" if found == wanted else "load again: dxp demo --load",
    )


def _sign_ins() -> list[tuple[str, str]]:
    return [(f"customer {ref}", name) for ref, name, *_rest in PEOPLE]


def cdnow_file() -> Path | None:
    """The sample's file, or None when the package that ships it is not installed."""
    try:
        distribution = metadata.distribution("lifetimes")
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file("lifetimes/datasets/CDNOW_sample.txt")))
    return path if path.is_file() else None


def read_cdnow(path: Path) -> Iterator[dict[str, str]]:
    """Orders as the import takes them. Columns: number in the master file, number in the sample,
    date, CDs, dollars."""
    with path.open(encoding="ascii") as file:
        for line, text in enumerate(file, start=1):
            _master, number, day, pieces, dollars = text.split()
            moment = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC)
            yield {
                "order_id": f"cdnow-{line}",
                "ref": f"cdnow-{number}",
                "occurred_at": moment.isoformat(),
                "total": dollars,
                "currency": "USD",
                "lines": json.dumps(
                    [{"sku": "CD", "quantity": int(pieces), "total": dollars}]
                    if int(pieces)
                    else []
                ),
                "channel": "web",
            }
