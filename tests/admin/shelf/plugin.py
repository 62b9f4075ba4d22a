"""A plugin with one page of each kind, to look at the frame through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from dxp.api import (
    AdminBlueprint,
    AdminCall,
    Fragment,
    FragmentContext,
    MenuEntry,
    Permission,
    Plugin,
    Routes,
    SearchContext,
    SearchDocument,
    StartContext,
    Unprocessable,
    anyone,
    needs,
)

READ, WRITE = "shelf.read", "shelf.write"


class ThingIn(Schema):
    name = fields.String(required=True, validate=validate.Length(max=5))
    tags = fields.List(fields.String())
    note = fields.String(allow_none=True)


def blueprint() -> AdminBlueprint:
    """Pages of the shelf."""
    admin = AdminBlueprint("shelf", __name__, url_prefix="/admin/shelf")

    @admin.page("GET", "/", access=needs(READ))
    def things(call: AdminCall) -> Any:
        return call.render("shelf/list.html", errors={})

    @admin.page("GET", "/hidden", access=needs(WRITE))
    def hidden(call: AdminCall) -> Any:
        return call.render("shelf/list.html", errors={})

    @admin.page("GET", "/one/<name>", access=needs(READ))
    def one(call: AdminCall, name: str) -> Any:
        return call.render("shelf/list.html", errors={})

    @admin.page("POST", "/add", access=needs(WRITE))
    def add(call: AdminCall) -> Any:
        values, errors = call.load(ThingIn(), lists=("tags",))
        if errors:
            return call.render("shelf/list.html", status=422, errors=errors)
        call.toast(f"Put {values['name']} there")
        return call.redirect("shelf.things")

    @admin.page("POST", "/mark", access=needs(WRITE), transaction=False)
    def mark(call: AdminCall) -> Any:
        call.toast("علامت خورد", kind="info")
        return "<b>marked</b>"

    @admin.page("POST", "/refuse", access=needs(WRITE))
    def refuse(call: AdminCall) -> Any:
        raise Unprocessable("The shelf was not changed, because it is full; take something off it")

    @admin.page("POST", "/half", access=needs(WRITE))
    def half(call: AdminCall) -> Any:
        call.platform.subjects.create(call.session, keys=[("ref", call.form["ref"])])
        status = int(call.form["status"])
        return call.render("shelf/open.html", status=status)

    @admin.page("GET", "/crash", access=anyone())
    def crash(call: AdminCall) -> Any:
        raise ZeroDivisionError

    @admin.page("GET", "/go", access=anyone(), transaction=False)
    def go(call: AdminCall) -> Any:
        return call.redirect_to(request.args["next"])

    return admin


class Shelf(Plugin):
    name = "shelf"
    package = "tests.admin.shelf"

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        return (
            Permission(name=READ, label="See the shelf"),
            Permission(name=WRITE, label="Fill the shelf"),
        )

    def routes(self, ctx: StartContext) -> Routes:
        return Routes(admin=(blueprint(),))

    def menu(self, ctx: StartContext) -> Sequence[MenuEntry]:
        return (
            MenuEntry(label="Shelf", endpoint="shelf.things", permission=READ, icon="box"),
            MenuEntry(
                label="Secret drawer", endpoint="shelf.hidden", permission=WRITE, section="storage"
            ),
        )

    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        if ctx.slot != "admin.dashboard":
            return ()
        return (
            Fragment(
                key="secret",
                title="Drawer",
                template="shelf/panel.html",
                values={"count": 7},
                permission=WRITE,
                order=1,
            ),
            Fragment(key="all", template="shelf/open.html", values={}, order=2),
            Fragment(key="json", values={"count": 9}),
        )

    def search_documents(self, ctx: SearchContext) -> Sequence[SearchDocument]:
        if not ctx.actor.may(READ):
            return ()
        return [
            SearchDocument(title=f"{ctx.text} {n}", url=f"/admin/shelf/one/{n}", kind="Things")
            for n in range(20)
        ]
