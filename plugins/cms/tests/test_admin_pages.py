"""Editors write, save, publish, compare, restore and throw away on the admin's pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from dxp.api import Platform
from dxp.testing import DxpClient
from dxp_cms.models import Entry, Revision
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms

from .conftest import article, change
from .forms import Form

Write = Callable[..., uuid.UUID]
LIST = "/admin/content/"


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    """Somebody who may do everything with content."""
    return client.as_staff("cms.entries.read", "cms.entries.write", "cms.entries.publish")


@pytest.fixture
def draft(platform: Platform) -> Callable[[uuid.UUID], dict[str, Any]]:
    """`draft(entry_id)` is the document of the present draft."""

    def read(entry_id: uuid.UUID) -> dict[str, Any]:
        with platform.db.read() as session:
            entry = session.get(Entry, entry_id)
            return session.get(Revision, entry.head_revision_id).document

    return read


def test_an_article_is_written_and_published_on_the_edit_page(
    editor: DxpClient, client: DxpClient
) -> None:
    """From the empty form to the storefront's answer."""
    form = Form.open(editor, "/admin/content/new/article")
    form["en.title"] = "Spring has come"
    form["en.body"] = orjson.dumps(blocks("Tulips.")).decode()
    form["tags"] = "spring\nflowers"
    form["category"] = "guide"
    saved = form.send()
    assert saved.status_code == 303, saved.text
    page = Form.open(editor, saved.headers["Location"])
    assert (page["en.slug"], page["category"]) == ("spring-has-come", "guide")
    live = page.send("Publish")
    assert live.status_code == 303, live.text
    answer = client.as_key("content.read").get("/api/v1/content/article/spring-has-come")
    assert answer.json["body"]["html"] == "<p>Tulips.</p>"
    assert answer.json["tags"] == ["spring", "flowers"]
    assert (answer.json["category"], answer.json["featured"]) == ("guide", False)


def test_opening_and_saving_changes_nothing(
    editor: DxpClient, write: Write, platform: Platform
) -> None:
    """A form that is sent as it came is no edit, whatever the kinds of its fields."""
    entry_id = write(
        article(
            "All kinds",
            summary="Two\nlines",
            shared={
                "category": "news",
                "day": "2026-03-21",
                "reading_minutes": 7,
                "featured": True,
                "tags": ["a", "b c"],
                "related": [str(write(article("One"))), str(write(article("Two")))],
            },
        )
    )
    Form.open(editor, f"/admin/content/{entry_id}").send()
    with platform.db.read() as session:
        entry = session.get(Entry, entry_id)
        assert session.get(Revision, entry.head_revision_id).number == 1


