"""Sending mail through a job, so that no request waits for a mail server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from dxp.mail.message import Message
from dxp.mail.transports import Transport, transport_for
from dxp.sealing import seal, unseal

if TYPE_CHECKING:
    from dxp.platform import Platform

SEND_MAIL = "dxp.send_mail"
# Sealed values are as long as what they hold; rounding up keeps a mail to nobody from being
# told from a real one by its length.
_PADDING = 1024


class Mailer:
    """Queues mails and delivers them.

    A mail may hold a code, and job rows outlive the sending; so the row holds it encrypted.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        settings = platform.settings
        self._transport: Transport = transport_for(settings.mail.url, data_dir=settings.data_dir)

    def send(
        self,
        session: Session,
        message: Message,
        *,
        expires_at: datetime | None = None,
        discard: bool = False,
    ) -> None:
        """Queue a mail in the transaction of `session`; it leaves after the commit.

        Args:
            expires_at: from then on the mail is of no use and is not delivered any more.
            discard: do all the work and deliver nothing, so that the time an answer takes does
                not tell whether an address is known.
        """
        body = message.as_bytes()
        body += b" " * (-len(body) % _PADDING)
        payload = {
            "mail": seal(self._key(), body),
            "discard": seal(self._key(), b"1" if discard else b"0"),
            "expires_at": None if expires_at is None else expires_at.isoformat(),
        }
        self._platform.jobs.enqueue(session, SEND_MAIL, payload)

    def recipient(self, payload: Mapping[str, Any]) -> str:
        """The address of a queued mail, by the payload of its job."""
        return Message.from_bytes(unseal(self._key(), payload["mail"])).to

    def deliver(self, payload: Mapping[str, Any]) -> None:
        """Hand a queued mail to the mail server. For the job `dxp.send_mail`.

        Raises:
            OSError, smtplib.SMTPException: it could not be delivered; try again later.
        """
        if unseal(self._key(), payload["discard"]) == b"1":
            return
        now = self._platform.clock.wall()
        expires_at = payload["expires_at"]
        if expires_at is not None and datetime.fromisoformat(expires_at) <= now:
            return
        message = Message.from_bytes(unseal(self._key(), payload["mail"]))
        sender = self._platform.settings.mail.sender
        self._transport.send(message.compose(sender=sender, at=now))

    def _key(self) -> bytes:
        return self._platform.settings.secret("mail")
