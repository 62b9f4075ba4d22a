"""Rich text: what editors write comes out as they meant it, and nothing executable ever does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxp_cms.richtext import (
    RichTextError,
    blocks,
    bullets,
    clean_document,
    heading,
    is_empty_document,
    is_safe_url,
    link,
    paragraph,
    to_html,
    to_text,
)

TAGS = {
    *("p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "br"),
    *("a", "strong", "em", "u", "s"),
}
ATTRIBUTES = {
    "a": {"href", "title", "rel"},
    "ol": {"dir", "start"},
    "code": {"class"},
    "p": {"dir"},
    "h2": {"dir"},
    "h3": {"dir"},
    "h4": {"dir"},
    "ul": {"dir"},
    "li": {"dir"},
    "blockquote": {"dir"},
}
UNSAFE = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    " javascript:alert(1)",
    "&#106;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "file:///etc/passwd",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
)
HOSTILE = (
    *UNSAFE,
    "/%09/evil",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</p><iframe srcdoc='<script>'>",
    "<svg/onload=alert(1)>",
    "<!--",
    "]]>",
    "\x00",
    "\ud800",
    "{{ 7*7 }}",
    "\u202e",
)


class Page(HTMLParser):
    """What a browser would make of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"tag {tag}")
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()):
                self.faults.append(f"attribute {tag}.{name}")
            if name == "href" and not self._leads_somewhere_safe(value or ""):
                self.faults.append(f"address {value!r}")
            if name == "class" and not (value or "").startswith("language-"):
                self.faults.append(f"class {value!r}")

    @staticmethod
    def _leads_somewhere_safe(url: str) -> bool:
        seen = "".join(char for char in url if char > " " and char not in "\x7f\u00a0").lower()
        if seen.startswith(("https://", "http://", "mailto:", "tel:")):
            return True
        scheme = seen.partition(":")[0] if ":" in seen else ""
        return not scheme.isalpha() and not seen.startswith(("//", "/\\", "\\"))

    def handle_comment(self, data: str) -> None:
        self.faults.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("declaration")

    def handle_data(self, data: str) -> None:
        self.text += data


words = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12), st.sampled_from(["a", "سلام"]))
values = st.one_of(words, st.none(), st.integers(-3, 9), st.booleans(), st.just({"x": "y"}))
attributes = st.dictionaries(
    st.sampled_from(
        ["href", "title", "level", "start", "dir", "language", "class", "style", "onclick", "src"]
    ),
    values,
    max_size=4,
)
marks = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["link", "bold", "italic", "code", "strike", "evil", ""])},
        optional={"attrs": attributes},
    ),
    max_size=3,
)
leaves = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": words}, optional={"marks": marks, "attrs": attributes}
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["hardBreak", "horizontalRule", "image"])}),
    st.fixed_dictionaries({"type": words}),
    st.none(),
    words,
)
KINDS = [
    *("doc", "paragraph", "heading", "bulletList", "orderedList", "listItem", "blockquote"),
    *("codeBlock", "script", "iframe", "table"),
]
nodes = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={"content": st.lists(inner, max_size=3), "attrs": attributes},
    ),
    max_leaves=12,
)
documents = st.fixed_dictionaries({"type": st.just("doc"), "content": st.lists(nodes, max_size=4)})


@given(documents)
@settings(max_examples=400, deadline=None)
def test_whatever_is_sent_nothing_executable_is_stored_or_comes_out(document: Any) -> None:
    """Either it is refused, or the cleaned document and its HTML hold only what is known."""
    try:
        cleaned = clean_document(document)
    except RichTextError:
        return
    assert Page(to_html(cleaned)).faults == []
    assert clean_document(cleaned) == cleaned


def without_surprises(node: Any) -> Any:
    """A document that skipped the check, as one written straight into the database would."""
    if not isinstance(node, dict):
        return {"type": "text", "text": "x"}
    return {
        "type": node.get("type") or "text",
        "text": str(node.get("text", "")).encode("utf-8", "replace").decode(),
        "attrs": {k: v for k, v in (node.get("attrs") or {}).items() if isinstance(v, (str, int))},
        "marks": [mark for mark in node.get("marks") or [] if isinstance(mark, dict)],
        "content": [without_surprises(child) for child in node.get("content") or []],
    }


@given(documents)
@settings(max_examples=300, deadline=None)
def test_the_renderer_is_a_wall_of_its_own(document: Any) -> None:
    """Even of a document that nobody checked, only known tags, attributes and addresses come."""
    html = to_html(without_surprises(document)).encode("utf-8", "replace").decode()
    assert Page(html).faults == []


