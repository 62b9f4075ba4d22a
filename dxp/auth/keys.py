"""API keys: making, recognising, revoking them."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, KeyActor
from dxp.auth.grants import check_may_grant
from dxp.auth.models import ApiKey
from dxp.auth.origins import check_origins
from dxp.auth.secrets import ALPHANUMERIC, LOWER_ALPHANUMERIC, hash_token, random_text, same
from dxp.errors import FieldError, NotFound, Unauthenticated, Unprocessable

if TYPE_CHECKING:
    from dxp.platform import Platform

MARK = "dxp"
OBJECT = "core.api_key"
_PREFIX_LENGTH = 10
_SECRET_LENGTH = 40
_CACHE_SECONDS = 5.0
_CACHE_SIZE = 1024


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key just made. `presented` is what clients send; it is shown once and not stored."""

    key: ApiKey
    presented: str


@dataclass(frozen=True, kw_only=True)
class _Known:
    actor: KeyActor
    expires_at: datetime | None
    last_used_at: datetime | None
    good_until: float


class ApiKeys:
    """The only writer of API keys.

    A recognised key is remembered for five seconds in this process, so that a busy storefront
    costs no query a request; revoking shows at once here, and within that time elsewhere.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._origins: tuple[float, frozenset[str]] = (0.0, frozenset())

    def create(
        self,
        session: Session,
        actor: Actor,
        *,
        name: str,
        scopes: Sequence[str],
        expires_at: datetime | None = None,
        origins: Sequence[str] = (),
    ) -> NewKey:
        """A new key.

        Args:
            scopes: permissions that a key may hold, and that `actor` holds.
            origins: makes it a key for browsers, which pages of these sites alone may use, and
                which holds only scopes that are open to browsers.
            expires_at: from then on the key is refused; None: it is good until revoked.

        Raises:
            Forbidden: the actor lacks one of the scopes (`cannot_grant`).
            Unprocessable: the name, a scope or the expiry is not valid.
        """
        now = self._platform.clock.wall()
        if expires_at is not None and expires_at <= now:
            raise _invalid("expires_at", "The key would have expired already; choose a later day")
        wanted = self._platform.accounts.permissions.check(scopes, scopes=True, pointer="/scopes")
        if not wanted:
            raise _invalid("scopes", "A key without scopes opens nothing; choose at least one")
        check_may_grant(actor, wanted)
        sites = check_origins(origins)
        closed = sorted(set(wanted) - self._platform.accounts.permissions.for_browsers())
        if sites and closed:
            raise _invalid(
                "scopes",
                f"A browser's key lies open in a page, so it may not hold {', '.join(closed)}; "
                "leave that out, or make a server's key, without origins",
            )
        prefix = random_text(LOWER_ALPHANUMERIC, _PREFIX_LENGTH)
        presented = f"{MARK}_{prefix}_{random_text(ALPHANUMERIC, _SECRET_LENGTH)}"
        key = ApiKey(
            name=_checked_name(name),
            prefix=prefix,
            key_hash=hash_token(presented),
            scopes=wanted,
            origins=sites,
            created_at=now,
            created_by=actor.key,
            expires_at=expires_at,
        )
        session.add(key)
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.created",
            object_type=OBJECT,
            object_id=key.id,
            after={
                "name": key.name,
                "prefix": prefix,
                "scopes": wanted,
                "origins": sites,
                "expires_at": expires_at,
            },
        )
        self._platform.db.after_commit(session, self.forget)
        return NewKey(key=key, presented=presented)

    def revoke(self, session: Session, actor: Actor, key_id: uuid.UUID) -> None:
        """Make a key worthless for good. Revoking twice is harmless.

        Raises:
            NotFound: there is no such key (`unknown_key`).
        """
        key = self.get(session, key_id)
        if key.revoked_at is not None:
            return
        key.revoked_at = self._platform.clock.wall()
        self._platform.db.after_commit(session, self.forget)
        self._platform.audit.record(
            session, actor, action=f"{OBJECT}.revoked", object_type=OBJECT, object_id=key.id
        )

    def get(self, session: Session, key_id: uuid.UUID) -> ApiKey:
        """A key by id.

        Raises:
            NotFound: there is none (`unknown_key`).
        """
        key = session.get(ApiKey, key_id)
        if key is None:
            raise NotFound(
                "There is no API key with this id; look it up in the list of keys",
                code="unknown_key",
            )
        return key

    def by_prefix(self, session: Session, prefix: str) -> ApiKey | None:
        """A key by the part of it that is no secret."""
        return session.scalar(select(ApiKey).where(ApiKey.prefix == prefix))

    def all(self, session: Session) -> Sequence[ApiKey]:
        """Every key, the newest first."""
        return session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)).all()

    def forget(self) -> None:
        """Drop what this process remembers, so that the next request asks the database."""
        with self._lock:
            self._known.clear()
            self._origins = (0.0, frozenset())

    def origins(self) -> frozenset[str]:
        """The sites of all browsers' keys that are good, as of at most five seconds ago.

        A browser asks before it sends a key, so nothing else can be told by then.
        """
        good_until, known = self._origins
        if good_until > time.monotonic():
            return known
        now = self._platform.clock.wall()
        with self._platform.db.read() as session:
            lists = session.scalars(
                select(ApiKey.origins).where(
                    ApiKey.revoked_at.is_(None),
                    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
                )
            )
            known = frozenset(origin for origins in lists for origin in origins)
        self._origins = (time.monotonic() + _CACHE_SECONDS, known)
        return known

    def actor(self, session: Session, presented: str) -> KeyActor:
        """Who presents a key. Writes nothing.

        Raises:
            Unauthenticated: the key is `key_unknown`, `key_expired` or `key_revoked`.
        """
        digest = hash_token(presented)
        known = self._recall(digest)
        if known is None:
            known = self._look_up(session, presented, digest)
            self._remember(digest, known)
        if known.expires_at is not None and known.expires_at <= self._platform.clock.wall():
            raise Unauthenticated(
                f"The API key {known.actor.name!r} expired on "
                f"{known.expires_at:%Y-%m-%d %H:%M} UTC, so it opens nothing any more; "
                "make a new one under API keys in the admin",
                code="key_expired",
            )
        self._platform.accounts.last_seen.note(
            "key", known.actor.key_id, written=known.last_used_at
        )
        return known.actor

    def _look_up(self, session: Session, presented: str, digest: str) -> _Known:
        mark, _, rest = presented.partition("_")
        prefix = rest.partition("_")[0]
        key = self.by_prefix(session, prefix) if mark == MARK and prefix.isascii() else None
        if key is None or not same(key.key_hash, digest):
            raise Unauthenticated(
                "The API key is not known here, because it was mistyped or belongs to another "
                "installation; copy it whole, `dxp_…_…`, or make a new one in the admin",
                code="key_unknown",
            )
        if key.revoked_at is not None:
            raise Unauthenticated(
                f"The API key {key.name!r} was revoked on {key.revoked_at:%Y-%m-%d %H:%M} UTC, "
                "so it opens nothing any more; use another key",
                code="key_revoked",
            )
        return _Known(
            actor=KeyActor(
                key_id=key.id,
                name=key.name,
                permissions=frozenset(key.scopes),
                origins=frozenset(key.origins),
            ),
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            good_until=time.monotonic() + _CACHE_SECONDS,
        )

    def _recall(self, digest: str) -> _Known | None:
        with self._lock:
            known = self._known.get(digest)
            if known is not None and known.good_until <= time.monotonic():
                del self._known[digest]
                return None
            return known

    def _remember(self, digest: str, known: _Known) -> None:
        with self._lock:
            self._known[digest] = known
            while len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if not 1 <= len(text) <= 200 or not text.isprintable():
        raise _invalid("name", "A key needs a name of 1 to 200 characters that says who uses it")
    return text


def _invalid(field: str, detail: str) -> Unprocessable:
    return Unprocessable(
        f"The API key was not made: {detail[0].lower()}{detail[1:]}.",
        code="invalid_key",
        errors=[FieldError(code="invalid", detail=detail, pointer=f"/{field}")],
    )
