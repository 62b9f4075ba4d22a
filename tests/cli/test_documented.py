"""What docs/operations.md and docs/settings.md say can be typed can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from dxp.cli.main import root
from dxp.errors import ConfigurationError
from dxp.settings.loading import load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
_TYPED = re.compile(r"(?:^ {4}|`|=)(?:/opt/dxp/bin/)?(dxp [a-z][^`#\n)]*)", re.MULTILINE)


def commands() -> list[str]:
    """Every command line of dxp that the pages show."""
    found = []
    for page in ("operations.md", "settings.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        found += [match.strip() for match in _TYPED.findall(text)]
    return sorted(set(found))


@pytest.mark.parametrize("line", commands())
def test_a_documented_command_and_its_options_exist(line: str) -> None:
    words = shlex.split(line.partition(">")[0])[1:]
    context = click.Context(root)
    command: click.Command = root
    while words and isinstance(command, click.Group):
        step = command.get_command(context, words[0])
        assert step is not None, f"{words[0]} is no command of {command.name}"
        command, words = step, words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_documented_settings_load(tmp_path: Path) -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    (file,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "dxp.toml").write_text(file, encoding="utf-8")
    variables = dict(re.findall(r"`(DXP_[A-Z_]+)=([^`]+)` \|", text))
    assert len(variables) == 5
    key = "0123456789abcdefghijklmnopqrstuvwxyz"
    settings = load_settings(tmp_path / "dxp.toml", environ={**variables, "DXP_SECRET_KEY": key})
    assert settings.database.url == "postgresql://dxp@127.0.0.1/dxp"
    assert settings.server.port == 8080
    assert settings.plugins["crm"]["birthday_edits"] == "2"


def test_the_documented_refusal_is_what_is_said(tmp_path: Path) -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```\n(2 settings are wrong.*?)```", text, re.DOTALL)
    file = tmp_path / "dxp.toml"
    file.write_text("\n" * 5 + "[server]\nprot = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file, environ={"DXP_LOG__LEVEL": "loud"})
    assert str(caught.value).startswith(shown.rstrip())
