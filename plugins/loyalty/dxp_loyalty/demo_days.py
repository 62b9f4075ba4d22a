"""Days of the calendar in the demo, and what one of them gives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import DemoContext
from dxp_loyalty.models import OccasionRule
from dxp_loyalty.services.day_keeping import DayDraft
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import OccasionRuleDraft

NOWRUZ = "nowruz"
_NOWRUZ_NAMES = {"en": "Nowruz", "fr": "Norouz", "ar": "النوروز", "fa": "نوروز"}
_EID_NAMES = {"en": "Eid al-Fitr", "fr": "Aïd el-Fitr", "ar": "عيد الفطر", "fa": "عید فطر"}
_MOTHERS_NAMES = {
    "en": "Mother’s Day",
    "fr": "Fête des mères",
    "ar": "عيد الأم",
    "fa": "روز مادر",
}
_GIFT_NAMES = {
    "en": "A gift for Nowruz",
    "fr": "Un cadeau pour Norouz",
    "ar": "هدية النوروز",
    "fa": "هدیهٔ نوروز",
}


def _texts(names: dict[str, str]) -> dict[str, dict[str, str]]:
    return {locale: {"name": name} for locale, name in names.items()}


DAYS: tuple[dict[str, Any], ...] = (
    {
        "key": NOWRUZ,
        "texts": _texts(_NOWRUZ_NAMES),
        "patterns": {"*": {"calendar": "jalali", "month": 1, "day": 1}},
    },
    {
        "key": "eid-al-fitr",
        "texts": _texts(_EID_NAMES),
        "patterns": {"*": {"calendar": "hijri_umalqura", "month": 10, "day": 1}},
    },
    {
        "key": "mothers-day",
        "texts": _texts(_MOTHERS_NAMES),
        "patterns": {
            "*": {"month": 5, "weekday": 6, "nth": 2},
            "EG": {"calendar": "gregorian", "month": 3, "day": 21},
            "FR": {"month": 5, "weekday": 6, "nth": -1},
        },
    },
)


def load_days(ctx: DemoContext, session: Session) -> None:
    """Keep the days, and let Nowruz give something to whoever reads Persian; once."""
    loyalty = ctx.platform.services.get(Loyalty)
    days = {day.key: day for day in loyalty.days.listed(session)}
    for values in DAYS:
        if values["key"] not in days:
            day = loyalty.days.create(session, DayDraft(**values), actor=ctx.actor)
            days[day.key] = day
    if NOWRUZ in set(session.scalars(select(OccasionRule.key))):
        return
    draft = OccasionRuleDraft(
        key=NOWRUZ,
        kind="calendar",
        day_id=days[NOWRUZ].id,
        condition={"crm.locale": "fa"},
        texts=_texts(_GIFT_NAMES),
        points=150,
        days_after=13,
        late_policy="immediate",
    )
    loyalty.occasions.create_rule(session, draft, actor=ctx.actor)
