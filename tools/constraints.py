"""Write constraints.txt: the newest versions that satisfy every distribution's ranges."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Exact versions of every dependency. Written by `make constraints`; do not edit.\n"
BUILD_TOOLS = ("setuptools", "wheel", "uv")


def main() -> int:
    """Resolve the core with its test extra, the plugins and the build tools, for any platform."""
    distributions = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]
    wanted = [f"-e {path}{'[test]' if path == ROOT else ''}" for path in distributions]
    own = [argument for path in distributions for argument in ("--no-emit-package", name_of(path))]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "wanted.in")
        source.write_text("\n".join([*wanted, *BUILD_TOOLS]) + "\n", encoding="utf-8")
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--no-header", "--no-annotate", *own, str(source)]
        resolved = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    (ROOT / "constraints.txt").write_text(HEADER + resolved.stdout, encoding="utf-8")
    return 0


def name_of(distribution: Path) -> str:
    """Return a distribution's name from its setup.cfg."""
    config = configparser.ConfigParser()
    config.read(distribution / "setup.cfg", encoding="utf-8")
    return config["metadata"]["name"]


if __name__ == "__main__":
    sys.exit(main())
