"""Text as people search it."""

from __future__ import annotations

import unicodedata

_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "أ": "ا", "إ": "ا", "آ": "ا"})
_JOINERS = str.maketrans("", "", "\u200c\u200d\u0640")


def fold(text: str) -> str:
    """Casefolded, without marks, with one form for each Arabic or Persian letter and digit."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    digits = "".join(
        str(unicodedata.digit(char)) if char.isdigit() else char
        for char in bare.translate(_LETTERS).translate(_JOINERS)
    )
    return " ".join(digits.split())
