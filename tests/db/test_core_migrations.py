"""The core's own migrations say what its models say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, inspect

from dxp.db.engine import prepare_engine
from dxp.db.migrate import check, downgrade, upgrade
from dxp.db.owners import core_owner
from dxp.platform import Platform


@pytest.fixture
def engine(blank_database: str) -> Iterator[Engine]:
    engine = create_engine(blank_database)
    prepare_engine(engine)
    yield engine
    engine.dispose()


def test_the_migrations_make_what_the_models_say(platform: Platform, engine: Engine) -> None:
    core = core_owner()
    upgrade(engine, [core])
    assert [difference.text for difference in check(engine, [core])] == []


def test_the_migrations_can_be_taken_back_and_done_again(engine: Engine) -> None:
    core = core_owner()
    upgrade(engine, [core])
    downgrade(engine, core, [core], revision="base")
    assert inspect(engine).get_table_names() == [core.version_table]
    upgrade(engine, [core])
    assert "dxp_subject" in inspect(engine).get_table_names()
