"""A mail before it has a form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid


@dataclass(frozen=True, kw_only=True)
class Message:
    """A mail to one person. `html` is an alternative to `text`, never instead of it."""

    to: str
    subject: str
    text: str
    html: str | None = None

    def as_bytes(self) -> bytes:
        """For storage; `from_bytes` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Message:
        return cls(**json.loads(value))

    def compose(self, *, sender: str, at: datetime) -> EmailMessage:
        """The mail as it is sent (RFC 5322, UTF-8).

        Raises:
            ValueError: a header holds a line break.
        """
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = sender
        mail["To"] = self.to
        mail["Subject"] = self.subject
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip("> ") or None)
        # Answering machines stay silent: nobody reads what they send back.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(self.text)
        if self.html is not None:
            mail.add_alternative(self.html, subtype="html")
        return mail