def test_problems_of_publishing_are_shown_at_their_fields_and_the_draft_is_kept(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    entry_id = write({"locales": {}})
    form = Form.open(editor, f"/admin/content/{entry_id}")
    form["en.summary"] = "Only a summary."
    answer = form.send("Publish")
    assert answer.status_code == 422
    again = Form(editor, answer.text)
    assert "“Title” is empty" in answer.text
    assert 'id="f-en-title-error"' in answer.text
    assert 'id="f-en-body-error"' in answer.text
    assert draft(entry_id)["locales"]["en"] == {"summary": "Only a summary."}
    again["en.title"] = "Now"
    again["en.slug"] = "now"
    again["en.body"] = orjson.dumps(blocks("Text.")).decode()
    assert again.send("Publish").status_code == 303


def test_what_cannot_be_read_is_shown_again_as_it_was_typed(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Spring"))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    form["reading_minutes"] = "seven"
    form["en.title"] = "Changed"
    answer = form.send()
    assert answer.status_code == 422
    again = Form(editor, answer.text)
    assert (again["reading_minutes"], again["en.title"]) == ("seven", "Changed")
    assert draft(entry_id)["locales"]["en"]["title"] == "Spring"


def test_a_stale_save_shows_both_edits_and_the_two_become_one(
    editor: DxpClient, client: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    """Tab B saves over tab A: neither edit is lost, and each field is picked."""
    entry_id = write(article("Base", summary="Base summary."))
    tab_a = Form.open(editor, f"/admin/content/{entry_id}")
    tab_b = Form.open(editor, f"/admin/content/{entry_id}")
    tab_a["en.title"] = "Title of A"
    tab_a["tags"] = "from-a"
    assert tab_a.send().status_code == 303
    tab_b["en.title"] = "Title of B"
    tab_b["en.summary"] = "Summary of B."
    answer = tab_b.send()
    assert answer.status_code == 412
    for text in ("Title of A", "Title of B", "Base summary.", "Summary of B.", "from-a"):
        assert text in answer.text
    assert draft(entry_id)["locales"]["en"]["title"] == "Title of A"
    conflict = Form(editor, answer.text, "conflict-form")
    assert conflict.fields["en.title"] == ["mine"]
    assert (conflict["en.summary"], conflict["tags"]) == ("mine", "theirs")
    conflict["en.title"] = "theirs"
    assert conflict.send().status_code == 303
    merged = draft(entry_id)
    assert merged["locales"]["en"]["title"] == "Title of A"
    assert merged["locales"]["en"]["summary"] == "Summary of B."
    assert merged["shared"]["tags"] == ["from-a"]


def test_a_draft_saved_while_the_conflict_was_open_is_a_conflict_again(
    editor: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(article("Base"))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    change(platform, cms, entry_id, {"en.title": "Theirs"})
    form["en.title"] = "Mine"
    conflict = Form(editor, form.send().text, "conflict-form")
    change(platform, cms, entry_id, {"en.title": "Theirs, later"})
    answer = conflict.send()
    assert answer.status_code == 412
    assert "Theirs, later" in answer.text
    assert "Mine" in answer.text


def test_the_page_saves_by_itself_and_goes_on_from_what_it_saved(
    editor: DxpClient, write: Write, draft: Callable[..., Any], platform: Platform
) -> None:
    entry_id = write(article("Base"))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    for title in ("Typ", "Typed"):
        form["en.title"] = title
        answer = form.autosave()
        assert answer.status_code == 200
        assert "<input" in answer.text
        assert "<form" not in answer.text
        assert 'name="en.title"' not in answer.text
    assert draft(entry_id)["locales"]["en"]["title"] == "Typed"
    assert form.send().status_code == 303
    history = editor.get(f"/admin/content/{entry_id}/history").text
    assert history.count("Saved by itself") == 0
    assert "Revision 4" in history


def test_an_autosave_says_when_somebody_else_saved_first_and_keeps_what_was_typed(
    editor: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(article("Base"))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    change(platform, cms, entry_id, {"en.title": "Theirs"})
    form["en.title"] = "Mine"
    answer = form.autosave()
    assert answer.status_code == 412
    assert "Ada Archer" in answer.text
    link = answer.text.partition('<a href="')[2].partition('"')[0]
    assert "Mine" in editor.get(link).text


def test_an_autosave_of_half_a_number_stores_nothing_and_says_so(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Base"))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    form["reading_minutes"] = "-"
    answer = form.autosave()
    assert answer.status_code == 422
    assert "Not saved yet" in answer.text
    assert "reading_minutes" not in draft(entry_id)["shared"]


def test_a_form_that_was_cut_off_empties_no_field(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Spring", summary="Kept."))
    form = Form.open(editor, f"/admin/content/{entry_id}")
    wanted = ("csrf_token", "base", "lang", "en.title")
    form.fields = {name: form.fields[name] for name in wanted}
    form["en.title"] = "Changed"
    assert form.send().status_code == 303
    assert draft(entry_id)["locales"]["en"]["summary"] == "Kept."
    form.fields.pop("base")
    assert form.send().status_code == 422


def test_each_language_has_a_page_with_its_own_direction(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    """Persian fields are right to left on an English page, and saving them leaves English be."""
    entry_id = write(article("Spring"))
    page = Form.open(editor, f"/admin/content/{entry_id}?lang=fa")
    assert 'lang="fa"' in page.html
    assert 'dir="rtl"' in page.html
    assert "en.title" not in page.fields
    page["fa.title"] = "بهار آمد"
    assert page.send().headers["Location"].endswith("lang=fa")
    document = draft(entry_id)
    assert document["locales"]["fa"]["slug"] == "بهار-امد"
    assert document["locales"]["en"]["title"] == "Spring"


def test_an_entry_is_taken_off_and_published_again(
    editor: DxpClient, client: DxpClient, write: Write
) -> None:
    entry_id = write(article("Spring"), publish=["en"])
    shop = client.as_key("content.read")
    form = Form.open(editor, f"/admin/content/{entry_id}")
    answer = editor.post(f"/admin/content/{entry_id}/unpublish", data=form.fields)
    assert answer.status_code == 303
    assert shop.get("/api/v1/content/article/spring").status_code == 404
    assert "Taken off" in editor.get(f"/admin/content/{entry_id}").text
    Form.open(editor, f"/admin/content/{entry_id}").send("Publish")
    assert shop.get("/api/v1/content/article/spring").status_code == 200


def test_the_history_compares_two_revisions_word_by_word_and_goes_back(
    editor: DxpClient, write: Write, cms: Cms, platform: Platform, draft: Callable[..., Any]
) -> None:
    entry_id = write(article("Spring is here", summary="Same."), publish=["en"])
    before = draft(entry_id)
    bold = blocks(
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": "About Spring is here.", "marks": [{"type": "bold"}]},
            ],
        }
    )
    change(platform, cms, entry_id, {"en.title": "Spring was here", "en.body": bold})
    page = editor.get(f"/admin/content/{entry_id}/history").text
    link = page.partition(f"/admin/content/{entry_id}/compare")[2].partition('"')[0]
    compared = editor.get(f"/admin/content/{entry_id}/compare{link.replace('&amp;', '&')}").text
    assert "Removed:</span>is</del>" in compared
    assert "Added:</span>was</ins>" in compared
    assert "their formatting or a link changed" in compared
    assert "Same." not in compared
    form = Form.open(editor, f"/admin/content/{entry_id}")
    with platform.db.read() as session:
        first = session.query(Revision).filter_by(number=1).one().id
    restored = editor.post(
        f"/admin/content/{entry_id}/restore", data=form.fields | {"revision": str(first)}
    )
    assert restored.status_code == 303
    assert draft(entry_id) == before
    assert "Restored from revision 1" in editor.get(f"/admin/content/{entry_id}/history").text


def test_the_list_is_filtered_by_its_address(
    editor: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    write(article("Draft of spring"))
    live = write(article("Live in spring"), publish=["en"])
    changed = write(article("Changed in autumn"), publish=["en"])
    change(platform, cms, changed, {"en.summary": "New."})
    write(article("كِتاب الربيع", locale="ar"))
    write({"locales": {"en": {"headline": "A banner"}}}, type_name="banner")

    def shown(query: str) -> set[str]:
        page = editor.get(f"{LIST}?{query}").text
        every = ("Draft of", "Live in", "Changed in", "كِتاب", "A banner")
        return {title for title in every if title in page}

    assert shown("") == {"Draft of", "Live in", "Changed in", "كِتاب", "A banner"}
    assert shown("type=banner") == {"A banner"}
    assert shown("state=published") == {"Live in", "Changed in"}
    assert shown("state=changed") == {"Changed in"}
    assert shown("state=draft&type=article") == {"Draft of", "كِتاب"}
    assert shown("lang=ar") == {"كِتاب"}
    assert shown("q=SPRING") == {"Draft of", "Live in"}
    assert shown("q=کتاب") == {"كِتاب"}
    assert shown("q=100%25") == set()
    assert shown("state=nonsense&type=nonsense&lang=xx") == shown("")
    assert f"/admin/content/{live}" in editor.get(LIST).text


def test_the_list_asks_the_same_number_of_questions_however_long_it_is(
    editor: DxpClient, write: Write, count_queries: Callable[..., Any]
) -> None:
    write(article("No 0"))
    with count_queries() as few:
        editor.get(LIST)
    for number in range(1, 8):
        write(article(f"No {number}"), publish=["en"])
    with count_queries() as many:
        editor.get(LIST)
    assert many.count == few.count


def test_a_reference_is_found_by_its_title_and_keeps_what_is_chosen(
    editor: DxpClient, write: Write, draft: Callable[..., Any]
) -> None:
    one, two = write(article("هدية العيد", locale="ar")), write(article("Tulips"))
    source = write(article("Source", shared={"related": [str(two)]}))
    url = "/admin/content/choices/article/related"
    found = editor.get(url, query_string={"find-related": "هدیه", "related": [str(two)]}).text
    assert f'value="{one}"' in found
    assert f'value="{two}"' in found
    assert str(source) not in found
    assert "No other entry fits" in editor.get(f"{url}?find-related=zzz").text
    assert editor.get("/admin/content/choices/article/title").status_code == 404
    assert editor.get("/admin/content/choices/novel/title").status_code == 404
    form = Form.open(editor, f"/admin/content/{source}")
    form["related"] = [str(one), str(two)]
    form.send()
    assert draft(source)["shared"]["related"] == [str(one), str(two)]


def test_the_trash_names_who_would_miss_an_entry_and_gives_it_back(
    editor: DxpClient, write: Write
) -> None:
    target = write(article("Target"))
    write(article("Source", shared={"related": [str(target)]}))
    page = Form.open(editor, f"/admin/content/{target}")
    assert "Source" in page.html
    assert "One entry points at it" in page.html
    token = {"csrf_token": page["csrf_token"]}
    refused = editor.post(f"/admin/content/{target}/trash", data=token)
    assert refused.status_code == 409
    assert "“Source”" in refused.text
    gone = editor.post(f"/admin/content/{target}/trash", data=token | {"although_used": "true"})
    assert gone.status_code == 303
    assert "Target" not in editor.get(f"{LIST}?q=target").text.partition("<tbody>")[2]
    assert "Target" in editor.get("/admin/content/trash").text
    closed = Form.open(editor, f"/admin/content/{target}")
    assert "en.title" not in closed.fields
    assert editor.post(f"/admin/content/{target}/untrash", data=token).status_code == 303
    assert "en.title" in Form.open(editor, f"/admin/content/{target}").fields


def test_what_editors_type_is_text_on_every_page(editor: DxpClient, write: Write) -> None:
    """Markup in a title is shown, not obeyed."""
    evil = '"><script>alert(1)</script>'
    entry_id = write(article(evil, shared={"tags": [evil]}, body=blocks(evil)), publish=["en"])
    other = write(article("Other", shared={"related": [str(entry_id)]}))
    for url in (
        LIST,
        "/admin/",
        f"/admin/content/{entry_id}",
        f"/admin/content/{other}",
        f"/admin/content/{entry_id}/history",
        f"{LIST}?q=<script>alert(1)</script>",
        "/admin/search?q=alert",
    ):
        page = editor.get(url)
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.text


@pytest.mark.parametrize("url", [LIST, "/admin/content/new/novel", "/admin/content/nonsense"])
def test_an_address_that_leads_nowhere_says_so(editor: DxpClient, url: str) -> None:
    expected = 200 if url == LIST else 404
    assert editor.get(url).status_code == expected


@pytest.mark.parametrize("type_name", ["article", "banner", "faq"])
def test_every_type_has_a_form(editor: DxpClient, type_name: str) -> None:
    assert Form.open(editor, f"/admin/content/new/{type_name}").fields
