"""A member's ledger: read, verify, adjust."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import date, datetime, timedelta
from typing import Any

from flask import make_response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates
from sqlalchemy import Select, select

from dxp.api import AdminCall, Problem, format_number, hidden_profile_fields, needs, paginate
from dxp.api import gettext as _
from dxp.contracts import Profiles
from dxp_loyalty.models import Account, Entry
from dxp_loyalty.permissions import ADJUST, LEDGER_READ, OCCASIONS_WRITE, TIERS_WRITE
from dxp_loyalty.services.amounts import MAX_POINTS
from dxp_loyalty.services.balances import balance_as_of
from dxp_loyalty.services.explain import why
from dxp_loyalty.services.invariants import verify_account
from dxp_loyalty.services.localized import wallet_names
from dxp_loyalty.services.months import DAY, midnight
from dxp_loyalty.services.planning import BIRTHDAY
from dxp_loyalty.services.statements import NEWEST_FIRST, entries_query
from dxp_loyalty.services.tier_views import tier_view
from dxp_loyalty.web import tier_present
from dxp_loyalty.web.admin.blueprint import admin, loyalty_of, tell
from dxp_loyalty.web.admin.words import kinds, reason_text, states, tier_causes
from dxp_loyalty.web.schemas import KEY

KINDS = ("earn", "spend", "expire", "adjust", "reverse", "transfer")
TIER_CHANGES = 10


class AdjustmentForm(Schema):
    """Points to add or to take, and why."""

    points = fields.Integer(required=True, validate=validate.Range(-MAX_POINTS, MAX_POINTS))
    reason_code = fields.String(required=True, validate=KEY)
    note = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 500))
    once = fields.UUID(required=True)

    @validates("points")
    def check_points(self, value: int, **_options: Any) -> None:
        if value == 0:
            raise ValidationError(_("Zero moves no points."))


class LedgerQuery(Schema):
    """Which lines to show; both days are with them, in the programme's zone."""

    class Meta:
        unknown = EXCLUDE

    kind = fields.String(load_default="", validate=validate.OneOf(["", *KINDS]))
    since = fields.Date(load_default=None, allow_none=True)
    until = fields.Date(load_default=None, allow_none=True)


@admin.page("GET", "/members/<uuid:subject_id>", access=needs(LEDGER_READ), paged=True)
def show_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Wallets, tier, gifts, and the ledger line by line."""
    loyalty = loyalty_of(call)
    asked = _asked()
    page = paginate(call, _lines(call, subject_id, asked), keys=NEWEST_FIRST)
    view = tier_view(
        call.session,
        subject_id,
        plans=loyalty.tier_plans,
        counting=loyalty.tier_counting,
        standings=loyalty.tiers,
    )
    lines = [
        {
            "entry": row[0],
            "note": row[1],
            "why": why(
                call.platform, row[0], note=row[1], rule=row[2], reward=row[3], locale=call.locale
            ),
        }
        for row in page.items
    ]
    wallets = loyalty.points.wallets(call.session, subject_id)
    profiles = call.platform.services.find(Profiles)
    name = None if profiles is None else profiles.display_name(call.session, subject_id)
    hidden = hidden_profile_fields(call.platform, call.session, call.actor)
    return call.render(
        "loyalty/member.html",
        subject_id=subject_id,
        name=name or str(subject_id),
        wallets=wallets,
        wallet_names=wallet_names(call.platform, wallets, call.locale),
        lines=lines,
        next_cursor=page.next,
        gifts=[
            gift
            for gift in loyalty.occasions.gifts(call.session, subject_id)
            if gift.rule.kind != BIRTHDAY or "birthday" not in hidden
        ],
        kinds=kinds(),
        asked=asked,
        balance_then=_balance_then(call, subject_id, asked["until"]),
        tier=None if view is None else tier_present.shown(call.platform, view, call.locale),
        tier_changes=loyalty.tiers.history(call.session, subject_id)[:TIER_CHANGES],
        tier_causes=tier_causes(),
        requests=[
            row
            for row in loyalty.approvals.of_member(call.session, subject_id)
            if row.state == "pending"
        ],
        may_tier=call.actor.may(TIERS_WRITE),
        states=dict(states()),
        reason_text=reason_text,
        reasons=[
            (reason.key, reason.name)
            for reason in loyalty.reasons.listed(call.session, call.locale)
            if reason.active
        ],
        once=uuid.uuid4(),
        may_adjust=call.actor.may(ADJUST),
    )


@admin.page("GET", "/members/<uuid:subject_id>/ledger.csv", access=needs(LEDGER_READ))
def export_ledger(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """The lines that the page shows, all of them, for a spreadsheet."""
    query = _lines(call, subject_id, _asked()).order_by(Entry.seq)
    file = io.StringIO()
    file.write("\ufeff")  # spreadsheet programs take the file for UTF-8 by it
    table = csv.writer(file)
    table.writerow(["no", "when", "kind", "points", "balance", "why", "note", "actor", "source"])
    for entry, note, rule, reward in call.session.execute(query):
        reason = why(call.platform, entry, note=note, rule=rule, reward=reward, locale=call.locale)
        words = [reason, "" if note is None else note.note, entry.actor, entry.source]
        table.writerow(
            [
                entry.seq,
                entry.effective_at.isoformat(),
                entry.kind,
                entry.amount,
                entry.balance_after,
                *map(_cell, words),
            ]
        )
    response = make_response(file.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="ledger.csv"'
    return response


@admin.page(
    "POST", "/members/<uuid:subject_id>/verify", access=needs(LEDGER_READ), transaction="read"
)
def verify_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Check the chain of the member's accounts."""
    accounts = call.session.scalars(select(Account).where(Account.subject_id == subject_id)).all()
    entries, faults = 0, []
    for account in accounts:
        report = verify_account(call.session, account)
        entries += report.entries
        faults += report.violations
    if faults:
        call.toast(
            _(
                "The chain is broken at %(where)s: the ledger was changed from outside. "
                "Restore it from a backup, and find out who had access.",
                where=faults[0].where,
            ),
            kind="danger",
        )
    else:
        call.toast(_("The chain of %(count)s entries is whole.", count=format_number(entries)))
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


