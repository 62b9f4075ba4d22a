"""The admin's pages of slots, candidates and the simulator."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import request, url_for

from dxp.api import AdminBlueprint, AdminCall, Problem, hidden_facts, needs
from dxp.api import gettext as _
from dxp.contracts import Profiles, PublishedContent
from dxp_personalization.models import Candidate, Slot
from dxp_personalization.permissions import READ, WRITE
from dxp_personalization.services import Personalization
from dxp_personalization.web.forms import CandidateForm, SlotForm

admin = AdminBlueprint("personalization_admin", __name__, url_prefix="/admin/personalization")


def _service(call: AdminCall) -> Personalization:
    return call.platform.services.get(Personalization)


@admin.page("GET", "/slots", access=needs(READ))
def list_slots(call: AdminCall) -> Any:
    """All slots."""
    slots = _service(call).slots.all(call.session)
    return call.render("personalization/slots.html", slots=slots, may_write=call.actor.may(WRITE))


@admin.page("GET", "/slots/new", access=needs(WRITE))
def new_slot(call: AdminCall) -> Any:
    """An empty form."""
    return call.render("personalization/slot_form.html", values={}, errors={})


@admin.page("POST", "/slots/new", access=needs(WRITE))
def create_slot(call: AdminCall) -> Any:
    """Make a slot."""
    values, errors = call.load(SlotForm())
    if not errors:
        try:
            slot = _service(call).slots.create(call.session, call.actor, values)
        except Problem as problem:
            errors = call.errors_of(problem)
        else:
            call.toast(_("The slot is made. Now give it candidates."))
            return call.redirect("personalization_admin.show_slot", key=slot.key)
    return call.render(
        "personalization/slot_form.html", status=422, values=call.form, errors=errors
    )


@admin.page("GET", "/slots/<key>", access=needs(READ))
def show_slot(call: AdminCall, key: str) -> Any:
    """One slot: its candidates, and a simulator that says who would see what, and why."""
    service = _service(call)
    slot = service.slots.get(call.session, key)
    candidates = service.slots.candidates(call.session, slot)
    simulation, complaint = _simulate(call, slot)
    return call.render(
        "personalization/slot.html",
        slot=slot,
        candidates=candidates,
        titles=_titles(call, candidates),
        simulation=simulation,
        complaint=complaint,
        asked=request.args,
        may_write=call.actor.may(WRITE),
    )


@admin.page("GET", "/slots/<key>/candidates/new", access=needs(WRITE))
def new_candidate(call: AdminCall, key: str) -> Any:
    """An empty form."""
    slot = _service(call).slots.get(call.session, key)
    return _candidate_form(call, slot, None, {"condition": "{}", "priority": 0}, {})


@admin.page("POST", "/slots/<key>/candidates/new", access=needs(WRITE))
def create_candidate(call: AdminCall, key: str) -> Any:
    """Add a candidate."""
    return _save_candidate(call, key, None)


@admin.page("GET", "/slots/<key>/candidates/<candidate>", access=needs(WRITE))
def edit_candidate(call: AdminCall, key: str, candidate: str) -> Any:
    """The form with what the candidate is."""
    service = _service(call).slots
    slot = service.get(call.session, key)
    found = service.candidate(call.session, slot, candidate)
    values = found.snapshot() | {
        "condition": json.dumps(found.condition, ensure_ascii=False, indent=2),
        "tags": ", ".join(found.tags),
    }
    return _candidate_form(call, slot, candidate, values, {})


@admin.page("POST", "/slots/<key>/candidates/<candidate>", access=needs(WRITE))
def save_candidate(call: AdminCall, key: str, candidate: str) -> Any:
    """Save what was changed; a stale form is refused and keeps what was typed."""
    return _save_candidate(call, key, candidate)


@admin.page("POST", "/slots/<key>/candidates/<candidate>/delete", access=needs(WRITE))
def delete_candidate(call: AdminCall, key: str, candidate: str) -> Any:
    """Take a candidate out of the slot."""
    _service(call).slots.delete_candidate(call.session, call.actor, slot_key=key, key=candidate)
    call.toast(_("The candidate is taken out."))
    return call.redirect("personalization_admin.show_slot", key=key)


def _save_candidate(call: AdminCall, slot_key: str, key: str | None) -> Any:
    service = _service(call).slots
    slot = service.get(call.session, slot_key)
    values, errors = call.load(CandidateForm())
    if not errors:
        version = values.pop("version", None)
        name = key or values.pop("key")
        values.pop("key", None)
        try:
            service.put_candidate(
                call.session,
                call.actor,
                slot_key=slot_key,
                key=name,
                data=values,
                version=version,
            )
        except Problem as problem:
            errors = _condition_errors(call, problem)
        else:
            call.toast(_("Saved."))
            return call.redirect("personalization_admin.show_slot", key=slot_key)
    return _candidate_form(call, slot, key, call.form, errors)


def _condition_errors(call: AdminCall, problem: Problem) -> dict[str, Any]:
    if problem.code != "invalid_condition":
        return call.errors_of(problem)
    return {"condition": [f"{error.pointer}: {error.detail}" for error in problem.errors]}


def _candidate_form(
    call: AdminCall, slot: Slot, key: str | None, values: Any, errors: dict[str, Any]
) -> Any:
    if key is None:
        action = url_for("personalization_admin.create_candidate", key=slot.key)
    else:
        action = url_for("personalization_admin.save_candidate", key=slot.key, candidate=key)
    return call.render(
        "personalization/candidate_form.html",
        status=422 if errors else 200,
        slot=slot,
        candidate=key,
        values=values,
        errors=errors,
        action=action,
        contents=_choices(call),
    )


def _choices(call: AdminCall) -> list[tuple[str, str]]:
    content = call.platform.services.find(PublishedContent)
    if content is None:
        return []
    found = content.choices(call.session, query="", locale=call.locale)
    return [(str(entry.id), f"{entry.title} ({entry.type})") for entry in found]


def _titles(call: AdminCall, candidates: list[Candidate]) -> dict[uuid.UUID, str]:
    content = call.platform.services.find(PublishedContent)
    if content is None:
        return {}
    ids = [candidate.content_id for candidate in candidates]
    found = content.by_ids(call.session, ids, locale=call.locale)
    return {entry_id: entry.title for entry_id, entry in found.items()}


def _simulate(call: AdminCall, slot: Slot) -> tuple[dict[str, Any] | None, str | None]:
    """What a person would see on a day. Nothing is written."""
    if "simulate" not in request.args:
        return None, None
    ref, day = request.args.get("ref", "").strip(), request.args.get("day", "").strip()
    subject_id = call.platform.subjects.find(call.session, "ref", ref) if ref else None
    if ref and subject_id is None:
        return None, _("No customer has the number %(ref)s.", ref=ref)
    try:
        now = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC) if day else call.now
    except ValueError:
        return None, _("%(day)s is no date; write it like 2026-12-24.", day=day)
    answer = _service(call).decisions.decide(
        call.session,
        subject_id=subject_id,
        anonymous_id=None,
        slots=[{"key": slot.key}],
        context={"locale": call.locale, "channel": "admin"},
        now=now,
        explain=True,
        log=False,
    )
    kept_back = hidden_facts(call.platform, call.session, call.actor)
    for step in answer["decisions"][0]["why"]:
        fact = str(step["failed"] or "").partition(" ")[0]
        if any(fact == one or fact.startswith(f"{one}.") for one in kept_back):
            step.update(failed=_("a field that is kept for other roles"), actual=None)
    profiles = call.platform.services.find(Profiles)
    name = None
    if profiles is not None and subject_id is not None:
        name = profiles.display_name(call.session, subject_id)
    return {"who": name or ref or _("A stranger"), **answer["decisions"][0]}, None
