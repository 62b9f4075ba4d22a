"""Migrations: each owner's own line of revisions, under one lock, a transaction for each owner.

Alembic is imported only by what changes or compares tables; asking whether a database is current
does without, because every process asks at its start.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from dxp.db.engine import prepare_engine
from dxp.db.exclusive import migrating_alone
from dxp.db.owners import CORE, MIGRATIONS, Owner, owners_of
from dxp.db.revisions import OwnerStatus, revisions_of, status_of, unfit, versions_in
from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

    from dxp.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Step:
    """One revision that was just applied or taken back."""

    owner: str
    revision: str
    message: str
    direction: Literal["up", "down"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The models of an owner say something else than its tables."""

    owner: str
    text: str


Report = Callable[[Step], None]


def assert_current(platform: Platform) -> None:
    """Refuse a database on which the installed code must not run.

    Raises:
        ConfigurationError: it cannot be reached, is behind, or is ahead.
    """
    reason = unfit(statuses(platform))
    if reason is not None:
        # Whoever is refused never gets hold of the platform to close it.
        platform.db.dispose()
        raise ConfigurationError(reason)


def statuses(platform: Platform) -> list[OwnerStatus]:
    """How far the migrations of each owner have come.

    Raises:
        ConfigurationError: the database cannot be reached.
    """
    try:
        with platform.db.read() as session:
            return status_of(session.connection(), owners_of(platform))
    except OperationalError as error:
        raise ConfigurationError(
            f"The database {platform.db.engine.url.render_as_string()} cannot be reached: "
            f"{_first_line(error)}.\nIt is not running, or the address is wrong. Check "
            "database.url with: dxp settings show"
        ) from error


