"""Reading HTML in tests: what a browser would object to, and what it would find."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Element:
    """A start tag."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


def elements(html: str, tag: str | None = None, **attributes: str) -> list[Element]:
    """All elements of a tag with these attributes; `_` in names stands for `-`."""
    reader = _Reader()
    reader.feed(html)
    wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [
        element
        for element in reader.elements
        if (tag is None or element.tag == tag)
        and all(element.attributes.get(name) == value for name, value in wanted.items())
    ]


def one(html: str, tag: str | None = None, **attributes: str) -> Element:
    """The only element that matches."""
    (found,) = elements(html, tag, **attributes)
    return found


def policy_breaches(html: str) -> list[str]:
    """What a policy without `unsafe-inline` and without foreign hosts would stop."""
    breaches = []
    for element in elements(html):
        names = element.attributes
        if element.tag == "script" and ("src" not in names or element.text.strip()):
            breaches.append(f"inline script: {element.text.strip()[:60]}")
        if element.tag == "style" and "nonce" not in names:
            breaches.append("style element without nonce")
        breaches += [f"{element.tag} style={names['style']!r}"] if "style" in names else []
        breaches += [
            f"{element.tag} {name}"
            for name in names
            if (name.startswith("on") and name != "only") or name.startswith("hx-on")
        ]
        if "[" in names.get("hx-trigger", ""):
            breaches.append(f"{element.tag} hx-trigger with a filter, which is evaluated")
        if element.tag in ("script", "link", "img", "iframe"):
            address = names.get("src") or names.get("href") or ""
            if "//" in address or address.startswith("data:"):
                breaches.append(f"{element.tag} from {address[:60]}")
    return breaches
