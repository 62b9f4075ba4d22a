"""`dxp keys`: API keys from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import click
from flask import current_app

from dxp.auth import SystemActor
from dxp.auth.models import ApiKey
from dxp.cli.tables import print_table
from dxp.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from dxp.platform import Platform

ACTOR = SystemActor(name="command-line")


@click.group("keys")
def keys_group() -> None:
    """Make and revoke API keys."""


@keys_group.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="May be given several times.")
@click.option(
    "--days", type=click.IntRange(1, 36_500), help="Good for so many days; else for ever."
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="Make a key for browsers, which pages of this site may use, such as "
    "https://shop.example. May be given several times.",
)
@click.option("--quiet", is_flag=True, help="Print the key alone.")
def create(
    name: str, *, scopes: tuple[str, ...], days: int | None, origins: tuple[str, ...], quiet: bool
) -> None:
    """Make a key called NAME. It is printed once, and not stored."""
    platform = _platform()
    expires_at = platform.clock.wall() + timedelta(days=days) if days else None
    with platform.db.write() as session:
        made = platform.accounts.keys.create(
            session, ACTOR, name=name, scopes=scopes, expires_at=expires_at, origins=origins
        )
    if quiet:
        click.echo(made.presented)
        return
    click.echo(f"Key {made.key.name!r} for {', '.join(made.key.scopes)}:")
    click.echo(f"\n    {made.presented}\n")
    if made.key.origins:
        click.echo(f"For pages of {', '.join(made.key.origins)} alone; anybody can read it there.")
    click.echo("Copy it now: only a fingerprint is kept, and it is not shown again.")


@keys_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_keys(*, as_json: bool) -> None:
    """List keys, revoked ones too."""
    platform = _platform()
    with platform.db.read() as session:
        found = platform.accounts.keys.all(session)
    if as_json:
        rows = [
            {
                "prefix": key.prefix,
                "name": key.name,
                "scopes": key.scopes,
                "origins": key.origins,
                "state": _state(platform, key),
                "expires_at": _text(key.expires_at),
                "last_used_at": _text(key.last_used_at),
            }
            for key in found
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    print_table(
        ("Prefix", "Name", "Scopes", "State", "Last used", "Expires"),
        [
            (
                key.prefix,
                key.name,
                ", ".join(key.scopes),
                _state(platform, key),
                _text(key.last_used_at) or "never",
                _text(key.expires_at) or "never",
            )
            for key in found
        ],
    )


@keys_group.command()
@click.argument("prefix")
def revoke(prefix: str) -> None:
    """Make the key with this PREFIX worthless, for good. The whole key works too."""
    platform = _platform()
    part = prefix.removeprefix("dxp_").partition("_")[0]
    with platform.db.write() as session:
        key = platform.accounts.keys.by_prefix(session, part)
        if key is None:
            raise NotFound(
                f"No key has the prefix {part!r}; see which there are with: dxp keys list",
                code="unknown_key",
            )
        platform.accounts.keys.revoke(session, ACTOR, key.id)
    click.echo(f"{key.name!r} is revoked. Running servers refuse it within five seconds.")


def _platform() -> Platform:
    return cast("Platform", current_app.extensions["dxp"])


def _state(platform: Platform, key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    expired = key.expires_at is not None and key.expires_at <= platform.clock.wall()
    return "expired" if expired else "active"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
