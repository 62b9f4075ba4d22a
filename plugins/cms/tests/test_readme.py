"""What the README shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from dxp.api import Platform
from dxp.testing import DxpClient

from .conftest import EDITOR

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_publishes_an_article(platform: Platform, client: DxpClient) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(README), "exec"), {"platform": platform, "actor": EDITOR})  # noqa: S102
    answer = client.as_key("content.read").get("/api/v1/content/article/spring-has-come")
    assert answer.json["body"]["html"] == (
        "<h2>In the garden</h2><p>Tulips are early this year.</p>"
    )
