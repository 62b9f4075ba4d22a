"""What must hold of an OpenAPI document beyond being JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def openapi_faults(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document, a line each: references, parameters, ids, answers."""
    faults = [] if str(document.get("openapi", "")).startswith("3.1") else ["not OpenAPI 3.1"]
    faults += [
        f"{place}: {reference} leads nowhere"
        for place, reference in _references(document)
        if not _resolves(document, reference)
    ]
    operations = list(_operations(document))
    ids = Counter(operation.get("operationId") for _place, _path, operation in operations)
    faults += [f"operationId {name} is used {n} times" for name, n in ids.items() if n > 1]
    for place, path, operation in operations:
        faults += [f"{place}: {fault}" for fault in _faults_of(document, path, operation)]
    return faults


def _faults_of(
    document: Mapping[str, Any], path: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    for member in ("operationId", "summary", "tags", "security"):
        if member not in operation:
            yield f"has no {member}"
    responses = operation.get("responses", {})
    if not any(str(status).startswith(("2", "3")) for status in responses):
        yield "answers nothing but problems"
    for status, response in responses.items():
        if not _resolved(document, response).get("description"):
            yield f"the answer {status} has no description"
    shared = document["paths"][path].get("parameters", [])
    declared = {
        parameter["name"]
        for parameter in (
            _resolved(document, item) for item in [*shared, *operation.get("parameters", [])]
        )
        if parameter.get("in") == "path"
    }
    named = set(re.findall(r"{([^}]+)}", path))
    if declared != named:
        yield f"declares the path parameters {sorted(declared)}, and its path has {sorted(named)}"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield f"{method.upper()} {path}", path, operation


def _references(node: Any, place: str = "#") -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield place, reference
        for key, value in node.items():
            yield from _references(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _references(value, f"{place}/{number}")


def _resolves(document: Mapping[str, Any], reference: str) -> bool:
    try:
        _follow(document, reference)
    except (KeyError, TypeError):
        return False
    return True


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    return _follow(document, reference) if isinstance(reference, str) else node


def _follow(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    if not reference.startswith("#/"):
        raise KeyError(reference)
    here: Any = document
    for part in reference[2:].split("/"):
        here = here[part.replace("~1", "/").replace("~0", "~")]
    found: Mapping[str, Any] = here
    return found
