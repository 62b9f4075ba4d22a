"""What customers may consent to: declared by the plugins that use it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from dxp.contracts import ConsentChanged, Purpose
from dxp.errors import ConfigurationError, Unprocessable
from dxp.events import EventRecord, EventType
from dxp.i18n import gettext, isolated
from dxp.i18n import lazy_gettext as _l

_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")


class Purposes:
    """The declared purposes, by key. Nobody consents to one by default."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Purpose, str]] = {}

    def declare(self, purposes: Iterable[Purpose], *, plugin: str) -> None:
        """Make purposes known.

        Raises:
            ConfigurationError: a key is malformed, or another plugin declares it.
        """
        for purpose in purposes:
            if not _KEY.fullmatch(purpose.key):
                raise ConfigurationError(
                    f"plugin {plugin!r} declares the purpose {purpose.key!r}, which is no key; "
                    "use a short lower-case word"
                )
            owner = self._known.get(purpose.key, (purpose, plugin))[1]
            if owner != plugin:
                raise ConfigurationError(
                    f"the purpose {purpose.key!r} is declared by {owner!r} and by {plugin!r}, and "
                    "a word of a customer can count for one only; give one of them another key"
                )
            self._known[purpose.key] = (purpose, plugin)

    def all(self) -> Sequence[Purpose]:
        """Every purpose, in the order of declaration."""
        return [purpose for purpose, _plugin in self._known.values()]

    def label(self, key: str) -> str:
        """What people read; the key itself when the plugin that declared it is gone."""
        found = self._known.get(key)
        return key if found is None else str(found[0].label)

    def text_version(self, key: str) -> str:
        """Of the text that asks for a purpose now.

        Raises:
            Unprocessable: code `invalid_purpose`.
        """
        self.check(key)
        return self._known[key][0].text_version

    def check(self, key: str) -> None:
        """Refuse what no plugin declares.

        Raises:
            Unprocessable: code `invalid_purpose`.
        """
        if key in self._known:
            return
        near = difflib.get_close_matches(key, self._known, n=1)
        hint = (
            gettext("did you mean “%(near)s”?", near=near[0])
            if near
            else gettext("known: %(known)s", known=", ".join(self._known))
        )
        raise Unprocessable(
            gettext(
                "Nobody can consent to “%(key)s” or withdraw that, because no plugin uses data "
                "for such a purpose; %(hint)s",
                key=key,
                hint=hint,
            ),
            code="invalid_purpose",
        )

    def event_type(self) -> EventType:
        """The declaration of what happens to consents, in words that know the purposes."""
        return EventType(payload=ConsentChanged, label=_l("Consent changed"), summary=self._line)

    def _line(self, record: EventRecord) -> str:
        purpose = isolated(self.label(str(record.data["purpose"])))
        if record.data["granted"]:
            return gettext("Granted: %(purpose)s", purpose=purpose)
        return gettext("Withdrawn: %(purpose)s", purpose=purpose)
