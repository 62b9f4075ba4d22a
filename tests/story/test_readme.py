"""The README's story runs as it stands, against a demo."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def story() -> str:
    """The shell lines of the README, one script."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL))


def test_the_story_runs_as_it_is_written(demo: Any, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    access = Path(demo.environment["DXP_DATA_DIR"], "demo.json").read_text(encoding="utf-8")
    (tmp_path / "var" / "demo.json").write_text(access, encoding="utf-8")
    script = story().replace("http://127.0.0.1:8000", demo.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    said = done.stdout.splitlines()
    for line in ("304", "accepted", "duplicate", "129"):
        assert line in said, done.stdout
    assert said.count("captured") == 2
    assert "order.placed" in done.stdout
    assert "loyalty.points_earned" in done.stdout
    assert "'source': 'fallback'" in done.stdout
    assert re.search(r"'source': '(rule|plugin:loyalty)'", done.stdout)
