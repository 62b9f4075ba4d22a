"""Which addresses a text may link to."""

from __future__ import annotations

import re

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
MAX_URL = 2000

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
# The first part of a relative address: `page`, `..`, or nothing before a slash. No ampersand:
# `javascript&colon;` is a script to a storefront that forgets to escape.
_NAME = re.compile(r"[\w.~%\-]*")
# Browsers drop tabs, line ends and leading control characters before they look for the scheme,
# so "java\nscript:" is "javascript:" to them.
_DROPPED = re.compile(r"[\x00-\x20\x7f-\x9f\u00a0\u2028\u2029\ufeff]")


def is_safe_url(url: str) -> bool:
    """Whether `url` is http, https, mailto, tel, or relative to the page's own site.

    Relative means a path, a query or a fragment: `//host` and its backslash spellings, which
    browsers take for another host, are refused.
    """
    if not url or len(url) > MAX_URL or _DROPPED.search(url):
        return False
    scheme = _SCHEME.match(url)
    if scheme is not None:
        name = scheme[1].lower()
        rest = url[scheme.end() :]
        # "https:example.com" is relative to some browsers and absolute to others.
        return (
            name in SCHEMES and bool(rest) and (name not in ("http", "https") or rest[:2] == "//")
        )
    before_path = re.split(r"[/?#]", url, maxsplit=1)[0]
    return not url.startswith(("//", "/\\")) and _NAME.fullmatch(before_path) is not None
