"""`dxp cms …`: what types there are, and making stored answers anew."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import click
from sqlalchemy import func, select

from dxp.api import Platform
from dxp_cms.models import Entry, Published
from dxp_cms.services.cms import Cms

BATCH = 100


def commands_for(platform: Platform) -> Sequence[click.Command]:
    """The commands, bound to a platform."""

    @click.command("types")
    def types_command() -> None:
        """List the content types, their fields, and how many entries each has."""
        _print_types(platform)

    @click.command("rerender")
    @click.option("--type", "type_name", help="Only entries of this type.")
    def rerender_command(type_name: str | None) -> None:
        """Render what is live anew, as after a change of a type's definition."""
        _rerender(platform, type_name)

    return (types_command, rerender_command)


def _print_types(platform: Platform) -> None:
    from rich.console import Console
    from rich.table import Table

    cms = platform.services.get(Cms)
    with platform.db.read() as session:
        counts = {
            row[0]: row[1]
            for row in session.execute(select(Entry.type, func.count()).group_by(Entry.type))
        }
    console = Console()
    for content_type in cms.types:
        owner, count = cms.types.owner(content_type.name), counts.get(content_type.name, 0)
        title = f"{content_type.name} — {content_type.label} (by {owner}, {count} entries)"
        table = Table(title=title, title_justify="left")
        for heading in ("Field", "Kind", "Required", "Translatable", "Filterable", "Label"):
            table.add_column(heading, no_wrap=heading in ("Field", "Kind"))
        for field in content_type.fields:
            kind = field.kind.name
            if "item" in field.options:
                kind = f"list of {field.options['item'].kind.name}"
            marks = ["yes" if on else "" for on in (field.required, field.translatable)]
            table.add_row(
                field.name, kind, *marks, "yes" if field.filterable else "", str(field.label)
            )
        console.print(table)


def _rerender(platform: Platform, type_name: str | None) -> None:
    from rich.progress import track

    cms = platform.services.get(Cms)
    if type_name is not None:
        cms.types.get(type_name)
    statement = select(Published.entry_id).distinct().order_by(Published.entry_id)
    if type_name is not None:
        statement = statement.where(Published.type == type_name)
    with platform.db.read() as session:
        ids: Sequence[uuid.UUID] = session.scalars(statement).all()
    changed = 0
    starts = range(0, len(ids), BATCH)
    for start in track(starts, description="Rendering", disable=not ids):
        with platform.db.write() as session:
            changed += len(cms.publishing.rerender(session, ids[start : start + BATCH]))
    click.echo(f"{len(ids)} live entries looked at, {changed} answers changed.")
