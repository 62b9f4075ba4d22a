"""Settings come from a file, the environment and overrides, and all faults are told at once."""

from __future__ import annotations

import dataclasses
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from dxp.errors import ConfigurationError
from dxp.settings import Settings
from dxp.settings.loading import load_settings, settings_of
from dxp.settings.schema import SECTIONS, RootSchema
from dxp.settings.secret import new_secret

SECRET = new_secret()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a developer's own dxp.toml."""
    monkeypatch.chdir(tmp_path)


def load(file: str | None = None, **environ: str) -> Settings:
    if file is not None:
        Path("dxp.toml").write_text(file, encoding="utf-8")
    return load_settings(environ=environ)


def faults(file: str | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(file, **environ)
    return str(caught.value)


def test_without_any_source_the_defaults_hold() -> None:
    settings = load()
    assert settings.environment == "development"
    assert settings.server.port == 8000
    assert settings.source is None


def test_the_environment_wins_over_the_file_and_overrides_over_both() -> None:
    file = "[server]\nport = 1001\nhost = '::1'\nthreads = 3\n"
    Path("dxp.toml").write_text(file, encoding="utf-8")
    settings = load_settings(
        environ={"DXP_SERVER__PORT": "1002", "DXP_SERVER__HOST": "localhost"},
        overrides={"server": {"port": 1003}},
    )
    assert settings.server.port == 1003
    assert settings.server.host == "localhost"
    assert settings.server.threads == 3


def test_numbers_and_switches_can_be_written_in_variables() -> None:
    settings = load(
        DXP_SERVER__PORT="1002", DXP_JOBS__POLL_SECONDS="0.5", DXP_DEMO__TIME_TRAVEL="true"
    )
    assert settings.server.port == 1002
    assert settings.jobs.poll_seconds == 0.5
    assert settings.demo.time_travel is True


def test_every_value_knows_where_it_comes_from() -> None:
    settings = load("# mine\n[server]\n\nport = 1001\n", DXP_LOG__LEVEL="debug")
    assert settings.origins["server.port"] == "dxp.toml:4"
    assert settings.origins["log.level"] == "DXP_LOG__LEVEL"
    assert "server.host" not in settings.origins


def test_dxp_config_names_another_file() -> None:
    Path("other.toml").write_text("[log]\nlevel = 'error'\n", encoding="utf-8")
    settings = load(DXP_CONFIG="other.toml")
    assert settings.log.level == "error"
    assert settings.source == Path("other.toml").absolute()


def test_a_named_file_that_is_missing_is_refused() -> None:
    assert "nowhere.toml" in faults(DXP_CONFIG="nowhere.toml")


def test_a_relative_data_folder_is_taken_from_the_files_folder(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "dxp.toml").write_text("[dxp]\ndata_dir = 'state'\n", encoding="utf-8")
    assert load(DXP_CONFIG=str(folder / "dxp.toml")).data_dir == folder / "state"


def test_a_relative_data_folder_of_a_variable_is_taken_from_here(tmp_path: Path) -> None:
    assert load("[log]\nlevel='info'\n", DXP_DATA_DIR="state").data_dir == tmp_path / "state"


def test_lists_and_maps_can_be_written_in_variables() -> None:
    settings = load(
        DXP_DISABLED_PLUGINS="cms, crm",
        DXP_LOCALE__AVAILABLE="en,fr,ar",
        DXP_LOCALE__FALLBACKS="ar=fr, fr=en",
    )
    assert settings.disabled_plugins == ("cms", "crm")
    assert settings.locale.available == ("en", "fr", "ar")
    assert settings.locale.fallbacks == {"ar": "fr", "fr": "en"}


def test_narrowed_locales_take_the_default_fallbacks_along() -> None:
    settings = load(DXP_LOCALE__AVAILABLE="fr,ar", DXP_LOCALE__DEFAULT="fr")
    assert settings.locale.fallbacks == {}


def test_plugins_sections_come_through_unchecked_from_both_sources() -> None:
    settings = load(
        "[plugins.loyalty]\nrate = 2\n",
        DXP_PLUGINS__LOYALTY__NAME="gold",
        DXP_PLUGINS__CRM__TAGS='["a", "b"]',
    )
    assert settings.plugins == {
        "loyalty": {"rate": 2, "name": "gold"},
        "crm": {"tags": ["a", "b"]},
    }


def test_all_faults_are_told_together_with_their_places() -> None:
    text = faults(
        "[server]\nport = 99999\nprot = 1\n[nonsense]\nx = 1\n",
        DXP_LOG__LEVEL="loud",
        DXP_SECRET_KEY="short",
    )
    assert "server.port (dxp.toml:2): must be between 0 and 65,535, and is 99999" in text
    assert "server.prot (dxp.toml:3): there is no such setting; did you mean 'port'?" in text
    assert "nonsense (dxp.toml:5)" in text
    assert "log.level (DXP_LOG__LEVEL): must be one of: debug, info, warning, error" in text
    assert "secret_key (DXP_SECRET_KEY): has 5 characters and needs at least 32" in text
    assert text.startswith("5 settings are wrong")


def test_a_fault_comes_with_an_example() -> None:
    assert "Example: port = 8000" in faults("[server]\nport = 'http'\n")
    assert "Example: DXP_SERVER__PORT=8000" in faults(DXP_SERVER__PORT="http")


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("DXP_LOCALE__FALLBACKS", "fr=xx"),
        ("DXP_LOCALE__AVAILABLE", "FR!"),
        ("DXP_DEMO__TIME_TRAVEL", "perhaps"),
        ("DXP_SERVER__PORT", "http"),
    ],
)
def test_the_example_for_a_variable_is_a_right_one(variable: str, wrong: str) -> None:
    (example,) = re.findall(rf"Example: {variable}=(.*)", faults(**{variable: wrong}))
    load(**{variable: example})


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("environment = 'test'\n", "environment (dxp.toml:1): belongs in the section [dxp]"),
        ("[dxp]\nenvironmnet = 'test'\n", "did you mean 'environment'?"),
        ("[sever]\nport = 1\n", "did you mean 'server'?"),
        ("server = 1\n", "must be a section, written [server]"),
        ("[plugins]\nloyalty = 1\n", "a section such as [plugins.loyalty]"),
        ("[server]\nhost = 5\n", "must be a text"),
        ("[server]\nport = true\n", "server.port (dxp.toml:2): must be an integer"),
        ("[server]\nport = 80.5\n", "server.port (dxp.toml:2): must be an integer"),
        ("[api]\nrate_limit = 'often'\n", "such as 600/minute"),
        ("[api]\nmax_page_size = 10\n", "must not be more than api.max_page_size"),
        ("[database]\nurl = 'mysql://h/d'\n", "dxp runs on SQLite and on PostgreSQL"),
        ("[jobs]\ntransport = 'dramatiq'\n", "jobs.broker_url: is needed"),
        ("[locale]\ntimezone = 'Mars/Base'\n", "is not the name of a time zone"),
        ("[locale]\navailable = ['en', 'en']\n", "names something twice"),
        ("[locale]\navailable = ['english']\n", "is not a language tag"),
        ("[locale]\ndefault = 'de'\n", "must be one of locale.available: en, fr, ar, fa"),
        ("[locale]\nfallbacks = {fr = 'ar', ar = 'fr'}\n", "in a circle"),
        ("[locale]\nfallbacks = {fr = 'de'}\n", "not in locale.available"),
        ("[server]\npublic_url = 'example.com'\n", "must begin with one of: http:, https:"),
        ("[mail]\nurl = 'pigeon:roof'\n", "must begin with one of: smtp:, smtps:, file:"),
        ("[dxp]\ndata_dir = 7\n", "must be the path of a folder"),
    ],
)
def test_a_faulty_file_is_refused_with_a_remedy(file: str, expected: str) -> None:
    assert expected in faults(file)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("DXP_DATABASE_URL", "did you mean DXP_DATABASE__URL?"),
        ("DXP_SERVER__PROT", "did you mean DXP_SERVER__PORT?"),
        ("DXP_SECRETKEY", "did you mean DXP_SECRET_KEY?"),
        ("DXP_NOTHING__LIKE_IT", "there is no such setting"),
        ("DXP_PLUGINS__LOYALTY", "there is no such setting"),
    ],
)
def test_a_misspelt_variable_is_refused(variable: str, expected: str) -> None:
    assert expected in faults(**{variable: "x"})


