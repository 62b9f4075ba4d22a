"""dxp: content, customers, loyalty and selection as plugins on one small core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dxp.app import create_app

__version__ = "0.1.0"
__all__ = ["__version__", "create_app"]


def __getattr__(name: str) -> Any:
    """`dxp.create_app`, imported only when asked for: most imports of dxp need no web server."""
    if name == "create_app":
        from dxp.app import create_app

        return create_app
    raise AttributeError(f"module 'dxp' has no attribute {name!r}")
