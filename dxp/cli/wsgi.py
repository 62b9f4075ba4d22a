"""The application for any WSGI server: `dxp.cli.wsgi:make_application`, a factory."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def make_application() -> Flask:
    """Build the application from dxp.toml and the environment, and begin to run jobs.

    Each process of a server calls it once. With the embedded transport each runs jobs too; leases
    in the database keep them out of each other's way.
    """
    from dxp.app import create_app
    from dxp.settings.loading import load_settings
    from dxp.web import configure_logging

    settings = load_settings()
    configure_logging(settings)
    app = create_app(settings)
    platform = app.extensions["dxp"]
    platform.jobs.start()
    atexit.register(platform.jobs.stop)
    return app
