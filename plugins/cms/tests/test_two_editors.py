"""Whatever two editors do in whatever order: no edit is lost, live is what was published last."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from dxp.api import Conflict, Platform, Unprocessable
from dxp_cms.models import Entry, Published, Revision
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms, Saved, Stale
from dxp_cms.services.document import Place, with_values

from .conftest import EDITOR, OTHER

EDITORS = {"ada": EDITOR, "bo": OTHER}
LOCALES = ("en", "fa")
editors = st.sampled_from(sorted(EDITORS))
locales = st.sampled_from(LOCALES)


class TwoEditors(RuleBasedStateMachine):
    """Plays on one new entry of `platform` in each run."""

    platform: ClassVar[Platform]
    cms: ClassVar[Cms]

    def __init__(self) -> None:
        super().__init__()
        document = {
            "shared": {},
            "locales": {
                locale: {"title": "Start", "slug": uuid.uuid4().hex, "body": blocks("x")}
                for locale in LOCALES
            },
        }
        with self.platform.db.write() as session:
            saved = self.cms.drafts.create(session, EDITOR, type_name="article", document=document)
        self.entry_id = saved.entry.id
        self.head = saved.revision.document
        self.written = [self.head]
        self.revisions = [saved.revision.id]
        self.live: dict[str, str] = {}
        self.trashed = False
        self.screens = dict.fromkeys(EDITORS, (saved.revision.id, self.head))

    @rule(name=editors)
    def reload(self, name: str) -> None:
        with self.platform.db.read() as session:
            entry = session.get(Entry, self.entry_id)
            self.screens[name] = (entry.head_revision_id, self.head)

    @rule(
        name=editors,
        locale=locales,
        title=st.sampled_from(["One", "Two", "Three", ""]),
        autosave=st.booleans(),
    )
    def save(self, name: str, locale: str, title: str, autosave: bool) -> None:
        base_id, seen = self.screens[name]
        document = with_values(seen, {Place(locale=locale, name="title"): title or None})
        try:
            with self.platform.db.write() as session:
                outcome = self.cms.drafts.save(
                    session,
                    EDITORS[name],
                    entry_id=self.entry_id,
                    base_id=base_id,
                    document=document,
                    autosave=autosave,
                )
        except Conflict:
            assert self.trashed
            return
        assert not self.trashed
        is_newest = base_id == self.revisions[-1]
        if isinstance(outcome, Stale):
            assert not is_newest
            assert document not in (seen, self.head)
            assert outcome.kept.document == document
            self.written.append(document)
            return
        assert isinstance(outcome, Saved)
        assert is_newest or document in (seen, self.head)
        if outcome.created:
            self.head = document
            self.written.append(document)
            self.revisions.append(outcome.revision.id)
        self.screens[name] = (outcome.revision.id, self.head)

    @rule(locale=locales)
    def publish(self, locale: str) -> None:
        title = self.head["locales"].get(locale, {}).get("title")
        try:
            with self.platform.db.write() as session:
                self.cms.publishing.publish(session, EDITOR, entry_id=self.entry_id, locale=locale)
        except Conflict:
            assert self.trashed
        except Unprocessable:
            assert not title
        else:
            assert title
            self.live[locale] = title

    @rule(locale=locales)
    def unpublish(self, locale: str) -> None:
        try:
            with self.platform.db.write() as session:
                self.cms.publishing.unpublish(
                    session, EDITOR, entry_id=self.entry_id, locale=locale
                )
        except Conflict:
            assert locale not in self.live
        else:
            del self.live[locale]

    @rule(data=st.data())
    def restore(self, data: Any) -> None:
        chosen = data.draw(st.sampled_from(self.revisions))
        try:
            with self.platform.db.write() as session:
                saved = self.cms.drafts.restore(
                    session, OTHER, entry_id=self.entry_id, revision_id=chosen
                )
        except Conflict:
            assert self.trashed
            return
        if saved.created:
            self.head = saved.revision.document
            self.revisions.append(saved.revision.id)

    @rule()
    def throw_away_or_bring_back(self) -> None:
        with self.platform.db.write() as session:
            if self.trashed:
                self.cms.trash.bring_back(session, EDITOR, entry_id=self.entry_id)
            else:
                self.cms.trash.throw_away(session, EDITOR, entry_id=self.entry_id)
                self.live.clear()
        self.trashed = not self.trashed

    @invariant()
    def no_edit_is_lost(self) -> None:
        with self.platform.db.read() as session:
            rows = session.scalars(
                select(Revision).where(Revision.entry_id == self.entry_id).order_by(Revision.number)
            ).all()
            entry = session.get(Entry, self.entry_id)
        kept = [row.document for row in rows]
        assert all(document in kept for document in self.written)
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        by_id = {row.id: row for row in rows}
        assert by_id[entry.head_revision_id].document == self.head
        assert set(self.revisions) <= set(by_id)

    @invariant()
    def live_is_what_was_published_last(self) -> None:
        with self.platform.db.read() as session:
            rows = session.execute(
                select(Published.locale, Published.body).where(Published.entry_id == self.entry_id)
            ).all()
        assert {row.locale: orjson.loads(row.body)["title"] for row in rows} == self.live


@pytest.mark.slow
def test_two_editors_lose_nothing(platform: Platform, cms: Cms) -> None:
    """Edits, saves, publications, restores and the trash, in any order."""
    run_state_machine_as_test(
        type("Bound", (TwoEditors,), {"platform": platform, "cms": cms}),
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
