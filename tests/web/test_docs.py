"""The examples of docs/api.md are true."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from dxp.testing.client import DxpClient

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def block(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[
        number
    ]


def test_the_example_of_an_operation_works(make_app: Any, monkeypatch: Any) -> None:
    from dxp.api import Permission, Plugin, Routes
    from dxp.testing.client import client_of

    class Wishes:
        def make(self, session: object, actor: object, body: dict[str, Any]) -> dict[str, Any]:
            return {"id": uuid.UUID(int=1), **body}

    scope: dict[str, Any] = {"Wishes": Wishes, "__name__": "wishes_example"}
    exec(compile(block("python"), str(PAGE), "exec"), scope)  # noqa: S102  # it is our own page

    class Wishing(Plugin):
        name = "wishes"

        def permissions(self, ctx: Any) -> Any:
            return [Permission(name="wishes.write", label="Wish")]

        def provide(self, ctx: Any) -> Any:
            return {Wishes: Wishes()}

        def routes(self, ctx: Any) -> Routes:
            return Routes(api=[scope["api"]])

    client = client_of(make_app(plugins=(Wishing,)))
    response = client.as_key("wishes.write").post("/api/v1/wishes", json={"text": "Peace"})
    assert response.status_code == 201
    assert response.get_json() == {"id": str(uuid.UUID(int=1)), "text": "Peace"}
    assert b"Wish for less." in client.get("/api/problems/wish_too_bold").data


def test_the_example_of_an_event_is_accepted(app: Flask, client: DxpClient, platform: Any) -> None:
    from dxp.testing.actors import make_subject

    make_subject(platform, ref="C-42")
    text = PAGE.read_text(encoding="utf-8")
    body = re.search(r"POST /api/v1/events\n(.*?)```", text, re.DOTALL)
    assert body is not None
    response = client.as_key("events.write").post(
        "/api/v1/events", data=body[1], content_type="application/json"
    )
    assert response.get_json()["meta"] == {"accepted": 1, "duplicate": 0, "error": 0}


def test_the_example_of_a_problem_has_the_members_of_a_real_one(
    client: DxpClient, check_problem: Callable[..., Any]
) -> None:
    import json

    shown = json.loads(block("json"))
    real = check_problem(client.get("/nowhere"), 404, "not_found")
    assert set(real) == set(shown) - {"errors"}
