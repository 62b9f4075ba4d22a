"""Texts brought to one form, so that people find what they mean; and slugs made of titles."""

from __future__ import annotations

import re
import unicodedata

MAX_SLUG = 200

# Letters that Arabic and Persian keyboards write differently for the same word. Applied after
# NFKC, which already joins the presentation forms.
_LETTERS = str.maketrans(
    {
        "ي": "ی",  # ARABIC YEH
        "ى": "ی",  # ALEF MAKSURA
        "ئ": "ی",  # YEH WITH HAMZA
        "ك": "ک",  # ARABIC KAF
        "ة": "ه",  # TEH MARBUTA
        "ۀ": "ه",  # HEH WITH YEH ABOVE
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ؤ": "و",
        "ـ": None,  # tatweel only stretches a word
        "\u200c": None,  # ZERO WIDTH NON-JOINER: می‌روم and میروم are one word
        "\u200d": None,
        "\u200e": None,
        "\u200f": None,
        "\u00ad": None,
    }
)
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_NOT_WORD = re.compile(r"[^\w]+")
# Combining classes of Hebrew points, Arabic vowel signs, and accents. The marks of Indic scripts
# and of kana lie outside: without them those are other words.
_POINTS = range(10, 37)
_ACCENTS = 200


def normalise(text: str) -> str:
    """The form in which texts are compared.

    NFKC and case folding; accents and harakat dropped, so that `é` is `e` and vowelled Arabic is
    unvowelled; Arabic and Persian spellings of the same letter and digit made one; white space
    single.
    """
    text = unicodedata.normalize("NFKC", text).translate(_LETTERS)
    text = _without_marks(text.casefold())
    text = unicodedata.normalize("NFKC", text).translate(_LETTERS).translate(_DIGITS)
    return " ".join(text.split())


def slug_of(title: str) -> str:
    """An address made of a title, in its own script: letters and digits joined by hyphens.

    Letters stay those of the language, only accents and vowel signs go. It may be empty.
    """
    text = _without_marks(unicodedata.normalize("NFKC", title).lower())
    text = unicodedata.normalize("NFC", text).replace("_", "-").replace("ـ", "")
    return _NOT_WORD.sub("-", text).strip("-")[:MAX_SLUG].rstrip("-")


def _without_marks(text: str) -> str:
    return "".join(
        char
        for char in unicodedata.normalize("NFD", text)
        if (mark := unicodedata.combining(char)) not in _POINTS and mark < _ACCENTS
    )


def is_slug(text: str) -> bool:
    """Whether a text can be an address as it is: what people type is not changed silently."""
    if not text or len(text) > MAX_SLUG:
        return False
    folded = unicodedata.normalize("NFC", text)
    return (
        folded == text and re.fullmatch(r"\w+(?:-\w+)*", text) is not None and text == text.lower()
    )
