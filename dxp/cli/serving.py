"""The embedded server: waitress in this process, with the threads that run jobs beside it."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from dxp.settings import Settings

_BACKLOG = 1024
# How long requests that are being answered may take when the server is told to stop.
_GRACE_SECONDS = 10.0
_TURN_SECONDS = 0.5
# Waitress writes bodies to disk; how much of one is taken is decided, and explained, by each route.
LARGEST_BODY = 1 << 30


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, made before anything slow, so that a taken port is told at once.

    Raises:
        ConfigurationError: the port is taken or not allowed, or the address is not this
            machine's.
    """
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"dxp cannot listen on {host!r}: {error.strerror or error}.\n"
            "The address is not one of this machine's. Use 127.0.0.1, or 0.0.0.0 for all."
        ) from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(_cannot_bind(error, host, port)) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """The URL at which a socket can be reached from this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_waitress(
    application: Any, listening: socket.socket, settings: Settings, *, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered are finished first.

    A second signal ends the process at once.

    Args:
        ready: called when requests are being taken.
    """
    from waitress import wasyncore
    from waitress.server import create_server

    from dxp.cli.unreadable import ProblemChannel

    # It warns of every request that waits for a thread, however short.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sockets: dict[int, Any] = {}
    server: Any = create_server(
        application,
        map=sockets,
        sockets=[listening],
        threads=settings.server.threads,
        ident=None,
        max_request_body_size=LARGEST_BODY,
        # dxp believes them only from proxies that the settings trust, and has to see the others
        # to know that a client is not on this machine.
        clear_untrusted_proxy_headers=False,
        channel_timeout=60,
        cleanup_interval=10,
    )
    server.channel_class = ProblemChannel
    with _stop_signals(server.trigger.pull_trigger) as stopping:
        ready()
        while not stopping():
            wasyncore.loop(timeout=_TURN_SECONDS, map=sockets, use_poll=True, count=1)
        _finish(server, sockets, wasyncore)


def _finish(server: Any, sockets: dict[int, Any], wasyncore: Any) -> None:
    """Take no more connections, answer what is under way, and end the threads."""
    sockets.pop(server.socket.fileno(), None)
    server.socket.close()
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(map(_is_busy, server.active_channels.values())):
        wasyncore.loop(timeout=0.1, map=sockets, use_poll=True, count=1)
    server.task_dispatcher.shutdown(timeout=max(0.1, deadline - time.monotonic()))
    wasyncore.close_all(sockets)


def _is_busy(channel: Any) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


@contextmanager
def _stop_signals(wake: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Note the first SIGTERM or SIGINT and wake the loop; the second acts as usual."""
    asked = False
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for number in earlier:
            signal.signal(number, signal.SIG_DFL)
        wake()

    for number in earlier:
        signal.signal(number, note)
    try:
        yield lambda: asked
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _cannot_bind(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken, probably by another dxp that is running.\n"
            f"Stop that one, or serve on another port: dxp serve --port {port + 1}"
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} is not allowed for this user: those below 1024 are the system's.\n"
            "Serve on 8000, and let a proxy in front listen on 80 and 443."
        )
    return (
        f"dxp cannot listen on {host}:{port}: {error.strerror or error}.\n"
        "The address is not one of this machine's. Use 127.0.0.1, or 0.0.0.0 for all."
    )
