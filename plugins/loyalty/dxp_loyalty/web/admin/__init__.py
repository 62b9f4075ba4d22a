"""The admin's pages of the programme."""

from dxp_loyalty.web.admin import birthdays, members, overview, rewards, rules
from dxp_loyalty.web.admin.blueprint import admin

__all__ = ["admin", "birthdays", "members", "overview", "rewards", "rules"]
