"""Roles: named sets of permissions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, SystemActor
from dxp.auth.grants import check_administrator_left, check_may_grant, lock_administration
from dxp.auth.models import Role, StaffRole
from dxp.auth.permissions import ALL
from dxp.errors import Conflict, FieldError, NotFound, Unprocessable

if TYPE_CHECKING:
    from dxp.platform import Platform

ADMINISTRATOR = "administrator"
VIEWER = "viewer"
OBJECT = "core.role"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")


class Roles:
    """The only writer of roles."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def all(self, session: Session) -> Sequence[Role]:
        """Every role, by title."""
        return session.scalars(select(Role).order_by(Role.title, Role.name)).all()

    def get(self, session: Session, name: str) -> Role:
        """A role by name.

        Raises:
            NotFound: there is none (`unknown_role`).
        """
        role = session.scalar(select(Role).where(Role.name == name))
        if role is None:
            raise NotFound(
                f"There is no role named {name!r}; look it up in the list of roles",
                code="unknown_role",
            )
        return role

    def unknown_permissions(self, role: Role) -> list[str]:
        """What the role holds of plugins that are absent at the moment."""
        known = self._platform.accounts.permissions
        return [name for name in role.permissions if name != ALL and name not in known]

    def holders(self, session: Session) -> dict[str, int]:
        """How many members of staff have each role, by its name."""
        rows = session.execute(
            select(Role.name, func.count(StaffRole.staff_id))
            .outerjoin(StaffRole, StaffRole.role_id == Role.id)
            .group_by(Role.name)
        )
        return dict(rows.all())

    def create(
        self,
        session: Session,
        actor: Actor,
        *,
        name: str,
        title: str,
        permissions: Sequence[str],
        require_totp: bool = False,
        builtin: bool = False,
    ) -> Role:
        """A new role.

        Args:
            name: short and lower case; it stays for good.
            require_totp: it gives nothing to a session without a second factor.

        Raises:
            Conflict: the name is taken (`role_name_taken`).
            Forbidden: the actor lacks one of the permissions (`cannot_grant`).
            Unprocessable: the name, the title or a permission is not valid.
        """
        if not _NAME.fullmatch(name):
            raise Unprocessable(
                "A role's name is short, lower case and without blanks, because commands and "
                "settings use it; write it like 'content-editor'",
                code="invalid_role_name",
                errors=[
                    FieldError(
                        code="invalid_role_name",
                        detail="Lower-case letters, digits, '-' and '_', a letter first.",
                        pointer="/name",
                    )
                ],
            )
        if session.scalar(select(Role.id).where(Role.name == name)) is not None:
            raise Conflict(
                f"There already is a role named {name!r}; choose another name, or change that role",
                code="role_name_taken",
                errors=[
                    FieldError(code="role_name_taken", detail="Already in use.", pointer="/name")
                ],
            )
        now = self._platform.clock.wall()
        held = self._platform.accounts.permissions.check(permissions)
        check_may_grant(actor, held)
        role = Role(
            name=name,
            title=_checked_title(title),
            permissions=held,
            require_totp=require_totp,
            builtin=builtin,
            created_at=now,
            updated_at=now,
        )
        session.add(role)
        session.flush()
        self._record(session, actor, role, "created", after=_view(role))
        return role

    def update(
        self,
        session: Session,
        actor: Actor,
        name: str,
        *,
        title: str,
        permissions: Sequence[str],
        require_totp: bool,
    ) -> Role:
        """Change a role; whoever has it, has the change with their next request.

        Permissions of plugins that are absent at the moment may stay, but not be added.

        Raises:
            Conflict: it is built in (`role_builtin`), or nobody would be left who may do
                everything (`last_administrator`).
            Forbidden: the role holds, or would hold, what the actor does not (`cannot_grant`).
        """
        lock_administration(session)
        role = self._changeable(session, name)
        wanted = self._platform.accounts.permissions.check(permissions, keep=role.permissions)
        check_may_grant(actor, {*role.permissions, *wanted})
        before = _view(role)
        role.title = _checked_title(title)
        role.permissions = wanted
        role.require_totp = require_totp
        role.updated_at = self._platform.clock.wall()
        if ALL in before["permissions"]:
            check_administrator_left(session)
        self._record(session, actor, role, "updated", before=before, after=_view(role))
        return role

    def delete(self, session: Session, actor: Actor, name: str) -> None:
        """Remove a role that nobody has.

        Raises:
            Conflict: somebody has it (`role_in_use`), or it is built in (`role_builtin`).
            Forbidden: it holds more than the actor does (`cannot_grant`).
        """
        lock_administration(session)
        role = self._changeable(session, name)
        check_may_grant(actor, role.permissions)
        holders = session.scalar(
            select(func.count()).select_from(StaffRole).where(StaffRole.role_id == role.id)
        )
        if holders:
            raise Conflict(
                f"{holders} members of staff have the role {role.title!r}, and would lose what it "
                "allows without notice; take it from them first",
                code="role_in_use",
            )
        self._record(session, actor, role, "deleted", before=_view(role))
        session.delete(role)
        session.flush()

    def ensure(
        self, session: Session, actor: Actor, *, name: str, title: str, permissions: Sequence[str]
    ) -> Role:
        """The role of that name, made if there is none; one that is there stays as it is."""
        role = session.scalar(select(Role).where(Role.name == name))
        return role or self.create(session, actor, name=name, title=title, permissions=permissions)

    def seed(self, session: Session) -> None:
        """Make the roles that every installation starts with. Harmless when they are there.

        `administrator` may do everything and cannot be changed; `viewer` may read whatever the
        plugins of the day let read, and can.
        """
        actor = SystemActor()
        names = set(session.scalars(select(Role.name)))
        if ADMINISTRATOR not in names:
            self.create(
                session,
                actor,
                name=ADMINISTRATOR,
                title="Administrator",
                permissions=[ALL],
                builtin=True,
            )
        readable = [
            permission.name
            for permission in self._platform.accounts.permissions
            if permission.name.endswith(".read")
        ]
        self.ensure(session, actor, name=VIEWER, title="Viewer", permissions=readable)

    def _changeable(self, session: Session, name: str) -> Role:
        role = self.get(session, name)
        if role.builtin:
            raise Conflict(
                f"The role {role.title!r} comes with dxp and always stays the same; "
                "make a role of your own and change that",
                code="role_builtin",
            )
        return role

    def _record(self, session: Session, actor: Actor, role: Role, what: str, **sides: Any) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"{OBJECT}.{what}",
            object_type=OBJECT,
            object_id=role.name,
            **sides,
        )


def _checked_title(title: str) -> str:
    text = " ".join(title.split())
    if not 1 <= len(text) <= 200 or not text.isprintable():
        raise Unprocessable(
            "A role needs a title of 1 to 200 characters, so that people know what it is for; "
            "write one",
            code="invalid_title",
            errors=[
                FieldError(code="invalid_title", detail="1 to 200 characters.", pointer="/title")
            ],
        )
    return text


def _view(role: Role) -> dict[str, Any]:
    return {
        "title": role.title,
        "permissions": list(role.permissions),
        "require_totp": role.require_totp,
    }
