"""What makes a method a hook: its error policy and how it is documented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "dxp_hook"


class OnError(Enum):
    """What happens when an implementation raises."""

    BOOT = "boot"
    """The process refuses to start and names the plugin."""
    DENY = "deny"
    """The answer is no; the error is logged."""
    PROPAGATE = "propagate"
    """The caller gets the error: its transaction is undone."""
    ISOLATE = "isolate"
    """Only this plugin's answer is lost; after five failures in a row it is skipped for 60 s."""


@dataclass(frozen=True, kw_only=True)
class HookSpec:
    """The contract of one hook.

    Attributes:
        phase: `start`, `request` or `life`.
        writes: implementations write through `ctx.session`; when isolated, each runs in a
            SAVEPOINT of its own.
    """

    on_error: OnError
    phase: str
    writes: bool = False


def hook(*, on_error: OnError, phase: str, writes: bool = False) -> Callable[[F], F]:
    """Declare a method of a spec class to be a hook. It takes one context besides self."""

    def mark(function: F) -> F:
        setattr(function, _MARK, HookSpec(on_error=on_error, phase=phase, writes=writes))
        return function

    return mark


def spec_of(function: object) -> HookSpec | None:
    """The spec that `hook` put on a function, or None."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, HookSpec) else None
