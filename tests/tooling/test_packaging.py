"""What the distributions declare, and what a machine without this repository would get."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


def sources() -> list[Path]:
    """Return the folder of every distribution in this repository, the core first."""
    return [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]


def metadata_of(source: Path) -> configparser.ConfigParser:
    """Read a distribution's setup.cfg."""
    config = configparser.ConfigParser()
    config.read(source / "setup.cfg", encoding="utf-8")
    return config


def requirements(source: Path) -> list[Requirement]:
    """Return everything a distribution asks for, extras included."""
    config = metadata_of(source)
    lines = config["options"].get("install_requires", "").splitlines()
    if config.has_section("options.extras_require"):
        for extra in config["options.extras_require"].values():
            lines += extra.splitlines()
    return [Requirement(line) for line in lines if line.strip()]


def pinned() -> dict[str, Version]:
    """Return the exact versions of constraints.txt that apply here."""
    versions = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate():
                (specifier,) = requirement.specifier
                assert specifier.operator == "=="
                versions[requirement.name] = Version(specifier.version)
    return versions


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.name)
def test_every_requirement_has_a_range_that_the_pinned_version_satisfies(source: Path) -> None:
    """A range says what works; the constraints say what was tested."""
    own = {metadata_of(path)["metadata"]["name"] for path in sources()}
    versions = pinned()
    for requirement in requirements(source):
        if requirement.name in own:
            continue
        assert requirement.specifier, f"{requirement.name} names no range"
        assert requirement.name in versions, f"{requirement.name}: run `make constraints`"
        assert versions[requirement.name] in requirement.specifier


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.name)
def test_an_editable_install_is_one_path_that_type_checkers_follow(source: Path) -> None:
    """An import hook in its place would hide the package from mypy and editors."""
    name = metadata_of(source)["metadata"]["name"]
    # The sources' own folder of metadata may be found first; it lists no installed file.
    installed = [
        file for found in importlib.metadata.distributions(name=name) for file in found.files or []
    ]
    hooks = [file for file in installed if file.name.endswith("_finder.py")]
    paths = [file for file in installed if file.name.endswith(".pth")]
    assert hooks == []
    assert [Path(file.locate().read_text(encoding="utf-8").strip()) for file in paths] == [source]


@pytest.mark.parametrize("source", sources()[1:], ids=lambda path: path.name)
def test_a_plugin_asks_for_the_core_and_for_no_other_plugin(source: Path) -> None:
    """Plugins meet through events, hooks and services, never as packages."""
    names = {requirement.name for requirement in requirements(source)}
    own = {metadata_of(path)["metadata"]["name"] for path in sources()}
    assert "dxp" in names
    assert names & (own - {"dxp"}) == set()


@pytest.mark.parametrize("source", sources()[1:], ids=lambda path: path.name)
def test_a_plugin_is_found_under_its_own_name(source: Path) -> None:
    """Folder, package, distribution and entry point agree."""
    name = source.name
    (entry,) = importlib.metadata.entry_points(group="dxp.plugins", name=name)
    assert metadata_of(source)["metadata"]["name"] == f"dxp-{name}"
    assert entry.value == f"dxp_{name}.plugin:{name.capitalize()}Plugin"


def test_the_data_source_is_installed_without_its_dependencies() -> None:
    """The CDNOW purchases are read as a file; the package around them is never imported."""
    distribution = importlib.metadata.distribution("lifetimes")
    data = [file for file in distribution.files or [] if file.name == "CDNOW_sample.txt"]
    assert len(data) == 1
    assert Path(str(data[0].locate())).stat().st_size > 200_000


def test_the_ci_script_is_executable_and_parses() -> None:
    """It is started by name in a fresh clone."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    parsed = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stderr
