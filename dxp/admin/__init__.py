"""The editors' admin: the frame around the pages that the core and the plugins bring."""

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.admin.install import install_admin

__all__ = ["AdminBlueprint", "AdminCall", "install_admin"]
