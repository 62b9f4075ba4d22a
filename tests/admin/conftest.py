"""A bare application with the admin's templates, for components; tests of pages use `app`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from flask import Flask

from dxp.admin.assets import BUILD
from dxp.admin.frame import frame_blueprint
from dxp.admin.locales import install_locales
from dxp.admin.templating import install_templating
from dxp.plugins.spec import Plugin
from dxp.settings import Settings
from tests.admin.shelf.plugin import Shelf

Render = Callable[..., str]


@pytest.fixture
def bare() -> Flask:
    """Templates, languages and asset addresses, and nothing else."""
    app = Flask("bare", static_folder=None)
    app.config["SECRET_KEY"] = "only for tests"
    install_locales(app, Settings(), catalogues={})
    install_templating(app, plugin_templates={})
    app.register_blueprint(frame_blueprint())
    return app


@pytest.fixture
def render(bare: Flask) -> Render:
    """`render("{{ … }}", at="/admin/x?sort=name", **values)`: what the template makes."""

    def run(source: str, *, at: str = "/admin/", **values: object) -> str:
        with bare.test_request_context(at):
            return bare.jinja_env.from_string(source).render(**values)

    return run


@pytest.fixture(scope="session")
def built() -> None:
    """Skips where `npm run build` has not run: the assets are no part of the sources."""
    if not (BUILD / "manifest.json").is_file():
        pytest.skip("the admin's assets are not built; run: npm ci && npm run build")


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    """The frame is looked at through one small plugin."""
    return (Shelf,)
