"""Where mails go."""

from __future__ import annotations

import smtplib
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dxp.errors import ConfigurationError
from dxp.mail import Message
from dxp.mail.transports import FileTransport, SmtpTransport, transport_for

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MAIL = Message(to="ada@example.com", subject="سلام", text="Guten Tag, عزیز\n").compose(
    sender="dxp@example.com", at=AT
)


class Postbox(threading.Thread):
    """A mail server that takes one mail and offers what it is told to."""

    def __init__(self, *extensions: str) -> None:
        super().__init__(daemon=True)
        self._extensions = extensions
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(30)
        self.port: int = self._listener.getsockname()[1]
        self.said: list[str] = []
        self.mail = b""
        self.start()

    def run(self) -> None:
        connection, _peer = self._listener.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 postbox\r\n")
            while line := stream.readline():
                self.said.append(line.decode().strip())
                verb = line.split()[0].upper()
                if verb == b"EHLO":
                    lines = ["postbox", *self._extensions]
                    marks = ["-"] * (len(lines) - 1) + [" "]
                    for mark, text in zip(marks, lines, strict=True):
                        stream.write(f"250{mark}{text}\r\n".encode())
                elif verb == b"DATA":
                    stream.write(b"354 go on\r\n")
                    while (part := stream.readline()) != b".\r\n":
                        self.mail += part
                    stream.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    stream.write(b"221 bye\r\n")
                    return
                else:
                    stream.write(b"250 fine\r\n")

    def close(self) -> None:
        self._listener.close()
        self.join(timeout=30)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox("8BITMIME", "SMTPUTF8")
    yield box
    box.close()


def test_a_folder_gets_one_file_a_mail_for_its_owner_only(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path / "mail")
    transport.send(MAIL)
    transport.send(MAIL)
    files = sorted((tmp_path / "mail").iterdir())
    assert [file.suffix for file in files] == [".eml", ".eml"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    read = BytesParser(policy=policy.default).parsebytes(files[0].read_bytes())
    assert read["Subject"] == "سلام"
    assert read["To"] == "ada@example.com"
    assert read["Auto-Submitted"] == "auto-generated"
    assert str(read.get_content()).splitlines() == ["Guten Tag, عزیز"]


def test_a_mail_server_on_this_machine_gets_it_even_without_encryption(postbox: Postbox) -> None:
    SmtpTransport(urlsplit(f"smtp://127.0.0.1:{postbox.port}")).send(MAIL)
    assert any(said.upper().startswith("RCPT TO:<ADA@EXAMPLE.COM>") for said in postbox.said)
    assert b"ada@example.com" in postbox.mail


def test_nothing_is_sent_in_clear_to_another_machine(
    postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxp.mail.transports._is_this_machine", lambda _host: False)
    with pytest.raises(smtplib.SMTPNotSupportedError, match="no encryption"):
        SmtpTransport(urlsplit(f"smtp://127.0.0.1:{postbox.port}")).send(MAIL)
    postbox.close()
    assert not any(said.upper().startswith(("MAIL", "AUTH")) for said in postbox.said)


@pytest.mark.parametrize(
    "url", ["", "mail", "http://mail.example.com", "smtp://", "file:", "smtp:mail.example.com"]
)
def test_an_address_of_no_known_kind_is_refused_with_an_example(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Example"):
        transport_for(url, data_dir=tmp_path)


def test_a_password_in_the_address_is_not_in_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        transport_for("imap://me:hunter2@mail.example.com", data_dir=tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_line_break_cannot_add_a_header() -> None:
    for message in (
        Message(to="a@b.example\r\nBcc: c@d.example", subject="x", text="y"),
        Message(to="a@b.example", subject="x\nBcc: c@d.example", text="y"),
    ):
        with pytest.raises(ValueError, match="linefeed"):
            message.compose(sender="dxp@example.com", at=AT)


def test_a_mail_may_have_two_forms() -> None:
    mail = Message(to="a@b.example", subject="s", text="plain", html="<p>rich</p>").compose(
        sender="dxp <dxp@example.com>", at=AT
    )
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Message-ID"].endswith("@example.com>")
