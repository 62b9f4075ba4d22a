"""The import contracts hold for this tree, and each of them fails a tree that breaks it."""

from __future__ import annotations

import configparser
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / ".importlinter"
PLUGINS = ROOT / "plugins" / ".importlinter"
LAYERS_BROKEN = "The core's layers import downward only BROKEN"
CORE_BROKEN = "The core imports no plugin BROKEN"
INDEPENDENCE_BROKEN = "No plugin imports another BROKEN"
API_BROKEN = "Plugins import only dxp.api and dxp.contracts BROKEN"


def lint(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the packages below `folder` against a contract file."""
    program = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--config", config, "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def layers() -> list[str]:
    """Return the core's layers, the highest first, as the contract names them."""
    config = configparser.ConfigParser()
    config.read(CORE, encoding="utf-8")
    lines = config["importlinter:contract:core-layers"]["layers"].split("\n")
    return [name.strip(" ()") for line in lines for name in line.split(":") if name.strip()]


def plugin_packages() -> list[str]:
    """Return the packages of the plugins in this repository."""
    return sorted(path.parent.name for path in ROOT.glob("plugins/*/dxp_*/__init__.py"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A made-up tree that keeps every contract: one empty module for each layer and plugin."""
    for package in ("dxp", *plugin_packages()):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for layer in layers():
        (tmp_path / "dxp" / f"{layer}.py").touch()
    for package in plugin_packages():
        (tmp_path / package / "plugin.py").write_text("from dxp import api, contracts\n")
    return tmp_path


@pytest.mark.parametrize("config", [CORE, PLUGINS], ids=["core", "plugins"])
def test_this_tree_keeps_the_contracts(config: Path) -> None:
    """What `make lint` runs passes here too."""
    result = lint(config, ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("config", [CORE, PLUGINS], ids=["core", "plugins"])
def test_the_made_up_tree_is_lawful(tree: Path, config: Path) -> None:
    """Without a violation nothing is reported, so the failures below come from the violations."""
    result = lint(config, tree)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_layer_refuses_an_import_from_the_one_above(tree: Path) -> None:
    """Turning each neighbouring pair of layers around is reported pair by pair."""
    names = layers()
    siblings = {("cli", "testing"), ("app", "api")}
    pairs = [pair for pair in itertools.pairwise(names) if pair not in siblings]
    for upper, lower in pairs:
        (tree / "dxp" / f"{lower}.py").write_text(f"import dxp.{upper}\n")
    result = lint(CORE, tree)
    assert result.returncode == 1
    assert LAYERS_BROKEN in result.stdout
    for upper, lower in pairs:
        assert f"dxp.{lower} is not allowed to import dxp.{upper}" in result.stdout


def test_a_core_module_that_no_layer_names_is_refused(tree: Path) -> None:
    """A new top-level module must be given its place."""
    (tree / "dxp" / "helpers.py").touch()
    result = lint(CORE, tree)
    assert result.returncode == 1
    assert "helpers" in result.stdout


def test_the_core_may_not_import_a_plugin(tree: Path) -> None:
    """Not even the command line or the test kit."""
    (tree / "dxp" / "testing.py").write_text("import dxp_cms\n")
    result = lint(PLUGINS, tree)
    assert result.returncode == 1
    assert CORE_BROKEN in result.stdout


def test_the_core_may_not_name_a_plugin_even_for_the_type_checker(tree: Path) -> None:
    """An annotation is knowledge too."""
    (tree / "dxp" / "web.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import dxp_crm\n"
    )
    result = lint(PLUGINS, tree)
    assert result.returncode == 1
    assert CORE_BROKEN in result.stdout


def test_no_plugin_may_import_another(tree: Path) -> None:
    """Neither direction of any pair passes."""
    pairs = list(itertools.permutations(plugin_packages(), 2))
    for importer, imported in pairs:
        module = tree / importer / f"knows_{imported}.py"
        module.write_text(f"import {imported}.plugin\n")
    result = lint(PLUGINS, tree)
    assert result.returncode == 1
    assert INDEPENDENCE_BROKEN in result.stdout
    for importer, imported in pairs:
        assert f"{importer}.knows_{imported} -> {imported}.plugin" in result.stdout


def test_plugins_may_import_only_the_public_modules(tree: Path) -> None:
    """Every core module but dxp.api and dxp.contracts is private to the core, and so is dxp."""
    private = [name for name in layers() if name not in {"api", "contracts"}]
    for package in plugin_packages():
        (tree / package / "knows_dxp.py").write_text("import dxp\n")
        for name in private:
            (tree / package / f"knows_{name}.py").write_text(f"import dxp.{name}\n")
    result = lint(PLUGINS, tree)
    assert result.returncode == 1
    assert API_BROKEN in result.stdout
    for package in plugin_packages():
        assert f"{package}.knows_dxp -> dxp " in result.stdout
        for name in private:
            assert f"{package}.knows_{name} -> dxp.{name} " in result.stdout


def test_the_contracts_name_every_plugin_in_the_repository() -> None:
    """A plugin that is left out would be bound by nothing."""
    config = configparser.ConfigParser()
    config.read(PLUGINS, encoding="utf-8")
    everywhere = set(plugin_packages())
    api = config["importlinter:contract:plugins-use-the-public-api"]
    assert set(config["importlinter"]["root_packages"].split()) == {"dxp", *everywhere}
    assert set(api["source_modules"].split()) == everywhere
    core = config["importlinter:contract:core-knows-no-plugin"]
    assert set(core["forbidden_modules"].split()) == everywhere
    independence = config["importlinter:contract:plugins-are-independent"]
    assert set(independence["modules"].split()) == everywhere
