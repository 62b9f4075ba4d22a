"""A public sample goes in through the import, and the same figures come back out of the API."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.demo import CDNOW_CUSTOMERS, CDNOW_ORDERS, as_csv, cdnow_file, read_cdnow
from dxp_crm.services import Crm

ACTOR = SystemActor(name="import")
# The calibration period of Fader and Hardie: 39 weeks from the first day of 1997.
CALIBRATED = date(1997, 9, 30)
# Customers by number of repeat purchases in it, as they publish them; the last one is "7 or more".
REPEATS = {0: 1411, 1: 439, 2: 214, 3: 100, 4: 62, 5: 38, 6: 29, 7: 64}


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"api": {"max_page_size": 1000, "rate_limit": "100000/minute"}}


def listed(client: DxpClient, url: str) -> Iterator[dict[str, Any]]:
    """All items of a list of the API, page by page."""
    cursor = ""
    while True:
        answer = client.get(f"{url}{'&' if '?' in url else '?'}limit=1000{cursor}").get_json()
        yield from answer["data"]
        if answer["page"]["next"] is None:
            return
        cursor = f"&cursor={answer['page']['next']}"


@pytest.mark.slow
def test_what_the_api_tells_of_the_sample_is_what_its_authors_publish(
    platform: Platform, client: DxpClient
) -> None:
    path = cdnow_file()
    if path is None:
        pytest.skip("the PyPI package lifetimes, which ships the sample, is not installed")
    rows = list(read_cdnow(path))
    customers = [{"ref": ref} for ref in sorted({row["ref"] for row in rows})]
    imports = platform.services.get(Crm).imports
    for kind, content in (("customers", customers), ("order.placed", rows)):
        job = imports.import_at_once(
            ACTOR, io.BytesIO(as_csv(content)), kind=kind, file_name="cdnow.csv", source="cdnow"
        )
        assert job.counts == {"new": len(content)}
    shop = client.as_key("crm.customers.read", "events.read")
    refs = {item["id"]: item["ref"] for item in listed(shop, "/api/v1/customers")}
    orders = list(listed(shop, "/api/v1/events?filter[type]=order.placed"))
    assert (len(refs), len(orders)) == (CDNOW_CUSTOMERS, CDNOW_ORDERS)
    spent: dict[str, Decimal] = defaultdict(Decimal)
    days: dict[str, set[date]] = defaultdict(set)
    for order in orders:
        ref = refs[order["subject_id"]]
        spent[ref] += Decimal(order["data"]["total"])
        days[ref].add(date.fromisoformat(order["occurred_at"][:10]))
    in_file: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        in_file[row["ref"]] += Decimal(row["total"])
    assert spent == in_file
    bought = Counter(min(sum(day <= CALIBRATED for day in of) - 1, 7) for of in days.values())
    assert dict(sorted(bought.items())) == REPEATS
