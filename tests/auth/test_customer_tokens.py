"""Access and refresh tokens of customers."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from dxp.auth import CustomerActor, TokenPair
from dxp.auth.models import RefreshFamily, RefreshToken
from dxp.auth.tickets import sign
from dxp.errors import NotFound, Unauthenticated
from dxp.platform import Platform
from dxp.subjects import Subject
from dxp.testing import Queries, SettableClock, make_subject


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"api": {"customer_token_minutes": 15, "refresh_token_days": 30}}


def issue(platform: Platform, subject_id: uuid.UUID | None = None) -> TokenPair:
    known = subject_id or make_subject(platform)
    with platform.db.write() as session:
        return platform.accounts.customer_tokens.issue(session, known)


def recognise(platform: Platform, token: str) -> CustomerActor:
    with platform.db.read() as session:
        return platform.accounts.actor_of_token(session, token)


def refused(platform: Platform, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        recognise(platform, token)
    return caught.value.code


def refused_refresh(platform: Platform, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        platform.accounts.customer_tokens.refresh(token)
    return caught.value.code


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def forge(platform: Platform, pair: TokenPair, *, key: bytes | None = None, **claims: Any) -> str:
    """A token signed with our own key but with other claims; None takes one out."""
    body = claims_of(pair.access_token) | claims
    own = {"sub", "sid", "type"}
    return sign(
        key or platform.settings.secret("customer-tokens"),
        {k: v for k, v in body.items() if k in own or k in claims},
        audience=body["aud"],
        at=platform.clock.wall(),
        life=timedelta(minutes=5),
    )


# Access tokens


def test_a_token_names_its_customer_for_a_quarter_of_an_hour(
    platform: Platform, clock: SettableClock
) -> None:
    subject_id = make_subject(platform)
    pair = issue(platform, subject_id)
    assert pair.expires_in == 900
    assert recognise(platform, pair.access_token).subject_id == subject_id
    clock.advance_wall(minutes=14)
    assert recognise(platform, pair.access_token).subject_id == subject_id
    clock.advance_wall(minutes=2)
    assert refused(platform, pair.access_token) == "token_expired"


def test_a_customer_has_no_permissions(platform: Platform) -> None:
    assert recognise(platform, issue(platform).access_token).permissions == frozenset()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_token_with_any_character_changed_is_invalid(
    platform: Platform, data: st.DataObject
) -> None:
    token = issued_once(platform).access_token
    # The last character of base64 may hold bits that are not used.
    position = data.draw(st.integers(min_value=0, max_value=len(token) - 2))
    other = data.draw(
        st.sampled_from("ABab01_-.").filter(lambda character: character != token[position])
    )
    assert refused(platform, token[:position] + other + token[position + 1 :]) == "token_invalid"


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=80))
def test_any_text_that_is_no_token_is_invalid(platform: Platform, text: str) -> None:
    assert refused(platform, text) == "token_invalid"


def issued_once(platform: Platform) -> TokenPair:
    known: TokenPair | None = getattr(platform, "pair_of_this_test", None)
    if known is None:
        known = issue(platform)
        platform.pair_of_this_test = known  # type: ignore[attr-defined]
    return known


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "second-factor"},
        {"iss": "somebody-else"},
        {"type": "staff"},
        {"type": None},
        {"sub": "no-uuid"},
        {"sub": 5},
        {"sid": "no-uuid"},
        {"sid": None},
        {"exp": "tomorrow"},
    ],
)
def test_a_token_with_other_claims_is_invalid_though_it_is_signed(
    platform: Platform, claims: dict[str, Any]
) -> None:
    assert refused(platform, forge(platform, issue(platform), **claims)) == "token_invalid"


def test_a_token_without_expiry_is_invalid_though_it_is_signed(platform: Platform) -> None:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    claims = claims_of(issue(platform).access_token)
    del claims["exp"]
    key = OctKey.import_key(platform.settings.secret("customer-tokens"))
    assert refused(platform, jwt.encode({"alg": "HS256"}, claims, key)) == "token_invalid"


def test_a_token_signed_with_another_key_is_invalid(platform: Platform) -> None:
    pair = issue(platform)
    assert refused(platform, forge(platform, pair, key=b"x" * 32)) == "token_invalid"


def test_a_token_that_says_it_needs_no_signature_is_invalid(platform: Platform) -> None:
    _head, body, _signature = issue(platform).access_token.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    assert refused(platform, f"{head}.{body}.") == "token_invalid"


def test_a_token_for_another_customer_of_the_same_sign_in_names_nobody_unknown(
    platform: Platform,
) -> None:
    token = forge(platform, issue(platform), sub=str(uuid.uuid4()))
    assert refused(platform, token) == "token_revoked"


def test_recognising_a_customer_takes_one_query(
    platform: Platform, count_queries: Callable[[], AbstractContextManager[Queries]]
) -> None:
    pair = issue(platform)
    with count_queries() as queries:
        recognise(platform, pair.access_token)
    assert queries.count == 1


def test_a_merged_customer_goes_on_as_the_one_they_were_merged_into(platform: Platform) -> None:
    loser, winner = make_subject(platform), make_subject(platform)
    pair = issue(platform, loser)
    with platform.db.write() as session:
        merged = session.get(Subject, loser)
        assert merged is not None
        merged.merged_into_id = winner
    assert recognise(platform, pair.access_token).subject_id == winner
    fresh = platform.accounts.customer_tokens.refresh(pair.refresh_token)
    assert fresh.subject_id == winner


def test_an_erased_customer_is_signed_out(platform: Platform, clock: SettableClock) -> None:
    subject_id = make_subject(platform)
    pair = issue(platform, subject_id)
    with platform.db.write() as session:
        erased = session.get(Subject, subject_id)
        assert erased is not None
        erased.erased_at = clock.now()
    assert refused(platform, pair.access_token) == "token_revoked"
    assert refused_refresh(platform, pair.refresh_token) == "refresh_revoked"
    with pytest.raises(NotFound):
        issue(platform, subject_id)


def test_nobody_unknown_gets_a_token(platform: Platform) -> None:
    with pytest.raises(NotFound) as caught:
        issue(platform, uuid.uuid4())
    assert caught.value.code == "unknown_subject"


# Refresh tokens


def test_refreshing_gives_a_new_pair_for_the_same_customer(
    platform: Platform, clock: SettableClock
) -> None:
    first = issue(platform)
    clock.advance_wall(minutes=20)
    second = platform.accounts.customer_tokens.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.subject_id == first.subject_id
    assert recognise(platform, second.access_token).subject_id == first.subject_id


def test_refresh_tokens_are_stored_as_hashes(platform: Platform) -> None:
    pair = issue(platform)
    with platform.db.read() as session:
        row = session.scalars(select(RefreshToken)).one()
    assert pair.refresh_token not in repr(vars(row))


def test_a_token_used_twice_ends_the_whole_sign_in(platform: Platform) -> None:
    first = issue(platform)
    second = platform.accounts.customer_tokens.refresh(first.refresh_token)
    third = platform.accounts.customer_tokens.refresh(second.refresh_token)
    assert refused_refresh(platform, first.refresh_token) == "refresh_reused"
    assert refused_refresh(platform, third.refresh_token) == "refresh_revoked"
    assert refused(platform, third.access_token) == "token_revoked"
    with platform.db.read() as session:
        assert session.scalars(select(RefreshFamily.revoked_reason)).one() == "reused"


def test_other_sign_ins_of_the_customer_go_on(platform: Platform) -> None:
    subject_id = make_subject(platform)
    phone, laptop = issue(platform, subject_id), issue(platform, subject_id)
    platform.accounts.customer_tokens.refresh(phone.refresh_token)
    refused_refresh(platform, phone.refresh_token)
    assert platform.accounts.customer_tokens.refresh(laptop.refresh_token)


def test_of_many_uses_at_the_same_time_one_wins_and_then_the_sign_in_ends(
    platform: Platform,
) -> None:
    pair = issue(platform)
    ready = threading.Barrier(5)
    won: list[TokenPair] = []
    codes: list[str] = []

    def refresh() -> None:
        ready.wait(timeout=120)
        try:
            won.append(platform.accounts.customer_tokens.refresh(pair.refresh_token))
        except Unauthenticated as error:
            codes.append(error.code)

    threads = [threading.Thread(target=refresh) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert len(won) == 1
    assert codes == ["refresh_reused"] * 4
    assert refused_refresh(platform, won[0].refresh_token) == "refresh_revoked"
    assert refused(platform, won[0].access_token) == "token_revoked"


def test_a_refresh_token_expires(platform: Platform, clock: SettableClock) -> None:
    pair = issue(platform)
    assert pair.refresh_expires_in == 30 * 86_400
    clock.advance_wall(days=30, seconds=5)
    assert refused_refresh(platform, pair.refresh_token) == "refresh_expired"


def test_a_sign_in_ends_after_a_year_however_often_it_is_refreshed(
    platform: Platform, clock: SettableClock
) -> None:
    pair = issue(platform)
    for _month in range(12):
        clock.advance_wall(days=29)
        pair = platform.accounts.customer_tokens.refresh(pair.refresh_token)
    clock.advance_wall(days=29)
    assert refused_refresh(platform, pair.refresh_token) == "refresh_expired"


@pytest.mark.parametrize("token", ["", "x", "dxr_", "\x00", "dxr_" + "é" * 43])
def test_a_made_up_refresh_token_is_unknown(platform: Platform, token: str) -> None:
    assert refused_refresh(platform, token) == "refresh_unknown"


def test_an_access_token_does_not_refresh(platform: Platform) -> None:
    pair = issue(platform)
    assert refused_refresh(platform, pair.access_token) == "refresh_unknown"
    assert refused(platform, pair.refresh_token) == "token_invalid"


def test_signing_out_ends_access_and_refresh_tokens(platform: Platform) -> None:
    first = issue(platform)
    second = platform.accounts.customer_tokens.refresh(first.refresh_token)
    with platform.db.write() as session:
        platform.accounts.customer_tokens.revoke(session, first.refresh_token)
        platform.accounts.customer_tokens.revoke(session, "unknown")
    assert refused(platform, second.access_token) == "token_revoked"
    assert refused_refresh(platform, second.refresh_token) == "refresh_revoked"


def test_all_sign_ins_of_one_customer_can_be_ended(platform: Platform) -> None:
    subject_id = make_subject(platform)
    pairs = [issue(platform, subject_id) for _ in range(2)]
    stranger = issue(platform)
    with platform.db.write() as session:
        platform.accounts.customer_tokens.revoke_all(session, [subject_id], reason="erased")
    assert [refused(platform, p.access_token) for p in pairs] == ["token_revoked"] * 2
    assert recognise(platform, stranger.access_token)


def test_sign_ins_in_which_nothing_is_good_are_deleted(
    platform: Platform, clock: SettableClock
) -> None:
    issue(platform)
    signed_out = issue(platform)
    with platform.db.write() as session:
        platform.accounts.customer_tokens.revoke(session, signed_out.refresh_token)
    clock.advance_wall(days=2)
    with platform.db.write() as session:
        assert platform.accounts.customer_tokens.forget_old(session) == 1
    clock.advance_wall(days=30)
    alive = issue(platform)
    with platform.db.write() as session:
        assert platform.accounts.customer_tokens.forget_old(session) == 1
    assert platform.accounts.customer_tokens.refresh(alive.refresh_token)
    with platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 2
