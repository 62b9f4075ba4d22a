"""`dxp serve`: the API, the admin and the job threads, and the demo's storefront if wanted."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from dxp.cli.context import Cli, pass_cli
from dxp.cli.serving import address_of, listen, run_waitress
from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from dxp.cli.demo import DemoAccess
    from dxp.settings import Settings

STOREFRONT = Path("examples/storefront")
_KILL_SECONDS = 10


@click.command()
@click.option("--host", help="Address to listen on; by default server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="By default server.port.")
@click.option(
    "--server",
    type=click.Choice(["waitress", "granian"]),
    default="waitress",
    show_default=True,
    help="waitress: one process, nothing else to install. granian: several processes.",
)
@click.option("--workers", type=click.IntRange(1), default=2, help="Processes of granian.")
@click.option("--demo", is_flag=True, help="Let the day be shifted; serve the storefront too.")
@pass_cli
def serve(
    cli: Cli, host: str | None, port: int | None, server: str, workers: int, *, demo: bool
) -> None:
    """Serve the JSON API and the admin until SIGTERM or Ctrl-C."""
    settings = _with_options(cli.settings, host=host, port=port, demo=demo)
    if server == "granian":
        if demo:
            raise click.UsageError("--demo is served by waitress; leave --server out")
        _run_granian(cli, settings, workers)
        return
    with ExitStack() as stack:
        listening = stack.enter_context(listen(settings.server.host, settings.server.port))
        address = address_of(listening)
        app = _start(settings)
        platform = app.extensions["dxp"]
        stack.callback(platform.db.dispose)
        access = _access(platform) if demo else None
        shop = None
        if access is not None and STOREFRONT.is_dir():
            shop = stack.enter_context(_storefront(access, address))
        platform.jobs.start()
        stack.callback(platform.jobs.stop)
        run_waitress(
            app,
            listening,
            settings,
            ready=lambda: _tell(settings, address, access=access, shop=shop),
        )
    click.echo("Stopped.")


def _with_options(
    settings: Settings, *, host: str | None, port: int | None, demo: bool
) -> Settings:
    listen_on = dataclasses.replace(
        settings.server,
        host=settings.server.host if host is None else host,
        port=settings.server.port if port is None else port,
    )
    shift = dataclasses.replace(settings.demo, time_travel=demo or settings.demo.time_travel)
    return dataclasses.replace(settings, server=listen_on, demo=shift)


def _start(settings: Settings) -> Any:
    from dxp.app import create_app
    from dxp.web import configure_logging

    configure_logging(settings)
    return create_app(settings)


def _access(platform: Any) -> DemoAccess:
    from dxp.cli.demo import read_access

    access = read_access(platform)
    if access is None:
        raise ConfigurationError(
            "There is no demo in this installation yet.\nLoad it first: dxp demo --load"
        )
    return access


@contextmanager
def _storefront(access: DemoAccess, address: str) -> Iterator[str]:
    """The sample storefront in a process of its own, as any storefront would be."""
    port = _port_beside(address)
    command = [sys.executable, "-m", "waitress", "--listen", f"127.0.0.1:{port}", "--call"]
    environment = os.environ | {"DXP_API_URL": address, "DXP_API_KEY": access.storefront_key}
    running = subprocess.Popen(  # noqa: S603  # our own example, with this interpreter
        [*command, "app:create_app"],
        cwd=STOREFRONT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C goes to every process of the terminal; this one is ended below.
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(timeout=10)


def _port_beside(address: str) -> int:
    """The port after the server's, so that a bookmark holds; any free one when it is taken."""
    following = (urlsplit(address).port or 0) + 1
    try:
        listening = listen("127.0.0.1", following)
    except (ConfigurationError, OverflowError):
        listening = listen("127.0.0.1", 0)
    with closing(listening):
        port: int = listening.getsockname()[1]
        return port


def _tell(settings: Settings, address: str, *, access: DemoAccess | None, shop: str | None) -> None:
    public = settings.server.public_url or address
    lines = [("Admin", f"{public}/admin/"), ("API", f"{public}/api/docs")]
    if shop is not None:
        lines.append(("Storefront", shop))
    if access is not None:
        lines.append(("Administrator", f"{access.admin_email}  {access.admin_password}"))
        lines.append(("Editor", f"{access.editor_email}  {access.editor_password}"))
    click.echo(f"dxp serves {settings.environment} on {address}")
    for label, value in lines:
        click.echo(f"  {label:<14} {value}")
    click.echo("Stop it with Ctrl-C.")


def _run_granian(cli: Cli, settings: Settings, workers: int) -> None:
    """Hand over to granian; its processes load the settings themselves."""
    if find_spec("granian") is None:
        raise ConfigurationError(
            "granian is not installed, and serving with several processes takes it.\n"
            "Install it with: pip install 'dxp[grown]'"
        )
    # Refuse a faulty database or plugin here, once, and not in each process.
    cli.app.extensions["dxp"].db.dispose()
    listen(settings.server.host, settings.server.port).close()
    environment = dict(os.environ)
    if cli.config is not None:
        environment["DXP_CONFIG"] = str(cli.config.absolute())
    address = f"http://{settings.server.host}:{settings.server.port}"
    _tell(settings, address, access=None, shop=None)
    sys.stdout.flush()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"]
    command += ["--host", settings.server.host, "--port", str(settings.server.port)]
    command += ["--workers", str(workers), "--no-ws", "--log-level", "warning"]
    command += ["--blocking-threads", str(settings.server.threads)]
    # A process that gets the signal while it still starts misses it.
    command += ["--workers-kill-timeout", str(_KILL_SECONDS)]
    command += ["dxp.cli.wsgi:make_application"]
    os.execve(sys.executable, command, environment)  # noqa: S606  # replaces this process
