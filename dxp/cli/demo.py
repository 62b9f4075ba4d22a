"""`dxp demo`: fills an instance with data that shows what dxp does, and reconciles it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dxp.auth.actors import SystemActor
from dxp.clock import NO_SHIFT
from dxp.errors import ConfigurationError
from dxp.plugins.contexts import DemoContext, DemoReport
from dxp.plugins.spec import Plugin

if TYPE_CHECKING:
    from dxp.platform import Platform

ACTOR = SystemActor(name="demo")
ACCESS_FILE = "demo.json"
EDITOR_SUFFIXES = (".read", ".write", ".publish")
# What the sample storefront may do; scopes of plugins that are not there are left out.
STOREFRONT_SCOPES = (
    "content.read",
    "crm.customers.read",
    "crm.customers.write",
    "customers.token",
    "demo.clock",
    "events.write",
    "personalization.decide",
)
OPEN_FOR = timedelta(days=90)
Stage = Literal["prepare", "load", "check"]


@dataclass(frozen=True, kw_only=True)
class DemoAccess:
    """How people and the sample storefront get in. Kept in the data folder, for its owner only."""

    admin_email: str
    admin_password: str
    editor_email: str
    editor_password: str
    storefront_key: str


@click.command("demo")
@click.option("--load", is_flag=True, help="Load what is missing; a second time changes nothing.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def demo_command(*, load: bool, as_json: bool) -> None:
    """Load demo data with --load; always say what is there, and whether it reconciles."""
    platform = cast("Platform", current_app.extensions["dxp"])
    if platform.settings.environment == "production":
        raise ConfigurationError(
            "The demo is not loaded in production, because its people and sign-ins are made up.\n"
            "Use an instance of its own: DXP_ENVIRONMENT=development DXP_DATA_DIR=demo dxp demo"
        )
    console = Console(stderr=as_json)
    reports: list[DemoReport] = []
    access = ensure_access(platform) if load else read_access(platform)
    stages: Sequence[Stage] = ("prepare", "load", "check") if load else ("check",)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=as_json) as bar:
        for stage in stages:
            # The shop opened a while ago: what its people did since then was under its rules.
            opened = -OPEN_FOR if stage == "prepare" else NO_SHIFT
            with platform.clock.shifted(opened):
                reports += _run_stage(platform, stage, bar)
            if stage == "load":
                platform.jobs.tick()
                platform.jobs.run_pending()
    _tell(console, reports, access, as_json=as_json)
    if not all(check.ok for report in reports for check in report.checks):
        raise SystemExit(1)


def _run_stage(platform: Platform, stage: Stage, bar: Progress) -> list[DemoReport]:
    def progress(label: str, total: int) -> Callable[[int], None]:
        task = bar.add_task(label, total=total)
        return lambda steps: bar.advance(task, steps)

    context = DemoContext(platform=platform, actor=ACTOR, stage=stage, progress=progress)
    answers = platform.plugins.call(Plugin.demo, context)
    return [answer.value for answer in answers if answer.value is not None]


def ensure_access(platform: Platform) -> DemoAccess:
    """The demo's staff and the storefront's key, made when they are missing.

    Passwords are made anew for each instance, since demos have a way of ending up on the net.
    """
    known = read_access(platform)
    if known is not None:
        return known
    accounts = platform.accounts
    words = [f"demo-{secrets.token_hex(6)}" for _person in range(2)]
    with platform.db.write() as session:
        accounts.roles.seed(session)
        editing = [
            permission.name
            for permission in accounts.permissions
            if permission.name.endswith(EDITOR_SUFFIXES) and not permission.name.startswith("core.")
        ]
        accounts.roles.ensure(
            session, ACTOR, name="editor", title="Editor", permissions=sorted(editing)
        )
        people = (("admin", "Avery Admin", "administrator"), ("editor", "Eden Editor", "editor"))
        for (name, title, role), password in zip(people, words, strict=True):
            email = f"{name}@example.com"
            staff = accounts.staff.by_email(session, email)
            if staff is None:
                accounts.staff.create(
                    session,
                    ACTOR,
                    email=email,
                    name=title,
                    password=password,
                    roles=[role],
                    must_change_password=False,
                )
            else:
                accounts.staff.set_password(session, ACTOR, staff.id, password)
        scopes = [scope for scope in STOREFRONT_SCOPES if scope in accounts.permissions]
        key = accounts.keys.create(session, ACTOR, name="Sample storefront", scopes=scopes)
    access = DemoAccess(
        admin_email="admin@example.com",
        admin_password=words[0],
        editor_email="editor@example.com",
        editor_password=words[1],
        storefront_key=key.presented,
    )
    path = _access_path(platform)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(access), file)
    return access


def read_access(platform: Platform) -> DemoAccess | None:
    """What `ensure_access` made for this instance, if it did."""
    path = _access_path(platform)
    if not path.is_file():
        return None
    return DemoAccess(**json.loads(path.read_text(encoding="utf-8")))


def _access_path(platform: Platform) -> Path:
    return platform.settings.data_dir / ACCESS_FILE


def _tell(
    console: Console, reports: Sequence[DemoReport], access: DemoAccess | None, *, as_json: bool
) -> None:
    loaded = {name: count for report in reports for name, count in report.loaded.items()}
    checks = [check for report in reports for check in report.checks]
    if as_json:
        result = {
            "loaded": loaded,
            "checks": [asdict(check) for check in checks],
            "ok": all(check.ok for check in checks),
        }
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    if loaded:
        console.print("Loaded: " + ", ".join(f"{count:,} {name}" for name, count in loaded.items()))
    table = Table("Check", "", "Found")
    for check in checks:
        mark = "[green]holds[/green]" if check.ok else "[red]broken[/red]"
        table.add_row(
            check.name, mark, check.detail if check.ok else f"{check.detail}; {check.advice}"
        )
    console.print(table)
    if access is None:
        console.print("Nothing was loaded here yet. Load it with: dxp demo --load")
        return
    console.print(f"Administrator  {access.admin_email}  {access.admin_password}")
    console.print(f"Editor         {access.editor_email}  {access.editor_password}")
    for report in reports:
        for label, value in report.people:
            console.print(f"{label:<14} {value}")
