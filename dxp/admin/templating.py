"""The Jinja environment of the admin: where templates lie and what they may call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, has_request_context, request
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from werkzeug.datastructures import MultiDict

from dxp.admin.assets import asset_url
from dxp.admin.csrf import csrf_token
from dxp.admin.formats import install_formats

OWN = Path(__file__).parent / "templates"


def url_with(**changes: Any) -> str:
    """This page's address with query parameters replaced; None takes one out."""
    values: MultiDict[str, str] = MultiDict(request.args)
    for name, value in changes.items():
        values.poplist(name)
        if value is not None:
            values[name] = str(value)
    query = urlencode(list(values.items(multi=True)))
    return f"{request.path}?{query}" if query else request.path


def request_arg(name: str) -> str | None:
    """A query parameter of the page that is being served."""
    return request.args.get(name) if has_request_context() else None


def install_templating(app: Flask, *, plugin_templates: Mapping[str, Path]) -> None:
    """Find templates and give them the functions that the components use.

    Args:
        plugin_templates: each plugin's `templates` folder. Only what lies in the subfolder of the
            plugin's own name is found, so that no plugin replaces another's page by accident.
    """
    loaders = {name: FileSystemLoader(folder / name) for name, folder in plugin_templates.items()}
    app.jinja_loader = ChoiceLoader([FileSystemLoader(OWN), PrefixLoader(loaders)])
    app.jinja_env.globals.update(
        asset_url=asset_url,
        csrf_token=csrf_token,
        request_arg=request_arg,
        url_with=url_with,
    )
    install_formats(app)
