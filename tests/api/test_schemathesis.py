"""Whatever is sent to any operation, the answer is one that the document describes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
# Each is sent to addresses made up and, where there are some, to addresses that exist.
EXAMPLES = 20


def credential(operation: Any, world: Any) -> dict[str, str]:
    """What opens the operation."""
    ways = {name for way in operation.definition.raw["security"] for name in way}
    if "customerToken" in ways:
        return {"Authorization": world.token}
    return {"Authorization": world.key} if "apiKey" in ways else {}


def hammer(operation: Any, world: Any, *, mode: GenerationMode) -> None:
    """Send generated requests, and check each answer against the document."""
    headers = credential(operation, world)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)
        there = {
            name: world.known[name] for name in case.path_parameters or () if name in world.known
        }
        if there:
            case.path_parameters.update(there)
            case.call_and_validate(headers=headers, checks=CHECKS)

    send()


@pytest.mark.schemathesis
@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_documented(
    mode: GenerationMode, document: Any, world: Any, subtests: pytest.Subtests
) -> None:
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        with subtests.test(operation=operation.label):
            hammer(operation, world, mode=mode)
