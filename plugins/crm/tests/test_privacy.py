"""One person's data: exported, erased, moved."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select

from dxp.api import (
    ErasureContext,
    MergeContext,
    Platform,
    Plugin,
    SubjectContext,
    SystemActor,
    UnmergeContext,
)
from dxp.testing.client import DxpClient
from dxp_crm.models import Consent, Customer, Note

ACTOR = SystemActor()


def test_the_export_holds_profile_and_consents(platform: Platform, grace: dict[str, Any]) -> None:
    with platform.db.read() as session:
        context = SubjectContext(
            session=session, platform=platform, subject_id=uuid.UUID(grace["id"]), actor=ACTOR
        )
        [answer] = platform.plugins.call(Plugin.export_subject, context)
    assert answer.value["customer"]["name"] == "Grace Miller"
    assert answer.value["consents"][0]["purpose"] == "birthday"


def test_nothing_of_an_erased_person_stays(platform: Platform, grace: dict[str, Any]) -> None:
    with platform.db.write() as session:
        context = ErasureContext(
            session=session, platform=platform, subject_ids=[uuid.UUID(grace["id"])], actor=ACTOR
        )
        platform.plugins.call(Plugin.erase_subjects, context)
    with platform.db.read() as session:
        for model in (Customer, Consent, Note):
            assert session.scalars(select(model)).all() == []


def test_the_winner_of_a_merge_gains_what_it_lacked(
    platform: Platform, key: DxpClient, grace: dict[str, Any]
) -> None:
    other = key.post("/api/v1/customers", json={"phone": "+33 1 23", "tags": ["vip"]}).get_json()
    with platform.db.write() as session:
        context = MergeContext(
            session=session,
            platform=platform,
            winner_id=uuid.UUID(other["id"]),
            loser_id=uuid.UUID(grace["id"]),
            actor=ACTOR,
        )
        platform.plugins.call(Plugin.merge_subjects, context)
    merged = key.get(f"/api/v1/customers/{other['id']}").get_json()
    assert merged["phone"] == "+33 1 23"
    assert merged["name"] == "Grace Miller"
    assert merged["tags"] == ["vip"]
    consents = key.get(f"/api/v1/customers/{other['id']}/consents").get_json()
    assert [consent["purpose"] for consent in consents] == ["birthday"]


def test_a_merge_that_is_undone_gives_both_profiles_back(
    platform: Platform, key: DxpClient, grace: dict[str, Any]
) -> None:
    """`unmerge_subjects` splits consents by whose they were, and keeps what was changed since."""
    other = key.post("/api/v1/customers", json={"phone": "+33 1 23", "tags": ["vip"]}).get_json()
    ids = {"winner_id": uuid.UUID(other["id"]), "loser_id": uuid.UUID(grace["id"])}
    with platform.db.write() as session:
        context = MergeContext(session=session, platform=platform, actor=ACTOR, **ids)
        [answer] = platform.plugins.call(Plugin.merge_subjects, context)
    key.patch(
        f"/api/v1/customers/{other['id']}", json={"country": "FR"}, headers={"If-Match": '"v2"'}
    )
    with platform.db.write() as session:
        back = UnmergeContext(
            session=session,
            platform=platform,
            actor=ACTOR,
            members=[ids["loser_id"]],
            undo=json.loads(json.dumps(answer.value)),
            **ids,
        )
        platform.plugins.call(Plugin.unmerge_subjects, back)
    again = key.get(f"/api/v1/customers/{grace['id']}").get_json()
    assert again == grace | {"version": again["version"]}
    left = key.get(f"/api/v1/customers/{other['id']}").get_json()
    changed = ("version", "updated_at", "country")
    assert {k: v for k, v in left.items() if k not in changed} == {
        k: v for k, v in other.items() if k not in changed
    }
    assert left["country"] == "FR"
    assert key.get(f"/api/v1/customers/{other['id']}/consents").get_json() == []
    consents = key.get(f"/api/v1/customers/{grace['id']}/consents").get_json()
    assert [consent["purpose"] for consent in consents] == ["birthday"]
