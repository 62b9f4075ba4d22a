"""The set-up script repeats a step only when its sources changed, and explains a failure."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with an empty folder as its working copy."""
    location = ROOT / "tools" / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", location)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    state = tmp_path / ".venv" / "bootstrap"
    state.mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STATE", state)
    return module


def program(folder: Path, name: str, script: str) -> None:
    """Put an executable shell script on a folder that a test uses as its PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_step_runs_once_until_its_sources_change(bootstrap: ModuleType, tmp_path: Path) -> None:
    """A second run with the same sources does nothing; a changed byte repeats the step."""
    source = tmp_path / "setup.cfg"
    ran: list[str] = []
    for content in ("one", "one", "two", "two", "one"):
        source.write_text(content)
        key = bootstrap.digest([source])
        bootstrap.step("python", key, "Installing", lambda content=content: ran.append(content))
    assert ran == ["one", "two", "one"]


def test_a_step_whose_output_is_gone_runs_again(bootstrap: ModuleType) -> None:
    """Somebody removed node_modules: the recorded key alone does not count."""
    ran: list[int] = []
    for done in (True, True, False):
        bootstrap.step("npm", "key", "Installing", lambda: ran.append(1), done=done)
    assert len(ran) == 2


def test_a_step_that_failed_runs_again(bootstrap: ModuleType) -> None:
    """A failure leaves no key behind, not even the one of an earlier success."""
    bootstrap.step("npm", "key", "Installing", lambda: None)
    with pytest.raises(bootstrap.SetupError):
        bootstrap.step("npm", "new", "Installing", lambda: bootstrap.run("npm", ["false"]))
    ran: list[int] = []
    bootstrap.step("npm", "key", "Installing", lambda: ran.append(1))
    assert ran == [1]


def test_a_key_tells_an_absent_file_from_an_empty_one(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    """So that adding a file repeats the step."""
    source = tmp_path / ".npmrc"
    absent = bootstrap.digest([source])
    source.touch()
    assert bootstrap.digest([source]) != absent


def test_a_failed_command_shows_the_end_of_its_output_and_what_to_do(
    bootstrap: ModuleType,
) -> None:
    """What happened, why, and what to do."""
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.run("npm", ["sh", "-c", "echo the disk is full; exit 3"])
    message = str(caught.value)
    assert "failed with status 3" in message
    assert "the disk is full" in message
    assert ".venv/bootstrap/npm.log" in message
    assert "run the same command again" in message


@pytest.mark.parametrize(
    ("programs", "complaint"),
    [
        ({}, "node was not found on the PATH"),
        ({"node": "echo v22.1.0"}, "npm was not found on the PATH"),
        ({"node": "echo v18.20.1", "npm": ":"}, "`node --version` says 18.20.1"),
        ({"node": "exit 1", "npm": ":"}, "`node --version` says nothing"),
    ],
)
def test_a_missing_or_old_node_is_named(
    bootstrap: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    programs: dict[str, str],
    complaint: str,
) -> None:
    """Before anything is installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in programs.items():
        program(folder, name, script)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(bootstrap.SetupError, match="Install") as caught:
        bootstrap.check_interpreters()
    assert complaint in str(caught.value)


def test_a_node_that_is_new_enough_passes(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check refuses nothing else."""
    program(tmp_path, "node", "echo v20.0.0")
    program(tmp_path, "npm", ":")
    monkeypatch.setenv("PATH", str(tmp_path))
    bootstrap.check_interpreters()


@pytest.mark.parametrize(
    ("python", "complaint"),
    [
        ("no-such-python", "no-such-python was not found"),
        ("old-python", "old-python is Python 3.9.2"),
    ],
)
def test_make_refuses_a_missing_or_old_python_with_advice(
    tmp_path: Path, python: str, complaint: str
) -> None:
    """The system's Python may be too old to read the script that would say so."""
    program(tmp_path, "old-python", 'if [ "$1" = -V ]; then echo Python 3.9.2; else exit 1; fi')
    result = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", f"PYTHON={python}", "run"],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert complaint in result.stdout
    assert "make PYTHON=/path/to/python3.11 run" in result.stdout


def test_catalogues_are_compiled_and_a_broken_one_is_named(tmp_path: Path) -> None:
    """Confirmed entries are compiled, fuzzy ones are not, and bad syntax is an error."""
    folder = tmp_path / "translations" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = folder / "messages.po"
    catalogue.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Gift"\nmsgstr "Cadeau"\n\n#, fuzzy\nmsgid "Order"\nmsgstr "Ordre"\n',
        encoding="utf-8",
    )
    script = [sys.executable, ROOT / "tools" / "compile_translations.py", catalogue]
    assert subprocess.run(script, check=False).returncode == 0
    compiled = (folder / "messages.mo").read_bytes()
    assert b"Cadeau" in compiled
    assert b"Ordre" not in compiled

    for broken in (
        "Gift = Cadeau\n",
        '#, python-format\nmsgid "%(count)s gifts"\nmsgstr "%(nombre)s cadeaux"\n',
    ):
        catalogue.write_text(broken, encoding="utf-8")
        result = subprocess.run(script, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "messages.po" in result.stderr
