"""The programme at a glance."""

from __future__ import annotations

from typing import Any

from flask import request

from dxp.api import AdminCall, needs
from dxp.api import gettext as _
from dxp_loyalty.permissions import LEDGER_READ
from dxp_loyalty.services.localized import in_locale
from dxp_loyalty.services.reports import months, totals
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of


@admin.page("GET", "/", access=needs(LEDGER_READ))
def overview(call: AdminCall) -> Any:
    """Points issued, spent and owed, month by month."""
    loyalty = loyalty_of(call)
    return call.render(
        "loyalty/overview.html",
        totals=totals(call.session),
        months=months(call.session, call.now),
        grants=loyalty.occasions.counts(call.session),
        rewards=[
            (in_locale(call.platform, version.texts, call.locale, "name"), reward.issued)
            for reward, version in loyalty.rewards.listed(call.session)[:8]
        ],
    )


@admin.page("GET", "/members", access=needs(LEDGER_READ))
def find_member(call: AdminCall) -> Any:
    """Go to a member's ledger by the shop's own number."""
    ref = request.args.get("ref", "").strip()
    subject_id = call.platform.subjects.find(call.session, "ref", ref) if ref else None
    if subject_id is None:
        call.toast(
            _(
                "No customer has the number “%(ref)s”; check it, or look under Customers.",
                ref=ref[:60],
            ),
            kind="warning",
        )
        return call.redirect("loyalty_admin.overview")
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)
