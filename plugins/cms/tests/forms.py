"""Reading a page's form and sending it, as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from dxp.testing import DxpClient


class Form:
    """One form of a page: its fields, and its buttons by their text.

    Fields are got and set by name; a list stands for several boxes of one name.
    """

    def __init__(self, client: DxpClient, html: str, form_id: str = "entry-form") -> None:
        reader = _Reader(form_id)
        reader.feed(html)
        assert reader.action is not None, f"the page has no form {form_id!r}"
        self.client = client
        self.html = html
        self.action = reader.action
        self.autosave_url = reader.autosave
        self.buttons = reader.buttons
        self.fields = reader.fields

    @classmethod
    def open(cls, client: DxpClient, url: str, form_id: str = "entry-form") -> Form:
        """Get a page and read one of its forms."""
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        return cls(client, answer.text, form_id)

    def __getitem__(self, name: str) -> str:
        return self.fields[name][-1]

    def __setitem__(self, name: str, value: str | list[str]) -> None:
        self.fields[name] = [value] if isinstance(value, str) else value

    def send(self, button: str | None = None) -> TestResponse:
        """Press a button by its text; the form's own action without one."""
        url = self.action if button is None else self.buttons[button]
        return self.client.post(url, data=self.fields)

    def autosave(self) -> TestResponse:
        """What the page sends by itself while somebody types; takes over the new base."""
        assert self.autosave_url is not None, "the page does not save by itself"
        answer = self.client.post(
            self.autosave_url, data=self.fields, headers={"HX-Request": "true"}
        )
        if answer.status_code == 200:
            line = _Reader("entry-form")
            line.feed(answer.text)
            self.fields |= line.fields
        return answer


class _Reader(HTMLParser):
    """Collects the controls inside of a form, and those that name it by `form=`."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self._form_id = form_id
        self._inside = False
        self._textarea: str | None = None
        self._select: str | None = None
        self._button: dict[str, str | None] | None = None
        self._text = ""
        self.action: str | None = None
        self.autosave: str | None = None
        self.buttons: dict[str, str] = {}
        self.fields: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        found = dict(attrs)
        if tag == "form" and found.get("id") == self._form_id:
            self._inside = True
            self.action = found["action"]
            self.autosave = found.get("hx-post")
        ours = self._inside if "form" not in found else found["form"] == self._form_id
        if not ours or "disabled" in found:
            return
        name = found.get("name")
        if tag == "input" and name and self._is_sent(found):
            self.fields.setdefault(name, []).append(found.get("value") or "")
        elif tag == "textarea" and name:
            self._textarea, self._text = name, ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and "selected" in found:
            self.fields[self._select] = [found["value"]]
        elif tag == "button" and found.get("type") != "button":
            self._button, self._text = found, ""

    @staticmethod
    def _is_sent(found: dict[str, Any]) -> bool:
        return found.get("type") not in ("checkbox", "radio") or "checked" in found

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._textarea:
            self.fields[self._textarea] = [self._text.removeprefix("\n")]
            self._textarea = None
        elif tag == "select" and self._select:
            self.fields.setdefault(self._select, [""])
            self._select = None
        elif tag == "button" and self._button is not None:
            target = self._button.get("formaction") or self.action or ""
            self.buttons[self._text.strip()] = target
            self._button = None

    def handle_data(self, data: str) -> None:
        self._text += data
