"""Queueing mails and delivering them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dxp.jobs.models import JobRow
from dxp.mail import SEND_MAIL, Message
from dxp.platform import Platform
from dxp.sealing import Unsealable, seal, unseal
from dxp.testing import Mailbox, SettableClock

MESSAGE = Message(to="ada@example.com", subject="Hello", text="The word is swordfish.\n")


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"jobs": {"backoff_base_seconds": 60.0}}


def send(platform: Platform, **options: Any) -> None:
    with platform.db.write() as session:
        platform.mail.send(session, MESSAGE, **options)


def test_a_mail_leaves_after_the_commit(
    platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    send(platform)
    assert captured_mail.all() == []
    run_jobs()
    (mail,) = captured_mail.to("ada@example.com")
    assert mail["Subject"] == "Hello"
    assert captured_mail.text().splitlines() == ["The word is swordfish."]


def test_a_transaction_that_fails_sends_nothing(
    platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    def fail() -> None:
        with platform.db.write() as session:
            platform.mail.send(session, MESSAGE)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    run_jobs()
    assert captured_mail.all() == []


def test_what_a_mail_says_is_not_readable_in_the_database(platform: Platform) -> None:
    send(platform)
    with platform.db.read() as session:
        (job,) = session.scalars(select(JobRow).where(JobRow.name == SEND_MAIL))
    assert "swordfish" not in str(job.payload)
    assert "ada@example.com" not in str(job.payload)


def test_a_mail_to_be_discarded_is_not_delivered(
    platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]
) -> None:
    send(platform, discard=True)
    assert run_jobs() == 1
    assert captured_mail.all() == []


def test_a_mail_is_not_delivered_when_it_is_of_no_use_any_more(
    platform: Platform,
    captured_mail: Mailbox,
    run_jobs: Callable[[], int],
    clock: SettableClock,
) -> None:
    send(platform, expires_at=clock.wall() + timedelta(minutes=10))
    send(platform, expires_at=clock.wall() + timedelta(minutes=30))
    clock.advance_wall(minutes=11)
    run_jobs()
    assert len(captured_mail.all()) == 1


def test_a_mail_that_could_not_be_delivered_is_tried_again(
    platform: Platform,
    captured_mail: Mailbox,
    run_jobs: Callable[[], int],
    clock: SettableClock,
) -> None:
    in_the_way = platform.settings.data_dir / "mail"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file where the folder should be")
    send(platform)
    run_jobs()
    in_the_way.unlink()
    assert captured_mail.all() == []
    clock.advance_wall(minutes=10)
    run_jobs()
    assert len(captured_mail.all()) == 1


def test_a_sealed_value_opens_with_its_key_only() -> None:
    key = b"k" * 32
    sealed = seal(key, b"swordfish")
    assert unseal(key, sealed) == b"swordfish"
    assert sealed != seal(key, b"swordfish")
    for wrong in (sealed[:-2] + "xx", "", "a.b.c.d.e", sealed.replace(".", "")):
        with pytest.raises(Unsealable):
            unseal(key, wrong)
    with pytest.raises(Unsealable):
        unseal(b"x" * 32, sealed)
