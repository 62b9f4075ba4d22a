"""Commands run in this process, on an installation of their own."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dxp.cli.main import root
from dxp.testing.apps import SECRET

_numbers = itertools.count(1)

PLUGIN = '''
import click
from marshmallow import Schema, fields
from sqlalchemy.orm import Mapped

from dxp.api import Base, HealthCheck, Id, Plugin


class Settings(Schema):
    rate = fields.Integer(load_default=1, metadata={{"help": "How much.", "example": 2}})
    token = fields.String(load_default="", metadata={{"help": "A token.", "example": "t"}})


class Thing(Base):
    __tablename__ = "{name}_thing"
    id: Mapped[Id]
    label: Mapped[str]


@click.command("greet")
def greet():
    """Say hello."""
    from flask import current_app

    platform = current_app.extensions["dxp"]
    click.echo(f"hello from {name}, rate {{platform.plugins.settings_of('{name}')['rate']}}")


class SamplePlugin(Plugin):
    name = "{name}"
    requires = {requires!r}
    settings_schema = Settings

    def models(self, ctx):
        return [Thing]

    def commands(self, ctx):
        return [greet]

    def enabled(self, ctx):
        ctx.session.add(Thing(label="made when it was enabled"))
        ctx.report("{name} sets itself up")

    def disabled(self, ctx):
        ctx.report("{name} is sorry to go")

    def purge(self, ctx):
        ctx.report("{name} cleans up")

    def health(self, ctx):
        return [HealthCheck(name="mood", ok={healthy!r}, detail="moody", advice="Cheer it up.")]
'''

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "{name}_thing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_{name}_thing")),
    )


def downgrade():
    op.drop_table("{name}_thing")
"""


@dataclass
class Installation:
    """A folder with settings and data, and `dxp` in it."""

    folder: Path
    environ: dict[str, str]

    def dxp(self, *arguments: str, answer: str | None = None, **environ: str) -> Result:
        """Run a command; an unexpected exception fails the test."""
        return CliRunner().invoke(
            root,
            [*arguments],
            input=answer,
            env={**self.environ, **environ},
            catch_exceptions=False,
        )

    def ok(self, *arguments: str, **environ: str) -> str:
        """Run a command that must succeed; returns what it printed."""
        result = self.dxp(*arguments, **environ)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: str, **environ: str) -> str:
        """Run a command that must be refused; returns what it printed."""
        result = self.dxp(*arguments, **environ)
        assert result.exit_code == 2, f"exit {result.exit_code}: {result.output}"
        assert "Traceback" not in result.output
        return result.output

    def write_settings(self, content: str) -> None:
        (self.folder / "dxp.toml").write_text(textwrap.dedent(content), encoding="utf-8")

    @property
    def settings_text(self) -> str:
        return (self.folder / "dxp.toml").read_text(encoding="utf-8")


@pytest.fixture
def installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank_database: str
) -> Installation:
    """An installation without plugins, on a database without tables."""
    monkeypatch.chdir(tmp_path)
    # A command sets up the logs of its process; this process is pytest's.
    monkeypatch.setattr("dxp.web.configure_logging", lambda _settings: None)
    for name in ("DXP_CONFIG", "DXP_DISABLED_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    installed = sorted(set(entry_points(group="dxp.plugins").names))
    here = Installation(
        folder=tmp_path,
        environ={
            "DXP_DATABASE__URL": blank_database,
            "DXP_SECRET_KEY": SECRET,
            "COLUMNS": "200",
        },
    )
    here.write_settings(f"[dxp]\n# Kept as written.\ndisabled_plugins = {installed!r}\n")
    return here


AddPlugin = Callable[..., str]


@pytest.fixture
def add_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddPlugin:
    """`add_plugin()` installs a plugin with a table of its own, and returns its name."""

    def add(*, requires: dict[str, str] | None = None, healthy: bool = True) -> str:
        # Each has a name of its own, because the models of a process share one registry.
        name = f"sample{next(_numbers)}"
        site = tmp_path / f"site-{name}"
        package = site / f"dxp_{name}"
        (package / "migrations" / "versions").mkdir(parents=True)
        (package / "__init__.py").write_text("", encoding="utf-8")
        source = PLUGIN.format(name=name, requires=requires or {}, healthy=healthy)
        (package / "plugin.py").write_text(source, encoding="utf-8")
        migration = package / "migrations" / "versions" / "0001_things.py"
        migration.write_text(MIGRATION.format(name=name), encoding="utf-8")
        info = site / f"dxp_{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: dxp-{name}\nVersion: 1.2\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[dxp.plugins]\n{name} = dxp_{name}.plugin:SamplePlugin\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(site))
        return name

    return add
