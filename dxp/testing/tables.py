"""Making the tables of a scratch database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData

from dxp.db import Base
from dxp.db.migrate import check, upgrade
from dxp.db.owners import Owner, owner_of_table, owners_of
from dxp.db.revisions import revisions_of

if TYPE_CHECKING:
    from dxp.platform import Platform


def make_tables(platform: Platform) -> None:
    """Migrate an empty database, as an installation does.

    While somebody is at work on models, their migration lags behind; the tables of such an owner
    are made from the models, so that the tests go on. One check of `PluginKit`, and the core's
    like it, fails until the migration is written.
    """
    engine = platform.db.engine
    owners = owners_of(platform)
    upgrade(engine, owners)
    lagging = {difference.owner for difference in check(engine, owners)}
    if not lagging:
        return
    with engine.begin() as connection:
        _drop_everything(connection)
    for owner in owners:
        if owner.name not in lagging:
            upgrade(engine, [owner])
            continue
        with engine.begin() as connection:
            _from_models(connection, owner, owners)


def _from_models(connection: Connection, owner: Owner, owners: Sequence[Owner]) -> None:
    """Make the tables of an owner from its models, marked as current."""
    tables = [
        table
        for table in Base.metadata.sorted_tables
        if owner_of_table(table.name, owners) == owner
    ]
    Base.metadata.create_all(connection, tables=tables)
    line = revisions_of(owner)
    if line:
        table = owner.version_table
        connection.exec_driver_sql(f"CREATE TABLE {table} (version_num VARCHAR(32) PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('{line[-1]}')")


def _drop_everything(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        return
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)
