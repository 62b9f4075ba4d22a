"""The plugin's tables."""

from dxp_cms.models.entries import Entry, EntryLocale, Reference, Revision, State
from dxp_cms.models.published import Dependency, Published, PublishedValue, Redirect

MODELS = (
    Entry,
    Revision,
    EntryLocale,
    Reference,
    Published,
    PublishedValue,
    Dependency,
    Redirect,
)

__all__ = [
    "MODELS",
    "Dependency",
    "Entry",
    "EntryLocale",
    "Published",
    "PublishedValue",
    "Redirect",
    "Reference",
    "Revision",
    "State",
]
