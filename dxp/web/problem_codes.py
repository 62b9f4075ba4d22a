"""Every stable code that a problem may carry, with its page under /api/problems/."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dxp.errors import ConfigurationError

PROBLEM_PATH = "/api/problems/"
_CODE = re.compile(r"[a-z][a-z0-9_]{1,62}\Z")


@dataclass(frozen=True)
class ProblemCode:
    """One code and its documentation.

    Attributes:
        code: stable, snake_case; clients branch on it.
        status: the HTTP status it comes with.
        title: a short phrase, the same at each occurrence.
        explanation: what it means and why it happens.
        remedy: what to do about it.
    """

    code: str
    status: int
    title: str
    explanation: str
    remedy: str


class ProblemCodes:
    """The codes known to one application: the core's, and those that blueprints declare."""

    def __init__(self, codes: Iterable[ProblemCode] = ()) -> None:
        self._codes: dict[str, ProblemCode] = {}
        for code in codes:
            self.declare(code)

    def declare(self, code: ProblemCode) -> None:
        """Make a code known. Declaring the same one again is harmless.

        Raises:
            ConfigurationError: the name is malformed, or means something else already.
        """
        if not _CODE.match(code.code):
            raise ConfigurationError(
                f"problem code {code.code!r} is not in snake_case, and clients rely on that; "
                "use lower-case letters, digits and underscores"
            )
        known = self._codes.setdefault(code.code, code)
        if known != code:
            raise ConfigurationError(
                f"problem code {code.code!r} is declared twice with different meanings, "
                f"{known.title!r} and {code.title!r}; clients branch on it, so rename one"
            )

    def find(self, code: str) -> ProblemCode | None:
        return self._codes.get(code)

    def __iter__(self) -> Iterator[ProblemCode]:
        return iter(sorted(self._codes.values(), key=lambda code: (code.status, code.code)))
