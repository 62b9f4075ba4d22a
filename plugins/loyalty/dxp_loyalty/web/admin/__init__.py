"""The admin's pages of the programme."""

from dxp_loyalty.web.admin import days, members, occasions, overview, rewards, rules
from dxp_loyalty.web.admin.blueprint import admin

__all__ = ["admin", "days", "members", "occasions", "overview", "rewards", "rules"]
