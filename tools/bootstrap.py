"""Bring a working copy up to date: packages, front end, translations.

Run by the Makefile with the system's Python, so it uses the standard library only.
Each step is keyed by a hash of what it is made from and skipped while that stands.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = VENV / "bootstrap"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
# Named without its dependencies: only its data file is read, and what it asks for is large and old.
DATA_PACKAGES = ("lifetimes==0.11.3",)
EXTRAS = {"run": "demo,postgres", "test": "test"}


class SetupError(Exception):
    """A step failed; the message says what happened, why, and what to do."""


def main(argv: list[str] | None = None) -> int:
    """Run the steps that are out of date and return a process exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=sorted(EXTRAS), help="what the environment is for")
    level = str(parser.parse_args(argv).level)
    try:
        check_interpreters()
        make_venv()
        with only_one_at_a_time():
            if (STATE / "python-test").exists():
                level = "test"
            install_python_packages(level)
            install_node_packages()
            build_front_end()
            compile_translations()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def check_interpreters() -> None:
    """Refuse a machine whose Python or Node is missing or too old."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise SetupError(
            f"dxp needs Python {wanted} or newer, and {sys.executable} is {found}.\n"
            f"Install it, or name another one: make PYTHON=/path/to/python{wanted} …"
        )
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise SetupError(
                f"{program} was not found on the PATH.\n"
                f"Node {OLDEST_NODE} or newer and its npm build the admin's scripts and styles.\n"
                "Install Node, then run the same command again."
            )
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = answer.stdout.strip().lstrip("v")
    major = version.split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise SetupError(
            f"dxp needs Node {OLDEST_NODE} or newer, and `node --version` says "
            f"{version or 'nothing'}.\nInstall a newer Node, then run the same command again."
        )


def make_venv() -> None:
    """Create .venv, or make it anew when its interpreter no longer starts."""
    if PYTHON.exists():
        works = subprocess.run([str(PYTHON), "-c", ""], capture_output=True, check=False)
        if works.returncode == 0:
            STATE.mkdir(exist_ok=True)
            return
    if VENV.exists():
        shutil.rmtree(VENV)
    with progress("Making a virtual environment"):
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
        )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(
            f"`{sys.executable} -m venv` failed:\n{(made.stdout + made.stderr).strip()}\n"
            "On Debian and Ubuntu the package python3-venv is needed. Then run again."
        )
    STATE.mkdir(exist_ok=True)


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Hold a lock so that two runs of make do not install into the same folder."""
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another run to finish setting up …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_python_packages(level: str) -> None:
    """Install the core, the plugins and what they need, pinned by constraints.txt."""
    distributions = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]
    sources = [ROOT / "constraints.txt"]
    for distribution in distributions:
        sources += [distribution / "setup.cfg", distribution / "pyproject.toml"]
    key = digest(sources, EXTRAS[level], sys.version, *DATA_PACKAGES)

    def install() -> None:
        pip = installer()
        constrained = [*pip, "-c", str(ROOT / "constraints.txt")]
        run("python", [*constrained, "setuptools", "wheel"])
        editable: list[str] = []
        for distribution in distributions:
            extras = f"[{EXTRAS[level]}]" if distribution == ROOT else ""
            editable += ["-e", f"{distribution}{extras}"]
        run("python", [*constrained, "--no-build-isolation", *editable])
        run("python", [*pip, "--no-deps", *DATA_PACKAGES])

    step(f"python-{level}", key, "Installing Python packages", install)


def installer() -> list[str]:
    """Return the install command: uv, which is ten times faster, or pip when uv cannot be had."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        with contextlib.suppress(SetupError):
            run("uv", [*pip, "-c", str(ROOT / "constraints.txt"), "uv"])
    if uv.exists():
        # Compiled once here, not anew by every process of a machine that keeps no bytecode.
        options = ["--quiet", "--compile-bytecode", "--python", str(PYTHON)]
        return [str(uv), "pip", "install", *options]
    return pip


def install_node_packages() -> None:
    """Install the front end's packages exactly as the lock file names them."""
    key = digest([ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"])

    def install() -> None:
        run("npm", ["npm", "ci", "--no-progress", "--no-audit", "--no-fund", "--loglevel=error"])

    installed = (ROOT / "node_modules").is_dir()
    step("npm", key, "Installing front-end packages", install, done=installed)


def build_front_end() -> None:
    """Bundle the admin's scripts and styles."""
    sources = [ROOT / "package-lock.json", *files_below(ROOT / "frontend")]
    outputs = (ROOT / "dxp/admin/static/build/manifest.json", ROOT / "dxp/web/static/build")

    def build() -> None:
        run("frontend", ["node", "frontend/build.mjs"])

    complete = all(path.exists() for path in outputs)
    step("frontend", digest(sources), "Building the front end", build, done=complete)


def compile_translations() -> None:
    """Compile every catalogue that is newer than its compiled form."""
    catalogues = sorted(
        path
        for top in ("dxp", "plugins", "examples")
        for path in ROOT.glob(f"{top}/**/translations/*/LC_MESSAGES/*.po")
    )
    complete = all(path.with_suffix(".mo").is_file() for path in catalogues)

    def compile_all() -> None:
        script = str(ROOT / "tools" / "compile_translations.py")
        run("translations", [str(PYTHON), script, *map(str, catalogues)])

    key = digest(catalogues)
    step("translations", key, "Compiling translations", compile_all, done=complete)


def step(name: str, key: str, title: str, act: Callable[[], None], *, done: bool = True) -> None:
    """Run `act` unless the step's recorded key still stands and its output is `done`."""
    stamp = STATE / name
    if done and stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return
    stamp.unlink(missing_ok=True)
    with progress(title):
        act()
    stamp.write_text(key, encoding="utf-8")


def run(name: str, command: list[str]) -> None:
    """Run a command with its output in a log file; raise SetupError with the log's end."""
    log = STATE / f"{name}.log"
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "PYTHONUTF8": "1"}
    with log.open("a", encoding="utf-8") as output:
        output.write(f"$ {' '.join(command)}\n")
        output.flush()
        ended = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    if ended.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
        raise SetupError(
            f"`{Path(command[0]).name} {' '.join(command[1:4])} …` failed with status "
            f"{ended.returncode}. The end of its output:\n\n{tail}\n\n"
            f"The whole of it is in {log.relative_to(ROOT)}. If it is the network or a registry, "
            "run the same command again;\nif the environment itself is broken, `make clean` "
            "removes it and the next run starts anew."
        )


@contextlib.contextmanager
def progress(title: str) -> Iterator[None]:
    """Print one line for a step, completed with the seconds it took."""
    started = time.monotonic()
    print(f"{title} … ", end="", flush=True)
    yield
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def digest(paths: Iterable[Path], *more: str) -> str:
    """Hash the files' names and contents, and any further strings."""
    hasher = hashlib.sha256()
    for path in paths:
        hasher.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        hasher.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"absent")
    for text in more:
        hasher.update(text.encode() + b"\0")
    return hasher.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder, in a stable order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
