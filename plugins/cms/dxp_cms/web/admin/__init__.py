"""The editors' pages."""

from dxp_cms.web.admin.blueprint import admin_blueprint

__all__ = ["admin_blueprint"]
