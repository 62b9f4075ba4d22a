"""The fields that every content type has."""

from __future__ import annotations

from functools import lru_cache

from dxp.api import lazy_gettext as _
from dxp_cms.fields import KINDS, Field, build_field
from dxp_cms.fields.scalars import Slug

MAX_TAG = 60
MAX_TAGS = 30


@lru_cache(maxsize=1)
def built_in_fields() -> tuple[Field, ...]:
    """Slug, SEO and tags. Audience and channel are reserved names for later."""
    text = {"max_length": None, "multiline": False, "format": None}
    return (
        Field(
            name="slug",
            kind=Slug(),
            label=_("Address"),
            help=_("The last part of the page's address. Made from the title when left empty."),
            required=True,
            options=text,
        ),
        Field(
            name="seo_title",
            kind=KINDS["text"],
            label=_("Title for search engines"),
            help=_("Shown instead of the title in search results. About 60 characters fit."),
            options=text | {"max_length": 200},
        ),
        Field(
            name="seo_description",
            kind=KINDS["text"],
            label=_("Description for search engines"),
            help=_("One or two sentences. About 160 characters fit."),
            options=text | {"max_length": 500, "multiline": True},
        ),
        build_field(
            {
                "name": "tags",
                "kind": "list",
                "label": _("Tags"),
                "help": _("One to a line. Storefronts can ask for content by tag."),
                "translatable": False,
                "filterable": True,
                "max_items": MAX_TAGS,
                "of": {"kind": "text", "max_length": MAX_TAG},
            }
        ),
    )
