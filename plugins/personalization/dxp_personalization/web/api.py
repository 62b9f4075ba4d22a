"""The JSON API of selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxp.api import (
    ApiBlueprint,
    BadRequest,
    Call,
    CustomerActor,
    Forbidden,
    KeyActor,
    NotFound,
    Subject,
    Trace,
    check_subject,
    customer,
    needs,
)
from dxp_personalization.permissions import DECIDE, READ, WRITE
from dxp_personalization.services import Personalization
from dxp_personalization.web import schemas
from dxp_personalization.web.problems import PROBLEMS

api = ApiBlueprint(
    "personalization",
    __name__,
    url_prefix="/api/v1",
    description="Which content a person should see, and why.",
    codes=PROBLEMS,
)


def _service(call: Call) -> Personalization:
    return call.platform.services.get(Personalization)


def _subject(call: Call, given: Mapping[str, Any]) -> Trace | None:
    """Whom the question is about, and by which id they were named."""
    if isinstance(call.actor, CustomerActor):
        _check_own(call, call.actor, given)
        return Trace(subject_id=call.actor.subject_id, origin_id=call.actor.origin_id)
    if "id" in given and "ref" in given:
        raise BadRequest(
            "The subject has both an id and a ref, which may name two people; send one of them",
            code="ambiguous_subject",
        )
    if "id" in given:
        return call.platform.subjects.trace(call.session, given["id"])
    if "ref" in given:
        name = ("ref", given["ref"])
        found = call.platform.subjects.trace_many(call.session, [name]).get(name)
        if found is None:
            raise NotFound(
                "No customer has this ref; register the customer first, or ask with an "
                "anonymous_id",
                code="unknown_subject",
            )
        return found
    return None


def _check_own(call: Call, actor: CustomerActor, given: Mapping[str, Any]) -> None:
    """A customer's token speaks for that customer alone; a browser that nobody owns is theirs.

    Raises:
        Forbidden: the subject is somebody else (`subject_not_trusted`).
    """
    subjects = call.platform.subjects
    own = actor.subject_id
    if "id" in given and subjects.get_many(call.session, [given["id"]]).get(given["id"]) != own:
        raise _foreign("id")
    if "ref" in given and subjects.find(call.session, "ref", given["ref"]) != own:
        raise _foreign("ref")
    if "anonymous_id" in given:
        owner = subjects.find(call.session, "anonymous", given["anonymous_id"])
        if owner not in (None, own) and not call.session.get_one(Subject, owner).anonymous:
            raise _foreign("anonymous_id")


def _foreign(name: str) -> Forbidden:
    return Forbidden(
        f"The subject's {name} is not of the customer whose token was sent, and a token asks "
        "for its owner only; leave the subject out, or ask with an API key",
        code="subject_not_trusted",
    )


@api.endpoint(
    "POST",
    "/decide",
    summary="Choose content for slots and a person",
    access=needs(DECIDE) | customer(),
    body=schemas.DecideIn,
    response=schemas.DecideOut,
    transaction="read",
    problems=("unknown_slot", "unknown_subject", "ambiguous_subject", "subject_not_trusted"),
)
def decide(call: Call, body: dict[str, Any]) -> Any:
    """The published content comes with the answer; no second call is needed.

    Without the person's consent to profiling nothing that is stored about them is used, and the
    answer is the same as for a stranger. Ask with `explain` to see each stage: what failed, and
    the actual value. A browser's key asks about an `anonymous_id`, or about the customer whose
    token comes along, and gets no `why`. A customer's token asks about its owner only.
    """
    subject = check_subject(call.actor, body["subject"]) or {}
    whose = _subject(call, subject)
    open_key = isinstance(call.actor, KeyActor) and call.actor.browser
    return _service(call).decisions.decide(
        call.session,
        subject_id=None if whose is None else whose.subject_id,
        origin_id=None if whose is None else whose.origin_id,
        anonymous_id=subject.get("anonymous_id"),
        slots=body["slots"],
        context={"locale": call.locale} | body["context"],
        now=call.now,
        explain=body["explain"] and not open_key,
    )


@api.endpoint(
    "GET",
    "/slots",
    summary="List slots",
    access=needs(READ),
    response=schemas.SlotOut(many=True),
)
def list_slots(call: Call) -> Any:
    """By key."""
    return [slot for slot, _count in _service(call).slots.all(call.session)]


@api.endpoint(
    "POST",
    "/slots",
    summary="Make a slot",
    access=needs(WRITE),
    body=schemas.SlotIn,
    response=schemas.SlotOut,
    status=201,
    problems=("slot_exists",),
)
def create_slot(call: Call, body: dict[str, Any]) -> Any:
    """A place in the storefront that is filled for each person."""
    return _service(call).slots.create(call.session, call.actor, body)


@api.endpoint(
    "GET",
    "/slots/<slot>",
    summary="Read a slot with its candidates",
    access=needs(READ),
    response=schemas.SlotWithCandidatesOut,
    problems=("unknown_slot_key",),
)
def read_slot(call: Call, slot: str) -> Any:
    """Fallbacks last, high priority first."""
    service = _service(call).slots
    found = service.get(call.session, slot)
    data = {
        "key": found.key,
        "title": found.title,
        "size": found.size,
        "version": found.version,
        "candidates": service.candidates(call.session, found),
    }
    return call.reply(data, etag=f"v{found.version}")


@api.endpoint(
    "PUT",
    "/slots/<slot>/candidates/<candidate>",
    summary="Make or replace a candidate",
    access=needs(WRITE),
    body=schemas.CandidateIn,
    response=schemas.CandidateOut,
    problems=("unknown_slot_key", "invalid_condition", "invalid_key"),
)
def put_candidate(call: Call, body: dict[str, Any], slot: str, candidate: str) -> Any:
    """Who sees the content is said in the condition language."""
    return _service(call).slots.put_candidate(
        call.session, call.actor, slot_key=slot, key=candidate, data=body
    )


@api.endpoint(
    "DELETE",
    "/slots/<slot>/candidates/<candidate>",
    summary="Take a candidate out of a slot",
    access=needs(WRITE),
    status=204,
    problems=("unknown_slot_key", "unknown_candidate"),
)
def delete_candidate(call: Call, slot: str, candidate: str) -> None:
    """Decisions that were already logged stay."""
    _service(call).slots.delete_candidate(call.session, call.actor, slot_key=slot, key=candidate)
