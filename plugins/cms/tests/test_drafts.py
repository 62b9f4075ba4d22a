"""Saving drafts: every save is kept, a stale one beside the line, and nothing is made up."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import AuditEntry, Conflict, NotFound, Platform, Unprocessable
from dxp.testing import SettableClock
from dxp_cms.models import Entry, Revision
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms, Saved, Stale
from dxp_cms.services.history import history_of, prune_autosaves
from dxp_cms.services.listing import standings

from .conftest import EDITOR, OTHER, article, change

Write = Callable[..., uuid.UUID]


def head_of(platform: Platform, entry_id: uuid.UUID) -> Revision:
    with platform.db.read() as session:
        entry = session.get(Entry, entry_id)
        return session.get(Revision, entry.head_revision_id)


def save(
    platform: Platform,
    cms: Cms,
    entry_id: uuid.UUID,
    document: Any,
    *,
    by: Any = EDITOR,
    **how: Any,
) -> Saved | Stale:
    if "base_id" not in how:
        how["base_id"] = head_of(platform, entry_id).id
    with platform.db.write() as session:
        return cms.drafts.save(session, by, entry_id=entry_id, document=document, **how)


def test_a_draft_may_lack_what_publishing_needs(write: Write) -> None:
    assert write({"shared": {}, "locales": {}})
    assert write({"locales": {"en": {"summary": "Only this."}}})


def test_each_save_is_a_revision_and_the_last_is_the_draft(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("One"))
    for title in ("Two", "Three"):
        outcome = save(platform, cms, entry_id, article(title, slug="one"))
        assert isinstance(outcome, Saved)
    with platform.db.read() as session:
        steps = history_of(session, entry_id)
        titles = [
            session.get(Revision, step.id).document["locales"]["en"]["title"] for step in steps
        ]
    assert titles == ["Three", "Two", "One"]
    assert head_of(platform, entry_id).number == 3


def test_saving_the_same_again_writes_nothing(platform: Platform, cms: Cms, write: Write) -> None:
    entry_id = write()
    outcome = save(platform, cms, entry_id, head_of(platform, entry_id).document)
    assert isinstance(outcome, Saved)
    assert not outcome.created
    assert head_of(platform, entry_id).number == 1


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"locales": {"en": {"title": 7}}}, "/locales/en/title", "wrong_kind"),
        ({"shared": {"reading_minutes": "7"}}, "/shared/reading_minutes", "wrong_kind"),
        ({"shared": {"reading_minutes": 1.5}}, "/shared/reading_minutes", "wrong_kind"),
        ({"shared": {"reading_minutes": float("inf")}}, "/shared/reading_minutes", "wrong_kind"),
        ({"shared": {"day": "21/3/2026"}}, "/shared/day", "wrong_kind"),
        ({"shared": {"featured": "yes"}}, "/shared/featured", "wrong_kind"),
        ({"shared": {"related": ["x"]}}, "/shared/related/0", "wrong_kind"),
        ({"shared": {"tags": "spring"}}, "/shared/tags", "wrong_kind"),
        ({"locales": {"en": {"body": "text"}}}, "/locales/en/body", "not_rich_text"),
        ({"locales": {"en": {"colour": "red"}}}, "/locales/en/colour", "unknown_field"),
        ({"shared": {"title": "Here?"}}, "/shared/title", "unknown_field"),
        ({"locales": {"de": {"title": "Hallo"}}}, "/locales/de/title", "unknown_locale"),
        ({"locales": []}, "/locales", "malformed_document"),
        ({"pages": {}}, "", "malformed_document"),
        ("text", "", "malformed_document"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused_where_it_stands(
    platform: Platform, cms: Cms, document: Any, pointer: str, code: str
) -> None:
    with pytest.raises(Unprocessable) as refused, platform.db.write() as session:
        cms.drafts.create(session, EDITOR, type_name="article", document=document)
    assert refused.value.code == "invalid_document"
    assert (refused.value.errors[0].pointer, refused.value.errors[0].code) == (pointer, code)


def test_what_the_type_no_longer_knows_survives_the_next_save(
    platform: Platform, cms: Cms, write: Write
) -> None:
    """A field that was dropped from a type keeps what was written until somebody removes it."""
    entry_id = write()
    with platform.db.write() as session:
        entry = session.get(Entry, entry_id)
        head = session.get(Revision, entry.head_revision_id)
        head.document = {
            "shared": {"colour": "red"},
            "locales": {**head.document["locales"], "de": {"title": "Hallo"}},
        }
    change(platform, cms, entry_id, {"en.title": "Changed"})
    document = head_of(platform, entry_id).document
    assert document["shared"]["colour"] == "red"
    assert document["locales"]["de"] == {"title": "Hallo"}


def test_a_stale_save_loses_neither_edit_and_tells_where_they_differ(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("Base"))
    base = head_of(platform, entry_id)
    save(platform, cms, entry_id, article("Hers", slug="base", summary="S"), by=EDITOR)
    outcome = save(
        platform,
        cms,
        entry_id,
        article("His", slug="base", body=blocks("New text.")),
        by=OTHER,
        base_id=base.id,
    )
    assert isinstance(outcome, Stale)
    assert outcome.kept.document["locales"]["en"]["title"] == "His"
    assert head_of(platform, entry_id).document["locales"]["en"]["title"] == "Hers"
    found = {item.place.key: item for item in outcome.differences}
    assert set(found) == {"en.title", "en.summary", "en.body"}
    assert (found["en.title"].theirs, found["en.title"].mine) == ("Hers", "His")
    assert found["en.title"].clash
    assert (found["en.summary"].mine_changed, found["en.body"].mine_changed) == (False, True)
    with platform.db.read() as session:
        kinds = [step.kind for step in history_of(session, entry_id)]
    assert kinds == ["stale", "save", "save"]


def test_of_saves_at_the_same_moment_one_wins_and_all_are_kept(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("Base"))
    base = head_of(platform, entry_id)
    together = Barrier(4)

    def edit(number: int) -> Saved | Stale:
        together.wait()
        document = article(f"Title {number}", slug="base")
        return save(platform, cms, entry_id, document, base_id=base.id)

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(edit, range(4)))
    assert sum(isinstance(outcome, Saved) for outcome in outcomes) == 1
    with platform.db.read() as session:
        rows = session.scalars(select(Revision).order_by(Revision.number)).all()
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    titles = {row.document["locales"]["en"]["title"] for row in rows}
    assert titles == {"Base", *(f"Title {number}" for number in range(4))}


def test_a_stale_save_without_changes_of_its_own_is_no_conflict(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("Base"))
    base = head_of(platform, entry_id)
    save(platform, cms, entry_id, article("Hers", slug="base"))
    for document in (base.document, head_of(platform, entry_id).document):
        outcome = save(platform, cms, entry_id, document, by=OTHER, base_id=base.id)
        assert isinstance(outcome, Saved)
        assert outcome.revision.id == head_of(platform, entry_id).id


def test_a_page_is_not_in_conflict_with_what_it_saved_by_itself(
    platform: Platform, cms: Cms, write: Write
) -> None:
    """A request that waited for the one before it still names the older base."""
    entry_id = write(article("Base"))
    base = head_of(platform, entry_id)
    for title in ("B", "Ba"):
        outcome = save(
            platform,
            cms,
            entry_id,
            article(title, slug="base"),
            base_id=base.id,
            autosave=True,
            tab="tab-1",
        )
        assert isinstance(outcome, Saved)
    other_tab = save(
        platform, cms, entry_id, article("X", slug="base"), base_id=base.id, tab="tab-2"
    )
    assert isinstance(other_tab, Stale)
    no_tab = save(platform, cms, entry_id, article("Y", slug="base"), base_id=base.id)
    assert isinstance(no_tab, Stale)


def test_an_autosave_that_arrives_after_the_save_on_purpose_does_not_undo_it(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("Base"))
    base = head_of(platform, entry_id)
    done = article("Done", slug="base")
    save(platform, cms, entry_id, done, base_id=base.id, tab="tab")
    late = save(
        platform,
        cms,
        entry_id,
        article("Don", slug="base"),
        base_id=base.id,
        tab="tab",
        autosave=True,
    )
    assert isinstance(late, Stale)
    assert head_of(platform, entry_id).document["locales"]["en"]["title"] == "Done"


def test_autosaves_of_one_author_are_one_line_of_the_history_and_are_pruned_later(
    platform: Platform, cms: Cms, write: Write, clock: SettableClock
) -> None:
    entry_id = write(article("Base"))
    for title in ("B", "Ba", "Bas"):
        save(platform, cms, entry_id, article(title, slug="base"), autosave=True, tab="t")
    with platform.db.read() as session:
        assert [step.number for step in history_of(session, entry_id)] == [4, 1]
    save(platform, cms, entry_id, article("Bas", slug="base"), tab="t")
    with platform.db.read() as session:
        assert [step.number for step in history_of(session, entry_id)] == [5, 1]
    clock.advance(days=30)
    with platform.db.write() as session:
        assert prune_autosaves(session, before=clock.now()) == 3
        assert prune_autosaves(session, before=clock.now()) == 0
        assert set(session.scalars(select(Revision.number))) == {1, 5}


def test_the_pruning_job_keeps_recent_autosaves_and_what_is_live(
    platform: Platform, cms: Cms, write: Write, clock: SettableClock, run_jobs: Callable[[], int]
) -> None:
    entry_id = write(article("Base"))
    save(platform, cms, entry_id, article("Live", slug="base"), autosave=True)
    with platform.db.write() as session:
        cms.publishing.publish(session, EDITOR, entry_id=entry_id, locale="en")
    save(platform, cms, entry_id, article("Later", slug="base"), autosave=True)
    clock.advance(days=8)
    save(platform, cms, entry_id, article("Now", slug="base"), autosave=True)
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "cms.prune_autosaves")
    run_jobs()
    with platform.db.read() as session:
        assert set(session.scalars(select(Revision.number))) == {1, 2, 4}


def test_addresses_are_made_of_titles_once_and_never_twice_the_same(
    platform: Platform, cms: Cms, write: Write
) -> None:
    first, second = write(article("Été à Paris")), write(article("Été à Paris"))
    assert head_of(platform, first).document["locales"]["en"]["slug"] == "ete-a-paris"
    assert head_of(platform, second).document["locales"]["en"]["slug"] == "ete-a-paris-2"
    change(platform, cms, first, {"en.title": "Another title"})
    assert head_of(platform, first).document["locales"]["en"]["slug"] == "ete-a-paris"


def test_the_thirty_second_entry_of_one_title_still_gets_an_address(
    platform: Platform, write: Write
) -> None:
    slugs = {
        head_of(platform, write(article("Spring"))).document["locales"]["en"]["slug"]
        for _ in range(33)
    }
    assert len(slugs) == 33
    assert {"spring", "spring-2", "spring-31"} <= slugs


def test_texts_longer_than_their_columns_are_kept_whole_in_the_draft(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("T" * 3000, slug="s" * 3000))
    assert len(head_of(platform, entry_id).document["locales"]["en"]["slug"]) == 3000
    long_title = write(article("Word " * 100))
    change(platform, cms, long_title, {"en.summary": "Saved again."})


def test_an_autosave_makes_no_address_of_a_half_typed_title(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write({"locales": {}})
    save(platform, cms, entry_id, {"locales": {"en": {"title": "Spr"}}}, autosave=True)
    assert "slug" not in head_of(platform, entry_id).document["locales"]["en"]


def test_restoring_makes_a_new_draft_and_leaves_what_is_live(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("One"), publish=["en"])
    first = head_of(platform, entry_id)
    change(platform, cms, entry_id, {"en.title": "Two"}, publish=["en"])
    with platform.db.write() as session:
        cms.drafts.restore(session, EDITOR, entry_id=entry_id, revision_id=first.id)
    head = head_of(platform, entry_id)
    assert (head.number, head.kind) == (3, "restore")
    assert head.document == first.document
    with platform.db.read() as session:
        live = cms.reader.by_ids(session, [entry_id], locale="en")[entry_id]
        standing = standings(session, [entry_id])[entry_id]["en"]
    assert live.title == "Two"
    assert standing.changed


def test_the_trash_keeps_an_entry_from_being_changed(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write()
    with platform.db.write() as session:
        cms.trash.throw_away(session, EDITOR, entry_id=entry_id)
    with pytest.raises(Conflict) as refused:
        save(platform, cms, entry_id, article("Changed"))
    assert refused.value.code == "entry_in_trash"


def test_unknown_types_entries_and_foreign_revisions_are_not_found(
    platform: Platform, cms: Cms, write: Write
) -> None:
    mine, other = write(article("A")), write(article("B"))
    with pytest.raises(NotFound, match="no content type 'novel'"):
        write(type_name="novel")
    with pytest.raises(NotFound) as refused:
        save(platform, cms, uuid.uuid4(), article(), base_id=uuid.uuid4())
    assert refused.value.code == "unknown_entry"
    with pytest.raises(NotFound) as refused:
        save(platform, cms, mine, article(), base_id=head_of(platform, other).id)
    assert refused.value.code == "unknown_revision"


def test_every_change_is_in_the_audit_log_with_the_fields_that_changed(
    platform: Platform, cms: Cms, write: Write
) -> None:
    entry_id = write(article("One"), publish=["en"])
    change(platform, cms, entry_id, {"en.title": "Two", "tags": ["x"]})
    with platform.db.write() as session:
        cms.trash.throw_away(session, EDITOR, entry_id=entry_id)
        cms.trash.bring_back(session, EDITOR, entry_id=entry_id)
    with platform.db.read() as session:
        rows = list(
            session.scalars(
                select(AuditEntry)
                .where(AuditEntry.object_id == str(entry_id))
                .order_by(AuditEntry.seq)
            )
        )
    assert [row.action.removeprefix("cms.entry.") for row in rows] == [
        "created",
        "published",
        "saved",
        "unpublished",
        "trashed",
        "untrashed",
    ]
    assert rows[2].after["fields"] == ["tags", "en.title"]
    assert {row.actor_label for row in rows} == {"Ada Archer"}
