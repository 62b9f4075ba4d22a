"""What people read exists in every language of the admin."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ["fr", "ar", "fa"]
PACKAGES = [ROOT / "dxp", *sorted(path.parent for path in ROOT.glob("plugins/*/dxp_*/__init__.py"))]
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


@pytest.fixture
def tool() -> ModuleType:
    """The script behind `make translations`."""
    location = ROOT / "tools" / "translations.py"
    spec = importlib.util.spec_from_file_location("translations_under_test", location)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_marked_text_is_translated(tool: ModuleType, package: Path, locale: str) -> None:
    """`make translations` collects new ones; a fuzzy one waits for somebody to confirm it."""
    lacking = list(tool.untranslated(package, locale))
    assert not lacking, f"{len(lacking)} not translated: {'; '.join(lacking[:5])}"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_translations_name_no_value_that_is_not_given(
    tool: ModuleType, package: Path, locale: str
) -> None:
    """A placeholder that the code does not fill raises where the text is shown."""
    wrong = [
        text
        for message in tool.read(package, locale)
        for text in (forms(message.string) if message.id else ())
        if not placeholders(text) <= placeholders(*forms(message.id))
    ]
    assert wrong == []


@pytest.mark.parametrize("locale", LOCALES)
def test_a_text_has_one_translation_in_all_catalogues(tool: ModuleType, locale: str) -> None:
    """They are merged, so that of two translations readers of one page would get the other's."""
    known: dict[str, set[tuple[str, ...]]] = {}
    for package in PACKAGES:
        for message in tool.read(package, locale):
            if message.id:
                known.setdefault(forms(message.id)[0], set()).add(tuple(forms(message.string)))
    assert {text: said for text, said in known.items() if len(said) > 1} == {}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_french_keeps_its_high_punctuation_with_the_word_before(
    tool: ModuleType, package: Path
) -> None:
    """A line must not begin with a question mark: the space before it does not break."""
    loose = [
        text
        for message in tool.read(package, "fr")
        for text in forms(message.string)
        if message.id and re.search(r"[ \u00a0][;:!?»]|«[ \u00a0]", text)
    ]
    assert loose == []


def placeholders(*texts: str) -> set[str]:
    """What a text is given by the code that shows it."""
    return {match.group() for text in texts for match in PLACEHOLDER.finditer(text)}


def forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    """Singular and plurals."""
    return [text] if isinstance(text, str) else list(text)


def made_up(folder: Path) -> Path:
    """A package with one text in its code and one in a page."""
    package = folder / "dxp_kettle"
    (package / "templates" / "kettle").mkdir(parents=True)
    (package / "plugin.py").write_text(
        'from dxp.api import lazy_gettext as _l, ngettext\n\nTITLE = _l("Kettle")\n'
        'CUPS = ngettext("%(num)d cup", "%(num)d cups", 2)\n',
        encoding="utf-8",
    )
    page = package / "templates" / "kettle" / "page.html"
    page.write_text('{{ _("Boil") }}{% trans %}Water{% endtrans %}', encoding="utf-8")
    return package


def test_texts_are_collected_from_code_and_pages(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stay wanting until each has words, plurals in all their forms."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    package = made_up(tmp_path)
    assert sorted(tool.untranslated(package, "fr")) == ["%(num)d cup", "Boil", "Kettle", "Water"]
    assert tool.update(package, "fr") == 4
    path = tool.path_of(package, "fr")
    text = path.read_text(encoding="utf-8")
    text = text.replace('msgid "Kettle"\nmsgstr ""', 'msgid "Kettle"\nmsgstr "Bouilloire"')
    text = text.replace('msgstr[0] ""', 'msgstr[0] "%(num)d tasse"')
    path.write_text(text, encoding="utf-8")
    assert sorted(tool.untranslated(package, "fr")) == ["%(num)d cup", "Boil", "Water"]


def test_an_update_keeps_translations_and_drops_what_is_gone(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says where a text is from without a line number."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    package = made_up(tmp_path)
    tool.update(package, "fr")
    path = tool.path_of(package, "fr")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"Boil"\nmsgstr ""', '"Boil"\nmsgstr "Bouillir"'), "utf-8")
    (package / "plugin.py").write_text("", encoding="utf-8")
    assert tool.update(package, "fr") == 1
    text = path.read_text(encoding="utf-8")
    assert 'msgid "Boil"\nmsgstr "Bouillir"' in text
    assert "Kettle" not in text
    assert "#: dxp_kettle/templates/kettle/page.html\n" in text
