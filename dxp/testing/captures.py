"""What came out: events, mails."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import TYPE_CHECKING, TypeVar

from dxp.contracts import EventPayload
from dxp.events import EventRecord, EventRow, record_of

if TYPE_CHECKING:
    from dxp.platform import Platform

P = TypeVar("P", bound=EventPayload)


class PublishedEvents:
    """The events in the log, oldest first; what was not committed is not among them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def all(self, kind: type[EventPayload] | str | None = None) -> list[EventRecord]:
        """Events of one type, by its payload class or name, or all of them."""
        from sqlalchemy import select

        name = kind if isinstance(kind, str) or kind is None else kind.type
        statement = select(EventRow).order_by(EventRow.id)
        if name is not None:
            statement = statement.where(EventRow.type == name)
        with self._platform.db.read() as session:
            return [record_of(row) for row in session.scalars(statement)]

    def payloads(self, kind: type[P]) -> list[P]:
        """The typed payloads of one type."""
        return [record.payload(kind) for record in self.all(kind)]

    @property
    def types(self) -> list[str]:
        """The type of each event."""
        return [record.type for record in self.all()]


class Mailbox:
    """Mails that left. They leave by a job: call `run_jobs()` first."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        scheme, _, folder = settings.mail.url.partition(":")
        if scheme != "file":
            raise ValueError("captured_mail needs mail.url to be file:…, as it is in tests")
        self._folder = settings.data_dir / folder

    def all(self) -> list[EmailMessage]:
        """Every mail, in the order in which they left."""
        parser = BytesParser(EmailMessage, policy=policy.default)
        files = sorted(self._folder.glob("*.eml"))
        return [parser.parsebytes(file.read_bytes()) for file in files]

    def to(self, address: str) -> list[EmailMessage]:
        """Mails to one address."""
        return [mail for mail in self.all() if str(mail["To"]) == address]

    def text(self, number: int = -1) -> str:
        """The plain text of one mail, by default the last."""
        body = self.all()[number].get_body(("plain",))
        return "" if body is None else str(body.get_content())
