"""Migrations by owner: each on its own, all or nothing, one process at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect

from dxp.db.engine import prepare_engine
from dxp.db.migrate import Step, downgrade, drop_version_table, upgrade
from dxp.db.owners import Owner, core_owner, owner_of_table, plugin_owner
from dxp.db.revisions import revisions_of, status_of, unfit
from dxp.errors import ConfigurationError

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {parent!r}


def upgrade():
    {up}


def downgrade():
    {down}
"""


class Package:
    """A plugin's folder of migrations, as an owner."""

    def __init__(self, folder: Path, name: str) -> None:
        self.owner = Owner(name=name, prefix=f"{name}_", versions=folder / name)
        (folder / name).mkdir()

    def add(self, *, up: str, down: str = "pass", revision: str | None = None) -> str:
        """Add a revision that follows the last."""
        line = revisions_of(self.owner)
        revision = revision or f"{len(line) + 1:04d}"
        text = REVISION.format(
            revision=revision, parent=line[-1] if line else None, up=up, down=down
        )
        self._file(revision).write_text(text, encoding="utf-8")
        return revision

    def add_table(self, name: str) -> str:
        """Add a revision that makes a table with one column."""
        return self.add(
            up=f"op.create_table({name!r}, sa.Column('id', sa.Integer, primary_key=True))",
            down=f"op.drop_table({name!r})",
        )

    def remove(self, revision: str) -> None:
        self._file(revision).unlink()

    def _file(self, revision: str) -> Path:
        assert self.owner.versions is not None
        return self.owner.versions / f"{revision}_step.py"


@pytest.fixture
def engine(blank_database: str) -> Iterator[Engine]:
    engine = create_engine(blank_database)
    prepare_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def crm(tmp_path: Path) -> Package:
    package = Package(tmp_path, "crm")
    package.add_table("crm_customer")
    return package


@pytest.fixture
def shop(tmp_path: Path) -> Package:
    package = Package(tmp_path, "shop")
    package.add_table("shop_order")
    package.add_table("shop_line")
    return package


def tables(engine: Engine) -> set[str]:
    names = inspect(engine).get_table_names()
    return {name for name in names if not name.startswith("alembic_version_")}


def states(engine: Engine, *owners: Owner) -> dict[str, str]:
    with engine.connect() as connection:
        return {item.owner: item.state for item in status_of(connection, owners)}


def test_an_upgrade_runs_each_owners_line_in_the_given_order(
    engine: Engine, crm: Package, shop: Package
) -> None:
    steps: list[Step] = []
    upgrade(engine, [shop.owner, crm.owner], report=steps.append)
    assert [(step.owner, step.revision) for step in steps] == [
        ("shop", "0001"),
        ("shop", "0002"),
        ("crm", "0001"),
    ]
    assert tables(engine) == {"crm_customer", "shop_order", "shop_line"}


def test_a_second_upgrade_has_nothing_to_do(engine: Engine, crm: Package) -> None:
    steps: list[Step] = []
    upgrade(engine, [crm.owner])
    upgrade(engine, [crm.owner], report=steps.append)
    assert steps == []


def test_an_owner_that_appears_later_is_added_to_what_is_there(
    engine: Engine, crm: Package, shop: Package
) -> None:
    upgrade(engine, [crm.owner])
    assert states(engine, crm.owner, shop.owner) == {"crm": "current", "shop": "new"}
    upgrade(engine, [crm.owner, shop.owner])
    assert states(engine, crm.owner, shop.owner) == {"crm": "current", "shop": "current"}


def test_a_removed_plugin_stands_in_nobodys_way(
    engine: Engine, crm: Package, shop: Package
) -> None:
    upgrade(engine, [crm.owner, shop.owner])
    crm.add_table("crm_note")
    upgrade(engine, [crm.owner])
    assert states(engine, crm.owner) == {"crm": "current", "shop": "removed"}
    with engine.connect() as connection:
        assert unfit(status_of(connection, [crm.owner])) is None


def test_taking_one_owner_back_leaves_the_others_alone(
    engine: Engine, crm: Package, shop: Package
) -> None:
    owners = [crm.owner, shop.owner]
    upgrade(engine, owners)
    downgrade(engine, shop.owner, owners, revision="0001")
    assert tables(engine) == {"crm_customer", "shop_order"}
    assert states(engine, *owners) == {"crm": "current", "shop": "behind"}
    downgrade(engine, shop.owner, owners, revision="base")
    assert tables(engine) == {"crm_customer"}
    drop_version_table(engine, shop.owner)
    assert states(engine, crm.owner) == {"crm": "current"}


def test_a_failed_step_undoes_its_owner_and_keeps_those_before(
    engine: Engine, crm: Package, shop: Package
) -> None:
    broken = shop.add(up="op.execute('SELECT nonsense FROM nowhere')")
    with pytest.raises(ConfigurationError, match="A migration of shop failed"):
        upgrade(engine, [crm.owner, shop.owner])
    assert tables(engine) == {"crm_customer"}
    assert states(engine, crm.owner, shop.owner) == {"crm": "current", "shop": "new"}
    shop.remove(broken)
    upgrade(engine, [crm.owner, shop.owner])
    assert tables(engine) == {"crm_customer", "shop_order", "shop_line"}


