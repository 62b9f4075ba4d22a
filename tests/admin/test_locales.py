"""Words come from the core and from each plugin, in one language at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask
from flask_babel import force_locale

from dxp.admin import locales
from dxp.admin.locales import install_locales
from dxp.i18n import gettext, lazy_gettext, ngettext
from dxp.settings import Settings


def compiled(folder: Path, words: dict[str | tuple[str, str], object]) -> Path:
    """A folder with an Arabic catalogue of these words."""
    catalog = Catalog(locale="ar")
    for text, translation in words.items():
        catalog.add(text, translation)
    path = folder / "ar" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        write_mo(stream, catalog)
    return folder


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An application whose core and one plugin speak Arabic."""
    core = compiled(tmp_path / "core", {"Save": "حفظ"})
    monkeypatch.setattr(locales, "CORE_CATALOGUES", core)
    # In the order of Babel's rule for Arabic: 0, 1, 2, 3-10, 100-102, 11-99.
    forms = ("لا أكواب", "كوب واحد", "كوبان", "%(num)d أكواب", "%(num)d كوب", "%(num)d كوبًا")
    shelf = compiled(
        tmp_path / "shelf",
        {"Save": "خزّن", "Cup": "كوب", ("%(num)d cup", "%(num)d cups"): forms},
    )
    app = Flask("spoken")
    install_locales(app, Settings(), catalogues={"shelf": shelf})
    return app


def test_a_plugin_brings_its_own_words(spoken: Flask) -> None:
    with spoken.test_request_context(), force_locale("ar"):
        assert gettext("Cup") == "كوب"


def test_a_plugin_does_not_reword_the_core(spoken: Flask) -> None:
    """One button reads alike on every page."""
    with spoken.test_request_context(), force_locale("ar"):
        assert gettext("Save") == "حفظ"


def test_arabic_counts_in_six_forms(spoken: Flask) -> None:
    with spoken.test_request_context(), force_locale("ar"):
        shown = [ngettext("%(num)d cup", "%(num)d cups", n) for n in (0, 1, 2, 3, 11, 100)]
    assert shown == ["لا أكواب", "كوب واحد", "كوبان", "3 أكواب", "11 كوبًا", "100 كوب"]


def test_a_label_written_at_start_is_translated_when_it_is_shown(spoken: Flask) -> None:
    label = lazy_gettext("Cup")
    with spoken.test_request_context(), force_locale("ar"):
        assert str(label) == "كوب"
    with spoken.test_request_context(), force_locale("en"):
        assert str(label) == "Cup"


def test_a_text_without_translation_stays_readable(spoken: Flask) -> None:
    with spoken.test_request_context(), force_locale("ar"):
        assert gettext("Shelf of %(name)s", name="Leila") == "Shelf of Leila"
