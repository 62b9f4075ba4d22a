"""The reference pages of docs/, made from the code so that they cannot differ from it."""

from dxp.cli.reference.events import events_page
from dxp.cli.reference.hooks import hooks_page
from dxp.cli.reference.settings import settings_page

__all__ = ["events_page", "hooks_page", "settings_page"]
