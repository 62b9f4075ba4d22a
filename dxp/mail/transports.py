"""Where mails go: a mail server, or a folder."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from uuid_utils import compat as uuid_compat

from dxp.errors import ConfigurationError

_TIMEOUT_SECONDS = 20.0
_DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class Transport(Protocol):
    """Takes a mail away; an exception means that it may be tried again."""

    def send(self, mail: EmailMessage) -> None: ...


class FileTransport:
    """Writes each mail as an .eml file, for development and tests.

    A file appears whole or not at all, and only its owner may read it: it may hold a code.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, mail: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = str(uuid_compat.uuid7())
        draft = self.folder / f".{name}.part"
        draft.touch(mode=0o600)
        draft.write_bytes(mail.as_bytes())
        draft.rename(self.folder / f"{name}.eml")


class SmtpTransport:
    """Sends through a mail server, encrypted: `smtps://` from the start, `smtp://` by STARTTLS.

    Without encryption it speaks only to this very machine: a code or a password that crosses a
    network in clear is not a secret.
    """

    def __init__(self, url: SplitResult) -> None:
        self._implicit_tls = url.scheme == "smtps"
        self._host = url.hostname or ""
        self._port = url.port or _DEFAULT_PORTS[url.scheme]
        self._user = unquote(url.username) if url.username else None
        self._password = unquote(url.password or "")

    def send(self, mail: EmailMessage) -> None:
        with self._connect() as server:
            if self._user is not None:
                server.login(self._user, self._password)
            server.send_message(mail)

    def _connect(self) -> smtplib.SMTP:
        if self._implicit_tls:
            return smtplib.SMTP_SSL(
                self._host,
                self._port,
                timeout=_TIMEOUT_SECONDS,
                context=ssl.create_default_context(),
            )
        server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            elif not _is_this_machine(self._host):
                raise smtplib.SMTPNotSupportedError(
                    f"the mail server {self._host} offers no encryption, so nothing was sent; use "
                    "one that supports STARTTLS, or smtps://"
                )
        except BaseException:
            server.close()
            raise
        return server


def transport_for(url: str, *, data_dir: Path) -> Transport:
    """The transport that the setting `mail.url` names.

    Raises:
        ConfigurationError: the URL is of no known kind.
    """
    parsed = urlsplit(url)
    if parsed.scheme == "file" and parsed.path:
        return FileTransport(data_dir / parsed.path)
    if parsed.scheme in _DEFAULT_PORTS and parsed.hostname:
        return SmtpTransport(parsed)
    raise ConfigurationError(
        "mail.url: its form is not known, so no mail could be sent. "
        'Example: mail.url = "smtp://user:password@mail.example.com:587" or "file:mail"'
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
