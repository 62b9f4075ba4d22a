"""Rich text: ProseMirror JSON that is checked, and the HTML made of it."""

from dxp_cms.richtext.document import RichTextError, clean_document, is_empty_document
from dxp_cms.richtext.render import to_html, to_text
from dxp_cms.richtext.urls import is_safe_url
from dxp_cms.richtext.writing import blocks, bullets, heading, link, paragraph

__all__ = [
    "RichTextError",
    "blocks",
    "bullets",
    "clean_document",
    "heading",
    "is_empty_document",
    "is_safe_url",
    "link",
    "paragraph",
    "to_html",
    "to_text",
]
