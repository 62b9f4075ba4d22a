"""Signing in: password, second factor, and the way back for those who forgot.

These steps open their own transactions. Hashing a password takes tens of milliseconds, in which
nobody else could write if it were done inside one; and a failure must be counted although the
request is refused. So they take no session, and are called with none open.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dxp.auth.actors import StaffActor
from dxp.auth.codes import SentCode
from dxp.auth.models import Staff
from dxp.auth.tickets import Tickets
from dxp.errors import Unauthenticated
from dxp.mail import Message

if TYPE_CHECKING:
    from dxp.platform import Platform

TICKET_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Where somebody signs in from, to be shown in their list of sessions."""

    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session was opened. `token` goes into the cookie and nowhere else."""

    staff_id: uuid.UUID
    session_id: uuid.UUID
    token: str


@dataclass(frozen=True, kw_only=True)
class CodeNeeded:
    """The password was right; `ticket` proves it to `with_code`, for five minutes."""

    ticket: str


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """What is compared with, read before the slow part."""

    staff_id: uuid.UUID | None
    password_hash: str | None


class SignIn:
    """Tells neither by its answers nor by the time they take whether an address has an account."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._tickets = Tickets(platform, purpose="second-factor", life=TICKET_LIFE)

    def with_password(
        self, email: str, password: str, *, browser: Browser
    ) -> SignedIn | CodeNeeded:
        """Check an address and a password.

        Raises:
            TooManyRequests: too many attempts failed (`sign_in_locked`).
            Unauthenticated: one of the two is wrong (`wrong_credentials`).
        """
        accounts, db = self._platform.accounts, self._platform.db
        digest = accounts.counts.digest(email)
        with db.write() as session:
            accounts.counts.take(session, digest)
            candidate = _candidate(accounts.staff.by_email(session, email))
        right = accounts.passwords.verify(candidate.password_hash, password)
        if not right or candidate.staff_id is None or candidate.password_hash is None:
            raise _wrong_credentials()
        better = None
        if accounts.passwords.is_outdated(candidate.password_hash):
            better = accounts.passwords.hash(password)
        with db.write() as session:
            staff = accounts.staff.get(session, candidate.staff_id)
            if not _is_unchanged(staff, candidate):
                raise _wrong_credentials()
            staff.password_hash = better or staff.password_hash
            if accounts.totp.is_on(staff):
                accounts.counts.give_back(session, digest)
                return CodeNeeded(ticket=self._tickets.issue(_claim(staff)))
            return self._open(session, staff, browser, second_factor=False)

    def with_code(self, ticket: str, code: str, *, browser: Browser) -> SignedIn:
        """Finish signing in with a code of the second factor, or a recovery code.

        Raises:
            TooManyRequests: too many attempts failed (`sign_in_locked`).
            Unauthenticated: the code is wrong (`wrong_code`), or the ticket has expired or the
                password was changed meanwhile (`ticket_expired`).
        """
        accounts = self._platform.accounts
        claim = self._tickets.read(ticket)
        with self._platform.db.write() as session:
            staff = None if claim is None else self._holder(session, claim)
            if staff is None:
                raise Unauthenticated(
                    "The first step of the sign-in is no longer valid, because it was done more "
                    "than five minutes ago or the account was changed; begin again",
                    code="ticket_expired",
                )
            digest = accounts.counts.digest(staff.email)
            accounts.counts.take(session, digest)
            signed_in = None
            if accounts.totp.use(session, staff, code):
                signed_in = self._open(session, staff, browser, second_factor=True)
        if signed_in is None:
            raise Unauthenticated(
                "The code is wrong, because it was mistyped, is too old or was used before; "
                "type the one that the app shows now, or a recovery code",
                code="wrong_code",
            )
        return signed_in

    def sign_out(self, session: Session, actor: StaffActor) -> None:
        """End the present session."""
        self._platform.accounts.sessions.end(session, actor, actor.session_id)

    def confirm_password(self, actor: StaffActor, password: str) -> None:
        """Ask again for the password before something that a borrowed browser must not do.

        Raises:
            TooManyRequests: too many attempts failed (`sign_in_locked`).
            Unauthenticated: it is wrong (`wrong_password`).
        """
        accounts, db = self._platform.accounts, self._platform.db
        digest = accounts.counts.digest(actor.email)
        with db.write() as session:
            accounts.counts.take(session, digest)
            stored = accounts.staff.get(session, actor.user_id).password_hash
        if not accounts.passwords.verify(stored, password):
            raise Unauthenticated(
                "The password is not the present one, so nothing was changed; type it again",
                code="wrong_password",
            )
        with db.write() as session:
            accounts.counts.clear(session, digest)

    def change_password(self, actor: StaffActor, *, present: str, new: str) -> None:
        """Choose a new password for oneself. All other sessions end.

        Raises:
            TooManyRequests, Unauthenticated: as `confirm_password`.
            Unprocessable: the new one is too weak (`weak_password`).
        """
        self.confirm_password(actor, present)
        with self._platform.db.write() as session:
            self._platform.accounts.staff.set_password(
                session, actor, actor.user_id, new, keep_session=actor.session_id
            )

    def forgot(self, session: Session, email: str, compose: Callable[[SentCode], Message]) -> None:
        """Send a code to reset the password with, if an enabled account has the address."""
        accounts = self._platform.accounts
        staff = accounts.staff.by_email(session, email)
        owner = None if staff is None or staff.disabled_at is not None else staff.id
        accounts.reset_codes.send(session, email, owner_id=owner, compose=compose)

    def reset(self, email: str, code: str, new_password: str) -> None:
        """Set a new password with a code from the mail. All sessions end.

        The second factor is still asked for: who can read somebody's mail has one factor, not
        two.

        Raises:
            Unauthenticated: the code is wrong, too old or used (`wrong_code`).
            Unprocessable: the password is too weak (`weak_password`); the code stays good.
        """
        accounts = self._platform.accounts
        # Before the code is used up, and with nothing that only the account's owner knows.
        accounts.passwords.check(new_password, personal=(email,))
        staff_id = accounts.reset_codes.redeem(email, code)
        with self._platform.db.write() as session:
            staff = None if staff_id is None else accounts.staff.get(session, staff_id)
            if staff is None or staff.disabled_at is not None:
                raise Unauthenticated(
                    "The code is wrong, because it was mistyped, is too old or was used before; "
                    "type it as it is in the latest mail, or ask for a new one",
                    code="wrong_code",
                )
            accounts.staff.set_password(session, _as_actor(staff), staff.id, new_password)

    def _open(
        self, session: Session, staff: Staff, browser: Browser, *, second_factor: bool
    ) -> SignedIn:
        accounts = self._platform.accounts
        accounts.counts.clear(session, accounts.counts.digest(staff.email))
        row, token = accounts.sessions.open(
            session,
            staff,
            ip=browser.ip,
            user_agent=browser.user_agent,
            second_factor=second_factor,
        )
        return SignedIn(staff_id=staff.id, session_id=row.id, token=token)

    def _holder(self, session: Session, claim: str) -> Staff | None:
        staff = session.get(Staff, uuid.UUID(claim.partition(":")[0]))
        if staff is None or staff.disabled_at is not None or _claim(staff) != claim:
            return None
        return staff


def _candidate(staff: Staff | None) -> _Candidate:
    if staff is None or staff.disabled_at is not None:
        return _Candidate(staff_id=None, password_hash=None)
    return _Candidate(staff_id=staff.id, password_hash=staff.password_hash)


def _is_unchanged(staff: Staff, candidate: _Candidate) -> bool:
    return staff.disabled_at is None and staff.password_hash == candidate.password_hash


def _claim(staff: Staff) -> str:
    """Names somebody as they are now: after a change of password an old ticket is void."""
    changed = staff.password_changed_at
    return f"{staff.id}:{changed.isoformat() if changed else ''}"


def _as_actor(staff: Staff) -> StaffActor:
    """Somebody who proved who they are without having a session yet."""
    return StaffActor(user_id=staff.id, session_id=staff.id, name=staff.name, email=staff.email)


def _wrong_credentials() -> Unauthenticated:
    return Unauthenticated(
        "The address or the password is wrong, or the account is disabled; "
        "check both, or reset the password",
        code="wrong_credentials",
    )
