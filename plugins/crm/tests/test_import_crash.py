"""A worker that dies, or is overtaken, in the middle of an import leaves no trace of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dxp.api import Platform


@pytest.mark.slow
def test_an_import_ends_the_same_whoever_dies_on_the_way(
    platform: Platform, tmp_path: Path
) -> None:
    """Killed by SIGKILL at steps of the writing and of the taking back; stopped and overtaken;
    and begun by two at once."""
    url = platform.db.engine.url.render_as_string(hide_password=False)
    platform.db.dispose()
    script = Path(__file__).with_name("crashing_import.py")
    ran = subprocess.run(
        [sys.executable, str(script), url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (_, _, written, reverted), *others = json.loads(ran.stdout.splitlines()[-1])
    assert (written["state"], reverted["state"]) == ("committed", "reverted")
    assert written["counts"] == {"faulty": 4, "new": 9}
    assert (written["customers"], written["events"], written["entries"]) == (9, 9, 9)
    assert written["faulty"] == [1, 6, 11, 13]
    assert (reverted["customers"], reverted["events"], reverted["entries"]) == (0, 0, 0)
    assert (reverted["counts"]["reverted"], reverted["counts"]["kept"]) == (9, 0)
    assert (written["chain"], reverted["chain"]) == (True, True)
    assert [name for name, died, *_ends in others if not died] == []
    for name, _died, *ends in others:
        assert ends == [written, reverted], name
