"""Members of staff: making, changing, disabling them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.auth.grants import (
    check_administrator_left,
    check_may_grant,
    check_may_manage,
    lock_administration,
)
from dxp.auth.models import Role, Staff, StaffRole
from dxp.auth.secrets import canonical_email
from dxp.clock import timezones
from dxp.errors import Conflict, FieldError, NotFound, Unprocessable

if TYPE_CHECKING:
    from dxp.platform import Platform

OBJECT = "core.staff"
_ADDRESS = re.compile(r"[^@\s\x00-\x1f<>,;:\"()\[\]\\]{1,64}@[^@\s\x00-\x1f<>,;:\"()\[\]\\]{1,189}")


class StaffService:
    """The only writer of members of staff. Every change is in the audit log."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def get(self, session: Session, staff_id: uuid.UUID) -> Staff:
        """Somebody by id.

        Raises:
            NotFound: nobody has the id (`unknown_staff`).
        """
        staff = session.get(Staff, staff_id)
        if staff is None:
            raise NotFound(
                "There is no member of staff with this id; look them up in the list of staff",
                code="unknown_staff",
            )
        return staff

    def by_email(self, session: Session, email: str) -> Staff | None:
        """Somebody by address, however it is written."""
        return session.scalar(select(Staff).where(Staff.email == canonical_email(email)))

    def matching(self, text: str = "", *, include_disabled: bool = True) -> Select[Staff]:
        """Staff whose name or address contains `text`, not yet sorted."""
        query = select(Staff)
        if text:
            query = query.where(
                or_(
                    Staff.name.icontains(text, autoescape=True),
                    Staff.email.icontains(text, autoescape=True),
                )
            )
        return query if include_disabled else query.where(Staff.disabled_at.is_(None))

    def roles_of(
        self, session: Session, staff_ids: Iterable[uuid.UUID]
    ) -> dict[uuid.UUID, list[Role]]:
        """Roles by member of staff, in one query."""
        found: dict[uuid.UUID, list[Role]] = {staff_id: [] for staff_id in staff_ids}
        rows = session.execute(
            select(StaffRole.staff_id, Role)
            .join(Role, Role.id == StaffRole.role_id)
            .where(StaffRole.staff_id.in_(list(found)))
            .order_by(Role.title, Role.name)
        )
        for staff_id, role in rows:
            found[staff_id].append(role)
        return found

    def create(
        self,
        session: Session,
        actor: Actor,
        *,
        email: str,
        name: str,
        password: str | None = None,
        roles: Sequence[str] = (),
        locale: str | None = None,
        must_change_password: bool = True,
    ) -> Staff:
        """Somebody new.

        Args:
            password: without one they cannot sign in until they have reset it by mail.
            roles: names of roles.
            must_change_password: they may do nothing until they have chosen their own.

        Raises:
            Conflict: the address is taken (`email_taken`).
            Forbidden: a role holds more than the actor does (`cannot_grant`).
            Unprocessable: the address, name, locale, password or a role is not valid.
        """
        address = self._checked_email(session, email)
        if password is not None:
            self._platform.accounts.passwords.check(password, personal=(name, address))
        now = self._platform.clock.wall()
        staff = Staff(
            email=address,
            name=_checked_name(name),
            locale=self._checked_locale(locale),
            password_hash=None
            if password is None
            else self._platform.accounts.passwords.hash(password),
            password_changed_at=None if password is None else now,
            must_change_password=must_change_password and password is not None,
            created_at=now,
        )
        session.add(staff)
        session.flush()
        given = self._give_roles(session, actor, staff.id, roles)
        self._record(session, actor, staff, "created", after=_view(staff, given))
        return staff

    def update(
        self,
        session: Session,
        actor: Actor,
        staff_id: uuid.UUID,
        *,
        name: str,
        email: str,
        locale: str | None = None,
    ) -> Staff:
        """Change who somebody is.

        Raises:
            Conflict, Forbidden, NotFound, Unprocessable: as `create`, and `cannot_manage`.
        """
        staff = self.get(session, staff_id)
        check_may_manage(session, actor, staff_id)
        before = _view(staff)
        if canonical_email(email) != staff.email:
            staff.email = self._checked_email(session, email)
        staff.name = _checked_name(name)
        staff.locale = self._checked_locale(locale)
        self._record(session, actor, staff, "updated", before=before, after=_view(staff))
        return staff

    def set_locale(
        self, session: Session, actor: Actor, staff_id: uuid.UUID, locale: str | None
    ) -> None:
        """Choose the language that the admin speaks to somebody; None: that of the browser."""
        staff = self.get(session, staff_id)
        before = {"locale": staff.locale}
        staff.locale = self._checked_locale(locale)
        after = {"locale": staff.locale}
        self._record(session, actor, staff, "updated", before=before, after=after)

    def set_timezone(
        self, session: Session, actor: Actor, staff_id: uuid.UUID, timezone: str | None
    ) -> None:
        """Choose the zone in which somebody reads and writes moments; None: that of the site.

        Raises:
            Unprocessable: there is no such zone (`unknown_timezone`).
        """
        if timezone and timezone not in timezones():
            raise Unprocessable(
                "The time zone was not kept, because there is none of this name; choose one of the "
                "list, such as Europe/Paris",
                code="unknown_timezone",
                errors=[
                    FieldError(
                        code="unknown_timezone", detail="Not a time zone.", pointer="/timezone"
                    )
                ],
            )
        staff = self.get(session, staff_id)
        before = {"timezone": staff.timezone}
        staff.timezone = timezone or None
        after = {"timezone": staff.timezone}
        self._record(session, actor, staff, "updated", before=before, after=after)

    def set_roles(
        self, session: Session, actor: Actor, staff_id: uuid.UUID, roles: Sequence[str]
    ) -> None:
        """Give somebody exactly these roles. Takes effect with their next request.

        Raises:
            Conflict: nobody would be left who may do everything (`last_administrator`).
            Forbidden: `cannot_grant`, `cannot_manage`.
            Unprocessable: a role is unknown (`unknown_role`).
        """
        lock_administration(session)
        staff = self.get(session, staff_id)
        check_may_manage(session, actor, staff_id)
        had = [role.name for role in self.roles_of(session, [staff_id])[staff_id]]
        session.execute(delete(StaffRole).where(StaffRole.staff_id == staff_id))
        has = self._give_roles(session, actor, staff_id, roles)
        if had != has:
            check_administrator_left(session)
        self._record(
            session, actor, staff, "roles_changed", before={"roles": had}, after={"roles": has}
        )

    def disable(self, session: Session, actor: Actor, staff_id: uuid.UUID) -> None:
        """Lock somebody out, at once: their sessions end.

        Raises:
            Conflict: they are the last administrator (`last_administrator`), or oneself
                (`cannot_disable_self`).
            Forbidden: they may do more than the actor (`cannot_manage`).
        """
        lock_administration(session)
        staff = self.get(session, staff_id)
        check_may_manage(session, actor, staff_id)
        if actor.key == f"staff:{staff_id}":
            raise Conflict(
                "You cannot disable your own account, because you could not undo it; "
                "ask somebody else",
                code="cannot_disable_self",
            )
        if staff.disabled_at is not None:
            return
        staff.disabled_at = self._platform.clock.wall()
        check_administrator_left(session)
        self._platform.accounts.sessions.end_all(session, staff_id)
        self._record(session, actor, staff, "disabled")

    def enable(self, session: Session, actor: Actor, staff_id: uuid.UUID) -> None:
        """Let somebody in again."""
        staff = self.get(session, staff_id)
        check_may_manage(session, actor, staff_id)
        if staff.disabled_at is not None:
            staff.disabled_at = None
            self._record(session, actor, staff, "enabled")

    def set_password(
        self,
        session: Session,
        actor: Actor,
        staff_id: uuid.UUID,
        password: str,
        *,
        must_change: bool = False,
        keep_session: uuid.UUID | None = None,
    ) -> None:
        """Give somebody a new password. Their sessions end, but for `keep_session`.

        Raises:
            Forbidden: they may do more than the actor (`cannot_manage`).
            Unprocessable: the password is too weak (`weak_password`).
        """
        staff = self.get(session, staff_id)
        accounts = self._platform.accounts
        if actor.key != f"staff:{staff_id}":
            check_may_manage(session, actor, staff_id)
        accounts.passwords.check(password, personal=(staff.name, staff.email))
        staff.password_hash = accounts.passwords.hash(password)
        staff.password_changed_at = self._platform.clock.wall()
        staff.must_change_password = must_change
        accounts.sessions.end_all(session, staff_id, but=keep_session)
        accounts.counts.clear(session, accounts.counts.digest(staff.email))
        self._record(session, actor, staff, "password_changed")

    def _give_roles(
        self, session: Session, actor: Actor, staff_id: uuid.UUID, names: Sequence[str]
    ) -> list[str]:
        wanted = set(names)
        found = session.scalars(
            select(Role).where(Role.name.in_(wanted)).order_by(Role.title, Role.name)
        ).all()
        unknown = sorted(wanted - {role.name for role in found})
        if unknown:
            raise Unprocessable(
                f"There is no role named {', '.join(map(repr, unknown))}; "
                "`dxp staff roles` and the admin list the roles there are",
                code="unknown_role",
                errors=[
                    FieldError(code="unknown_role", detail=name, pointer="/roles")
                    for name in unknown
                ],
            )
        for role in found:
            check_may_grant(actor, role.permissions)
        session.add_all(StaffRole(staff_id=staff_id, role_id=role.id) for role in found)
        session.flush()
        return [role.name for role in found]

    def _checked_email(self, session: Session, email: str) -> str:
        address = canonical_email(email)
        if len(address) > 254 or not _ADDRESS.fullmatch(address):
            raise Unprocessable(
                "This is no e-mail address, so no mail would arrive; "
                "write it like name@example.com",
                code="invalid_email",
                errors=[
                    FieldError(
                        code="invalid_email", detail="Not an e-mail address.", pointer="/email"
                    )
                ],
            )
        if self.by_email(session, address) is not None:
            raise Conflict(
                "Another member of staff already has this e-mail address; "
                "take another address, or change that account",
                code="email_taken",
                errors=[FieldError(code="email_taken", detail="Already in use.", pointer="/email")],
            )
        return address

    def _checked_locale(self, locale: str | None) -> str | None:
        available = self._platform.settings.locale.available
        if locale and locale not in available:
            raise Unprocessable(
                f"The language {locale!r} is not set up; choose one of {', '.join(available)}",
                code="unknown_locale",
                errors=[
                    FieldError(
                        code="unknown_locale", detail="Not an available locale.", pointer="/locale"
                    )
                ],
            )
        return locale or None

    def _record(
        self, session: Session, actor: Actor, staff: Staff, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.{what}",
            object_type=OBJECT,
            object_id=staff.id,
            **sides,
        )


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if not 1 <= len(text) <= 200 or not text.isprintable():
        raise Unprocessable(
            "A name has 1 to 200 printable characters, so that colleagues can tell who it is; "
            "write one",
            code="invalid_name",
            errors=[
                FieldError(code="invalid_name", detail="1 to 200 characters.", pointer="/name")
            ],
        )
    return text


def _view(staff: Staff, roles: Sequence[str] | None = None) -> dict[str, Any]:
    view: dict[str, Any] = {"email": staff.email, "name": staff.name, "locale": staff.locale}
    return view if roles is None else view | {"roles": list(roles)}
