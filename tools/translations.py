"""Bring the catalogues of the core and of each plugin up to date with the texts in the code.

python tools/translations.py            adds what is new, drops what is gone
python tools/translations.py --check    changes nothing; lists what is not translated yet
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ("fr", "ar", "fa")
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
# The pattern of a new plugin has catalogues of its own, under names still to be filled in.
LEFT_OUT = ("plugins/scaffold/templates",)


def packages() -> list[Path]:
    """Return the packages that people read texts of, the core first."""
    return [ROOT / "dxp", *sorted(ROOT.glob("plugins/*/dxp_*/"))]


def texts_of(package: Path) -> Catalog:
    """Collect the marked texts of a package, in the order in which they stand there."""
    found = Catalog(project=package.name, creation_date=datetime(2026, 1, 1, tzinfo=UTC))
    options = {"**/templates/**.html": {"silent": "false", "trimmed": "true"}}
    for name, line, message, comments, context in extract_from_dir(
        package, METHODS, options, KEYWORDS, comment_tags=("Translators:",)
    ):
        if not name.startswith(LEFT_OUT):
            place = (package / name).relative_to(ROOT).as_posix()
            found.add(message, locations=[(place, line)], auto_comments=comments, context=context)
    return found


def path_of(package: Path, locale: str) -> Path:
    """Return where a catalogue lies."""
    return package / "translations" / locale / "LC_MESSAGES" / "messages.po"


def read(package: Path, locale: str) -> Catalog:
    """Read a catalogue; an empty one when there is no file."""
    path = path_of(package, locale)
    if not path.is_file():
        return Catalog(locale=locale)
    with path.open("rb") as stream:
        return read_po(stream, locale=locale)


def untranslated(package: Path, locale: str) -> Iterator[str]:
    """Yield each marked text that has no confirmed translation; plugins may use the core's."""
    catalogues = [read(package, locale)]
    if package != ROOT / "dxp":
        catalogues.append(read(ROOT / "dxp", locale))
    for message in texts_of(package):
        text = message.id if isinstance(message.id, str) else message.id[0]
        if text and not any(_has(catalogue, message.id) for catalogue in catalogues):
            yield text


def _has(catalogue: Catalog, wanted: str | list[str] | tuple[str, ...]) -> bool:
    known = catalogue.get(wanted)
    if known is None or known.fuzzy:
        return False
    given = [known.string] if isinstance(known.string, str) else list(known.string or ())
    return bool(given) and all(given)


def update(package: Path, locale: str) -> int:
    """Write one catalogue anew and return how many texts still wait for a translation."""
    catalogue = read(package, locale)
    wanted = texts_of(package)
    if package != ROOT / "dxp":
        core = read(ROOT / "dxp", locale)
        for message in list(wanted):
            if message.id and _has(core, message.id) and catalogue.get(message.id) is None:
                wanted.delete(message.id)
    catalogue.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    if not len(catalogue):
        return 0
    write(path_of(package, locale), catalogue)
    return sum(1 for _text in untranslated(package, locale))


def write(path: Path, catalogue: Catalog) -> None:
    """Write a catalogue, its header without dates and names that would change with every run."""
    body = io.BytesIO()
    # So would line numbers.
    write_po(
        body, catalogue, width=100, include_lineno=False, ignore_obsolete=True, omit_header=True
    )
    fields = {
        "Project-Id-Version": f"{path.parents[3].name} VERSION",
        "Language": str(catalogue.locale),
        "Plural-Forms": catalogue.plural_forms,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    header = "".join(f'"{name}: {value}\\n"\n' for name, value in fields.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    text = body.getvalue().decode("utf-8").strip()
    path.write_text(f'msgid ""\nmsgstr ""\n{header}\n{text}\n', encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Update all catalogues, or list what they lack; 1 when something is not translated."""
    status = 0
    for package in packages():
        for locale in LOCALES:
            if "--check" in arguments:
                lacking = list(untranslated(package, locale))
                for text in lacking:
                    print(f"{package.name} {locale}: {text}")
            else:
                lacking = ["?"] * update(package, locale)
                print(f"{package.name} {locale}: {len(lacking)} to translate")
            status = status or int(bool(lacking))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