def upgrade(
    engine: Engine,
    owners: Sequence[Owner],
    *,
    report: Report = lambda _step: None,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Bring every owner to its newest revision, in the given order.

    When an owner's step fails, nothing of that owner is changed; those before it stay upgraded,
    and the same command goes on from there.

    Raises:
        ConfigurationError: a step failed, or the database is ahead of the code.
    """
    with migrating_alone(engine, waiting=waiting):
        with engine.connect() as connection:
            found = status_of(connection, owners)
        _refuse_ahead(found)
        pending = {item.owner for item in found if item.pending}
        for owner in owners:
            if owner.name in pending:
                _move(engine, owner, owners, to="head", report=report)


def downgrade(
    engine: Engine,
    owner: Owner,
    owners: Sequence[Owner],
    *,
    revision: str,
    report: Report = lambda _step: None,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Take an owner back to `revision`, or to before its first with `base`.

    Raises:
        ConfigurationError: there is no such revision, others still need the core, or a step
            failed; nothing is changed then.
    """
    line = revisions_of(owner)
    if revision != "base" and revision not in line:
        raise ConfigurationError(
            f"{owner.name} has no revision {revision!r}.\n"
            f"It has: {', '.join(line) or 'none'}, and base for before the first."
        )
    with migrating_alone(engine, waiting=waiting):
        with engine.connect() as connection:
            held = versions_in(connection)
        others = [name for name, version in held.items() if version and name != CORE]
        if owner.name == CORE and revision == "base" and others:
            raise ConfigurationError(
                f"The core's tables cannot go while {', '.join(sorted(others))} refer to them.\n"
                "Take those back first: "
                + "; ".join(f"dxp db downgrade {name} base" for name in sorted(others))
            )
        _move(engine, owner, owners, to=revision, report=report)


def drop_version_table(engine: Engine, owner: Owner) -> None:
    """Forget that an owner ever migrated this database; its tables must be gone."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{owner.version_table}"')


def check(engine: Engine, owners: Sequence[Owner]) -> list[Difference]:
    """Compare the models that are loaded with the tables of the database.

    An owner without migrations is left out: it has no say over tables.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from dxp.db.base import Base
    from dxp.db.comparison import comparison_options, describe_difference

    found: list[Difference] = []
    with engine.execution_options(dxp_read=True).connect() as connection:
        for owner in owners:
            options = comparison_options(connection, owner, owners)
            context = MigrationContext.configure(
                connection, opts={**options, "version_table": owner.version_table}
            )
            found += [
                Difference(owner=owner.name, text=describe_difference(difference))
                for difference in compare_metadata(context, Base.metadata)
            ]
    return found


def write_revision(
    owner: Owner, owners: Sequence[Owner], *, message: str, scratch: Path
) -> Path | None:
    """Write the migration that leads from an owner's last revision to its models.

    It compares with a scratch database that the existing migrations make, so the state of
    anybody's own database plays no part. Look it over: autogenerate sees tables and columns, not
    what data must become.

    Args:
        scratch: an empty folder.

    Returns:
        the new file; None when the models hold nothing new.

    Raises:
        ConfigurationError: the owner has no place for migrations.
    """
    from alembic import command

    if owner.versions is None:
        raise ConfigurationError(
            f"{owner.name} is no installed package, so there is no folder for its migrations.\n"
            "Give the plugin a package of its own: dxp plugin new"
        )
    owner.versions.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{scratch / 'scratch.sqlite3'}")
    prepare_engine(engine)
    try:
        upgrade(engine, owners)
        if not [item for item in check(engine, [owner, *owners]) if item.owner == owner.name]:
            return None
        with _transaction(engine) as connection:
            config = _config(connection, owner, owners, report=lambda _step: None)
            written: Any = command.revision(
                config,
                message,
                autogenerate=True,
                rev_id=f"{len(revisions_of(owner)) + 1:04d}",
            )
    finally:
        engine.dispose()
    path = Path(written.path)
    _tidy(path)
    return path


def _tidy(path: Path) -> None:
    """Leave out the generator's remarks, and lay the file out like the rest where ruff is there."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ### " not in line), encoding="utf-8")
    if importlib.util.find_spec("ruff") is not None:
        ruff = [sys.executable, "-m", "ruff"]
        for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
            subprocess.run([*ruff, *command, str(path)], check=False)  # noqa: S603


def _move(
    engine: Engine, owner: Owner, owners: Sequence[Owner], *, to: str, report: Report
) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        with _transaction(engine) as connection:
            config = _config(connection, owner, owners, report=report)
            going_up = to == "head"
            (command.upgrade if going_up else command.downgrade)(config, to)
    except (SQLAlchemyError, CommandError) as error:
        raise ConfigurationError(
            f"A migration of {owner.name} failed: {_first_line(error)}.\n"
            f"Nothing of {owner.name} was changed; owners before it are done. Mend the cause, "
            "then run the same command again: it goes on from here."
        ) from error


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables may be made anew, which on SQLite breaks keys meanwhile."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        if driver is None:
            raise RuntimeError("the connection was closed before the migration began")
        driver.cursor().execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                _refuse_dangling(connection)
        finally:
            driver.cursor().execute("PRAGMA foreign_keys=ON")


def _refuse_dangling(connection: Connection) -> None:
    broken = {
        f"{row[0]} -> {row[2]}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
    }
    if broken:
        raise ConfigurationError(
            f"The migration leaves rows that refer to nothing: {', '.join(sorted(broken))}.\n"
            "Nothing was changed. Let the migration delete or repair those rows first."
        )


def _config(
    connection: Connection, owner: Owner, owners: Sequence[Owner], *, report: Report
) -> Config:
    from alembic.config import Config

    def tell(step: Any, **_rest: Any) -> None:
        up = bool(step.is_upgrade)
        for script in step.up_revisions if up else step.down_revisions or step.up_revisions:
            report(
                Step(
                    owner=owner.name,
                    revision=script.revision,
                    message=script.doc,
                    direction="up" if up else "down",
                )
            )

    config = Config(stdout=io.StringIO(), cmd_opts=argparse.Namespace(quiet=True))
    config.attributes.update(connection=connection, owner=owner, owners=owners, report=tell)
    config.set_main_option("script_location", _escaped(MIGRATIONS))
    config.set_main_option("version_locations", _escaped(owner.versions or MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("truncate_slug_length", "60")
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _refuse_ahead(found: Sequence[OwnerStatus]) -> None:
    if any(item.state == "ahead" for item in found):
        raise ConfigurationError(unfit(found) or "")


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, SQLAlchemyError) and error.__cause__ else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
