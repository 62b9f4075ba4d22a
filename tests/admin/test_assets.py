"""Built assets: found by source name, kept for ever, and free of what the policy forbids."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from flask import Flask

from dxp.admin.assets import BUILD, asset_url, manifest
from dxp.errors import ConfigurationError
from dxp.testing.client import DxpClient


def test_missing_assets_are_named_with_the_command_that_builds_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="npm run build"):
        manifest(tmp_path)


def test_a_new_build_is_seen_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"admin.js": "admin-1.js"}))
    assert manifest(tmp_path)["admin.js"] == "admin-1.js"
    replaced = tmp_path / "new.json"
    replaced.write_text(json.dumps({"admin.js": "admin-2.js"}))
    os.utime(replaced, ns=(1, 1))
    replaced.replace(path)
    assert manifest(tmp_path)["admin.js"] == "admin-2.js"


@pytest.mark.usefixtures("built")
def test_every_source_has_an_address_that_answers(app: Flask, client: DxpClient) -> None:
    names = manifest()
    assert {"admin.js", "admin.css", "admin.rtl.css", "editor.js", "theme.js"} <= set(names)
    for name in names:
        with app.test_request_context():
            url = asset_url(name)
        response = client.get(url)
        assert response.status_code == 200
        response.close()


@pytest.mark.usefixtures("built")
def test_scripts_and_styles_travel_packed(app: Flask, client: DxpClient) -> None:
    """A quarter of the bytes, and the same file for a browser that cannot unpack."""
    with app.test_request_context():
        url = asset_url("admin.css")
    with client.get(url, headers={"Accept-Encoding": "gzip"}) as packed, client.get(url) as plain:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.mimetype == plain.mimetype == "text/css"
        assert gzip.decompress(packed.data) == plain.data
        assert "Content-Encoding" not in plain.headers


@pytest.mark.usefixtures("built")
def test_an_asset_of_an_older_build_is_gone(client: DxpClient) -> None:
    assert client.get("/admin/static/build/admin-OLD.js").status_code == 404
    assert client.get("/admin/static/build/..%2f..%2fassets.py").status_code == 404


@pytest.mark.usefixtures("built")
def test_an_unknown_asset_is_a_mistake_in_a_template(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(ConfigurationError, match=r"admin\.js"):
        asset_url("admn.js")


@pytest.mark.usefixtures("built")
def test_style_sheets_load_nothing_from_elsewhere() -> None:
    """The policy allows neither foreign hosts nor `data:`; a picture would stay blank."""
    for name in ("admin.css", "admin.rtl.css"):
        css = (BUILD / manifest()[name]).read_text(encoding="utf-8")
        assert "url(data:" not in css
        assert 'url("data:' not in css
        assert "//" not in css.replace("http://www.w3.org", "").split("/*# ")[0]
