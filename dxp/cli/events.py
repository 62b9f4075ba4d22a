"""`dxp events`: how long events are kept, and removing what is past."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click
from flask import current_app

from dxp.cli.tables import print_table
from dxp.events import forget_events, retention_of

if TYPE_CHECKING:
    from dxp.platform import Platform


@click.group("events")
def events_group() -> None:
    """See how long events are kept, and remove what is past."""


@events_group.command("retention")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show_retention(*, as_json: bool) -> None:
    """List the types of events with the days that they are kept."""
    platform = _platform()
    rows = []
    for name, event_type in sorted(platform.events.types.items()):
        keep = retention_of(platform, event_type)
        rows.append(
            {
                "type": name,
                "days": keep.days if keep else None,
                "set": name in platform.settings.events.retention_days,
                "then": "emptied" if event_type.ledger else "removed",
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ("Type", "Days", "Said by", "Then"),
        [
            (
                str(row["type"]),
                str(row["days"] or "for ever"),
                "setting" if row["set"] else "type",
                str(row["then"]) if row["days"] else "",
            )
            for row in rows
        ],
    )


@events_group.command("forget")
def forget() -> None:
    """Remove what is past now, as the nightly job does."""
    done = forget_events(_platform())
    removed, emptied = sum(item.removed for item in done), sum(item.emptied for item in done)
    click.echo(f"{removed:,} events removed, {emptied:,} emptied.")


def _platform() -> Platform:
    return cast("Platform", current_app.extensions["dxp"])
