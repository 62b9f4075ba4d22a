"""Publishing: checks lead to their fields, live is what was published, references follow."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from dxp.api import Conflict, FieldError, NotFound, Platform, Plugin, Unprocessable
from dxp.contracts import PublishedContent
from dxp.testing import DxpClient, PublishedEvents, SettableClock
from dxp_cms.events import EntryPublished, EntryUnpublished
from dxp_cms.models import Published
from dxp_cms.plugin import CmsPlugin
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms
from dxp_cms.services.checks import PublishChecks

from .conftest import EDITOR, article, change
from .forms import Form

Write = Callable[..., uuid.UUID]


def publish(
    platform: Platform, cms: Cms, entry_id: uuid.UUID, *, locale: str = "en", **how: Any
) -> None:
    with platform.db.write() as session:
        cms.publishing.publish(session, EDITOR, entry_id=entry_id, locale=locale, **how)


def live(platform: Platform, entry_id: uuid.UUID, *, locale: str = "en") -> dict[str, Any]:
    """The stored answer, as JSON."""
    with platform.db.read() as session:
        body = session.scalar(
            select(Published.body).where(Published.entry_id == entry_id, Published.locale == locale)
        )
    assert body is not None, "nothing is live"
    return orjson.loads(body)


def refused(platform: Platform, cms: Cms, entry_id: uuid.UUID, *, locale: str = "en") -> dict:
    with pytest.raises(Unprocessable) as problem:
        publish(platform, cms, entry_id, locale=locale)
    assert problem.value.code == "not_publishable"
    return {error.pointer: error.code for error in problem.value.errors}


def test_each_problem_is_named_at_its_field_and_nothing_goes_live(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(
        {
            "shared": {
                "category": "sport",
                "reading_minutes": 0,
                "tags": ["x" * 61],
                "related": [str(uuid.uuid4())],
            },
            "locales": {"en": {"summary": "x" * 501, "slug": "Not An Address"}},
        }
    )
    assert refused(platform, cms, entry_id) == {
        "/locales/en/title": "required",
        "/locales/en/body": "required",
        "/locales/en/summary": "too_long",
        "/locales/en/slug": "not_a_slug",
        "/shared/category": "no_such_choice",
        "/shared/reading_minutes": "out_of_range",
        "/shared/tags/0": "too_long",
        "/shared/related": "broken_reference",
    }
    with platform.db.read() as session:
        assert session.scalars(select(Published)).all() == []


def test_a_banner_does_not_link_to_a_script(platform: Platform, cms: Cms, write: Write) -> None:
    entry_id = write(
        {"shared": {"link_url": "javascript:alert(1)"}, "locales": {"en": {"headline": "Hi"}}},
        type_name="banner",
    )
    assert refused(platform, cms, entry_id) == {"/shared/link_url": "unsafe_url"}


def test_two_live_entries_do_not_share_an_address(
    platform: Platform, cms: Cms, write: Write
) -> None:
    write(article("Spring"), publish=["en"])
    other = write(article("Other", slug="spring"))
    assert refused(platform, cms, other) == {"/locales/en/slug": "slug_taken"}
    persian = write(article("بهار", locale="fa", slug="spring"), publish=["fa"])
    assert live(platform, persian, locale="fa")["slug"] == "spring"


def test_an_address_that_is_taken_at_the_last_moment_is_the_same_problem(
    client: DxpClient,
    platform: Platform,
    cms: Cms,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two publications at once both pass the check; the database lets one of them win."""
    write(article("Spring"), publish=["en"])
    other = write(article("Other", slug="elsewhere"), publish=["en"])
    monkeypatch.setattr(PublishChecks, "_slug_problems", staticmethod(lambda *_: ()))
    change(platform, cms, other, {"en.slug": "spring"})
    assert refused(platform, cms, other) == {"/locales/en/slug": "slug_taken"}
    fresh = write(article("Fresh", slug="spring"))
    editor = client.as_staff("cms.entries.read", "cms.entries.write", "cms.entries.publish")
    form = Form.open(editor, f"/admin/content/{fresh}")
    form["en.summary"] = "Kept."
    answer = form.send("Publish")
    assert answer.status_code == 422
    assert 'id="f-en-slug-error"' in answer.text
    assert Form.open(editor, f"/admin/content/{fresh}")["en.summary"] == "Kept."
    assert live(platform, other)["slug"] == "elsewhere"


