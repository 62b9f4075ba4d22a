"""A kill -9 at each single step of publishing and running loses nothing and doubles nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dxp.testing.apps import platform_of


@pytest.mark.slow
def test_whatever_the_step_at_which_a_process_dies_each_effect_happens_once(make_app, tmp_path):
    platform = platform_of(make_app())
    url = platform.db.engine.url.render_as_string(hide_password=False)
    platform.db.dispose()
    script = Path(__file__).with_name("crashing.py")
    ran = subprocess.run(
        [sys.executable, str(script), url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    (steps,) = found["finished"]
    assert steps > 30, "the scenario has more steps than that"
    assert steps in found["rings"]
    assert 1 not in found["rings"], "a process that dies first commits nothing"
    once = [[note, number] for note in ("event", "job") for number in found["rings"]]
    assert found["marks"] == once
    assert found["states"] == ["done"]
