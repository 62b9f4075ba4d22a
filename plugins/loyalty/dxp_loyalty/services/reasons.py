"""Reasons of adjustments: five that are always there, and those that staff add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, gettext
from dxp_loyalty.models import AdjustmentReason
from dxp_loyalty.services.localized import in_locale

REASON_CODES = ("goodwill", "correction", "migration", "fraud", "other")
"""The built-in ones. Members read these as sentences of their own."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason in the words of its reader; `texts` are those that staff keep."""

    key: str
    name: str
    active: bool
    built_in: bool
    texts: Mapping[str, Mapping[str, Any]]


class Reasons:
    """The only writer of reasons."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listed(self, session: Session, locale: str) -> Sequence[Reason]:
        """All reasons, built-in ones first."""
        rows = {row.key: row for row in session.scalars(select(AdjustmentReason))}
        names = _names()
        keys = [*REASON_CODES, *sorted(set(rows) - set(REASON_CODES))]
        return [self._reason(key, rows.get(key), names.get(key, key), locale) for key in keys]

    def check(self, session: Session, key: str) -> str:
        """`key`, if an adjustment may name it.

        Raises:
            Unprocessable: there is no such reason, or it is switched off
                (`unknown_reason_code`).
        """
        row = session.get(AdjustmentReason, key)
        if (row is None and key in REASON_CODES) or (row is not None and row.active):
            return key
        raise Unprocessable(
            gettext(
                "“%(key)s” is no reason of an adjustment, or it is switched off; choose one of "
                "those that the programme keeps",
                key=key[:40],
            ),
            code="unknown_reason_code",
        )

    def save(
        self,
        session: Session,
        key: str,
        *,
        texts: Mapping[str, Mapping[str, str]],
        active: bool,
        actor: Actor,
    ) -> None:
        """Add a reason, rename it, switch it off or on. Entries keep the key they named.

        Raises:
            Unprocessable: a reason of one's own needs a name (`name_missing`).
        """
        if not texts and key not in REASON_CODES:
            raise Unprocessable(
                gettext("Colleagues choose a reason by its name; give it in one language at least"),
                code="name_missing",
            )
        row = session.get(AdjustmentReason, key, with_for_update=True)
        before = None if row is None else {"texts": row.texts, "active": row.active}
        if row is None:
            row = AdjustmentReason(key=key)
            session.add(row)
        row.texts = {locale: dict(words) for locale, words in texts.items()}
        row.active = active
        row.edited_at = self._platform.clock.now()
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.reason.edited",
            object_type="loyalty.reason",
            object_id=key,
            before=before,
            after={"texts": row.texts, "active": active},
        )

    def _reason(self, key: str, row: AdjustmentReason | None, name: str, locale: str) -> Reason:
        texts = {} if row is None else row.texts
        return Reason(
            key=key,
            name=in_locale(self._platform, texts, locale, "name") or name,
            active=row is None or row.active,
            built_in=key in REASON_CODES,
            texts=texts,
        )


def _names() -> dict[str, str]:
    return {
        "goodwill": gettext("Goodwill"),
        "correction": gettext("Correction"),
        "migration": gettext("Brought along from another system"),
        "fraud": gettext("Fraud"),
        "other": gettext("Other"),
    }
