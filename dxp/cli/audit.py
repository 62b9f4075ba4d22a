"""`dxp audit`: reading the audit log, and checking that nobody touched it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from dxp.audit import Anchor, AuditEntry, AuditFilter
from dxp.cli.tables import print_table

if TYPE_CHECKING:
    from datetime import datetime

    from dxp.platform import Platform

_ANCHOR = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")
_BROKEN = 1


@click.group("audit")
def audit_group() -> None:
    """Read the audit log and verify it."""


@audit_group.command()
@click.option("--anchor", help="SEQ:HASH that an earlier run printed; the log must still hold it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(*, anchor: str | None, as_json: bool) -> None:
    """Check every entry against the chain. Ends with status 1 at the first that does not fit.

    The chain alone cannot tell that its end was cut off. Keep the anchor that this prints outside
    of the database, and give it next time.
    """
    platform = _platform()
    known = None if anchor is None else _read_anchor(anchor)
    with platform.db.read() as session:
        total = session.scalar(select(func.count()).select_from(AuditEntry)) or 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
            task = bar.add_task("Checking", total=total)
            found = platform.audit.verify(
                session,
                anchor=known,
                progress=lambda checked: bar.update(task, completed=checked),
            )
    head = f"{found.head.seq}:{found.head.hash}" if found.head else None
    if as_json:
        report = {
            "ok": found.ok,
            "checked": found.checked,
            "blanked": found.blanked,
            "broken_seq": found.broken_seq,
            "reason": found.reason,
            "anchor": head,
        }
        click.echo(json.dumps(report, indent=2))
    elif found.ok:
        click.echo(f"{found.checked} entries fit, {found.blanked} of them with erased details.")
        if head is not None:
            click.echo(f"Anchor: {head}")
    else:
        click.echo(
            f"Entry {found.broken_seq} does not fit: {found.reason}.\n"
            f"{found.checked - 1 if found.checked else 0} entries before it do. Somebody changed "
            "the database by other means than dxp, or the secret_key is another; compare with a "
            "backup.",
            err=True,
        )
    if not found.ok:
        raise SystemExit(_BROKEN)


@audit_group.command("list")
@click.option("--who", default="", help="An actor's key, or part of a name.")
@click.option("--action", default="", help="An action, or its beginning, such as core.staff.")
@click.option("--object", "object_ref", default="", help="TYPE, or TYPE:ID.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="From then on, in UTC."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One entry a line, for programs.")
def list_entries(
    *,
    who: str,
    action: str,
    object_ref: str,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List entries, newest first."""
    from datetime import UTC

    platform = _platform()
    object_type, _, object_id = object_ref.partition(":")
    wanted = AuditFilter(
        who=who,
        action=action,
        object_type=object_type,
        object_id=object_id,
        since=since.replace(tzinfo=UTC) if since else None,
    )
    with platform.db.read() as session:
        entries = platform.audit.entries(session, wanted=wanted, limit=limit)
    if as_json:
        for entry in entries:
            click.echo(json.dumps(_as_dict(entry), ensure_ascii=False))
        return
    print_table(
        ("#", "When", "Who", "What", "Object"),
        [
            (
                str(entry.seq),
                entry.at.isoformat(sep=" ", timespec="seconds"),
                entry.actor_label,
                entry.action,
                f"{entry.object_type}:{entry.object_id}",
            )
            for entry in entries
        ],
    )


def _platform() -> Platform:
    return cast("Platform", current_app.extensions["dxp"])


def _read_anchor(text: str) -> Anchor:
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise click.BadParameter(
            "An anchor is a number, a colon and 64 hexadecimal digits; "
            "copy it as `dxp audit verify` printed it.",
            param_hint="--anchor",
        )
    return Anchor(seq=int(found[1]), hash=found[2])


def _as_dict(entry: AuditEntry) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": {"key": entry.actor_key, "label": entry.actor_label},
        "action": entry.action,
        "object": {"type": entry.object_type, "id": entry.object_id},
        "subject_id": None if entry.subject_id is None else str(entry.subject_id),
        "request_id": entry.request_id,
        "before": entry.before,
        "after": entry.after,
        "hash": entry.hash,
    }