KILLED = """
import os, sys
from pathlib import Path
from sqlalchemy import create_engine
from dxp.db.engine import prepare_engine
from dxp.db.migrate import upgrade
from dxp.db.owners import Owner

owner = Owner(name="shop", prefix="shop_", versions=Path(sys.argv[2]))
engine = create_engine(sys.argv[1])
prepare_engine(engine)
steps = []

def report(step):
    steps.append(step)
    if len(steps) == 2 and sys.argv[3] == "die":
        os.kill(os.getpid(), 9)

upgrade(engine, [owner], report=report)
"""


def program(engine: Engine, shop: Package, what: str) -> list[str]:
    url = engine.url.render_as_string(hide_password=False)
    return [sys.executable, "-c", KILLED, url, str(shop.owner.versions), what]


def test_a_process_killed_midway_leaves_nothing_half_done(engine: Engine, shop: Package) -> None:
    died = subprocess.run(program(engine, shop, "die"), check=False)
    assert died.returncode == -9
    assert tables(engine) == set()
    upgrade(engine, [shop.owner])
    assert tables(engine) == {"shop_order", "shop_line"}


def test_processes_that_upgrade_at_once_do_it_once(engine: Engine, shop: Package) -> None:
    running = [subprocess.Popen(program(engine, shop, "live")) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert states(engine, shop.owner) == {"shop": "current"}


def test_a_database_from_a_newer_release_is_refused(engine: Engine, crm: Package) -> None:
    newer = crm.add_table("crm_note")
    upgrade(engine, [crm.owner])
    crm.remove(newer)
    assert states(engine, crm.owner) == {"crm": "ahead"}
    with pytest.raises(ConfigurationError, match="ahead of the installed code: crm is at 0002"):
        upgrade(engine, [crm.owner])


def test_what_is_missing_is_told_with_the_command_to_run(engine: Engine, crm: Package) -> None:
    with engine.connect() as connection:
        reason = unfit(status_of(connection, [crm.owner]))
    assert reason is not None
    assert "crm is at nothing and needs 0001" in reason
    assert "dxp db upgrade" in reason


def test_an_unknown_revision_is_refused_with_those_there_are(engine: Engine, shop: Package) -> None:
    upgrade(engine, [shop.owner])
    with pytest.raises(ConfigurationError, match="0001, 0002, and base"):
        downgrade(engine, shop.owner, [shop.owner], revision="0009")


def test_the_core_cannot_go_while_plugins_refer_to_it(
    engine: Engine, tmp_path: Path, crm: Package
) -> None:
    core = Package(tmp_path, "core")
    core.add_table("dxp_thing")
    owners = [core.owner, crm.owner]
    upgrade(engine, owners)
    with pytest.raises(ConfigurationError, match="dxp db downgrade crm base"):
        downgrade(engine, core.owner, owners, revision="base")
    downgrade(engine, crm.owner, owners, revision="base")
    downgrade(engine, core.owner, owners, revision="base")
    assert tables(engine) == set()


def test_a_migration_that_leaves_dangling_rows_is_undone(engine: Engine, shop: Package) -> None:
    shop.add(
        up="""op.create_table('shop_part', sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('order_id', sa.Integer, sa.ForeignKey('shop_order.id')))
    op.execute('INSERT INTO shop_part VALUES (1, 77)')"""
    )
    with pytest.raises(ConfigurationError):
        upgrade(engine, [shop.owner])
    assert tables(engine) == set()


def test_two_revisions_that_follow_the_same_one_are_refused(tmp_path: Path, crm: Package) -> None:
    assert crm.owner.versions is not None
    other = REVISION.format(revision="0001b", parent=None, up="pass", down="pass")
    (crm.owner.versions / "0001b_other.py").write_text(other, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="fork: '0001' and '0001b'"):
        revisions_of(crm.owner)


def test_a_missing_revision_in_between_is_refused(shop: Package) -> None:
    shop.remove("0001")
    with pytest.raises(ConfigurationError, match="nothing leads to 0002"):
        revisions_of(shop.owner)


def test_a_table_belongs_to_the_owner_with_the_longest_fitting_prefix() -> None:
    crm = Owner(name="crm", prefix="crm_", versions=None)
    plus = Owner(name="crm_plus", prefix="crm_plus_", versions=None)
    assert owner_of_table("crm_plus_note", [crm, plus]) == plus
    assert owner_of_table("crm_note", [crm, plus]) == crm
    assert owner_of_table("crmnote", [crm, plus]) is None


def test_a_plugin_inside_the_cores_own_package_does_not_take_the_cores_migrations() -> None:
    assert plugin_owner("sample", prefix="sample_", package="dxp").versions is None
    assert plugin_owner("ghost", prefix="ghost_", package="no_such_package").versions is None


def test_the_cores_first_table_is_there_after_an_upgrade(engine: Engine) -> None:
    upgrade(engine, [core_owner()])
    assert "dxp_subject" in tables(engine)
