"""A demo as `make run` makes it: its own process, its own data folder, real addresses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DXP = Path(sys.executable).parent / "dxp"
START_SECONDS = 240


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A running demo.

    Attributes:
        url: of dxp itself.
        shop: of the sample storefront.
        access: what `dxp demo` wrote down: sign-ins and the storefront's key.
        said: what `dxp demo --load --json` printed.
    """

    url: str
    shop: str
    access: dict[str, str]
    said: dict[str, Any]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def demo(dxp_databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo on a database of the kind that this run uses."""
    if not (ROOT / "dxp/admin/static/build/manifest.json").is_file():
        pytest.skip("the front end is not built; run: node frontend/build.mjs")
    data = tmp_path_factory.mktemp("demo")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DXP_")},
        "DXP_DATA_DIR": str(data),
        "DXP_DATABASE__URL": dxp_databases.blank(),
        "DXP_LOG__LEVEL": "warning",
    }
    run("db", "upgrade", environment=environment)
    said = json.loads(run("demo", "--load", "--json", environment=environment))
    server = subprocess.Popen(
        [DXP, "serve", "--demo", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed = _until_ready(server)
        access = json.loads((data / "demo.json").read_text(encoding="utf-8"))
        yield Demo(
            url=_address(printed, "Admin").removesuffix("/admin/"),
            shop=_address(printed, "Storefront"),
            access=access,
            said=said,
            environment=environment,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=120)
        if server.stdout is not None:
            server.stdout.close()


def run(*command: str, environment: dict[str, str]) -> str:
    """What a dxp command printed; its failure fails the test with all that it said."""
    done = subprocess.run(
        [DXP, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"dxp {' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _until_ready(server: subprocess.Popen[str]) -> str:
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert server.stdout is not None
        for line in server.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(START_SECONDS), f"the server did not come up:\n{''.join(lines)}"
    return "".join(lines)


def _address(printed: str, label: str) -> str:
    found = re.search(rf"{label}\s+(http\S+)", printed)
    assert found is not None, printed
    return found.group(1)
