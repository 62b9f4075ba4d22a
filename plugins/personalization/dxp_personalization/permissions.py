"""What staff and API keys may be allowed to do with slots."""

from __future__ import annotations

from dxp.api import Permission
from dxp.api import lazy_gettext as _l

DECIDE = "personalization.decide"
READ = "personalization.slots.read"
WRITE = "personalization.slots.write"

PERMISSIONS = (
    Permission(name=DECIDE, label=_l("Ask which content a person should see"), browser=True),
    Permission(name=READ, label=_l("See slots, candidates and simulations")),
    Permission(name=WRITE, label=_l("Change slots and candidates")),
)
