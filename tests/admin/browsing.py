"""Going through pages as a browser does: follow, fill in, send."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from dxp.testing import DxpClient
from tests.admin.markup import one


def page(client: DxpClient, path: str) -> str:
    """The text of a page that must be there."""
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code, response.location)
    return response.get_data(as_text=True)


def token(client: DxpClient, path: str = "/admin/sign-in") -> str:
    """The token that a page of this browser carries against forged requests."""
    answer = client.get(path, follow_redirects=True)
    return one(answer.get_data(as_text=True), "meta", name="csrf-token").attributes["content"]


def send(client: DxpClient, path: str, **fields: Any) -> TestResponse:
    """Send a form, with the token of a page that this browser has seen."""
    return client.post(path, data={"csrf_token": token(client), **fields})


def shown(response: TestResponse, status: int = 200) -> str:
    """The text of an answer with this status."""
    assert response.status_code == status, (response.status_code, response.location)
    return response.get_data(as_text=True)
