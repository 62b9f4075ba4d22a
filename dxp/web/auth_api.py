"""Tokens for customers: issued to a storefront, or against a code sent by mail."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request

from dxp.auth.actors import KeyActor, StaffActor
from dxp.auth.customer_tokens import TokenPair
from dxp.errors import NotFound, Unauthenticated
from dxp.web.access import anyone, needs
from dxp.web.account_mails import customer_code_mail
from dxp.web.auth_codes import AUTH_CODES
from dxp.web.auth_schemas import (
    AcceptedOut,
    CodeIn,
    CodeRequestIn,
    CustomerTokenIn,
    RefreshIn,
    TokensOut,
)
from dxp.web.blueprint import ApiBlueprint
from dxp.web.call import Call
from dxp.web.frame import CHALLENGE
from dxp.web.limits import hit_limit


def auth_blueprint() -> ApiBlueprint:
    """The blueprint `auth`."""
    auth = ApiBlueprint(
        "auth",
        __name__,
        url_prefix="/api/v1/auth",
        description="How customers sign in: short access tokens, and refresh tokens that serve "
        "once.",
        codes=AUTH_CODES,
    )
    _add_tokens(auth)
    _add_codes(auth)
    return auth


def _add_tokens(auth: ApiBlueprint) -> None:
    @auth.endpoint(
        "POST",
        "/customer-tokens",
        summary="Sign a customer in on the storefront's word",
        access=needs("customers.token"),
        body=CustomerTokenIn,
        response=TokensOut,
        status=201,
        problems=("unknown_subject",),
    )
    def issue_customer_token(call: Call, body: dict[str, Any]) -> TokenPair:
        """The storefront has made sure who the customer is. Keep both tokens from other sites."""
        customer = body["customer"]
        subject_id = customer.get("id") or _subject_of(call, customer["ref"])
        key_id = call.actor.key_id if isinstance(call.actor, KeyActor) else None
        pair = call.platform.accounts.customer_tokens.issue(call.session, subject_id, key_id=key_id)
        if isinstance(call.actor, StaffActor):
            # Staff who act as a customer are to be seen doing so.
            call.platform.audit.record(
                call.session,
                call.actor,
                action="core.customer_token.issued",
                object_type="core.subject",
                object_id=pair.subject_id,
                subject_id=pair.subject_id,
            )
        return pair

    @auth.endpoint(
        "POST",
        "/refresh",
        summary="Trade a refresh token for new tokens",
        access=anyone(),
        body=RefreshIn,
        response=TokensOut,
        transaction=False,
        problems=("refresh_unknown", "refresh_expired", "refresh_reused", "refresh_revoked"),
    )
    def refresh(call: Call, body: dict[str, Any]) -> TokenPair:
        """The token is void afterwards; sent again, it ends the whole sign-in."""
        with _challenge():
            return call.platform.accounts.customer_tokens.refresh(body["refresh_token"])

    @auth.endpoint(
        "POST",
        "/revoke",
        summary="Sign a customer out",
        access=anyone(),
        body=RefreshIn,
        status=204,
    )
    def revoke(call: Call, body: dict[str, Any]) -> None:
        """Ends the refresh token and all that came before and after it. A token that is not known
        answers 204 too: it opens nothing either way.
        """
        call.platform.accounts.customer_tokens.revoke(call.session, body["refresh_token"])


def _add_codes(auth: ApiBlueprint) -> None:
    @auth.endpoint(
        "POST",
        "/codes",
        summary="Send a sign-in code by mail",
        access=anyone(),
        body=CodeRequestIn,
        response=AcceptedOut,
        status=202,
    )
    def send_code(call: Call, body: dict[str, Any]) -> dict[str, Any]:
        """Answers 202 whether or not a customer has the address, so that nobody learns who is
        registered. The code is good for ten minutes; of several, the last one is.
        """
        _limit(call)
        owner = call.platform.subjects.find(call.session, "email", body["email"])
        call.platform.accounts.customer_codes.send(
            call.session, body["email"], owner_id=owner, compose=customer_code_mail
        )
        return {}

    @auth.endpoint(
        "POST",
        "/codes/verify",
        summary="Sign a customer in with a code",
        access=anyone(),
        body=CodeIn,
        response=TokensOut,
        transaction=False,
        problems=("wrong_code",),
    )
    def verify_code(call: Call, body: dict[str, Any]) -> TokenPair:
        """A code serves once, and bears five attempts."""
        _limit(call)
        platform = call.platform
        subject_id = platform.accounts.customer_codes.redeem(body["email"], body["code"])
        with _challenge(), platform.db.write() as session:
            if subject_id is None:
                raise _wrong_code()
            try:
                return platform.accounts.customer_tokens.issue(session, subject_id)
            except NotFound as error:
                raise _wrong_code() from error


def _subject_of(call: Call, ref: str) -> uuid.UUID:
    subject_id = call.platform.subjects.find(call.session, "ref", ref)
    if subject_id is None:
        raise NotFound(
            "There is no customer with this ref; register the customer first, "
            "or check which environment the ref comes from",
            code="unknown_subject",
        )
    return subject_id


def _limit(call: Call) -> None:
    rate = call.platform.settings.api.sign_in_rate_limit
    hit_limit("sign-in", rate, f"address:{request.remote_addr or 'unknown'}")


@contextmanager
def _challenge() -> Iterator[None]:
    """HTTP wants each 401 to say which credential would do."""
    try:
        yield
    except Unauthenticated as error:
        for name, value in CHALLENGE.items():
            error.headers.setdefault(name, value)
        raise


def _wrong_code() -> Unauthenticated:
    return Unauthenticated(
        "The code was refused, because it is wrong, too old, or was used or guessed at before; "
        "type the one of the latest mail, or ask for a new one",
        code="wrong_code",
    )
