"""Opaque ids, and the names by which the outside world knows them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from dxp.errors import Conflict, NotFound
from dxp.subjects import Subject, SubjectKey


def test_a_subject_is_found_by_each_of_its_names(platform: Any) -> None:
    with platform.db.write() as session:
        made = platform.subjects.create(session, keys=[("ref", "C-1"), ("email", "A@b.example")])
    with platform.db.read() as session:
        assert platform.subjects.find(session, "ref", " C-1 ") == made.id
        assert platform.subjects.find(session, "email", "a@B.EXAMPLE") == made.id
        assert platform.subjects.find(session, "ref", "c-1") is None
        assert platform.subjects.find(session, "email", "C-1") is None


def test_names_are_stored_as_digests_only(platform: Any) -> None:
    with platform.db.write() as session:
        platform.subjects.create(session, keys=[("email", "someone@example.com")])
    with platform.db.read() as session:
        [row] = session.scalars(select(SubjectKey)).all()
    assert "someone" not in repr(vars(row))


def test_a_name_belongs_to_one_subject(platform: Any) -> None:
    with platform.db.write() as session:
        first = platform.subjects.create(session, keys=[("ref", "C-1")])
        platform.subjects.link(session, first.id, scheme="ref", value="C-1")
        with pytest.raises(Conflict) as caught:
            platform.subjects.create(session, keys=[("ref", "C-1")])
    assert caught.value.code == "subject_key_taken"


def test_a_merged_subject_leads_to_the_one_that_stays(platform: Any) -> None:
    with platform.db.write() as session:
        winner = platform.subjects.create(session)
        loser = platform.subjects.create(session, keys=[("ref", "C-1")])
        session.get(Subject, loser.id).merged_into_id = winner.id
    with platform.db.read() as session:
        assert platform.subjects.find(session, "ref", "C-1") == winner.id
        assert platform.subjects.get(session, loser.id) == winner.id


def test_an_erased_or_unknown_subject_is_not_there(platform: Any, clock: Any) -> None:
    with platform.db.write() as session:
        gone = platform.subjects.create(session, keys=[("ref", "C-1")])
        gone.erased_at = clock.now()
    with platform.db.read() as session:
        assert platform.subjects.find(session, "ref", "C-1") is None
        for subject_id in (gone.id, uuid.uuid4()):
            with pytest.raises(NotFound) as caught:
                platform.subjects.get(session, subject_id)
            assert caught.value.code == "unknown_subject"


def test_many_are_made_at_once_or_none(platform: Any) -> None:
    names = [[("ref", "C-1"), ("email", "a@b.example")], [], [("ref", "C-2")]]
    with platform.db.write() as session:
        made = platform.subjects.create_many(session, names)
    with platform.db.read() as session:
        assert platform.subjects.find(session, "email", "A@b.example") == made[0]
        assert platform.subjects.find(session, "ref", "C-2") == made[2]
        assert platform.subjects.taken(session, {("ref", "C-2"), ("ref", "C-3")}) == {
            ("ref", "C-2")
        }
    for clash in ([[("ref", "C-3")], [("ref", "C-1")]], [[("ref", "D")], [("ref", "D")]]):
        with platform.db.write() as session, pytest.raises(Conflict) as caught:
            platform.subjects.create_many(session, clash)
        assert caught.value.code == "subject_key_taken"
