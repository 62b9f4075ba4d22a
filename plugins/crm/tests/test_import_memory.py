"""A file ten times as long takes no more memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# A process of its own: the peak of a process never goes down again. Refused rows are the
# costliest in memory that can be made in seconds: they are read, parsed, compared and written out.
PROGRAM = """
import io, resource, sys
from pathlib import Path
from dxp.testing.apps import AppMaker, platform_of
from dxp.testing.databases import databases_for
from dxp.api import SystemActor
from dxp_crm.plugin import CrmPlugin
from dxp_crm.services import Crm

folder, number = Path(sys.argv[1]), int(sys.argv[2])
path = folder / "people.csv"
with path.open("w") as file:
    file.write("ref,email,name\\n")
    for n in range(number):
        file.write(f"C-{n},{'none' if n % 10 else f'p{n}@x.example'},P\\n")
databases = databases_for(None, folder)
maker = AppMaker(databases, folder)
imports = platform_of(maker.make(plugins=[CrmPlugin])).services.get(Crm).imports
with path.open("rb") as file:
    job = imports.import_at_once(
        SystemActor(name="import"), file, kind="customers", file_name="people.csv"
    )
assert job.counts == {"new": number // 10, "faulty": number - number // 10}, job.counts
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
maker.close()
databases.close()
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for number in (10_000, 100_000):
        folder = tmp_path / str(number)
        folder.mkdir()
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder), str(number)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        peaks.append(int(run.stdout.split()[-1]))
    small, large = peaks
    # Caches of compiled statements and of SQLite fill up, by a fixed amount.
    assert large < small * 1.15, f"{small} KiB for 10,000 rows, {large} KiB for 100,000"
