"""The rules on what lies where, and on what may not lie anywhere."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 600
CODE = {".py", ".js", ".mjs", ".css", ".html", ".jinja", ".sh"}
# Written so that this file itself does not match what it looks for.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "deb." + "debian.org",
    "archive." + "ubuntu.com",
]
MACHINE_PATH = re.compile(r"(?<![\w.}>*-])/(?:" + "work|root|home|Users" + r")/\w")


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return tuple(path for path in paths if path.is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file that is text."""
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8000]:
            yield path.relative_to(ROOT).as_posix(), data.decode("utf-8")


def plugins() -> list[Path]:
    """Return the folders of the plugins in this repository."""
    return sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))


def test_no_source_file_is_longer_than_the_limit() -> None:
    """A file past the limit does more than one thing; migrations are written by a tool."""
    too_long = {
        name: count
        for name, text in texts()
        if Path(name).suffix in CODE
        and "/migrations/versions/" not in name
        and (count := text.count("\n")) > LONGEST_FILE
    }
    assert too_long == {}


def test_no_built_or_minified_third_party_asset_is_committed() -> None:
    """They come from the lock file at build time."""
    offenders = [
        name
        for name, text in texts()
        if re.search(r"[.-]min\.(js|css)$|\.map$|(^|/)(vendor|node_modules)/", name)
        or (
            Path(name).suffix in {".js", ".mjs", ".css"}
            and any(len(line) > 1000 for line in text.splitlines())
        )
    ]
    assert not offenders, "\n".join(offenders)


def test_no_text_names_a_package_registry_host() -> None:
    """Where packages come from is a matter of each machine's own configuration."""
    offenders = [f"{name}: {host}" for name, text in texts() for host in REGISTRIES if host in text]
    assert not offenders, "\n".join(offenders)


def test_no_text_holds_a_path_of_one_machine() -> None:
    """A path below somebody's home works for somebody only."""
    offenders = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cd /" + "home/ada/dxp", True),
        ('"/' + "work/main/dxp", True),
        ("/api/v1/" + "home/hero", False),
        ("https://example.com/" + "work/7", False),
        ("{{ base }}/" + "home/", False),
    ],
)
def test_the_search_for_machine_paths_tells_paths_from_addresses(line: str, *, found: bool) -> None:
    """So that the test above neither misses a home folder nor trips over a route."""
    assert bool(MACHINE_PATH.search(line)) is found


def test_there_is_no_package_named_plugins() -> None:
    """Each plugin is a distribution of its own; a package around them would tie them together."""
    assert not (ROOT / "plugins" / "__init__.py").exists()


def test_no_module_is_a_drawer_for_everything() -> None:
    """A module is named after what it does."""
    drawers = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    assert [path for path in files() if path.name in drawers] == []


@pytest.mark.parametrize("plugin", plugins(), ids=lambda path: path.name)
def test_every_plugin_has_the_same_anatomy(plugin: Path) -> None:
    """Who knows one plugin knows where to look in all of them.

    Only jobs.py, commands.py and static/ may be absent, where a plugin has none.
    """
    name = plugin.name
    package = plugin / f"dxp_{name}"
    missing = [
        part
        for part in (
            "plugin",
            "settings",
            "permissions",
            "models",
            "services",
            "web/api",
            "web/admin",
            "web/schemas",
            "events",
        )
        if not (package / f"{part}.py").is_file() and not (package / part / "__init__.py").is_file()
    ]
    committed = {path.parent for path in files()}
    missing += [
        part
        for part in (f"templates/{name}", "translations", "migrations/versions")
        if not any(folder.is_relative_to(package / part) for folder in committed)
    ]
    if not list((plugin / "tests").glob("**/test_*.py")):
        missing.append("tests")
    assert not missing, f"missing: {', '.join(missing)}"


@pytest.mark.parametrize("plugin", plugins(), ids=lambda path: path.name)
def test_a_plugins_package_imports_nothing_by_itself(plugin: Path) -> None:
    """Importing the package must not load its models; only the entry point does."""
    source = (plugin / f"dxp_{plugin.name}" / "__init__.py").read_text(encoding="utf-8")
    body = ast.parse(source).body
    assert [type(node).__name__ for node in body] == ["Expr"], "only a docstring belongs here"


@pytest.mark.parametrize("plugin", plugins(), ids=lambda path: path.name)
def test_a_plugins_tests_use_only_what_a_strangers_plugin_may_use(plugin: Path) -> None:
    """dxp.api, dxp.contracts and dxp.testing, and of the plugins only their own."""
    allowed = ("dxp.api", "dxp.contracts", "dxp.testing", f"dxp_{plugin.name}")
    offenders = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in sorted((plugin / "tests").rglob("*.py"))
        for module in imported_modules(path)
        if module.split(".")[0].startswith("dxp")
        and not any(module == name or module.startswith(f"{name}.") for name in allowed)
    ]
    assert not offenders, "\n".join(offenders)


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the name of every module that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "dxp":
                yield from (f"dxp.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_every_folder_with_modules_is_a_package() -> None:
    """A folder without `__init__.py` is left out of the wheel without a word."""
    apart = {"migrations", "versions", "templates"}
    folders = {
        path.parent
        for path in files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in {"dxp", "plugins"}
        and "tests" not in path.parts
        and not apart & set(path.parts)
    }
    missing = [
        folder.relative_to(ROOT).as_posix()
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
    ]
    assert not missing, f"missing: {', '.join(missing)}"
