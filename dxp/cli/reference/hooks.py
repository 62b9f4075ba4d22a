"""The hooks page, from the specs themselves."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from dxp.cli.reference.docstrings import docstring_of, member_docs, paragraph
from dxp.cli.reference.markdown import bullets, code, page, table
from dxp.plugins.hooks import HookSpec, OnError
from dxp.plugins.manager import PluginManager
from dxp.plugins.spec import Plugin

PHASES = {
    "start": "Start-up",
    "request": "In a request",
    "life": "Life of a person's data, and of the plugin",
}
INTRODUCTION = """\
A plugin is a class that derives from `dxp.api.Plugin` and overrides some of the methods below. Each
takes one context and returns what its line says. The platform calls them; a plugin never calls
another plugin's. An override under a name that is no hook is refused at start."""


def hooks_page(manager: PluginManager) -> str:
    """Return the page on every hook that the manager knows, the core's and its plugins'."""
    own = [name for name, owner in manager.spec_owners.items() if owner is Plugin]
    blocks = [INTRODUCTION, _policies(), _attributes()]
    for phase, title in PHASES.items():
        blocks.append(f"## {title}")
        of_phase = [name for name in own if manager.specs[name].phase == phase]
        blocks += [_hook(manager, name) for name in sorted(of_phase, key=_line)]
    for owner in sorted(
        {owner for owner in manager.spec_owners.values() if owner is not Plugin},
        key=lambda cls: cls.__module__,
    ):
        blocks += [f"## Hooks of {_plugin_of(manager, owner)}", docstring_of(owner).text]
        names = [name for name, declared_by in manager.spec_owners.items() if declared_by is owner]
        blocks += [_hook(manager, name) for name in sorted(names)]
    blocks += ["## Contexts and answers", *_shapes(manager)]
    return page("Hooks", *blocks)


def undocumented(manager: PluginManager) -> list[str]:
    """Name each hook, and each dataclass that a hook takes or returns, that has no text."""
    missing = [name for name in manager.specs if not docstring_of(_spec(manager, name)).text]
    return missing + [
        shape.__name__ for shape in _shape_types(manager) if not docstring_of(shape).text
    ]


def _policies() -> str:
    docs = member_docs(OnError)
    rows = [(code(policy.value), docs[policy.name]) for policy in OnError]
    return "## When a hook raises\n\n" + table(("policy", "what happens"), rows)


def _attributes() -> str:
    entries = docstring_of(Plugin).entries
    rows = [(code(name), text) for name, text in entries.items()]
    return "## What the class says of itself\n\n" + table(("attribute", "meaning"), rows)


def _hook(manager: PluginManager, name: str) -> str:
    function = _spec(manager, name)
    spec: HookSpec = manager.specs[name]
    signature = inspect.signature(function)
    context = list(signature.parameters.values())[1]
    returned = signature.return_annotation
    facts = [f"when it raises: `{spec.on_error.value}`"]
    if spec.writes:
        facts.append("may write, through `ctx.session`")
    implementers = manager.implementers(name)
    if implementers:
        facts.append(f"implemented by {', '.join(implementers)}")
    shapes = [shape.__name__ for shape in _named_shapes(function)]
    if shapes:
        facts.append("see " + ", ".join(f"[{shape}](#{shape.lower()})" for shape in shapes))
    return "\n\n".join(
        [
            f"### `{name}`",
            f"```python\ndef {name}(self, ctx: {context.annotation}) -> {returned}: ...\n```",
            paragraph(docstring_of(function).text),
            bullets(facts),
        ]
    )


def _shapes(manager: PluginManager) -> list[str]:
    blocks = []
    for shape in _shape_types(manager):
        entries = _entries(shape)
        rows = [
            (code(item.name), code(_written(item.type)), _default(item), entries.get(item.name, ""))
            for item in fields(shape)
        ]
        text = paragraph(docstring_of(shape).text)
        blocks.append(f"### {shape.__name__}\n\n{text}")
        blocks.append(table(("field", "type", "default", "meaning"), rows))
    return blocks


def _shape_types(manager: PluginManager) -> list[type]:
    found = {
        shape.__name__: shape
        for name in manager.specs
        for shape in _named_shapes(_spec(manager, name))
    }
    return [found[name] for name in sorted(found)]


def _named_shapes(function: Callable[..., Any]) -> list[type]:
    """The dataclasses that a hook's signature names, in the order in which it names them."""
    scope = vars(sys.modules[function.__module__])
    written = " ".join(map(str, function.__annotations__.values()))
    named = (scope.get(word) for word in dict.fromkeys(re.findall(r"\w+", written)))
    return [item for item in named if isinstance(item, type) and is_dataclass(item)]


_SELF_EXPLAINING: dict[str, str] = {
    "platform": "the running platform",
    "session": "the database session of the transaction that the call is part of",
    "now": "domain time",
    "locale": "of the person who reads, as a language tag",
    "actor": "who does it",
    "subject_id": "whom it is about",
    "settings": "this plugin's checked section of the settings",
    "request": "Flask's request",
}


def _entries(shape: type) -> dict[str, str]:
    """What is said of a dataclass's fields, by itself or by the dataclasses it derives from."""
    found: dict[str, str] = dict(_SELF_EXPLAINING)
    for base in reversed(shape.__mro__):
        if is_dataclass(base):
            found.update(docstring_of(base).entries)
    return found


def _default(item: Field[Any]) -> str:
    if item.default is MISSING:
        return "" if item.default_factory is MISSING else code("…")
    return code("…" if callable(item.default) else repr(item.default))


def _written(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _spec(manager: PluginManager, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = inspect.getattr_static(manager.spec_owners[name], name)
    return function


def _line(name: str) -> int:
    return inspect.getsourcelines(inspect.getattr_static(Plugin, name))[1]


def _plugin_of(manager: PluginManager, owner: type) -> str:
    package = owner.__module__.partition(".")[0]
    names: Iterable[str] = (
        loaded.name for loaded in manager if loaded.plugin.import_name == package
    )
    return next(iter(names), package)
