"""What waitress refuses before dxp sees it, told in the form of every other refusal."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from dxp.web.answering import to_json
from dxp.web.core_codes import CORE_CODES, HTTP_CODES
from dxp.web.problem_codes import PROBLEM_PATH
from dxp.web.problems import PROBLEM_TYPE
from dxp.web.requests import REQUEST_ID_HEADER

log = structlog.get_logger(__name__)
_DETAILS = {
    413: "The body was not read, because it is larger than any that dxp takes; send less at once, "
    "or pack a file before you upload it",
    431: "The request was not read, because its headers are longer than 256 KiB together; "
    "send fewer or shorter ones",
    500: "The request was not done, because of a fault in this server; nothing was changed; "
    "try again once, and give the operator the request_id if it stays so",
}


class _RefusalTask(ErrorTask):
    def execute(self) -> None:
        # The stubs take the request, which carries the error, for the error itself.
        request: Any = self.request
        error = request.error
        request_id = uuid.uuid4().hex
        log.warning("request_unreadable", request_id=request_id, status=error.code, why=error.body)
        body = to_json(_document(error, request_id))
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [
            ("Content-Type", PROBLEM_TYPE),
            ("Content-Language", "en"),
            ("Cache-Control", "no-store"),
            (REQUEST_ID_HEADER, request_id),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class ProblemChannel(HTTPChannel):
    """A connection whose unreadable requests are answered with problems."""

    error_task_class = _RefusalTask


def _document(error: Any, request_id: str) -> dict[str, object]:
    code = HTTP_CODES.get(error.code, "bad_request" if error.code < 500 else "internal_error")
    (known,) = (item for item in CORE_CODES if item.code == code)
    why = f"The request was not read, because it breaks the rules of HTTP: {error.body}; "
    return {
        "type": PROBLEM_PATH + code,
        "title": known.title,
        "status": error.code,
        "code": code,
        "detail": _DETAILS.get(error.code, f"{why}correct it and send it again"),
        "request_id": request_id,
    }
