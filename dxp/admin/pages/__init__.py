"""The core's own pages: each module makes one blueprint and says which menu lines lead to it.

To add a module: write `dxp/admin/pages/<name>.py` with `<name>_blueprint() -> AdminBlueprint`,
and name it in `core_blueprints`; its menu lines go into `CORE_MENU`, section `system`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.pages.account import account_blueprint
from dxp.admin.pages.audit import AUDIT_MENU, audit_blueprint
from dxp.admin.pages.jobs import JOBS_MENU, jobs_blueprint
from dxp.admin.pages.keys import KEYS_MENU, keys_blueprint
from dxp.admin.pages.privacy import PRIVACY_MENU, privacy_blueprint
from dxp.admin.pages.roles import ROLES_MENU, roles_blueprint
from dxp.admin.pages.staff import STAFF_MENU, staff_blueprint
from dxp.plugins.contexts import MenuEntry

CORE_MENU: tuple[MenuEntry, ...] = (
    STAFF_MENU,
    ROLES_MENU,
    KEYS_MENU,
    AUDIT_MENU,
    JOBS_MENU,
    PRIVACY_MENU,
)


def core_blueprints() -> Sequence[AdminBlueprint]:
    """Blueprints of the core's pages, made anew for each application."""
    return (
        account_blueprint(),
        staff_blueprint(),
        roles_blueprint(),
        keys_blueprint(),
        audit_blueprint(),
        jobs_blueprint(),
        privacy_blueprint(),
    )
