"""What staff get to read of an error."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from dxp.jobs.failures import MAX_CHARACTERS, describe_error, is_transient


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as found:
        return found


def test_the_error_is_named_with_the_place_it_came_from():
    described = describe_error(caught(ValueError("the shop sent no order number")))
    assert described.startswith("ValueError: the shop sent no order number\n")
    assert "test_failures.py" in described
    assert "in caught" in described


def test_the_cause_is_named_too():
    error = RuntimeError("no tier")
    error.__cause__ = KeyError("tier")
    assert "because of KeyError: 'tier'" in describe_error(caught(error))


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        ("cannot reach amqp://dxp:hunter2@mq.example/", "hunter2"),
        ("cannot reach redis://:hunter2@redis.example:6379/0", "hunter2"),
        ("401 for Authorization: Bearer abc.def-123", "abc.def-123"),
        ("sent {'api_key': 'k-123', 'city': 'Graz'}", "k-123"),
        ('refused {"client_secret": "s p a c e"}', "s p a c e"),
        ("password=hunter2 was wrong", "hunter2"),
        ("refresh_token: eyJ.abc", "eyJ.abc"),
    ],
)
def test_what_looks_like_a_credential_is_masked(message, secret):
    described = describe_error(RuntimeError(message))
    assert secret not in described
    assert "***" in described


def test_a_database_error_does_not_quote_the_row(platform):
    row = {"name": "jobs.keeper", "owner": "leila@example.com", "until": "2026-01-01"}
    statement = text("INSERT INTO dxp_lease VALUES (:name, :owner, :until)")
    with pytest.raises(IntegrityError) as raised, platform.db.write() as session:
        session.execute(statement, [row, row])
    described = describe_error(raised.value)
    assert "IntegrityError" in described
    assert "leila@example.com" not in described


def test_a_long_message_is_cut():
    assert len(describe_error(RuntimeError("x" * 100_000))) == MAX_CHARACTERS


def test_only_what_passes_by_itself_is_transient():
    class Conflict(Exception):
        sqlstate = "40001"

    assert is_transient(OperationalError("UPDATE …", {}, Conflict()))
    assert is_transient(OperationalError("BEGIN", {}, Exception("database is locked")))
    assert not is_transient(OperationalError("SELECT", {}, Exception("no such table: x")))
    assert not is_transient(ValueError("database is locked"))


def test_the_libraries_inside_do_not_hide_where_our_code_was(platform):
    def broken():
        with platform.db.read() as session:
            session.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(Exception, match="no_such_table") as raised:
        broken()
    described = describe_error(raised.value)
    assert "in broken: session.execute" in described
    assert "site-packages" not in described
    assert "because of" not in described
