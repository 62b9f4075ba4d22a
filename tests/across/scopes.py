"""A key that may do all that keys may do."""

from __future__ import annotations

from dxp.testing.client import DxpClient


def all_scopes(client: DxpClient) -> DxpClient:
    return client.as_key(*(scope.name for scope in client.platform.accounts.permissions.scopes()))
