"""Texts that staff keep by locale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dxp.api import Platform
from dxp_loyalty.services.balances import Wallet


def wallet_names(platform: Platform, wallets: Iterable[Wallet], locale: str) -> dict[str, str]:
    """What wallets are called, by key; the key itself where nobody named one."""
    return {
        wallet.balance.wallet: in_locale(platform, wallet.texts, locale, "name")
        or wallet.balance.wallet
        for wallet in wallets
    }


def in_locale(
    platform: Platform, texts: Mapping[str, Mapping[str, Any]], locale: str, key: str
) -> str:
    """The text `key` in `locale`, else in the locale that it falls back to, else in any."""
    settings = platform.settings.locale
    for candidate in [*settings.chain(locale), settings.default, *texts]:
        value = texts.get(candidate, {}).get(key)
        if value:
            return str(value)
    return ""
