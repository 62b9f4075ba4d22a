"""Testing plugins and applications: fixtures, actors, and the kit of the platform's promises.

The fixtures come by the pytest plugin `dxp.testing.plugin`, which every environment with dxp loads;
that is why the names here are imported only when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dxp.testing.actors import (
        PASSWORD,
        SYSTEM,
        customer_actor,
        key_actor,
        make_staff,
        make_subject,
        staff_actor,
    )
    from dxp.testing.apps import platform_of
    from dxp.testing.browser import Reader
    from dxp.testing.captures import Mailbox, PublishedEvents
    from dxp.testing.client import DxpClient, client_of
    from dxp.testing.clock import START, SettableClock
    from dxp.testing.kit import PluginKit
    from dxp.testing.plugin import MakeApp, MakeReader
    from dxp.testing.queries import Queries, Work, count_queries, rows_touched

__all__ = [
    "PASSWORD",
    "START",
    "SYSTEM",
    "DxpClient",
    "Mailbox",
    "MakeApp",
    "MakeReader",
    "PluginKit",
    "PublishedEvents",
    "Queries",
    "Reader",
    "SettableClock",
    "Work",
    "client_of",
    "count_queries",
    "customer_actor",
    "key_actor",
    "make_staff",
    "make_subject",
    "platform_of",
    "rows_touched",
    "staff_actor",
]

_HOMES = {
    "actors": {
        "PASSWORD",
        "SYSTEM",
        "customer_actor",
        "key_actor",
        "make_staff",
        "make_subject",
        "staff_actor",
    },
    "apps": {"platform_of"},
    "browser": {"Reader"},
    "captures": {"Mailbox", "PublishedEvents"},
    "client": {"DxpClient", "client_of"},
    "clock": {"START", "SettableClock"},
    "kit": {"PluginKit"},
    "plugin": {"MakeApp", "MakeReader"},
    "queries": {"Queries", "Work", "count_queries", "rows_touched"},
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"dxp.testing.{module}"), name)
    raise AttributeError(f"module 'dxp.testing' has no attribute {name!r}")
