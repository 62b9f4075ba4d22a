"""What an admin view gets: an API call's facts, and the ways in which a page answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Response, flash, make_response, render_template, request, url_for
from marshmallow import EXCLUDE, Schema, ValidationError
from werkzeug.datastructures import MultiDict

from dxp.admin.locales import zone_name
from dxp.admin.panels import Panel, gather_panels
from dxp.errors import Problem
from dxp.web.call import Call

KINDS = ("success", "info", "warning", "danger")


def is_htmx() -> bool:
    """Whether a script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


class AdminCall(Call):
    """One request to a page of the admin.

    Attributes:
        form: the fields that were sent.
    """

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self._toasts: list[tuple[str, str]] = []

    @property
    def form(self) -> MultiDict[str, str]:
        return request.form

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the reader of the page reads and writes moments."""
        return ZoneInfo(zone_name(self.platform.settings, self.actor))

    @property
    def is_htmx(self) -> bool:
        """Whether a script asks for a part of a page."""
        return is_htmx()

    def render(self, template: str, /, *, status: int = 200, **values: Any) -> Response:
        """A page, or the part of one that htmx asked for.

        Answer 422 when a form comes back with errors: htmx swaps it in like any other.
        """
        if not self.is_htmx:
            self._flash()
        return make_response(render_template(template, call=self, **values), status)

    def redirect(self, endpoint: str, /, **values: Any) -> Response:
        """Go on to another page; values are its path and query parameters."""
        return self.redirect_to(url_for(endpoint, **values))

    def redirect_to(self, url: str) -> Response:
        """Go on to an address of this server; one elsewhere becomes the dashboard."""
        self._flash()
        return redirect_response(local_address(url, otherwise=url_for("admin.dashboard")))

    def toast(self, text: str, *, kind: str = "success") -> None:
        """Say in the corner what was done, on this page or on the one it goes on to.

        Args:
            kind: success, info, warning or danger.
        """
        if kind not in KINDS:
            raise ValueError(f"a toast of kind {kind!r} has no look; choose one of {KINDS}")
        self._toasts.append((kind, str(text)))

    def load(
        self, schema: Schema, *, lists: Sequence[str] = (), empty_as_none: bool = True
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Check the form that was sent.

        Args:
            lists: fields that may be sent several times, such as boxes.
            empty_as_none: an empty field means "no value"; False leaves the empty text.

        Returns:
            The loaded values and the errors by field; one of the two is empty.
        """
        data: dict[str, Any] = {}
        for name in schema.fields:
            key = schema.fields[name].data_key or name
            if key in lists:
                data[key] = self.form.getlist(key)
            elif key in self.form:
                text = self.form[key]
                data[key] = None if empty_as_none and not text.strip() else text
        try:
            return schema.load(data, unknown=EXCLUDE), {}
        except ValidationError as error:
            return {}, error.normalized_messages()  # type: ignore[no-untyped-call]

    def errors_of(self, problem: Problem) -> dict[str, list[str]]:
        """A service's refusal as errors by field; what names no field comes under `_schema`."""
        errors: dict[str, list[str]] = {}
        for error in problem.errors:
            name = (error.pointer or "").strip("/").replace("/", ".") or error.parameter
            errors.setdefault(name or "_schema", []).append(error.detail)
        return errors or {"_schema": [problem.detail]}

    def panels(self, slot: str, **about: Any) -> list[Panel]:
        """What plugins put into a slot of this page, rendered, as far as the actor may see it.

        Args:
            slot: such as `admin.customer`.
            about: `subject_id`, for slots about one customer.
        """
        return gather_panels(self, slot, **about)

    def finish(self, value: object) -> Response:
        """The response for what the view returned, with its toasts."""
        response = make_response(value)
        if self.is_htmx and "HX-Redirect" not in response.headers:
            _add_trigger(response, self._toasts)
            self._toasts.clear()
        else:
            self._flash()
        return response

    def _flash(self) -> None:
        for kind, text in self._toasts:
            flash(text, kind)
        self._toasts.clear()


def redirect_response(url: str) -> Response:
    """303 for a browser; for htmx a header, since a script cannot see a redirect."""
    if is_htmx():
        return Response(headers={"HX-Redirect": url})
    return Response(status=303, headers={"Location": url})


def local_address(url: str, *, otherwise: str) -> str:
    """`url` when it is a path on this server, so that nobody is sent elsewhere by a link."""
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or not url.startswith("/") or url.startswith(("//", "/\\")):
        return otherwise
    return otherwise if any(ord(letter) < 32 for letter in url) else url


def _add_trigger(response: Response, toasts: Sequence[tuple[str, str]]) -> None:
    if not toasts:
        return
    header = response.headers.get("HX-Trigger")
    triggers: Mapping[str, Any] = {}
    if header:
        triggers = (
            json.loads(header)
            if header.startswith("{")
            else {name.strip(): None for name in header.split(",")}
        )
    notes = [{"message": text, "kind": kind} for kind, text in toasts]
    response.headers["HX-Trigger"] = json.dumps({**triggers, "toast": {"toasts": notes}})
