"""`dxp plugin new` makes a plugin that works at once, whatever its name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dxp.cli.scaffold import new
from dxp.plugins.discovery import announced
from dxp.plugins.scaffold import ScaffoldError, check_name, make_plugin

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["wishlist", "gift_cards", "extraordinarily_long_name_here"]


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment that can import what lies in `folder`."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    path = f"{folder}{os.pathsep}{ROOT}"
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**kept, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def invoke(*arguments: str) -> Result:
    """Run `dxp plugin new` in this process."""
    return CliRunner().invoke(new, arguments)


@pytest.mark.parametrize(
    "name",
    ["", "Wishlist", "wish-list", "1st", "wish__list", "_wish", "wish_", "class", "a" * 31, "é"],
)
def test_a_name_that_cannot_be_an_identifier_is_refused(name: str) -> None:
    """With the reason and an example."""
    with pytest.raises(ScaffoldError, match="such as wishlist"):
        check_name(name)


def test_a_name_of_the_core_is_refused() -> None:
    """Its tables and settings would be taken for the core's."""
    with pytest.raises(ScaffoldError, match="a name of the core"):
        check_name("core")


def test_the_name_of_an_installed_plugin_is_refused() -> None:
    """And the other one is named."""
    with pytest.raises(ScaffoldError, match=r"dxp_cms\.plugin"):
        check_name("cms")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """Nothing is overwritten or added."""
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(ScaffoldError, match="--to"):
        make_plugin("wishlist", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_the_command_tells_a_wrong_name_without_a_traceback(tmp_path: Path) -> None:
    """And writes nothing."""
    result = invoke("Wish-List", "--to", str(tmp_path / "new"))
    assert result.exit_code == 1
    assert "cannot name a plugin" in result.output
    assert not (tmp_path / "new").exists()


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    """How to install it, if it was not, and how to test it."""
    folder = tmp_path / "wishlist"
    result = invoke("wishlist", "--to", str(folder), "--no-install")
    assert result.exit_code == 0, result.output
    assert f"-e {folder}" in result.output
    assert "dxp db upgrade" in result.output
    assert (folder / "dxp_wishlist" / "plugin.py").is_file()


def test_without_a_place_a_plugin_goes_beside_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below plugins/ where there is such a folder, else into one of its own."""
    monkeypatch.chdir(tmp_path)
    assert invoke("wishlist", "--no-install").exit_code == 0
    assert (tmp_path / "wishlist" / "setup.cfg").is_file()
    (tmp_path / "plugins").mkdir()
    assert invoke("gift_cards", "--no-install").exit_code == 0
    assert (tmp_path / "plugins" / "gift_cards" / "setup.cfg").is_file()


def test_no_placeholder_is_left_in_any_file(tmp_path: Path) -> None:
    """Neither in a text nor in a name."""
    for path in make_plugin("gift_cards", tmp_path / "new"):
        assert "__name__" not in path.parts
        assert path.suffix != ".jinja"
        if path.suffix != ".mo":
            text = path.read_text(encoding="utf-8")
            assert "<<" not in text, path
            assert "wishlist" not in text, path


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_new_plugins_tests_pass_at_once(tmp_path: Path, name: str) -> None:
    """They cover its service, API, documentation, admin page, job, command and translations."""
    make_plugin(name, tmp_path)
    result = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_new_plugin_is_laid_out_as_its_linter_wants_it(tmp_path: Path, name: str) -> None:
    """Names differ in length, so the same lines break elsewhere."""
    made = make_plugin(name, tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(made)
    for check in (["check"], ["format", "--check"]):
        result = run(tmp_path, "-m", "ruff", *check, "--no-cache", ".")
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_new_plugins_are_clean_for_the_strict_type_checker(tmp_path: Path) -> None:
    """Checked together, because most of the time goes into reading dxp itself."""
    folders = [tmp_path / name for name in NAMES]
    for name, folder in zip(NAMES, folders, strict=True):
        make_plugin(name, folder)
    packages = [argument for name in NAMES for argument in ("-p", f"dxp_{name}")]
    config = ["--config-file", str(folders[0] / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    result = run(
        tmp_path,
        *("-m", "mypy", *config, *packages),
        MYPYPATH=os.pathsep.join(map(str, [ROOT, *folders])),
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_an_installed_plugin_is_seen_by_every_command(tmp_path: Path) -> None:
    """The wheel carries its migration, templates and catalogues, and dxp finds them."""
    source, site = tmp_path / "source", tmp_path / "site"
    make_plugin("wishlist", source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile"]
    installed = run(
        site.parent, "-m", "pip", "install", *options, "--target", str(site), "./source"
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr

    def dxp(*arguments: str) -> str:
        code = "from dxp.cli.main import main; main()"
        others = {"DXP_DISABLED_PLUGINS": ",".join(announced())}
        result = run(site, "-c", code, *arguments, DXP_DATA_DIR=str(tmp_path / "data"), **others)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    assert "wishlist" in dxp("db", "upgrade")
    dxp("db", "check")
    assert dxp("wishlist", "count").strip() == "0"
    assert "wishlist" in dxp("plugins")
    assert "wishlist" in dxp("--help")
    package = site / "dxp_wishlist"
    assert (package / "templates" / "wishlist" / "items.html").is_file()
    assert (package / "translations" / "fa" / "LC_MESSAGES" / "messages.mo").is_file()
