"""The problem codes that are the plugin's own."""

from __future__ import annotations

from dxp.api import ProblemCode

PROBLEMS = (
    ProblemCode(
        code="ambiguous_subject",
        status=400,
        title="The subject is named twice",
        explanation="Both an id and a ref were sent, and they may name two people.",
        remedy="Send one of them.",
    ),
    ProblemCode(
        code="invalid_key",
        status=422,
        title="Not a key",
        explanation="Keys are made of lower-case letters, digits, dots and dashes.",
        remedy="Choose a key such as spring-sale.",
    ),
    ProblemCode(
        code="unknown_slot",
        status=422,
        title="No such slot",
        explanation="The question names slots that do not exist, so they cannot be filled.",
        remedy="Correct the keys that errors names, or make the slots in the admin.",
    ),
    ProblemCode(
        code="unknown_slot_key",
        status=404,
        title="No such slot",
        explanation="The address names a slot that does not exist.",
        remedy="Look at the list of slots, or make it first.",
    ),
    ProblemCode(
        code="unknown_candidate",
        status=404,
        title="No such candidate",
        explanation="The slot exists, but has no candidate with this key.",
        remedy="Look at the slot's list of candidates.",
    ),
    ProblemCode(
        code="slot_exists",
        status=409,
        title="The slot is there already",
        explanation="Another slot has this key, and keys are unique.",
        remedy="Choose another key, or change the slot that is there.",
    ),
)