def test_a_language_goes_live_alone(platform: Platform, cms: Cms, write: Write) -> None:
    entry_id = write(article("Spring"))
    change(platform, cms, entry_id, {"fr.title": "Printemps"})
    publish(platform, cms, entry_id)
    assert refused(platform, cms, entry_id, locale="fr") == {"/locales/fr/body": "required"}
    with platform.db.read() as session:
        assert list(session.scalars(select(Published.locale))) == ["en"]


def test_a_draft_does_not_show_until_it_is_published(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("One"), publish=["en"])
    change(platform, cms, entry_id, {"en.title": "Two"})
    assert live(platform, entry_id)["title"] == "One"
    publish(platform, cms, entry_id)
    assert live(platform, entry_id)["title"] == "Two"


def test_an_older_revision_can_be_published_by_its_id(
    platform: Platform, cms: Cms, write: Write
) -> None:
    with platform.db.write() as session:
        first = cms.drafts.create(
            session, EDITOR, type_name="article", document=article("One")
        ).revision
    change(platform, cms, first.entry_id, {"en.title": "Two"}, publish=["en"])
    publish(platform, cms, first.entry_id, revision_id=first.id)
    assert live(platform, first.entry_id)["title"] == "One"
    with pytest.raises(NotFound):
        publish(platform, cms, first.entry_id, revision_id=uuid.uuid4())


def test_the_first_publication_dates_the_entry_and_later_ones_update_it(
    platform: Platform, cms: Cms, write: Write, clock: SettableClock
) -> None:
    entry_id = write(publish=["en"])
    born = live(platform, entry_id)["published_at"]
    clock.advance(days=3)
    change(platform, cms, entry_id, {"en.title": "Later"}, publish=["en"])
    body = live(platform, entry_id)
    assert body["published_at"] == born == "2026-03-10T09:00:00Z"
    assert body["updated_at"] == "2026-03-13T09:00:00Z"


def test_publishing_and_taking_off_are_events(
    platform: Platform, cms: Cms, write: Write, events: PublishedEvents
) -> None:
    entry_id = write(article("Spring"), publish=["en"])
    change(platform, cms, entry_id, {"en.slug": "spring-2026"}, publish=["en"])
    with platform.db.write() as session:
        cms.publishing.unpublish(session, EDITOR, entry_id=entry_id, locale="en")
    first, second = events.payloads(EntryPublished)
    assert (first.entry_id, first.first, first.previous_slug) == (str(entry_id), True, None)
    assert (second.first, second.previous_slug) == (False, "spring")
    assert second.cache_tags == ["cms-article", f"cms-entry-{entry_id}"]
    assert [item.slug for item in events.payloads(EntryUnpublished)] == ["spring-2026"]
    with pytest.raises(Conflict) as problem, platform.db.write() as session:
        cms.publishing.unpublish(session, EDITOR, entry_id=entry_id, locale="en")
    assert problem.value.code == "not_published"


def test_what_includes_an_entry_follows_its_changes(
    platform: Platform, cms: Cms, write: Write, run_jobs: Callable[[], int]
) -> None:
    """The reference hides while its target is not live, and shows and changes with it."""
    target = write(article("Target", summary="Old."))
    source = write(article("Source", shared={"related": [str(target)]}), publish=["en"])
    assert live(platform, source)["related"] == []
    publish(platform, cms, target)
    run_jobs()
    assert live(platform, source)["related"] == [
        {
            "id": str(target),
            "type": "article",
            "slug": "target",
            "title": "Target",
            "summary": "Old.",
        }
    ]
    before = live(platform, source)
    change(platform, cms, target, {"en.summary": "New."}, publish=["en"])
    run_jobs()
    after = live(platform, source)
    assert after["related"][0]["summary"] == "New."
    assert after["updated_at"] == before["updated_at"]
    with platform.db.write() as session:
        cms.publishing.unpublish(session, EDITOR, entry_id=target, locale="en")
    run_jobs()
    assert live(platform, source)["related"] == []


def test_entries_that_include_each_other_settle(
    platform: Platform, cms: Cms, write: Write, run_jobs: Callable[[], int]
) -> None:
    one = write(article("One"), publish=["en"])
    two = write(article("Two", shared={"related": [str(one)]}), publish=["en"])
    change(platform, cms, one, {"related": [str(two), str(one)]}, publish=["en"])
    assert run_jobs() > 0
    change(platform, cms, one, {"en.summary": "Changed."}, publish=["en"])
    run_jobs()
    assert [item["summary"] for item in live(platform, two)["related"]] == ["Changed."]
    assert [item["title"] for item in live(platform, one)["related"]] == ["Two", "One"]


