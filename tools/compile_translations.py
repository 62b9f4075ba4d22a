"""Compile message catalogues (.po) named on the command line into .mo files beside them."""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po


def main(paths: list[str]) -> int:
    """Compile each catalogue; fuzzy entries stay untranslated until somebody confirms them."""
    complaints: list[str] = []
    for name in paths:
        source = Path(name)
        try:
            with source.open("rb") as stream:
                catalog = read_po(stream, locale=source.parent.parent.name, abort_invalid=True)
        except PoFileError as error:
            complaints.append(f"{name}: {error}.")
            continue
        for message, errors in catalog.check():
            complaints += [f"{name}:{message.lineno}: {error}." for error in errors]
        with source.with_suffix(".mo").open("wb") as stream:
            write_mo(stream, catalog)
    for complaint in complaints:
        print(f"{complaint} Correct the translation and run again.", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
