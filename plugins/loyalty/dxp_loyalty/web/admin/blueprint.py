"""The blueprint that the pages share, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale

from dxp.api import AdminBlueprint, AdminCall
from dxp.api import gettext as _
from dxp_loyalty.services.loyalty import Loyalty

admin = AdminBlueprint("loyalty_admin", __name__, url_prefix="/admin/loyalty")


def loyalty_of(call: AdminCall) -> Loyalty:
    """The plugin's services."""
    return call.platform.services.get(Loyalty)


def languages(call: AdminCall) -> list[tuple[str, str]]:
    """Codes and names of the languages that texts may be written in."""
    return [
        (code, Locale.parse(code).get_display_name(call.locale) or code)
        for code in call.platform.settings.locale.available
    ]


def texts_from(call: AdminCall) -> dict[str, dict[str, str]]:
    """Names and descriptions as the form has them: fields `name_<locale>` and so on.

    Languages without a name are left out.
    """
    texts: dict[str, dict[str, str]] = {}
    for locale in call.platform.settings.locale.available:
        name = call.form.get(f"name_{locale}", "").strip()[:120]
        if name:
            description = call.form.get(f"description_{locale}", "").strip()[:2000]
            texts[locale] = {"name": name, "description": description}
    return texts


def missing_words(call: AdminCall, key: str | None) -> dict[str, list[str]]:
    """What a definition still lacks to be spoken of: a key, or a name in any language."""
    if not key:
        return {"key": [_("Give it a key.")]}
    return {} if texts_from(call) else {"_schema": [_("Give it a name in one language at least.")]}


def text_values(texts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The reverse of `texts_from`, for filling the form."""
    return {
        f"{key}_{locale}": str(value)
        for locale, words in texts.items()
        for key, value in words.items()
    }


def tell(call: AdminCall, errors: Mapping[str, Any]) -> None:
    """Say in the corner what a small form, without a page of its own, did not accept."""
    for messages in errors.values():
        call.toast(" ".join(str(message) for message in messages), kind="danger")
