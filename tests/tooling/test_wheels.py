"""A wheel holds everything that its distribution needs where there is no repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Made from sources before a wheel is built, and not known to git.
BUILT = ("static/build/**/*", "translations/**/*.mo")
LEFT_OUT = {"README.md", ".gitkeep"}

pytestmark = pytest.mark.slow


def package_of(source: Path) -> Path:
    """Return the one package of a distribution."""
    return ROOT / "dxp" if source == ROOT else source / f"dxp_{source.name}"


def contents(package: Path) -> set[Path]:
    """Return the files below a package that git tracks or would, and those built into it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", package],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {ROOT / name for name in listed.stdout.split("\0") if name}
    for pattern in BUILT:
        found |= set(package.glob(f"**/{pattern}"))
    return {path for path in found if path.is_file()}


@pytest.mark.parametrize(
    "source",
    [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))],
    ids=lambda path: "core" if path == ROOT else path.name,
)
def test_a_wheel_holds_every_file_of_its_package_and_nothing_else(
    source: Path, tmp_path: Path
) -> None:
    """Templates, catalogues, migrations and the built front end travel with the code."""
    package = package_of(source)
    files = contents(package)
    copy = tmp_path / "source"
    for path in files | {source / "setup.cfg", source / "pyproject.toml"}:
        target = copy / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in ("README.md", "LICENSE"):
        if (source / name).is_file():
            shutil.copyfile(source / name, copy / name)

    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path]
    built = subprocess.run([*command, copy], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {path.relative_to(source).as_posix() for path in files if path.name not in LEFT_OUT}
    assert wanted - names == set()
    assert {name for name in names - wanted if Path(name).name not in LEFT_OUT} == set()
