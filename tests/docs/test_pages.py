"""The committed reference pages are those of the code, and the code leaves nothing unsaid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dxp.cli.docs import docs, outdated_pages, reference_platform
from dxp.cli.reference import events, hooks, settings
from dxp.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference"
OWN = sorted(path.parent.name for path in ROOT.glob("plugins/*/setup.cfg"))


@pytest.fixture(scope="module")
def documented() -> Platform:
    """The core and the plugins of this repository, whatever else is installed here."""
    return reference_platform(OWN)


def test_the_committed_pages_are_up_to_date(documented: Platform) -> None:
    """`make docs` writes them anew."""
    stale = [path.name for path in outdated_pages(documented, PAGES)]
    assert not stale, f"run `make docs` and commit: {', '.join(stale)}"


def test_every_hook_is_documented(documented: Platform) -> None:
    """The core's and the plugins' own, with all that they take and return."""
    assert hooks.undocumented(documented.plugins) == []


def test_every_setting_is_documented(documented: Platform) -> None:
    """Each with what it does and an example."""
    assert settings.undocumented(documented.plugins) == []


def test_every_event_is_documented(documented: Platform) -> None:
    """Each payload says what happened."""
    assert events.undocumented(documented.events) == []


def test_every_hook_has_a_test(documented: Platform) -> None:
    """Some test calls or implements it by its name."""
    tests = [path for path in ROOT.glob("tests/**/*.py") if path.parent != Path(__file__).parent]
    tests += ROOT.glob("plugins/*/tests/**/*.py")
    used = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in tests)))
    untested = sorted(set(documented.plugins.specs) - used)
    assert not untested, f"no test names {', '.join(untested)}"


def test_a_page_that_was_edited_by_hand_is_noticed_and_mended(tmp_path: Path) -> None:
    """`--check` names it and fails; without it the page is written, once."""
    arguments = ["--to", str(tmp_path)]
    for name in OWN:
        arguments += ["--plugin", name]
    run = CliRunner().invoke
    assert run(docs, arguments).exit_code == 0
    page = tmp_path / "hooks.md"
    page.write_text(page.read_text(encoding="utf-8") + "A lie.\n", encoding="utf-8")
    checked = run(docs, [*arguments, "--check"])
    assert checked.exit_code == 1
    assert "hooks.md" in checked.output
    assert "events.md" not in checked.output
    assert "hooks.md" in run(docs, arguments).output
    assert "A lie." not in page.read_text(encoding="utf-8")
    assert "Nothing changed" in run(docs, arguments).output
    assert run(docs, [*arguments, "--check"]).exit_code == 0


def test_one_page_can_be_written_alone(tmp_path: Path) -> None:
    """By its name."""
    result = CliRunner().invoke(docs, ["settings", "--to", str(tmp_path)])
    assert result.exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["settings.md"]


def test_an_unknown_plugin_is_named(tmp_path: Path) -> None:
    """And nothing is written."""
    result = CliRunner().invoke(docs, ["--plugin", "kettle", "--to", str(tmp_path)])
    assert result.exit_code == 1
    assert "No plugin named kettle is installed" in result.output
    assert list(tmp_path.iterdir()) == []
