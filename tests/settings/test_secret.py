"""Two processes that start at once get the same secret."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dxp.errors import ConfigurationError
from dxp.settings.secret import stored_secret

PROGRAM = """
import sys
from pathlib import Path
from dxp.settings.secret import stored_secret
sys.stdin.readline()
print(stored_secret(Path(sys.argv[1])))
"""


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "var")]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    with ThreadPoolExecutor(len(running)) as threads:
        answers = list(threads.map(lambda process: process.communicate("go\n")[0], running))
    assert len(set(answers)) == 1
    assert len(answers[0].strip()) >= 32
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret.key"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    with pytest.raises(ConfigurationError, match="DXP_SECRET_KEY"):
        stored_secret(tmp_path / "file" / "var")
