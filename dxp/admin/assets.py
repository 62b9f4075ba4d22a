"""Addresses of the built scripts and styles, and the view that serves them.

`node frontend/build.mjs` puts a hash of the content into every name, so that browsers may keep a
file for ever and still see a new version at once.
"""

from __future__ import annotations

import json
from functools import cache
from mimetypes import guess_type
from pathlib import Path

from flask import Response, request, send_from_directory, url_for

from dxp.errors import ConfigurationError, NotFound

BUILD = Path(__file__).parent / "static" / "build"
YEAR_SECONDS = 365 * 24 * 60 * 60


@cache
def _read(path: Path, modified_ns: int) -> dict[str, str]:  # noqa: ARG001  # a part of the key
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names


def manifest(folder: Path = BUILD) -> dict[str, str]:
    """Built file names by source name, read anew when the build wrote them anew.

    Raises:
        ConfigurationError: the assets were never built.
    """
    path = folder / "manifest.json"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"the admin's scripts and styles are missing, because {path} does not exist; "
            "build them with: npm ci && npm run build"
        ) from error


def asset_url(name: str) -> str:
    """The address of a built asset by its source name, such as `admin.js`.

    Raises:
        ConfigurationError: nothing of that name was built.
    """
    names = manifest()
    if name not in names:
        raise ConfigurationError(
            f"no asset {name!r} was built; there are: {', '.join(sorted(names))}"
        )
    return url_for("admin.asset", name=names[name])


def send_asset(name: str) -> Response:
    """A built file, to be kept for a year; packed, as the build made it, for who can unpack."""
    if not (BUILD / name).is_file():
        raise NotFound(
            f"There is no asset {name!r}: it may belong to an older version of the admin; "
            "reload the page"
        )
    packed = f"{name}.gz"
    if request.accept_encodings.quality("gzip") > 0 and (BUILD / packed).is_file():
        response = send_from_directory(BUILD, packed, mimetype=guess_type(name)[0])
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = send_from_directory(BUILD, name)
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    response.vary.add("Accept-Encoding")
    return response
