"""`dxp staff`: who may sign in, from the command line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, cast

import click
from flask import current_app

from dxp.auth import SystemActor
from dxp.auth.models import Staff
from dxp.auth.secrets import ALPHANUMERIC, random_text
from dxp.cli.tables import print_table
from dxp.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dxp.platform import Platform

ACTOR = SystemActor(name="command-line")
_PASSWORD_LENGTH = 20
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of input."
)


@click.group("staff")
def staff_group() -> None:
    """Manage who may sign in."""


@staff_group.command()
@click.argument("email")
@click.option("--name", help="As colleagues know them; by default the address.")
@click.option("--role", "roles", multiple=True, help="Name of a role; may be given several times.")
@click.option("--locale", help="Language of the admin for them.")
@_password_option
def create(
    email: str,
    *,
    name: str | None,
    roles: tuple[str, ...],
    locale: str | None,
    password_stdin: bool,
) -> None:
    """Make an account. Without a password on input one is made up, printed, and must be changed."""
    platform = _platform()
    password = _from_stdin() if password_stdin else None
    made_up = random_text(ALPHANUMERIC, _PASSWORD_LENGTH)
    with platform.db.write() as session:
        platform.accounts.roles.seed(session)
        staff = platform.accounts.staff.create(
            session,
            ACTOR,
            email=email,
            name=name or email,
            password=password or made_up,
            roles=roles,
            locale=locale,
            must_change_password=password is None,
        )
    click.echo(f"{staff.email} may sign in.")
    if not roles:
        click.echo(f"They may do nothing yet; give a role: dxp staff roles {staff.email} ROLE")
    if password is None:
        click.echo(f"First password, to be changed at sign-in: {made_up}")


@staff_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_staff(*, as_json: bool) -> None:
    """List members of staff, disabled ones too."""
    platform = _platform()
    with platform.db.read() as session:
        query = platform.accounts.staff.matching().order_by(Staff.name, Staff.id)
        people = session.scalars(query).all()
        roles = platform.accounts.staff.roles_of(session, [person.id for person in people])
    rows = [
        {
            "email": person.email,
            "name": person.name,
            "roles": [role.name for role in roles[person.id]],
            "active": person.disabled_at is None,
            "second_factor": platform.accounts.totp.is_on(person),
            "last_sign_in_at": person.last_sign_in_at.isoformat(timespec="seconds")
            if person.last_sign_in_at
            else None,
        }
        for person in people
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    print_table(
        ("Address", "Name", "Roles", "State", "Second factor", "Last sign-in"),
        [
            (
                person.email,
                person.name,
                ", ".join(role.name for role in roles[person.id]),
                "active" if row["active"] else "disabled",
                "on" if row["second_factor"] else "off",
                str(row["last_sign_in_at"] or "never"),
            )
            for person, row in zip(people, rows, strict=True)
        ],
    )


@staff_group.command()
@click.argument("email")
def disable(email: str) -> None:
    """Lock somebody out, at once."""
    platform = _platform()
    with platform.db.write() as session:
        platform.accounts.staff.disable(session, ACTOR, _find(platform, session, email).id)
    click.echo(f"{email} is signed out and cannot sign in. Undo it with: dxp staff enable {email}")


@staff_group.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let somebody in again."""
    platform = _platform()
    with platform.db.write() as session:
        platform.accounts.staff.enable(session, ACTOR, _find(platform, session, email).id)
    click.echo(f"{email} may sign in again.")


@staff_group.command("reset-password")
@click.argument("email")
@click.option("--second-factor-off", is_flag=True, help="Also turn off the second factor.")
@_password_option
def reset_password(email: str, *, second_factor_off: bool, password_stdin: bool) -> None:
    """Give somebody a new password, end their sessions, and undo a lock."""
    platform = _platform()
    password = _from_stdin() if password_stdin else None
    made_up = random_text(ALPHANUMERIC, _PASSWORD_LENGTH)
    with platform.db.write() as session:
        staff = _find(platform, session, email)
        platform.accounts.staff.set_password(
            session, ACTOR, staff.id, password or made_up, must_change=password is None
        )
        if second_factor_off:
            platform.accounts.totp.turn_off(session, ACTOR, staff.id)
    click.echo(f"{email} has a new password and is signed out everywhere.")
    if password is None:
        click.echo(f"First password, to be changed at sign-in: {made_up}")


@staff_group.command()
@click.argument("email", required=False)
@click.argument("names", nargs=-1)
def roles(email: str | None, names: tuple[str, ...]) -> None:
    """List roles; or, with an EMAIL and NAMES, give somebody exactly these."""
    platform = _platform()
    if email is None:
        _list_roles(platform)
        return
    with platform.db.write() as session:
        staff = _find(platform, session, email)
        if names:
            platform.accounts.staff.set_roles(session, ACTOR, staff.id, names)
        held = platform.accounts.staff.roles_of(session, [staff.id])[staff.id]
    click.echo(f"{staff.email}: {', '.join(role.name for role in held) or 'no role'}")


@staff_group.command()
def permissions() -> None:
    """List every permission, by the plugin that declares it."""
    print_table(
        ("Permission", "What it allows", "Plugin", "For API keys"),
        [
            (permission.name, str(permission.label), plugin, "yes" if permission.scope else "no")
            for plugin, found in _platform().accounts.permissions.grouped().items()
            for permission in found
        ],
    )


def _list_roles(platform: Platform) -> None:
    with platform.db.read() as session:
        found = platform.accounts.roles.all(session)
        holders = platform.accounts.roles.holders(session)
    print_table(
        ("Role", "Title", "Permissions", "Staff"),
        [
            (role.name, role.title, ", ".join(role.permissions), str(holders[role.name]))
            for role in found
        ],
    )


def _platform() -> Platform:
    return cast("Platform", current_app.extensions["dxp"])


def _find(platform: Platform, session: Session, email: str) -> Staff:
    staff = platform.accounts.staff.by_email(session, email)
    if staff is None:
        raise NotFound(
            f"No member of staff has the address {email}; see who there is with: dxp staff list",
            code="unknown_staff",
        )
    return staff


def _from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("There is no password on the first line of input.")
    return password
