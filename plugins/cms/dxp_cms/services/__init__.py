"""Services: the only writers of the plugin's tables, and the readers of its stored answers."""

from dxp_cms.services.cms import Cms
from dxp_cms.services.drafts import Drafts, Saved, Stale
from dxp_cms.services.publishing import Publishing
from dxp_cms.services.reading import PublishedReader
from dxp_cms.services.trash import Trash

__all__ = ["Cms", "Drafts", "PublishedReader", "Publishing", "Saved", "Stale", "Trash"]
