"""Whether a plugin's answer has the form that the hook declares.

A forgotten `return` is the commonest slip of all. Found here, it counts as a failure of that plugin
in that hook, under the hook's policy; found later, it would be a fault of whoever reads the answer.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

Check = Callable[[Any], bool]


class WrongAnswer(TypeError):
    """An implementation answered something else than its hook declares."""


def declared_answer(hook: Callable[..., Any]) -> Any:
    """The type that a hook's spec declares for answers; Any when it cannot be told.

    The spec of another plugin may name types that only its type checker imports.
    """
    try:
        return get_type_hints(hook).get("return", Any)
    except NameError:
        return Any


def check_answer(value: object, declared: Any) -> None:
    """Compare an answer with the declared type, its members included where it is a sequence.

    Raises:
        WrongAnswer: it does not fit; the message names both.
    """
    if declared is None or declared is types.NoneType or _fits(value, declared):
        return
    items = get_args(declared)
    if isinstance(value, (list, tuple)) and get_origin(declared) is Sequence:
        value = next(item for item in value if not _fits(item, items[0]))
        what = f"{value!r} among its answers, where each is {_name(items[0])}"
    else:
        what = f"{value!r}, where {_name(declared)} is declared"
    raise WrongAnswer(f"it gave {what}" + ("; is a `return` missing?" if value is None else ""))


def _fits(value: object, declared: Any) -> bool:
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Sequence:
        return isinstance(value, (list, tuple)) and all(_fits(item, arguments[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if origin is type:
        return isinstance(value, type) and issubclass(value, arguments[0])
    plain = isinstance(declared, type) and not getattr(declared, "_is_protocol", False)
    return isinstance(value, declared) if plain else True


def _name(declared: Any) -> str:
    if get_origin(declared) is None:
        return getattr(declared, "__name__", str(declared))
    return str(declared).replace("collections.abc.", "").replace("typing.", "")
