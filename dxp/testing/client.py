"""A test client that can be somebody."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from dxp.testing.actors import SYSTEM, make_staff, make_subject
from dxp.testing.apps import platform_of
from dxp.web.staff_cookie import COOKIE

if TYPE_CHECKING:
    from flask import Flask

    from dxp.platform import Platform


class DxpClient(FlaskClient):
    """Flask's test client, with credentials.

    Each `as_…` returns a new client, so that one test can be several people at once.

    Attributes:
        subject_id: of the customer whom this client is.
        staff_id: of the member of staff whom this client is.
    """

    subject_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None

    @property
    def platform(self) -> Platform:
        return platform_of(self.application)

    def as_anyone(self) -> DxpClient:
        """A client without credentials or cookies."""
        return client_of(self.application)

    def as_key(self, *scopes: str, name: str = "test") -> DxpClient:
        """A storefront or server whose API key has `scopes`."""
        with self.platform.db.write() as session:
            made = self.platform.accounts.keys.create(
                session, SYSTEM, name=name, scopes=list(scopes)
            )
        return self._bearing(made.presented)

    def as_browser(self, *scopes: str, origin: str = "https://shop.example") -> DxpClient:
        """A page of the site `origin`, with a browser's key for that site."""
        with self.platform.db.write() as session:
            made = self.platform.accounts.keys.create(
                session, SYSTEM, name="page", scopes=list(scopes), origins=[origin]
            )
        client = self._bearing(made.presented)
        client.environ_base["HTTP_ORIGIN"] = origin
        return client

    def as_customer(self, subject_id: uuid.UUID | None = None) -> DxpClient:
        """A customer; without an id, one who was never seen before."""
        known = subject_id or make_subject(self.platform)
        with self.platform.db.write() as session:
            token = self.platform.accounts.customer_tokens.issue(session, known)
        client = self._bearing(token.access_token)
        client.subject_id = known
        return client

    def as_staff(self, *permissions: str) -> DxpClient:
        """A signed-in member of staff who holds exactly `permissions`; `"*"` for all."""
        platform = self.platform
        with platform.db.write() as session:
            staff_id = make_staff(session, platform, *permissions)
            staff = platform.accounts.staff.get(session, staff_id)
            _row, token = platform.accounts.sessions.open(session, staff, second_factor=True)
        client = self.as_anyone()
        client.set_cookie(COOKIE, token)
        client.staff_id = staff_id
        return client

    def submit(self, path: str, data: Mapping[str, Any] | None = None) -> TestResponse:
        """Send a form of the admin, as a browser does that was shown it: with its CSRF token."""
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", secrets.token_hex(20))
        signer = URLSafeTimedSerializer(
            cast("bytes", self.application.secret_key), salt="wtf-csrf-token"
        )
        return self.post(path, data={**(data or {}), "csrf_token": signer.dumps(raw)})

    def _bearing(self, credential: str) -> DxpClient:
        client = self.as_anyone()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {credential}"
        return client


def client_of(app: Flask, **options: Any) -> DxpClient:
    """A client of an application that `dxp.testing` made."""
    return cast("DxpClient", app.test_client(**options))
