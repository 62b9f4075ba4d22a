"""`dxp backup` and `dxp restore`, for the embedded default."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

import dxp
from dxp.cli.context import Cli, pass_cli


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--with-secret", is_flag=True, help="Include the secret key; keep such a file like a password."
)
@pass_cli
def backup(cli: Cli, file: Path | None, *, with_secret: bool) -> None:
    """Write database, media and settings of the data folder into FILE, while dxp runs.

    FILE ends in .tar.gz or .zip; by default it is named after the moment, below `backups` in the
    data folder.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from dxp.db.backup import FOLDER, write_backup

    now = datetime.now(UTC)
    target = file or cli.settings.data_dir / FOLDER / f"dxp-{now:%Y%m%dT%H%M%SZ}.tar.gz"
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, transient=True) as bar:
        tasks = {name: bar.add_task(name, total=None) for name in ("database", "files")}
        manifest = write_backup(
            cli.settings,
            target.absolute(),
            version=dxp.__version__,
            at=now,
            with_secret=with_secret,
            progress=lambda what, done, total: bar.update(tasks[what], completed=done, total=total),
        )
    size = target.stat().st_size / 1e6
    click.echo(f"Wrote {len(manifest.files)} files to {target} ({size:.1f} MB).")
    if manifest.with_secret:
        click.echo("It holds the secret key: whoever has the file can sign in as anybody.")
    else:
        click.echo(
            "The secret key is not in it, and a restore needs it. Keep it apart from the backups: "
            f"{cli.settings.origins.get('secret_key', 'DXP_SECRET_KEY')}"
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--force", is_flag=True, help="Replace an installation that has data.")
@click.option(
    "--other-secret", is_flag=True, help="Accept that what hangs on the old secret key is lost."
)
@pass_cli
def restore(cli: Cli, file: Path, *, force: bool, other_secret: bool) -> None:
    """Replace the data of this installation by that of a backup. Stop dxp first."""
    from dxp.db.restore import restore_backup

    manifest, kept = restore_backup(
        cli.settings,
        file,
        at=datetime.now(UTC),
        force=force,
        accept_other_secret=other_secret,
    )
    click.echo(f"Restored {len(manifest.files)} files as of {manifest.created_at}.")
    if kept is not None:
        click.echo(f"The former state is in {kept}; delete it when all is well.")
    click.echo("Next: dxp db upgrade, then dxp doctor.")
