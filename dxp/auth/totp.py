"""The second factor: time-based codes (RFC 6238) and recovery codes."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyotp
import segno
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, StaffActor
from dxp.auth.grants import check_may_manage
from dxp.auth.models import RecoveryCode, Staff
from dxp.auth.secrets import READABLE, keyed_digest, random_text, same
from dxp.errors import Conflict, FieldError, Unprocessable
from dxp.sealing import seal, unseal

if TYPE_CHECKING:
    from dxp.platform import Platform

STEP_SECONDS = 30
# One step to either side, for clocks that go wrong and people who type slowly.
_WINDOW = 1
_RECOVERY_CODES = 10
_RECOVERY_LENGTH = 10
_ISSUER = "dxp"
OBJECT = "core.staff"


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What an authenticator app needs.

    Attributes:
        secret: for typing, in base 32.
        uri: `otpauth://…`.
        svg: the URI as a QR code, an inline `<svg>` without styles.
    """

    secret: str
    uri: str
    svg: str


class SecondFactor:
    """The only writer of second factors. Secrets are sealed, recovery codes digested."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def is_on(self, staff: Staff) -> bool:
        """Whether sign-in asks for a code."""
        return staff.totp_confirmed_at is not None

    def begin(self, session: Session, actor: StaffActor) -> Enrolment:
        """Start setting it up: the secret counts once `confirm` has seen a code made with it.

        Asked again before that, it gives the same secret, so that a QR code that was just
        scanned stays good.

        Raises:
            Conflict: it is set up already (`totp_on`).
        """
        staff = self._staff(session, actor.user_id)
        if self.is_on(staff):
            raise Conflict(
                "The second factor is set up already, and a new secret would lock out the app "
                "that has the old one; turn it off first",
                code="totp_on",
            )
        if staff.totp_secret is None:
            staff.totp_secret = seal(self._key(), pyotp.random_base32().encode())
            session.flush()
        return self._enrolment(staff)

    def enrolment(self, session: Session, actor: StaffActor) -> Enrolment | None:
        """What `begin` gave, while `confirm` is outstanding. Writes nothing."""
        staff = self._staff(session, actor.user_id)
        if self.is_on(staff) or staff.totp_secret is None:
            return None
        return self._enrolment(staff)

    def confirm(self, session: Session, actor: StaffActor, code: str) -> list[str]:
        """Finish setting it up, and get recovery codes, which are shown this once.

        The present session counts as having shown it; the others end.

        Raises:
            Conflict: it is set up already, or was not begun (`totp_on`, `totp_not_begun`).
            Unprocessable: the code is wrong (`wrong_code`).
        """
        staff = self._staff(session, actor.user_id)
        if self.is_on(staff) or staff.totp_secret is None:
            raise Conflict(
                "There is nothing to confirm, because the second factor is set up already or was "
                "not begun; load the page again",
                code="totp_on" if self.is_on(staff) else "totp_not_begun",
            )
        if not self._use_step(session, staff, code):
            raise _wrong_code()
        staff.totp_confirmed_at = self._platform.clock.wall()
        sessions = self._platform.accounts.sessions
        sessions.mark_second_factor(session, actor.session_id)
        sessions.end_all(session, staff.id, but=actor.session_id)
        self._record(session, actor, staff, "totp_enabled")
        return self._new_codes(session, staff)

    def renew_recovery_codes(self, session: Session, actor: StaffActor) -> list[str]:
        """New recovery codes, shown this once; the old ones are void.

        Raises:
            Conflict: the second factor is off (`totp_off`).
        """
        staff = self._staff(session, actor.user_id)
        if not self.is_on(staff):
            raise Conflict(
                "There is no second factor to recover from; set it up first", code="totp_off"
            )
        self._record(session, actor, staff, "recovery_codes_renewed")
        return self._new_codes(session, staff)

    def turn_off(self, session: Session, actor: Actor, staff_id: uuid.UUID) -> None:
        """Remove it, one's own or that of somebody who lost it. The sessions of another end.

        Raises:
            Forbidden: they may do more than the actor (`cannot_manage`).
        """
        staff = self._staff(session, staff_id)
        if actor.key != f"staff:{staff_id}":
            check_may_manage(session, actor, staff_id)
            self._platform.accounts.sessions.end_all(session, staff_id)
        staff.totp_secret = staff.totp_confirmed_at = staff.totp_last_step = None
        session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
        self._record(session, actor, staff, "totp_disabled")

    def use(self, session: Session, staff: Staff, code: str) -> bool:
        """Whether `code` is right: the app's of this minute or a recovery code. It serves once."""
        if not self.is_on(staff):
            return False
        return self._use_step(session, staff, code) or self._use_recovery(session, staff, code)

    def recovery_codes_left(self, session: Session, staff_id: uuid.UUID) -> int:
        """How many recovery codes are still good."""
        query = select(func.count()).where(
            RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
        )
        return session.scalar(query) or 0

    def _use_step(self, session: Session, staff: Staff, code: str) -> bool:
        typed = "".join(code.split())
        if not (len(typed) == 6 and typed.isascii() and typed.isdigit()):
            return False
        totp = pyotp.TOTP(self._secret(staff))
        now = int(self._platform.clock.wall().timestamp()) // STEP_SECONDS
        steps = range(now - _WINDOW, now + _WINDOW + 1)
        matching = [step for step in steps if same(totp.generate_otp(step), typed)]
        if not matching:
            return False
        # One statement, so that of two requests with the same code one finds the step used.
        used = session.scalar(
            update(Staff)
            .where(
                Staff.id == staff.id,
                or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < matching[0]),
            )
            .values(totp_last_step=matching[0])
            .returning(Staff.id)
        )
        return used is not None

    def _use_recovery(self, session: Session, staff: Staff, code: str) -> bool:
        used = session.scalar(
            update(RecoveryCode)
            .where(
                RecoveryCode.staff_id == staff.id,
                RecoveryCode.code_digest == self._digest(staff.id, code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=self._platform.clock.wall())
            .returning(RecoveryCode.id)
        )
        if used is None:
            return False
        actor = StaffActor(user_id=staff.id, session_id=used, name=staff.name, email=staff.email)
        self._record(session, actor, staff, "recovery_code_used")
        return True

    def _new_codes(self, session: Session, staff: Staff) -> list[str]:
        session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
        codes = [random_text(READABLE, _RECOVERY_LENGTH) for _ in range(_RECOVERY_CODES)]
        session.add_all(
            RecoveryCode(staff_id=staff.id, code_digest=self._digest(staff.id, code))
            for code in codes
        )
        session.flush()
        half = _RECOVERY_LENGTH // 2
        return [f"{code[:half]}-{code[half:]}" for code in codes]

    def _digest(self, staff_id: uuid.UUID, code: str) -> str:
        plain = "".join(c for c in code.upper() if c.isalnum())
        key = self._platform.settings.secret("recovery-codes")
        return keyed_digest(key, str(staff_id), plain)

    def _enrolment(self, staff: Staff) -> Enrolment:
        secret = self._secret(staff)
        uri = pyotp.TOTP(secret).provisioning_uri(name=staff.email, issuer_name=_ISSUER)
        return Enrolment(secret=secret, uri=uri, svg=_qr(uri))

    def _secret(self, staff: Staff) -> str:
        return unseal(self._key(), staff.totp_secret or "").decode()

    def _key(self) -> bytes:
        return self._platform.settings.secret("totp")

    def _staff(self, session: Session, staff_id: uuid.UUID) -> Staff:
        return self._platform.accounts.staff.get(session, staff_id)

    def _record(self, session: Session, actor: Actor, staff: Staff, what: str) -> None:
        self._platform.audit.record(
            session, actor, action=f"{OBJECT}.{what}", object_type=OBJECT, object_id=staff.id
        )


def _qr(uri: str) -> str:
    out = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        out, kind="svg", scale=5, border=4, xmldecl=False, svgns=False, light="#fff"
    )
    return out.getvalue().decode()


def _wrong_code() -> Unprocessable:
    return Unprocessable(
        "The code is wrong, because it was mistyped, is too old or was used before; "
        "wait for the next one and type that",
        code="wrong_code",
        errors=[FieldError(code="wrong_code", detail="Not the present code.", pointer="/code")],
    )
