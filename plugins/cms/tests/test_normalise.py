"""Texts are found whatever the spelling, and titles become addresses in their own script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp_cms.normalise import MAX_SLUG, is_slug, normalise, slug_of


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("كِتَابٌ", "کتاب"),
        ("می‌روم", "میروم"),
        ("هديّة", "هدیه"),
        ("أهلاً", "اهلا"),
        ("۱۴۰۵", "1405"),
        ("١٤٤٧", "1447"),
        ("Éclair  GÂTEAU", "eclair gateau"),
        ("Straße", "strasse"),
        ("ﻻ", "لا"),
        ("ｆｕｌｌ", "full"),
        ("مـــحمد", "محمد"),
    ],
)
def test_spellings_of_one_word_are_one(written: str, wanted: str) -> None:
    assert normalise(written) == wanted
    assert normalise(wanted) == wanted


def test_marks_that_make_another_word_stay() -> None:
    """A Hindi vowel or a Japanese voicing mark is part of the word."""
    assert normalise("की") != normalise("का")
    assert normalise("が") != normalise("か")


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=300))
def test_an_address_made_of_a_title_can_be_published(title: str) -> None:
    slug = slug_of(title)
    assert slug == "" or is_slug(slug)
    assert len(slug) <= MAX_SLUG


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Spring has come!", "spring-has-come"),
        ("Été à Paris", "ete-a-paris"),
        ("بهار آمد", "بهار-امد"),
        ("هدية العيد", "هدية-العيد"),
        ("50 % off — now", "50-off-now"),
        ("!!!", ""),
    ],
)
def test_titles_become_addresses(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@pytest.mark.parametrize("slug", ["", "Spring", "a b", "a--b", "-a", "a-", "a/b", "x" * 201])
def test_what_is_no_address_is_told_apart(slug: str) -> None:
    assert not is_slug(slug)
