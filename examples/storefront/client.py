"""Calls dxp's JSON API, remembers validators, and keeps a record for the curious."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT_SECONDS = 10
MAX_REMEMBERED = 500


@dataclass(frozen=True, kw_only=True)
class ApiCall:
    """One call as the page shows it. `milliseconds` is what the storefront waited."""

    method: str
    path: str
    status: int
    milliseconds: float
    etag: str | None


class ApiProblem(Exception):
    """The API refused; `code` is stable, `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass
class Api:
    """The API of one dxp instance, for one page of the storefront.

    Args:
        url: address of the instance, without a path.
        key: the storefront's API key.
        remembered: bodies by (path, validator); shared between pages.
    """

    url: str
    key: str
    remembered: dict[str, tuple[str, Any]]
    locale: str = "en"
    calls: list[ApiCall] = field(default_factory=list)

    def get(self, path: str, *, token: str | None = None, cached: bool = False) -> Any:
        """Read; with `cached`, ask with the validator of the last answer and reuse its body."""
        key = f"{self.locale} {path}"
        headers: dict[str, str] = {}
        if cached and key in self.remembered:
            headers["If-None-Match"] = self.remembered[key][0]
        response = self._send("GET", path, token=token, headers=headers)
        if response.status_code == 304:
            return self.remembered[key][1]
        body = response.json()
        etag = response.headers.get("ETag")
        if cached and etag:
            if len(self.remembered) >= MAX_REMEMBERED:
                self.remembered.clear()
            self.remembered[key] = (etag, body)
        return body

    def image(self, path: str, *, token: str) -> bytes:
        """A picture that the API draws, such as the QR code of a discount code."""
        return self._send("GET", path, token=token, headers={}).content

    def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        token: str | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Write. The same idempotency key sent twice moves points once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        response = self._send(method, path, token=token, headers=headers, json=body)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        token = options.pop("token") or self.key
        headers = options.pop("headers") | {
            "Authorization": f"Bearer {token}",
            "Accept-Language": self.locale,
        }
        began = time.perf_counter()
        try:
            response = requests.request(
                method, self.url + path, headers=headers, timeout=TIMEOUT_SECONDS, **options
            )
        except requests.RequestException as error:
            raise ApiProblem(
                503, "unreachable", f"dxp does not answer at {self.url}; is it running?"
            ) from error
        self.calls.append(
            ApiCall(
                method=method,
                path=path,
                status=response.status_code,
                milliseconds=(time.perf_counter() - began) * 1000,
                etag=response.headers.get("ETag"),
            )
        )
        if response.status_code >= 400:
            problem = _problem(response)
            raise ApiProblem(response.status_code, problem["code"], problem["detail"])
        return response


def _problem(response: requests.Response) -> dict[str, str]:
    try:
        body = response.json()
        return {"code": str(body["code"]), "detail": str(body["detail"])}
    except (ValueError, KeyError):
        return {"code": "unknown", "detail": f"dxp answered {response.status_code}"}
