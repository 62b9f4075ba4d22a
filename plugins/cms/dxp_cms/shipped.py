"""The content types that come with the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dxp.api import lazy_gettext as _

SHIPPED: Sequence[Mapping[str, Any]] = (
    {
        "name": "article",
        "label": _("Article"),
        "plural": _("Articles"),
        "description": _("A story with a title, a summary and a text."),
        "icon": "newspaper",
        "fields": [
            {
                "name": "title",
                "kind": "text",
                "label": _("Title"),
                "required": True,
                "max_length": 200,
            },
            {
                "name": "summary",
                "kind": "text",
                "label": _("Summary"),
                "help": _("One or two sentences for lists and previews."),
                "multiline": True,
                "max_length": 500,
            },
            {"name": "body", "kind": "richtext", "label": _("Text"), "required": True},
            {
                "name": "category",
                "kind": "choice",
                "label": _("Category"),
                "translatable": False,
                "filterable": True,
                "choices": [
                    {"value": "news", "label": _("News")},
                    {"value": "guide", "label": _("Guide")},
                    {"value": "story", "label": _("Story")},
                ],
            },
            {
                "name": "author",
                "kind": "text",
                "label": _("Author"),
                "translatable": False,
                "filterable": True,
                "max_length": 120,
            },
            {
                "name": "reading_minutes",
                "kind": "number",
                "label": _("Reading time in minutes"),
                "translatable": False,
                "filterable": True,
                "integer": True,
                "min": 1,
                "max": 600,
            },
            {
                "name": "day",
                "kind": "date",
                "label": _("Date"),
                "help": _("The day that the story is about, if there is one."),
                "translatable": False,
                "filterable": True,
            },
            {
                "name": "featured",
                "kind": "boolean",
                "label": _("Featured"),
                "help": _("Storefronts may show it in a prominent place."),
                "translatable": False,
                "filterable": True,
            },
            {
                "name": "related",
                "kind": "list",
                "label": _("Related articles"),
                "translatable": False,
                "max_items": 10,
                "of": {"kind": "reference", "to": ["article"], "include": ["summary"]},
            },
        ],
    },
    {
        "name": "banner",
        "label": _("Banner"),
        "plural": _("Banners"),
        "description": _("A short message with a link, for a slot such as the top of a page."),
        "icon": "megaphone",
        "title_field": "headline",
        "fields": [
            {
                "name": "headline",
                "kind": "text",
                "label": _("Headline"),
                "required": True,
                "max_length": 120,
            },
            {
                "name": "message",
                "kind": "text",
                "label": _("Message"),
                "multiline": True,
                "max_length": 300,
            },
            {
                "name": "link_label",
                "kind": "text",
                "label": _("Text of the link"),
                "max_length": 60,
            },
            {
                "name": "link_url",
                "kind": "text",
                "label": _("Address of the link"),
                "help": _("Begins with https:// or, on your own site, with a slash."),
                "translatable": False,
                "format": "url",
                "max_length": 1000,
            },
            {
                "name": "article",
                "kind": "reference",
                "label": _("Article to lead to"),
                "translatable": False,
                "to": ["article"],
            },
            {
                "name": "tone",
                "kind": "choice",
                "label": _("Tone"),
                "translatable": False,
                "filterable": True,
                "choices": [
                    {"value": "plain", "label": _("Plain")},
                    {"value": "festive", "label": _("Festive")},
                    {"value": "urgent", "label": _("Urgent")},
                ],
            },
        ],
    },
    {
        "name": "faq",
        "label": _("Question"),
        "plural": _("Questions and answers"),
        "description": _("A question that customers ask, and its answer."),
        "icon": "question-circle",
        "title_field": "question",
        "fields": [
            {
                "name": "question",
                "kind": "text",
                "label": _("Question"),
                "required": True,
                "max_length": 300,
            },
            {"name": "answer", "kind": "richtext", "label": _("Answer"), "required": True},
            {
                "name": "position",
                "kind": "number",
                "label": _("Position"),
                "help": _("Low numbers come first where a storefront sorts by it."),
                "translatable": False,
                "filterable": True,
                "integer": True,
            },
        ],
    },
)
