"""Why an entry is there, in words for its member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from dxp.api import Platform, format_money, format_number, gettext, isolated
from dxp_loyalty.models import EarningRuleVersion, Entry, EntryNote, RewardVersion
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.points_text import rate_text
from dxp_loyalty.services.transfers import SOURCE as TRANSFER


def why(
    platform: Platform,
    entry: Entry,
    *,
    note: EntryNote | None,
    rule: EarningRuleVersion | None,
    reward: RewardVersion | None,
    locale: str,
) -> str:
    """One sentence. It stays true, and grows shorter, when the person's notes are erased."""
    inputs: Mapping[str, Any] = {} if note is None else note.inputs
    if entry.kind == "earn":
        return _earned(platform, inputs, rule, locale)
    if entry.kind == "spend" and reward is not None:
        name = in_locale(platform, reward.texts, locale, "name")
        return gettext("Redeemed for “%(reward)s”", reward=isolated(name))
    if entry.kind == "transfer" and entry.source.startswith(TRANSFER):
        if entry.amount < 0:
            return gettext("Given to another member")
        return gettext("Given by another member")
    if entry.kind == "adjust":
        return _ADJUSTED.get(str(inputs.get("reason_code")), _other)()
    if entry.kind == "reverse":
        if entry.contra == "issued":
            return gettext("Taken back, because what earned these points was returned")
        if entry.contra == "expired":
            return gettext("No longer counted as expired, because what earned it was returned")
        return gettext("Given back, because a redemption was taken back")
    return _OTHERS[entry.kind]()


def is_gift(entry: Entry, rule: EarningRuleVersion | None) -> bool:
    """Whether points are those of a gift: earned, and by no rule of earning."""
    return entry.kind == "earn" and rule is None


def _earned(
    platform: Platform, inputs: Mapping[str, Any], rule: EarningRuleVersion | None, locale: str
) -> str:
    if rule is None:
        return gettext("A gift for a special day")
    name = isolated(rule_name(platform, rule, locale))
    if inputs.get("order_id") is None:
        said = gettext("Earned by the rule “%(rule)s”", rule=name)
    else:
        said = _with_order(inputs, name)
    limited = _LIMITED.get(str(inputs.get("limited_by")))
    return said if limited is None else f"{said} {limited()}"


def _with_order(inputs: Mapping[str, Any], rule: str) -> str:
    order = {
        "order": isolated(inputs["order_id"]),
        "total": format_money(Decimal(inputs["total"]), inputs["currency"]),
    }
    if "per" in inputs:
        rate = rate_text(Decimal(inputs["points"]), Decimal(inputs["per"]), inputs["currency"])
        if "base" in inputs:
            return gettext(
                "Earned with order %(order)s of %(total)s, of which %(base)s counted: %(rate)s, "
                "by the rule “%(rule)s”",
                base=format_money(Decimal(inputs["base"]), inputs["currency"]),
                rate=rate,
                rule=rule,
                **order,
            )
        return gettext(
            "Earned with order %(order)s of %(total)s: %(rate)s, by the rule “%(rule)s”",
            rate=rate,
            rule=rule,
            **order,
        )
    if "factor" in inputs:
        return gettext(
            "Earned with order %(order)s of %(total)s: %(of)s points count %(factor)s times, by "
            "the rule “%(rule)s”",
            of=format_number(int(inputs["of"])),
            factor=format_number(Decimal(inputs["factor"])),
            rule=rule,
            **order,
        )
    return gettext(
        "Earned with order %(order)s of %(total)s, by the rule “%(rule)s”", rule=rule, **order
    )


def rule_name(platform: Platform, rule: EarningRuleVersion, locale: str) -> str:
    """What members call a rule, in their language."""
    names: Mapping[str, str] = rule.definition.get("names") or {}
    settings = platform.settings.locale
    for candidate in [*settings.chain(locale), settings.default]:
        if names.get(candidate):
            return names[candidate]
    return rule.name


_LIMITED: dict[str, Callable[[], str]] = {
    "cap": lambda: gettext("(as much as the rule gives one member in its period)"),
    "budget": lambda: gettext("(what the campaign had left)"),
}


def _other() -> str:
    return gettext("Changed by the shop")


_ADJUSTED: dict[str, Callable[[], str]] = {
    "goodwill": lambda: gettext("A present from the shop"),
    "correction": lambda: gettext("Corrected by the shop"),
    "migration": lambda: gettext("Brought along from before"),
    "fraud": lambda: gettext("Corrected by the shop"),
}
_OTHERS: dict[str, Callable[[], str]] = {
    "spend": lambda: gettext("Spent"),
    "expire": lambda: gettext("Expired unused"),
    "transfer": lambda: gettext("Moved when two accounts were joined"),
}
