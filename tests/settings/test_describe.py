"""Settings in words: the example file is a right file, and secrets stay hidden."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from marshmallow import Schema, fields

from dxp.settings import DatabaseSettings, JobSettings, MailSettings, Settings
from dxp.settings.describe import example_file, mask, reference, shown
from dxp.settings.loading import load_settings


class LoyaltySettings(Schema):
    rate = fields.Integer(load_default=1, metadata={"help": "Points a euro.", "example": 2})
    token = fields.String(
        load_default="", metadata={"help": "Of the partner.", "example": "x", "secret": True}
    )


def test_the_example_file_loads_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dxp.toml").write_text(example_file(), encoding="utf-8")
    with_file = load_settings(environ={"DXP_DATA_DIR": "var"})
    (tmp_path / "dxp.toml").unlink()
    without = load_settings(environ={"DXP_DATA_DIR": "var"})
    assert with_file.server == without.server
    assert with_file.locale == without.locale


def test_the_example_files_lines_are_right_when_the_sign_is_taken_off() -> None:
    opened = re.sub(r"^# (\w+ = )", r"\1", example_file(), flags=re.MULTILINE)
    document = tomllib.loads(opened)
    assert document["server"]["port"] == 8000
    assert document["locale"]["fallbacks"] == {"fr": "en", "ar": "en", "fa": "en"}
    assert set(document) == {"dxp", *(s for s in reference() if s != "dxp")}


def test_a_plugins_settings_stand_in_the_reference_with_their_variables() -> None:
    docs = reference({"loyalty": LoyaltySettings})["plugins.loyalty"]
    assert [(doc.key, doc.variable, doc.default) for doc in docs] == [
        ("rate", "DXP_PLUGINS__LOYALTY__RATE", 1),
        ("token", "DXP_PLUGINS__LOYALTY__TOKEN", ""),
    ]


def test_shown_settings_hide_what_is_secret() -> None:
    settings = Settings(
        secret_key="s3cr3t-of-the-house",
        database=DatabaseSettings(url="postgresql://dxp:hunter2@db:5432/dxp"),
        jobs=JobSettings(broker_url="redis://:hunter3@r:6379/0"),
        mail=MailSettings(url="smtp://me:hunter4@mail:587"),
        plugins={"loyalty": {"token": "hunter5"}, "gone": {"api_password": "hunter6"}},
    )
    listed = {key: value for key, value, _ in shown(settings, {"loyalty": LoyaltySettings})}
    text = " ".join(listed.values())
    assert "hunter" not in text
    assert "s3cr3t" not in text
    assert listed["database.url"] == '"postgresql://dxp:********@db:5432/dxp"'
    assert listed["server.port"] == "8000"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", '""'),
        ("whatever", "********"),
        ("sqlite:///dxp.sqlite3", '"sqlite:///dxp.sqlite3"'),
        ("memory://", '"memory://"'),
        ("redis://localhost/1", '"redis://localhost/1"'),
        ("redis://u:p@localhost/1", '"redis://u:********@localhost/1"'),
    ],
)
def test_a_url_is_shown_without_its_password(value: str, expected: str) -> None:
    assert mask(value) == expected