def test_a_reference_speaks_the_nearest_language_of_its_target(
    platform: Platform, cms: Cms, write: Write, run_jobs: Callable[[], int]
) -> None:
    target = write(article("Target"), publish=["en"])
    source = write(article("منبع", locale="fa", shared={"related": [str(target)]}), publish=["fa"])
    assert live(platform, source, locale="fa")["related"][0]["title"] == "Target"
    change(
        platform,
        cms,
        target,
        {"fa.title": "هدف", "fa.slug": "هدف", "fa.body": blocks("متن")},
        publish=["fa"],
    )
    run_jobs()
    assert live(platform, source, locale="fa")["related"][0]["title"] == "هدف"


def test_what_is_in_use_is_thrown_away_only_when_asked_for(
    platform: Platform, cms: Cms, write: Write, run_jobs: Callable[[], int]
) -> None:
    target = write(article("Target"), publish=["en"])
    source = write(article("Source", shared={"related": [str(target)]}), publish=["en"])
    with pytest.raises(Conflict) as problem, platform.db.write() as session:
        cms.trash.throw_away(session, EDITOR, entry_id=target)
    assert problem.value.code == "entry_in_use"
    assert problem.value.extra["users"] == [
        {"id": str(source), "type": "article", "title": "Source"}
    ]
    with platform.db.write() as session:
        cms.trash.throw_away(session, EDITOR, entry_id=target, although_used=True)
    run_jobs()
    assert live(platform, source)["related"] == []
    with platform.db.write() as session:
        cms.trash.bring_back(session, EDITOR, entry_id=target)
        assert cms.reader.by_ids(session, [target], locale="en") == {}


def test_other_plugins_read_what_is_live_through_the_contract(
    platform: Platform, write: Write
) -> None:
    content = platform.services.get(PublishedContent)
    one, draft = write(article("كتاب الربيع"), publish=["en"]), write(article("Draft"))
    with platform.db.read() as session:
        found = content.by_ids(session, [one, draft, uuid.uuid4()], locale="fa")
        assert list(found) == [one]
        assert (found[one].locale, found[one].title) == ("en", "كتاب الربيع")
        assert orjson.loads(found[one].body)["id"] == str(one)
        by_slug = content.by_slug(session, "article", found[one].slug, locale="ar")
        assert by_slug == found[one]
        assert content.by_slug(session, "article", "draft", locale="en") is None
        hits = content.choices(session, query="کتاب", locale="en")
        assert [entry.id for entry in hits] == [one]
        assert content.choices(session, query="100%", locale="en") == []


class Objecting(Plugin):
    """A plugin that adds a publish check and a content type, without importing this one."""

    name = "objecting"
    after = ("cms",)

    def cms_publish_checks(self, ctx: Any) -> Sequence[FieldError]:
        if "forbidden" in ctx.values.get("title", ""):
            pointer = f"/locales/{ctx.locale}/title"
            return [FieldError(code="forbidden_word", detail="Not this word.", pointer=pointer)]
        return ()

    def cms_content_types(self, ctx: Any) -> Sequence[dict[str, Any]]:
        return [
            {
                "name": "event",
                "label": "Event",
                "plural": "Events",
                "fields": [
                    {"name": "title", "kind": "text", "label": "Title", "required": True},
                    {
                        "name": "days",
                        "kind": "list",
                        "label": "Days",
                        "filterable": True,
                        "of": {"kind": "date"},
                    },
                ],
            }
        ]


class TestWithAnotherPlugin:
    """What other plugins add by the hooks of this one."""

    @pytest.fixture
    def app_plugins(self) -> Sequence[type[Plugin]]:
        return [CmsPlugin, Objecting]

    def test_another_plugins_check_keeps_an_entry_back(
        self, platform: Platform, cms: Cms, write: Write
    ) -> None:
        entry_id = write(article("A forbidden word"))
        assert refused(platform, cms, entry_id) == {"/locales/en/title": "forbidden_word"}

    def test_another_plugins_type_is_written_published_and_filtered(
        self, client: Any, write: Write
    ) -> None:
        document = {"locales": {"en": {"title": "Fair", "days": ["2026-05-01", "2026-05-02"]}}}
        write(document, type_name="event", publish=["en"])
        shop = client.as_key("content.read")
        answer = shop.get("/api/v1/content/event?filter[days]=2026-05-02")
        assert [item["days"] for item in answer.json["data"]] == [["2026-05-01", "2026-05-02"]]
        assert shop.get("/api/v1/content/event?filter[days]=2026-05-03").json["data"] == []