def test_variables_of_other_programs_are_left_alone() -> None:
    load(DXP_STOREFRONT_KEY="x", DXP_TEST_DATABASE="y", DXP_REQUIRE_SERVICES="1", OTHER="z")


def test_a_file_that_is_no_toml_is_refused_with_the_line() -> None:
    assert "line 2" in faults("[server]\nport = \n")


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("dxp.toml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in faults()


def test_a_secret_is_never_shown_in_a_fault() -> None:
    text = faults("[database]\nurl = 'mysql://me:hunter2@h/d'\n", DXP_SECRET_KEY="tooshort1")
    assert "hunter2" not in text
    assert "tooshort1" not in text


def test_the_first_start_makes_a_secret_that_only_its_owner_may_read(tmp_path: Path) -> None:
    first = load()
    file = tmp_path / "var" / "secret.key"
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_later_starts_keep_the_secret_and_say_where_it_is(tmp_path: Path) -> None:
    first, second = load(), load()
    assert first.secret_key == second.secret_key
    assert second.origins["secret_key"] == str(tmp_path / "var" / "secret.key")


def test_a_stored_secret_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    load()
    (tmp_path / "var" / "secret.key").write_text("abc\n", encoding="ascii")
    assert "Restore it from a backup" in faults()


def test_production_demands_a_secret_and_makes_none(tmp_path: Path) -> None:
    text = faults(DXP_ENVIRONMENT="production")
    assert "secret_key (not set): is needed in production" in text
    assert "dxp settings secret" in text
    assert not (tmp_path / "var").exists()


def test_production_refuses_a_secret_from_a_file() -> None:
    text = faults(f"[dxp]\nenvironment = 'production'\nsecret_key = '{SECRET}'\n")
    assert "secret_key (dxp.toml:3): stands in a file" in text


def test_production_takes_a_secret_from_the_environment() -> None:
    settings = load(DXP_ENVIRONMENT="production", DXP_SECRET_KEY=SECRET)
    assert settings.secret_key == SECRET


@pytest.mark.parametrize("weak", ["short", "a" * 64, "abcabcabc" * 8])
def test_a_secret_that_can_be_guessed_is_refused_everywhere(weak: str) -> None:
    assert "secret_key (DXP_SECRET_KEY):" in faults(DXP_SECRET_KEY=weak)


def test_each_purpose_gets_a_secret_of_its_own() -> None:
    settings = load(DXP_SECRET_KEY=SECRET)
    assert settings.secret("mail") == settings.secret("mail") != settings.secret("flask")


def test_the_schema_and_the_dataclasses_have_the_same_settings() -> None:
    def names(kind: type | object) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]

    settings = Settings()
    held_elsewhere = {"plugins", "source", "origins", *SECTIONS}
    assert set(RootSchema().fields) == names(settings) - held_elsewhere
    for section, schema in SECTIONS.items():
        assert set(schema().fields) == names(getattr(settings, section))


def test_every_setting_has_a_meaning_and_an_example() -> None:
    schemas: Mapping[str, object] = {"dxp": RootSchema(), **{k: v() for k, v in SECTIONS.items()}}
    for section, schema in schemas.items():
        for name, field in schema.fields.items():  # type: ignore[attr-defined]
            assert field.metadata["help"].endswith("."), f"{section}.{name}"
            assert field.metadata["example"] is not None, f"{section}.{name}"


def test_a_locale_is_asked_for_with_those_it_falls_back_to() -> None:
    fallbacks = {"fa": "ar", "ar": "en", "fr": "en"}
    settings = settings_of({"locale": {"fallbacks": fallbacks}})
    assert settings.locale.chain("fa") == ["fa", "ar", "en"]
    assert settings.locale.chain("en") == ["en"]
    assert settings.locale.chain("de") == ["de"]
