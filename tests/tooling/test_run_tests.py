"""`make test` runs the suite on both databases and says what a missing service costs."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    location = ROOT / "tools" / "run_tests.py"
    spec = importlib.util.spec_from_file_location("run_tests_under_test", location)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def runner(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with every service there and a suite that only notes how it was run."""
    module = script
    module.runs = []
    module.status = {}

    def run_suite(title: str, url: str | None, left_out: list[str], extra: list[str]) -> int:
        module.runs.append((title, url, left_out, extra))
        return int(module.status.get(title, 0))

    monkeypatch.setattr(module, "run_suite", run_suite)
    monkeypatch.delenv("DXP_REQUIRE_SERVICES", raising=False)
    for name in module.DEFAULTS:
        monkeypatch.setenv(name, f"address of {name}")
    answer(module, monkeypatch)
    return module


def answer(module: ModuleType, monkeypatch: pytest.MonkeyPatch, **missing: str) -> None:
    """Let the named services be missing, each with a reason, and the others answer."""

    def answers(reason: str | None) -> Callable[[str], str | None]:
        return lambda _url: reason

    services = [
        dataclasses.replace(service, answers=answers(missing.get(service.title)))
        for service in module.SERVICES
    ]
    monkeypatch.setattr(module, "SERVICES", tuple(services))


def test_the_suite_runs_on_both_databases(runner: ModuleType) -> None:
    """With what was added on the command line."""
    assert runner.main(["-k", "ledger"]) == 0
    assert runner.runs == [
        ("SQLite", None, [], ["-k", "ledger"]),
        ("PostgreSQL", "address of DXP_TEST_POSTGRES", [], ["-k", "ledger"]),
    ]


def test_a_missing_service_costs_its_tests_and_one_line(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the service, the reason and the variable to set."""
    answer(runner, monkeypatch, RabbitMQ="connection refused")
    assert runner.main([]) == 0
    assert [left_out for _, _, left_out, _ in runner.runs] == [["broker"], ["broker"]]
    (line,) = capsys.readouterr().out.splitlines()
    assert "RabbitMQ" in line
    assert "connection refused" in line
    assert "DXP_TEST_RABBITMQ" in line


def test_without_postgresql_there_is_one_run(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own tests are left out of that one too."""
    answer(runner, monkeypatch, PostgreSQL="gone")
    assert runner.main([]) == 0
    assert runner.runs == [("SQLite", None, ["postgres"], [])]


def test_where_services_are_required_a_missing_one_fails(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything runs, so that a green run proves everything."""
    monkeypatch.setenv("DXP_REQUIRE_SERVICES", "1")
    answer(runner, monkeypatch, Chromium="no chromium on the PATH")
    assert runner.main([]) == 1
    assert runner.runs == []
    assert "DXP_REQUIRE_SERVICES" in capsys.readouterr().err


@pytest.mark.parametrize("failed", ["SQLite", "PostgreSQL"])
def test_either_run_can_fail_the_whole(runner: ModuleType, failed: str) -> None:
    """The second runs all the same, and the first one's failure is not forgotten."""
    runner.status = {failed: 1}
    assert runner.main([]) == 1
    assert len(runner.runs) == 2


def test_an_absent_chromium_is_told_apart_from_a_wrong_path(runner: ModuleType) -> None:
    """The reason says which of the two it is."""
    assert runner.chromium_answers(sys.executable) is None
    assert runner.chromium_answers("/nowhere/chromium") == "/nowhere/chromium is not executable"


@pytest.fixture
def small_suite(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., int]:
    """`small_suite(times=2, tests=3)`: a suite whose tests fail so many times, run by the script.

    Beside them stands one test that passes; each run of a test leaves a line in `ran`.
    """

    def run(*, times: int, tests: int = 1) -> int:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_small.py").write_text(
            "from pathlib import Path\n"
            "import pytest\n"
            "def note(name):\n"
            "    with Path('ran').open('a') as file:\n"
            "        file.write(name + '\\n')\n"
            "    return Path('ran').read_text().split().count(name)\n"
            f"@pytest.mark.parametrize('number', range({tests}))\n"
            "def test_failing(number):\n"
            f"    assert note(f'failing-{{number}}') > {times}\n"
            "def test_passing():\n"
            "    note('passing')\n"
        )
        # Without what the environment's other packages bring, which takes a second to load.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("DXP_TEST_WORKERS", "1")
        monkeypatch.setattr(script, "ROOT", tmp_path)
        return int(script.run_suite("SQLite", None, [], ["-p", "xdist"]))

    return run


def test_what_fails_once_is_run_again_alone_and_named(
    small_suite: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The run passes, and says which test to look into."""
    assert small_suite(times=1) == 0
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(ran) == ["failing-0", "failing-0", "passing"]
    assert ran[-1] == "failing-0"
    _, _, named = capfd.readouterr().out.rpartition("Unsteady")
    assert "test_small.py::test_failing[0]" in named


def test_what_fails_again_fails_the_run(
    small_suite: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    """The second look forgives no real fault."""
    assert small_suite(times=2) == 1
    assert "Unsteady" not in capfd.readouterr().out


def test_many_failures_are_not_looked_at_twice(
    script: ModuleType, small_suite: Callable[..., int], tmp_path: Path
) -> None:
    """So many are no accident, and running them again would only hide it."""
    many = script.FAILURES_LOOKED_AT_TWICE + 1
    assert small_suite(times=1, tests=many) == 1
    assert (tmp_path / "ran").read_text().split().count("failing-0") == 1


def test_a_folder_without_a_cache_tells_of_no_failures(script: ModuleType, tmp_path: Path) -> None:
    """As when pytest did not even begin."""
    assert script.failures(tmp_path) == []
