"""The routes of the editors' pages, with the permission that each takes."""

from __future__ import annotations

from dxp.api import AdminBlueprint, needs
from dxp_cms.permissions import ENTRIES_PUBLISH, ENTRIES_READ, ENTRIES_WRITE
from dxp_cms.web.admin import conflict, editing, history, listing, publishing, trash


def admin_blueprint() -> AdminBlueprint:
    """The blueprint `cms`, under /admin/content."""
    admin = AdminBlueprint("cms", __name__, url_prefix="/admin/content")
    read, write, publish = (needs(name) for name in (ENTRIES_READ, ENTRIES_WRITE, ENTRIES_PUBLISH))
    admin.page("GET", "/", access=read, paged=True)(listing.entries)
    admin.page("GET", "/trash", access=read, paged=True)(trash.trashed)
    admin.page("GET", "/choices/<type_name>/<field_name>", access=read)(listing.choices)
    admin.page("GET", "/new/<type_name>", access=write)(editing.new)
    admin.page("POST", "/new/<type_name>", access=write)(editing.create)
    admin.page("GET", "/<uuid:entry_id>", access=read)(editing.edit)
    admin.page("POST", "/<uuid:entry_id>", access=write, transaction="read")(editing.save)
    admin.page("POST", "/<uuid:entry_id>/autosave", access=write, transaction="read")(
        editing.autosave
    )
    admin.page("POST", "/<uuid:entry_id>/publish", access=publish, transaction="read")(
        publishing.publish
    )
    admin.page("POST", "/<uuid:entry_id>/unpublish", access=publish)(publishing.unpublish)
    admin.page("GET", "/<uuid:entry_id>/history", access=read)(history.revisions)
    admin.page("GET", "/<uuid:entry_id>/compare", access=read)(history.compare_revisions)
    admin.page("POST", "/<uuid:entry_id>/restore", access=write)(history.restore)
    admin.page("GET", "/<uuid:entry_id>/conflict/<uuid:kept_id>", access=read)(conflict.show)
    admin.page(
        "POST", "/<uuid:entry_id>/conflict/<uuid:kept_id>", access=write, transaction="read"
    )(conflict.settle)
    admin.page("POST", "/<uuid:entry_id>/trash", access=write)(trash.throw_away)
    admin.page("POST", "/<uuid:entry_id>/untrash", access=write)(trash.bring_back)
    return admin
