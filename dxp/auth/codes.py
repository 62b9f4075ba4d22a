"""Short codes sent by mail, for customers to sign in and for staff to reset a password."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dxp.auth.models import MailCode
from dxp.auth.secrets import canonical_email, keyed_digest, random_digits, same
from dxp.db import uuid7
from dxp.mail import Message

if TYPE_CHECKING:
    from dxp.platform import Platform

LIFE = timedelta(minutes=10)
MAX_ATTEMPTS = 5
# With five guesses each, an hour's codes leave a guesser 25 chances in a million.
MAX_PER_HOUR = 5


@dataclass(frozen=True, kw_only=True)
class SentCode:
    """What the text of the mail is made from.

    Attributes:
        to: the address in the form to which the mail goes.
        minutes: how long the code is good.
    """

    to: str
    code: str
    minutes: int


class MailCodes:
    """Makes and checks codes of one purpose.

    An address that nobody has is treated like any other, to the last statement, except that its
    mail is discarded: neither the answer nor the time it takes tells who is registered.

    Args:
        purpose: `customer_sign_in` or `staff_reset`.
        digits: length of the code.
    """

    def __init__(self, platform: Platform, *, purpose: str, digits: int) -> None:
        self._platform = platform
        self._purpose = purpose
        self._digits = digits

    def send(
        self,
        session: Session,
        address: str,
        *,
        owner_id: uuid.UUID | None,
        compose: Callable[[SentCode], Message],
    ) -> None:
        """Send a code to `address`; codes sent before are void.

        After five in an hour nothing more is sent until the hour is over, and the last one stays
        good for its time.

        Args:
            owner_id: who has the address; None sends nothing.
            compose: writes the mail, in the language of the reader.
        """
        now = self._platform.clock.wall()
        to = canonical_email(address)
        digest = self._address_digest(to)
        code = random_digits(self._digits)
        exhausted = self._sent_since(session, digest, now - timedelta(hours=1)) >= MAX_PER_HOUR
        if not exhausted:
            session.execute(
                update(MailCode)
                .where(*self._of(digest), MailCode.used_at.is_(None), MailCode.expires_at > now)
                .values(expires_at=now)
            )
            row_id = uuid7()
            session.add(
                MailCode(
                    id=row_id,
                    purpose=self._purpose,
                    address_digest=digest,
                    owner_id=owner_id,
                    code_digest=self._code_digest(row_id, code),
                    created_at=now,
                    expires_at=now + LIFE,
                )
            )
            session.flush()
        minutes = int(LIFE.total_seconds()) // 60
        self._platform.mail.send(
            session,
            compose(SentCode(to=to, code=code, minutes=minutes)),
            expires_at=now + LIFE,
            discard=exhausted or owner_id is None,
        )

    def redeem(self, address: str, code: str) -> uuid.UUID | None:
        """The owner, if `code` is the one sent last, in time, not used, and not guessed at often.

        It commits on its own, in any case: a wrong guess must count even though it is refused.
        """
        with self._platform.db.write() as session:
            now = self._platform.clock.wall()
            digest = self._address_digest(canonical_email(address))
            row = session.execute(
                update(MailCode)
                .where(
                    *self._of(digest),
                    MailCode.used_at.is_(None),
                    MailCode.expires_at > now,
                    MailCode.attempts < MAX_ATTEMPTS,
                )
                .values(attempts=MailCode.attempts + 1)
                .returning(MailCode.id, MailCode.owner_id, MailCode.code_digest)
            ).first()
            if row is None or not same(row.code_digest, self._code_digest(row.id, code.strip())):
                return None
            # The row is locked since the first statement: nobody else can have used it.
            session.execute(update(MailCode).where(MailCode.id == row.id).values(used_at=now))
            owner: uuid.UUID | None = row.owner_id
            return owner

    def forget_old(self, session: Session) -> int:
        """Delete rows that count for nothing any more; returns their number."""
        until = self._platform.clock.wall() - timedelta(days=1)
        gone = session.scalars(
            delete(MailCode)
            .where(MailCode.purpose == self._purpose, MailCode.created_at <= until)
            .returning(MailCode.id)
        )
        return len(gone.all())

    def _sent_since(self, session: Session, digest: str, since: datetime) -> int:
        query = select(func.count()).where(*self._of(digest), MailCode.created_at > since)
        return session.scalar(query) or 0

    def _of(self, digest: str) -> tuple[Any, ...]:
        return (MailCode.purpose == self._purpose, MailCode.address_digest == digest)

    def _address_digest(self, address: str) -> str:
        return keyed_digest(self._key(), self._purpose, address)

    def _code_digest(self, row_id: uuid.UUID, code: str) -> str:
        return keyed_digest(self._key(), str(row_id), code)

    def _key(self) -> bytes:
        return self._platform.settings.secret("mail-codes")
