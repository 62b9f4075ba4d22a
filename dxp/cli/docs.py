"""`dxp docs`: writes the reference pages from the code, or says which of them are out of date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from dxp.cli.reference import events_page, hooks_page, settings_page
from dxp.platform import Platform

DEFAULT_FOLDER = Path("docs/reference")
PAGES: Mapping[str, Callable[[Platform], str]] = {
    "hooks": lambda platform: hooks_page(platform.plugins),
    "settings": lambda platform: settings_page(platform.plugins),
    "events": lambda platform: events_page(platform.events),
}


def pages(platform: Platform, *, only: str | None = None) -> dict[str, str]:
    """Return the reference pages by file name; `only` names a single one without its suffix."""
    wanted = PAGES if only is None else {only: PAGES[only]}
    return {f"{name}.md": make(platform) for name, make in wanted.items()}


def write_pages(platform: Platform, folder: Path, *, only: str | None = None) -> list[Path]:
    """Write the pages below `folder` and return those that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = outdated_pages(platform, folder, only=only)
    for path in changed:
        path.write_text(pages(platform, only=path.stem)[path.name], encoding="utf-8")
    return changed


def outdated_pages(platform: Platform, folder: Path, *, only: str | None = None) -> list[Path]:
    """Return the pages that are missing or differ from what the code says."""
    return [
        path
        for name, text in pages(platform, only=only).items()
        if not (path := folder / name).is_file() or path.read_text(encoding="utf-8") != text
    ]


@click.command("docs", short_help="Write the reference pages from the code.")
@click.argument("page", type=click.Choice(["all", *PAGES]), default="all")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of the pages.",
)
@click.option(
    "--plugin",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only the core and these plugins; may be given several times. All by default.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when a page is out of date.")
def docs(page: str, folder: Path, names: tuple[str, ...], *, check: bool) -> None:
    """Write docs/reference/hooks.md, settings.md and events.md from the code.

    They tell what is installed and enabled, so a repository that keeps them names its own plugins.
    """
    platform = reference_platform(names)
    only = None if page == "all" else page
    if check:
        stale = outdated_pages(platform, folder, only=only)
        if stale:
            listed = ", ".join(path.as_posix() for path in stale)
            raise click.ClickException(
                f"{listed}: out of date, because the code changed. Run `dxp docs`, and commit."
            )
        click.echo("The reference pages say what the code does.")
        return
    changed = write_pages(platform, folder, only=only)
    for path in changed:
        click.echo(f"wrote {path.as_posix()}")
    if not changed:
        click.echo("Nothing changed.")


def reference_platform(names: Sequence[str] = ()) -> Platform:
    """Return a platform with the named plugins, all when none is named, that touches no data.

    Raises:
        ClickException: a plugin of that name is not installed.
    """
    from dxp.app import create_app
    from dxp.plugins.discovery import installed
    from dxp.settings.model import DatabaseSettings, Settings

    chosen = [found.plugin for found in installed() if not names or found.plugin.name in names]
    unknown = set(names) - {plugin.name for plugin in chosen}
    if unknown:
        raise click.ClickException(
            f"No plugin named {', '.join(sorted(unknown))} is installed; `dxp plugins` lists them."
        )
    settings = Settings(
        environment="test",
        secret_key="only for making the reference pages",  # noqa: S106
        database=DatabaseSettings(url="sqlite://"),
    )
    app = create_app(settings, plugins=chosen, check_database=False)
    platform: Platform = app.extensions["dxp"]
    return platform
