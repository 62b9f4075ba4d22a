"""JSON by orjson, for everything that Flask itself reads and writes."""

from __future__ import annotations

from typing import Any

import orjson
from flask.json.provider import JSONProvider

from dxp.web.answering import to_json


class OrjsonProvider(JSONProvider):
    """Ignores the options of the standard library's json, which orjson has no use for."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return to_json(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        data = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(to_json(data), mimetype="application/json")
