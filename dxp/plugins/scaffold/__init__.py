"""Making a new plugin whose tests pass at once."""

from dxp.plugins.scaffold.making import ScaffoldError, check_name, make_plugin

__all__ = ["ScaffoldError", "check_name", "make_plugin"]
