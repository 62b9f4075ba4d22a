"""All about accounts, gathered on one object: `platform.accounts`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dxp.auth.actors import CustomerActor, KeyActor, Permission, StaffActor
from dxp.auth.codes import MailCodes
from dxp.auth.counts import SignInCounts
from dxp.auth.customer_tokens import CustomerTokens
from dxp.auth.keys import ApiKeys
from dxp.auth.last_seen import LastSeen
from dxp.auth.passwords import Passwords
from dxp.auth.permissions import PermissionRegistry
from dxp.auth.roles import Roles
from dxp.auth.sessions import Sessions
from dxp.auth.sign_in import SignIn
from dxp.auth.staff import StaffService
from dxp.auth.totp import SecondFactor

if TYPE_CHECKING:
    from dxp.platform import Platform


class Accounts:
    """Who may do what, and how they prove who they are.

    Attributes:
        permissions: all that exist, as the core and the plugins declared them.
        passwords: hashing and judging.
        staff, roles, sessions, totp, keys: each the only writer of its tables.
        sign_in: the steps of signing in, and of getting back in.
        customer_tokens: access and refresh tokens of customers.
        customer_codes, reset_codes: codes sent by mail.
        counts: failed sign-ins, and locks.
        last_seen: when a key or session was last used.
    """

    def __init__(self, platform: Platform) -> None:
        self.permissions = PermissionRegistry()
        self.passwords = Passwords(platform.settings.accounts)
        self.staff = StaffService(platform)
        self.roles = Roles(platform)
        self.sessions = Sessions(platform)
        self.totp = SecondFactor(platform)
        self.sign_in = SignIn(platform)
        self.keys = ApiKeys(platform)
        self.customer_tokens = CustomerTokens(platform)
        self.customer_codes = MailCodes(platform, purpose="customer_sign_in", digits=6)
        self.reset_codes = MailCodes(platform, purpose="staff_reset", digits=8)
        self.counts = SignInCounts(platform)
        self.last_seen = LastSeen(platform)

    def declare_permissions(self, permissions: Iterable[Permission], *, plugin: str) -> None:
        """Make a plugin's permissions known.

        Raises:
            ConfigurationError: another plugin declares one of the names.
        """
        self.permissions.declare(permissions, plugin=plugin)

    def actor_of_key(self, session: Session, presented: str) -> KeyActor:
        """Who presents an API key.

        Raises:
            Unauthenticated: the key is `key_unknown`, `key_expired` or `key_revoked`.
        """
        return self.keys.actor(session, presented)

    def actor_of_token(self, session: Session, token: str) -> CustomerActor:
        """Whose access token it is.

        Raises:
            Unauthenticated: the token is `token_invalid`, `token_expired` or `token_revoked`.
        """
        return self.customer_tokens.actor(session, token)

    def actor_of_session(self, session: Session, token: str) -> StaffActor | None:
        """Whose session it is, by the token from the cookie; None when it has ended."""
        return self.sessions.actor(session, token)

    def flush_last_seen(self) -> None:
        """Write times of last use that are due. Call it after a request, outside transactions."""
        self.last_seen.flush()

    def forget_old(self, session: Session) -> int:
        """Delete expired sessions, tokens, codes and counts; returns the number of rows."""
        return sum(
            part.forget_old(session)
            for part in (
                self.sessions,
                self.customer_tokens,
                self.customer_codes,
                self.reset_codes,
                self.counts,
            )
        )
