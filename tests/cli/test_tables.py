"""What a list prints can be copied into the next command, whatever it holds."""

from __future__ import annotations

import re

import pytest

from dxp.cli.tables import print_table
from tests.cli.conftest import Installation


def test_a_pipe_gets_a_line_for_each_row(installation: Installation) -> None:
    installation.ok("db", "upgrade")
    told = installation.ok("staff", "permissions", COLUMNS="40")
    (line,) = [line for line in told.splitlines() if "core.audit.read" in line]
    assert line.split() == ["core.audit.read", "Read", "the", "audit", "log", "core", "no"]


def test_a_narrow_terminal_wraps_and_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Both, or rich takes a terminal that is not one for 80 columns wide.
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "32", "LINES": "25"}
    for variable, value in terminal.items():
        monkeypatch.setenv(variable, value)
    name, plugin = "loyalty.adjustments.write", "loyalty-and-more"
    print_table(("Permission", "Plugin"), [(name, plugin)])
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    first = next(index for index, line in enumerate(printed) if line.startswith(name))
    assert len(printed) > first + 1, "it is too narrow for one line"
    assert "".join(line[len(name) :].strip() for line in printed[first:]) == plugin


@pytest.mark.parametrize("name", ["the [/red] key", "[bold]loud[/bold]", ":smile:"])
def test_what_people_wrote_is_no_markup(installation: Installation, name: str) -> None:
    installation.ok("db", "upgrade")
    installation.ok("keys", "create", name, "--scope", "events.write")
    assert name in installation.ok("keys", "list")
    installation.ok("staff", "create", "ada@example.com", "--name", name)
    assert name in installation.ok("staff", "list")
