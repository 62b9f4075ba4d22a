"""The worked example of docs/import-export.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dxp_crm.commands import import_command

PAGE = Path(__file__).resolve().parents[3] / "docs" / "import-export.md"


def test_the_worked_example_is_true(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    files = re.findall(r"`(\w+\.csv)`[^`]*```csv\n(.*?)```", page, re.DOTALL)
    assert [name for name, _content in files] == ["customers.csv", "orders.csv"]
    for name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    (command,) = re.findall(r"\$ dxp crm import (.*)", page)
    (said,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    rows = re.findall(r"^\| (\w+\.csv) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    with app.app_context():
        result = CliRunner().invoke(import_command, command.split())
    assert result.exit_code == 1, result.output
    for line in said.splitlines():
        assert line in result.output
    for row in rows:
        assert re.search(r"\W+".join(row), result.output), (row, result.output)
