"""Tokens of customers: short access tokens, and refresh tokens that serve once."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from joserfc.errors import ExpiredTokenError, JoseError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import CustomerActor
from dxp.auth.models import RefreshFamily, RefreshToken
from dxp.auth.secrets import hash_token
from dxp.auth.tickets import sign, verify
from dxp.db import uuid7
from dxp.errors import NotFound, Unauthenticated
from dxp.subjects import Subject

if TYPE_CHECKING:
    from dxp.platform import Platform

AUDIENCE = "dxp-api"
TYPE = "customer"
REFRESH_MARK = "dxr_"
# However diligently it refreshes, a sign-in ends after this time.
MAX_FAMILY_LIFE = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What a customer's client keeps.

    Attributes:
        expires_in: seconds until the access token expires.
        refresh_expires_in: seconds until the refresh token does.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    subject_id: uuid.UUID


class CustomerTokens:
    """Issues, renews and revokes. Access tokens are signed and not stored; each names the family
    of refresh tokens it belongs to, so that signing out ends it too.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def issue(
        self, session: Session, subject_id: uuid.UUID, *, key_id: uuid.UUID | None = None
    ) -> TokenPair:
        """Sign a customer in.

        Args:
            key_id: the API key that vouched for them, if one did.

        Raises:
            NotFound: there is no such customer (`unknown_subject`).
        """
        now = self._platform.clock.wall()
        subject_id = self._platform.subjects.get(session, subject_id)
        family = RefreshFamily(
            id=uuid7(),
            subject_id=subject_id,
            key_id=key_id,
            created_at=now,
            expires_at=now + MAX_FAMILY_LIFE,
        )
        session.add(family)
        session.flush()
        return self._pair(session, family, subject_id, now)

    def refresh(self, presented: str) -> TokenPair:
        """Trade a refresh token for a new pair; the token is void from then on.

        It commits on its own, in any case: that a token was used twice must be remembered even
        though the request is refused. Then one of the two users is a thief, and nobody can tell
        which, so the whole family ends.

        Raises:
            Unauthenticated: the token is `refresh_unknown`, `refresh_expired`, `refresh_reused`
                or `refresh_revoked`.
        """
        with self._platform.db.write() as session:
            outcome = self._rotate(session, presented)
        if isinstance(outcome, Unauthenticated):
            raise outcome
        return outcome

    def revoke(self, session: Session, presented: str) -> None:
        """Sign out: end the family of a refresh token. One that is not known is no error."""
        family_id = session.scalar(
            select(RefreshToken.family_id).where(RefreshToken.token_hash == hash_token(presented))
        )
        if family_id is not None:
            self._end(session, family_id, reason="signed_out")

    def revoke_all(
        self, session: Session, subject_ids: Collection[uuid.UUID], *, reason: str
    ) -> None:
        """End all sign-ins of customers, as when they are erased."""
        session.execute(
            update(RefreshFamily)
            .where(RefreshFamily.subject_id.in_(subject_ids), RefreshFamily.revoked_at.is_(None))
            .values(revoked_at=self._platform.clock.wall(), revoked_reason=reason)
        )

    def actor(self, session: Session, token: str) -> CustomerActor:
        """Whose access token it is, as the customer is now: merged ones followed, erased ones not.

        Raises:
            Unauthenticated: the token is `token_invalid`, `token_expired` or `token_revoked`.
        """
        try:
            claims = verify(self._key(), token, audience=AUDIENCE, at=self._platform.clock.wall())
            if claims.get("type") != TYPE:
                raise ValueError("another type")
            subject_id, family_id = uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"])
        except ExpiredTokenError as error:
            raise Unauthenticated(
                "The customer's token has expired, as it does after some minutes; "
                "get a new one with the refresh token: POST /api/v1/auth/refresh",
                code="token_expired",
            ) from error
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unauthenticated(
                "The token is not valid: it was not issued here, or was changed on the way; "
                "send the access token as it was received",
                code="token_invalid",
            ) from error
        row = session.execute(
            select(Subject.merged_into_id, Subject.erased_at, RefreshFamily.revoked_at)
            .join(RefreshFamily, RefreshFamily.id == family_id)
            .where(Subject.id == subject_id)
        ).first()
        if row is None or row.erased_at is not None or row.revoked_at is not None:
            raise Unauthenticated(
                "The customer was signed out, or is no longer known; sign in again",
                code="token_revoked",
            )
        if row.merged_into_id is None:
            return CustomerActor(subject_id=subject_id)
        return CustomerActor(subject_id=row.merged_into_id, origin_id=subject_id)

    def forget_old(self, session: Session) -> int:
        """Delete families in which nothing is good any more; returns their number."""
        now = self._platform.clock.wall()
        good = (
            select(RefreshToken.id)
            .where(RefreshToken.family_id == RefreshFamily.id, RefreshToken.expires_at > now)
            .exists()
        )
        # Access tokens live on for minutes after a family was revoked, and look it up.
        until = now - timedelta(days=1)
        old = session.scalars(
            select(RefreshFamily.id)
            .where((RefreshFamily.revoked_at <= until) | ~good)
            .where(RefreshFamily.created_at <= until)
            .limit(5000)
        ).all()
        session.execute(delete(RefreshToken).where(RefreshToken.family_id.in_(old)))
        session.execute(delete(RefreshFamily).where(RefreshFamily.id.in_(old)))
        return len(old)

    def _rotate(self, session: Session, presented: str) -> TokenPair | Unauthenticated:
        now = self._platform.clock.wall()
        found = session.execute(
            select(RefreshToken, RefreshFamily)
            .join(RefreshFamily, RefreshFamily.id == RefreshToken.family_id)
            .where(RefreshToken.token_hash == hash_token(presented))
        ).first()
        if found is None:
            return _refused("refresh_unknown", "it was mistyped or never issued here")
        token, family = found
        if family.revoked_at is None and min(token.expires_at, family.expires_at) <= now:
            return _refused("refresh_expired", "it was not used in time")
        fresh = session.scalar(
            update(RefreshToken)
            .where(RefreshToken.id == token.id, RefreshToken.used_at.is_(None))
            .values(used_at=now)
            .returning(RefreshToken.id)
        )
        if fresh is None:
            self._end(session, family.id, reason="reused")
            return _refused(
                "refresh_reused",
                "it was used before, so it may have been stolen, and the sign-in was ended",
            )
        # Read again: whoever used a sibling of this token twice may have ended the family since.
        session.refresh(family)
        if family.revoked_at is not None:
            return _refused("refresh_revoked", "the customer was signed out")
        try:
            subject_id = self._platform.subjects.get(session, family.subject_id)
        except NotFound:
            self._end(session, family.id, reason="erased")
            return _refused("refresh_revoked", "the customer is no longer known")
        return self._pair(session, family, subject_id, now)

    def _pair(
        self, session: Session, family: RefreshFamily, subject_id: uuid.UUID, now: datetime
    ) -> TokenPair:
        settings = self._platform.settings.api
        refresh_token = REFRESH_MARK + secrets.token_urlsafe(32)
        expires_at = min(now + timedelta(days=settings.refresh_token_days), family.expires_at)
        session.add(
            RefreshToken(
                family_id=family.id,
                token_hash=hash_token(refresh_token),
                created_at=now,
                expires_at=expires_at,
            )
        )
        session.flush()
        life = timedelta(minutes=settings.customer_token_minutes)
        access_token = sign(
            self._key(),
            {"sub": str(subject_id), "sid": str(family.id), "type": TYPE},
            audience=AUDIENCE,
            at=now,
            life=life,
        )
        return TokenPair(
            access_token=access_token,
            expires_in=int(life.total_seconds()),
            refresh_token=refresh_token,
            refresh_expires_in=int((expires_at - now).total_seconds()),
            subject_id=subject_id,
        )

    def _end(self, session: Session, family_id: uuid.UUID, *, reason: str) -> None:
        session.execute(
            update(RefreshFamily)
            .where(RefreshFamily.id == family_id, RefreshFamily.revoked_at.is_(None))
            .values(revoked_at=self._platform.clock.wall(), revoked_reason=reason)
        )

    def _key(self) -> bytes:
        return self._platform.settings.secret("customer-tokens")


def _refused(code: str, why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The refresh token was refused, because {why}; sign the customer in again", code=code
    )
