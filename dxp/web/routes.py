"""Addresses that are no operations of the API: each still declares who may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from dxp.web.access import Access


def declare(
    blueprint: Blueprint,
    rule: str,
    view: Callable[..., ResponseReturnValue],
    *,
    access: Access,
    methods: tuple[str, ...] = ("GET",),
) -> None:
    """Register a view that does without the frame of `ApiBlueprint` and `AdminBlueprint`.

    The view enforces `access` itself; the declaration lets it through the default deny.
    """

    @wraps(view)
    def handle(**view_args: Any) -> ResponseReturnValue:
        return view(**view_args)

    handle.dxp_access = access  # type: ignore[attr-defined]  # read by the guard
    endpoint = view.__name__.lstrip("_")
    blueprint.add_url_rule(rule, endpoint, handle, methods=list(methods))
