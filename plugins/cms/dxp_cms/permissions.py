"""What a role or an API key may be allowed to do with content."""

from __future__ import annotations

from dxp.api import Permission
from dxp.api import lazy_gettext as _

CONTENT_READ = "content.read"
DRAFTS_READ = "content.drafts.read"
ENTRIES_READ = "cms.entries.read"
ENTRIES_WRITE = "cms.entries.write"
ENTRIES_PUBLISH = "cms.entries.publish"

PERMISSIONS = (
    Permission(name=CONTENT_READ, label=_("Read published content through the API")),
    Permission(name=DRAFTS_READ, label=_("Read drafts through the API")),
    Permission(name=ENTRIES_READ, label=_("See content, its drafts and its history"), scope=False),
    Permission(name=ENTRIES_WRITE, label=_("Write drafts, restore and trash"), scope=False),
    Permission(name=ENTRIES_PUBLISH, label=_("Publish and take off"), scope=False),
)
