"""Small signed statements that are good for a short time and are not stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

if TYPE_CHECKING:
    from dxp.platform import Platform

_ALGORITHMS = ["HS256"]
_ISSUER = "dxp"


class Tickets:
    """Signs and reads one text for one purpose.

    Args:
        purpose: has a key of its own, so that no ticket passes for another.
    """

    def __init__(self, platform: Platform, *, purpose: str, life: timedelta) -> None:
        self._platform = platform
        self._purpose = purpose
        self._life = life

    def issue(self, subject: str) -> str:
        return sign(
            self._key(),
            {"sub": subject},
            audience=self._purpose,
            at=self._platform.clock.wall(),
            life=self._life,
        )

    def read(self, ticket: str) -> str | None:
        """The text; None when the ticket has expired or is not one."""
        try:
            claims = verify(
                self._key(), ticket, audience=self._purpose, at=self._platform.clock.wall()
            )
        except (JoseError, ValueError):
            return None
        subject: str = claims["sub"]
        return subject

    def _key(self) -> bytes:
        return self._platform.settings.secret(f"ticket:{self._purpose}")


def sign(
    key: bytes, claims: dict[str, Any], *, audience: str, at: datetime, life: timedelta
) -> str:
    """A compact JWT (HS256)."""
    now = int(at.timestamp())
    body = {
        "iss": _ISSUER,
        "aud": audience,
        "iat": now,
        "exp": now + int(life.total_seconds()),
        **claims,
    }
    return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(key), algorithms=_ALGORITHMS)


def verify(key: bytes, token: str, *, audience: str, at: datetime) -> dict[str, Any]:
    """The claims of a token that is signed by us, for `audience`, and in time.

    Raises:
        ExpiredTokenError: it has expired.
        JoseError, ValueError: it is not such a token.
    """
    decoded = jwt.decode(token, OctKey.import_key(key), algorithms=_ALGORITHMS)
    # Decoding checks the signature alone, not even the expiry.
    jwt.JWTClaimsRegistry(
        now=int(at.timestamp()),
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    ).validate(decoded.claims)
    if not isinstance(decoded.claims["sub"], str):
        raise ValueError("sub is no text")
    return decoded.claims
