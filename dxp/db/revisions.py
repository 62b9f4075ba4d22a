"""Where a database stands, told without alembic, whose import would slow every start."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect, text

from dxp.db.owners import VERSION_TABLE, Owner
from dxp.errors import ConfigurationError

State = Literal["current", "new", "behind", "ahead", "removed", "none"]


@dataclass(frozen=True, kw_only=True)
class OwnerStatus:
    """How far one owner's migrations have come in a database.

    Attributes:
        state: `current`; `new` (nothing done yet); `behind`; `ahead` (the database knows a
            revision that the code does not); `removed` (tables of a plugin that is not started);
            `none` (the owner has no migrations).
        pending: revisions still to be done, in order.
    """

    owner: str
    state: State
    current: str | None
    head: str | None
    pending: tuple[str, ...] = ()


def revisions_of(owner: Owner) -> list[str]:
    """Revision ids of an owner from first to last, read from its files.

    Raises:
        ConfigurationError: the files do not form one line, so that nobody can tell what to run.
    """
    if owner.versions is None or not owner.versions.is_dir():
        return []
    files = sorted(owner.versions.glob("*.py"))
    links: dict[str | None, str] = {}
    for file in files:
        revision, parent = _read(file, file.stat().st_mtime_ns)
        if revision is None:
            continue
        if parent in links:
            raise ConfigurationError(
                f"The migrations of {owner.name} fork: {links[parent]!r} and {revision!r} both "
                f"follow {parent or 'the beginning'!r} in {owner.versions}.\n"
                "Two people added one at the same time. Let one of the two follow the other: set "
                "its down_revision, and give it the next number."
            )
        links[parent] = revision
    line: list[str] = []
    here = links.get(None)
    while here is not None and here not in line:
        line.append(here)
        here = links.get(here)
    if len(line) != len(links):
        stray = sorted(set(links.values()) - set(line))
        raise ConfigurationError(
            f"The migrations of {owner.name} are broken: nothing leads to {', '.join(stray)} "
            f"in {owner.versions}.\nA file is missing, or a down_revision names what is not there."
        )
    return line


def versions_in(connection: Connection) -> dict[str, str | None]:
    """The revision of each owner that ever migrated this database; None when all was taken back."""
    tables = [
        name for name in inspect(connection).get_table_names() if name.startswith(VERSION_TABLE)
    ]
    if not tables:
        return {}
    query = " UNION ALL ".join(
        f"SELECT '{name}' AS owner, (SELECT version_num FROM \"{name}\") AS version"  # noqa: S608
        for name in tables
    )
    return {
        row.owner.removeprefix(VERSION_TABLE): row.version
        for row in connection.execute(text(query))
    }


def status_of(connection: Connection, owners: Sequence[Owner]) -> list[OwnerStatus]:
    """The status of each of `owners`, then of the removed plugins whose tables are still there."""
    held = versions_in(connection)
    found = [_status(owner, held.get(owner.name)) for owner in owners]
    known = {owner.name for owner in owners}
    for name, version in sorted(held.items()):
        if name not in known and version is not None:
            found.append(OwnerStatus(owner=name, state="removed", current=version, head=None))
    return found


def unfit(statuses: Iterable[OwnerStatus]) -> str | None:
    """Why the application must not run on this database, and what to do; None when it may."""
    statuses = list(statuses)
    ahead = [status for status in statuses if status.state == "ahead"]
    if ahead:
        known = "; ".join(f"{item.owner} is at {item.current}" for item in ahead)
        return (
            f"The database is ahead of the installed code: {known}, which this release does not "
            "know.\nIt was upgraded by a newer release. Install that one, or restore a backup "
            "taken before the upgrade."
        )
    behind = [status for status in statuses if status.state in ("new", "behind")]
    if not behind:
        return None
    if any(item.owner == "core" and item.state == "new" for item in behind):
        return "The database has no tables yet.\nMake them with: dxp db upgrade"
    missing = "; ".join(
        f"{item.owner} is at {item.current or 'nothing'} and needs {item.head}" for item in behind
    )
    return (
        f"The database is behind the installed code: {missing}.\n"
        "Nothing changes tables by itself at start, so that you choose the moment. Take a backup, "
        "then run: dxp db upgrade"
    )


def _status(owner: Owner, version: str | None) -> OwnerStatus:
    line = revisions_of(owner)
    head = line[-1] if line else None
    if version is not None and version not in line:
        state: State = "ahead"
        pending: list[str] = []
    else:
        pending = line[line.index(version) + 1 :] if version is not None else line
        state = "none" if not line else "new" if version is None else "current"
        if pending and version is not None:
            state = "behind"
    return OwnerStatus(
        owner=owner.name, state=state, current=version, head=head, pending=tuple(pending)
    )


@lru_cache(maxsize=1024)
def _read(file: Path, _changed: int) -> tuple[str | None, str | None]:
    """(revision, down_revision) as the file assigns them; (None, None) when it is no migration."""
    found: dict[str, object] = {}
    for node in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
            found[target.id] = ast.literal_eval(node.value)
    revision, parent = found.get("revision"), found.get("down_revision")
    return (
        revision if isinstance(revision, str) else None,
        parent if isinstance(parent, str) else None,
    )
