"""Applications of one process share what was read of their addresses, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from flask import Flask
from werkzeug.routing import BaseConverter

from dxp.api import ApiBlueprint, Call, Plugin, Routes, StartContext, anyone
from dxp.testing import MakeApp, client_of, platform_of
from dxp.web.rules import LateRule

ADDRESSES = ("/<thing>", "/<thing>/<int:number>", "/<any(red, blue):thing>/<path:rest>")


class Small(BaseConverter):
    regex = "[a-z]+"


class Large(BaseConverter):
    regex = "[A-Z]+"


def served(converters: Mapping[str, type[BaseConverter]]) -> Flask:
    app = Flask("addresses")
    app.url_rule_class = LateRule
    app.url_map.converters.update(converters)
    for number, address in enumerate(ADDRESSES):
        app.add_url_rule(address, f"view{number}", lambda **values: values)
    return app


@pytest.mark.parametrize("_round", range(2))
def test_an_address_means_what_its_application_says(_round: int) -> None:
    for converters, taken, refused in (
        ({"default": Small}, "/a", "/A"),
        ({"default": Large}, "/A", "/a"),
    ):
        client = served(converters).test_client()
        assert client.get(taken).get_json() == {"thing": taken[1:]}
        assert client.get(refused).status_code == 404
        assert client.get("/blue/a/b").get_json() == {"thing": "blue", "rest": "a/b"}


def test_each_application_writes_its_addresses_out() -> None:
    for app in (served({}), served({})):
        with app.test_request_context():
            assert app.url_for("view1", thing="a b", number=7) == "/a%20b/7"
            assert app.url_for("view2", thing="red", rest="x", more=1) == "/red/x?more=1"
        (rule,) = app.url_map.iter_rules("view1")
        assert rule.arguments == {"thing", "number"}
        assert all(converter.map is app.url_map for converter in rule._converters.values())


def test_a_plugin_is_asked_once_for_its_routes(make_app: MakeApp) -> None:
    asked = []

    class Signs(Plugin):
        name = "signs"

        def routes(self, ctx: StartContext) -> Routes:
            asked.append(ctx)
            api = ApiBlueprint("signs", __name__, url_prefix="/api/v1/signs", description="Signs.")

            @api.endpoint("GET", "", summary="List", access=anyone())
            def list_signs(call: Call) -> Sequence[str]:
                return []

            return Routes(api=[api])

    app = make_app(plugins=[Signs])
    assert client_of(app).get("/api/v1/signs").status_code == 200
    assert [ctx.platform for ctx in asked].count(platform_of(app)) == 1
