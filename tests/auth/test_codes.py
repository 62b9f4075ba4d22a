"""Short codes sent by mail."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select

from dxp.auth import SentCode
from dxp.auth.codes import MAX_ATTEMPTS, MAX_PER_HOUR
from dxp.auth.models import MailCode
from dxp.mail import Message
from dxp.platform import Platform
from dxp.testing import Mailbox, SettableClock

ADDRESS = "ada@example.com"
Send = Callable[..., str | None]


@pytest.fixture
def send(platform: Platform, captured_mail: Mailbox, run_jobs: Callable[[], int]) -> Send:
    """`send(address, owner)`: the code that arrives, if a mail does."""

    def run(address: str = ADDRESS, owner: uuid.UUID | None = None) -> str | None:
        before = len(captured_mail.all())
        with platform.db.write() as session:
            platform.accounts.customer_codes.send(session, address, owner_id=owner, compose=compose)
        run_jobs()
        if len(captured_mail.all()) == before:
            return None
        found = re.search(r"\b[0-9]{6}\b", captured_mail.text())
        return found[0] if found else None

    return run


def compose(sent: SentCode) -> Message:
    return Message(to=sent.to, subject="Code", text=f"{sent.code} for {sent.minutes} minutes")


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_arrives_and_tells_who_has_the_address(platform: Platform, send: Send) -> None:
    owner = uuid.uuid4()
    code = send(ADDRESS, owner)
    assert code is not None
    assert platform.accounts.customer_codes.redeem(" Ada@Example.COM", f" {code} ") == owner


def test_a_code_serves_once(platform: Platform, send: Send) -> None:
    code = send(ADDRESS, uuid.uuid4())
    assert code is not None
    assert platform.accounts.customer_codes.redeem(ADDRESS, code) is not None
    assert platform.accounts.customer_codes.redeem(ADDRESS, code) is None


def test_of_many_uses_at_the_same_time_one_wins(platform: Platform, send: Send) -> None:
    code = send(ADDRESS, uuid.uuid4())
    assert code is not None
    ready = threading.Barrier(4)
    owners: list[uuid.UUID | None] = []

    def redeem() -> None:
        ready.wait(timeout=120)
        owners.append(platform.accounts.customer_codes.redeem(ADDRESS, code))

    threads = [threading.Thread(target=redeem) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert len([owner for owner in owners if owner is not None]) == 1


def test_a_code_is_good_for_ten_minutes(
    platform: Platform, send: Send, clock: SettableClock
) -> None:
    first = send(ADDRESS, uuid.uuid4())
    assert first is not None
    clock.advance_wall(minutes=9)
    assert platform.accounts.customer_codes.redeem(ADDRESS, first) is not None
    second = send(ADDRESS, uuid.uuid4())
    assert second is not None
    clock.advance_wall(minutes=11)
    assert platform.accounts.customer_codes.redeem(ADDRESS, second) is None


def test_a_code_bears_five_guesses(platform: Platform, send: Send) -> None:
    codes = platform.accounts.customer_codes
    bearable, guessed_away = send(ADDRESS, uuid.uuid4()), send("bo@example.com", uuid.uuid4())
    assert bearable is not None
    assert guessed_away is not None
    for _guess in range(MAX_ATTEMPTS - 1):
        assert codes.redeem(ADDRESS, other_than(bearable)) is None
    assert codes.redeem(ADDRESS, bearable) is not None
    for _guess in range(MAX_ATTEMPTS):
        assert codes.redeem("bo@example.com", other_than(guessed_away)) is None
    assert codes.redeem("bo@example.com", guessed_away) is None


def test_a_newer_code_voids_the_older(platform: Platform, send: Send) -> None:
    older = send(ADDRESS, uuid.uuid4())
    newer = send(ADDRESS, uuid.uuid4())
    assert older is not None
    assert newer is not None
    if older != newer:
        assert platform.accounts.customer_codes.redeem(ADDRESS, older) is None
    assert platform.accounts.customer_codes.redeem(ADDRESS, newer) is not None


def test_a_code_is_for_one_address_and_one_purpose(platform: Platform, send: Send) -> None:
    code = send(ADDRESS, uuid.uuid4())
    assert code is not None
    assert platform.accounts.customer_codes.redeem("bo@example.com", code) is None
    assert platform.accounts.reset_codes.redeem(ADDRESS, code) is None


def test_nothing_is_sent_to_an_address_that_nobody_has(
    platform: Platform, send: Send, captured_mail: Mailbox
) -> None:
    assert send(ADDRESS, None) is None
    assert captured_mail.all() == []
    assert platform.accounts.customer_codes.redeem(ADDRESS, "000000") is None


def test_known_and_unknown_addresses_leave_the_same_traces(platform: Platform) -> None:
    """Rows and jobs are made alike, so that neither time nor volume tells them apart."""
    from dxp.jobs.models import JobRow

    for number, owner in enumerate((uuid.uuid4(), None)):
        with platform.db.write() as session:
            platform.accounts.customer_codes.send(
                session, f"person{number}@example.com", owner_id=owner, compose=compose
            )
    with platform.db.read() as session:
        rows = session.scalars(select(MailCode)).all()
        jobs = session.scalars(select(JobRow)).all()
    assert len(rows) == 2
    assert len({len(str(job.payload)) for job in jobs}) == 1
    assert len(jobs) == 2


def test_neither_code_nor_address_lies_in_the_database_in_clear(
    platform: Platform, send: Send
) -> None:
    from dxp.jobs.models import JobRow

    code = send("secretive@example.com", uuid.uuid4())
    assert code is not None
    with platform.db.read() as session:
        stored = [vars(row) for row in session.scalars(select(MailCode))]
        stored += [vars(row) for row in session.scalars(select(JobRow))]
    assert "secretive" not in repr(stored)
    assert all(code not in str(row.get("payload", "")) for row in stored)
    assert all(code != row.get("code_digest") for row in stored)


def test_no_more_than_five_codes_an_hour_go_to_one_address(
    platform: Platform, send: Send, captured_mail: Mailbox, clock: SettableClock
) -> None:
    owner = uuid.uuid4()
    last = [send(ADDRESS, owner) for _ in range(MAX_PER_HOUR)][-1]
    assert send(ADDRESS, owner) is None
    assert len(captured_mail.all()) == MAX_PER_HOUR
    assert last is not None
    assert platform.accounts.customer_codes.redeem(ADDRESS, last) == owner
    clock.advance_wall(minutes=61)
    assert send(ADDRESS, owner) is not None


@pytest.mark.parametrize("letter", ["\u212a", "\uff4b", "K"])
def test_the_mail_goes_to_the_address_on_record_and_not_to_a_look_alike(
    send: Send, captured_mail: Mailbox, letter: str
) -> None:
    """The Kelvin sign and the wide letter stand for k: they name the same customer, but another
    mailbox, which may be a stranger's.
    """
    assert send(f"{letter}ate@example.com", uuid.uuid4()) is not None
    assert captured_mail.all()[0]["To"] == "kate@example.com"


def test_a_mail_that_comes_too_late_is_not_sent(
    platform: Platform,
    captured_mail: Mailbox,
    run_jobs: Callable[[], int],
    clock: SettableClock,
) -> None:
    with platform.db.write() as session:
        platform.accounts.customer_codes.send(
            session, ADDRESS, owner_id=uuid.uuid4(), compose=compose
        )
    clock.advance_wall(minutes=11)
    run_jobs()
    assert captured_mail.all() == []


def test_old_rows_are_deleted(platform: Platform, send: Send, clock: SettableClock) -> None:
    send(ADDRESS, uuid.uuid4())
    clock.advance_wall(days=1, seconds=1)
    send("bo@example.com", uuid.uuid4())
    with platform.db.write() as session:
        assert platform.accounts.customer_codes.forget_old(session) == 1
        assert platform.accounts.reset_codes.forget_old(session) == 0