@admin.page("POST", "/members/<uuid:subject_id>/adjust", access=needs(ADJUST))
def adjust_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Add or take points by hand."""
    values, errors = call.load(AdjustmentForm())
    if not errors:
        once = f"form:{values.pop('once')}"
        values["note"] = values["note"] or ""
        try:
            outcome = loyalty_of(call).approvals.adjust(
                call.session, subject_id, actor=call.actor, once=once, **values
            )
            if outcome.request is None:
                call.toast(_("The points are adjusted."))
            else:
                call.toast(
                    _("So many points take a second person; the adjustment waits for one."),
                    kind="info",
                )
        except Problem as problem:
            errors = call.errors_of(problem)
    tell(call, errors)
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


@admin.page("POST", "/members/<uuid:subject_id>/occasions", access=needs(OCCASIONS_WRITE))
def pause_member(call: AdminCall, subject_id: uuid.UUID) -> Any:
    """Stop all gifts for a member who has died, or go on after a mistake."""
    paused = call.form.get("paused") == "true"
    loyalty_of(call).membership.pause(call.session, subject_id, paused=paused, actor=call.actor)
    call.toast(_("Gifts are stopped.") if paused else _("Gifts go on."))
    return call.redirect("loyalty_admin.show_member", subject_id=subject_id)


def _asked() -> dict[str, Any]:
    """The filter as far as it can be read; what cannot is left out."""
    data = {name: value for name, value in request.args.items() if value.strip()}
    schema = LedgerQuery()
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        wrong = error.normalized_messages()  # type: ignore[no-untyped-call]
        loaded = schema.load({name: data[name] for name in data if name not in wrong})
    return loaded


def _lines(
    call: AdminCall, subject_id: uuid.UUID, asked: dict[str, Any]
) -> Select[*tuple[Any, ...]]:
    settings = loyalty_of(call).settings
    query = entries_query(subject_id, wallet=settings.wallet)
    if asked["kind"]:
        query = query.where(Entry.kind == asked["kind"])
    if asked["since"] is not None:
        query = query.where(Entry.effective_at >= midnight(asked["since"], settings.timezone))
    if asked["until"] is not None:
        query = query.where(Entry.effective_at < _end(asked["until"], settings.timezone))
    return query


def _balance_then(call: AdminCall, subject_id: uuid.UUID, until: date | None) -> int | None:
    """The balance at the end of a day."""
    settings = loyalty_of(call).settings
    account_id = call.session.scalar(
        select(Account.id).where(
            Account.subject_id == subject_id, Account.wallet == settings.wallet
        )
    )
    if until is None or account_id is None:
        return None
    moment = _end(until, settings.timezone) - timedelta(microseconds=1)
    return balance_as_of(call.session, account_id, moment)


def _end(day: date, zone: str) -> datetime:
    return midnight(min(day, date(9998, 12, 30)) + DAY, zone)


def _cell(text: str) -> str:
    """No text of ours becomes a formula of a spreadsheet program."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
