"""The commands: what types there are, and rendering anew."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from click.testing import CliRunner, Result
from sqlalchemy import update

from dxp.api import Platform
from dxp_cms.cli import commands_for
from dxp_cms.models import Published

from .conftest import article

Write = Callable[..., uuid.UUID]


def run(platform: Platform, name: str, *arguments: str) -> Result:
    command = next(item for item in commands_for(platform) if item.name == name)
    return CliRunner().invoke(command, list(arguments))


def test_types_are_listed_with_their_fields_and_numbers(platform: Platform, write: Write) -> None:
    write()
    write()
    shown = run(platform, "types")
    assert shown.exit_code == 0, shown.output
    assert "article — Article (by cms, 2 entries)" in shown.output
    assert "list of reference" in shown.output
    assert "faq — Question (by cms, 0 entries)" in shown.output


def test_rerender_mends_stored_answers_and_says_how_many(platform: Platform, write: Write) -> None:
    write(article("One"), publish=["en"])
    write(article("Two"), publish=["en"])
    write(article("A draft"))
    assert "2 live entries looked at, 0 answers changed" in run(platform, "rerender").output
    with platform.db.write() as session:
        session.execute(update(Published).values(body=b"{}", etag="old"))
    only_banners = run(platform, "rerender", "--type", "banner")
    assert "0 live entries looked at" in only_banners.output
    mended = run(platform, "rerender", "--type", "article")
    assert "2 live entries looked at, 2 answers changed" in mended.output
    unknown = run(platform, "rerender", "--type", "novel")
    assert unknown.exit_code != 0