@given(st.text(max_size=40))
def test_text_comes_back_as_it_was_written(text: str) -> None:
    """Escaping loses nothing: a reader sees the very characters."""
    cleaned = clean_document(blocks(text)) if text else blocks()
    shown = Page(to_html(cleaned)).text
    kept = text.replace("\x00", "")
    assert shown.replace("\r\n", "\n").replace("\r", "\n") == kept.replace("\r\n", "\n").replace(
        "\r", "\n"
    )


@pytest.mark.parametrize("url", UNSAFE)
def test_a_link_to_a_script_or_to_another_host_in_disguise_is_refused(url: str) -> None:
    with pytest.raises(RichTextError) as refused:
        clean_document(blocks(paragraph(link("click", url), " here")))
    (error,) = refused.value.errors
    assert (error.code, error.pointer) == ("unsafe_url", "/content/0/content/0/marks/0")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a?b=c#d",
        "http://example.com",
        "mailto:ada@example.com",
        "tel:+123",
        "/products/cup",
        "/a:b",
        "products",
        "?page=2",
        "#top",
        "https://example.com/بهار",
    ],
)
def test_honest_addresses_are_kept(url: str) -> None:
    assert is_safe_url(url)
    html = to_html(clean_document(blocks(paragraph(link("go", url)))))
    assert 'rel="noopener noreferrer"' in html
    assert 'href="' in html


def test_each_node_and_mark_has_its_html() -> None:
    document = {
        "type": "doc",
        "content": [
            heading("Title", level=2),
            {
                "type": "paragraph",
                "attrs": {"dir": "rtl", "textAlign": None},
                "content": [
                    {"type": "text", "text": "b", "marks": [{"type": "bold"}, {"type": "italic"}]},
                    {"type": "hardBreak"},
                    {"type": "text", "text": "u", "marks": [{"type": "underline"}]},
                    {"type": "text", "text": "s", "marks": [{"type": "strike"}]},
                    {"type": "text", "text": "<c>", "marks": [{"type": "code"}]},
                ],
            },
            bullets("one", "two"),
            {
                "type": "orderedList",
                "attrs": {"start": 3, "type": None},
                "content": [{"type": "listItem", "content": [paragraph("three")]}],
            },
            {"type": "blockquote", "content": [paragraph("said")]},
            {
                "type": "codeBlock",
                "attrs": {"language": "python"},
                "content": [{"type": "text", "text": "x < 1"}],
            },
            {"type": "horizontalRule"},
        ],
    }
    assert to_html(clean_document(document)) == (
        "<h2>Title</h2>"
        '<p dir="rtl"><strong><em>b</em></strong><br><u>u</u><s>s</s><code>&lt;c&gt;</code></p>'
        "<ul><li><p>one</p></li><li><p>two</p></li></ul>"
        '<ol start="3"><li><p>three</p></li></ol>'
        "<blockquote><p>said</p></blockquote>"
        '<pre><code class="language-python">x &lt; 1</code></pre>'
        "<hr>"
    )


@pytest.mark.parametrize(
    ("node", "code"),
    [
        ({"type": "image", "attrs": {"src": "x"}}, "unknown_node"),
        ({"type": "heading", "attrs": {"level": 1}}, "heading_level"),
        ({"type": "heading"}, "heading_level"),
        ({"type": "paragraph", "content": [{"type": "paragraph"}]}, "unknown_node"),
        ({"type": "paragraph", "content": "text"}, "not_rich_text"),
        ({"type": "text", "text": "loose"}, "unknown_node"),
        (paragraph({"type": "text", "text": "x", "marks": [{"type": "blink"}]}), "unknown_mark"),
        ("text", "not_rich_text"),
    ],
)
def test_what_the_grammar_does_not_know_is_refused_not_dropped(node: Any, code: str) -> None:
    with pytest.raises(RichTextError) as refused:
        clean_document({"type": "doc", "content": [node]})
    assert [error.code for error in refused.value.errors] == [code]


def test_a_text_nested_too_deep_is_refused_without_falling_over() -> None:
    node: Any = paragraph("deep")
    for _ in range(500):
        node = {"type": "blockquote", "content": [node]}
    with pytest.raises(RichTextError) as refused:
        clean_document({"type": "doc", "content": [node]})
    assert [error.code for error in refused.value.errors] == ["too_large"]


def test_the_plain_text_has_a_line_for_each_paragraph() -> None:
    document = blocks(heading("One"), paragraph("two ", link("three", "/x")), bullets("four"))
    assert to_text(document) == "One\ntwo three\nfour"
    assert is_empty_document(blocks("", "  "))
    assert not is_empty_document(document)
