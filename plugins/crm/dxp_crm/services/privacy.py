"""One person's data: exported, erased, moved to another person, and split back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from dxp.api import (
    ErasureContext,
    MergeContext,
    PersonalData,
    PersonalRows,
    SubjectContext,
    UnmergeContext,
    plain,
    restored,
    snapshot_of,
)
from dxp_crm.models import (
    Consent,
    Customer,
    ImportEntry,
    Membership,
    MessageEntry,
    Note,
    Task,
    Ticket,
    TicketComment,
)
from dxp_crm.services import Crm
from dxp_crm.services.duplicates import forget_pairs
from dxp_crm.services.fields import merged_fields
from dxp_crm.services.folding import fold
from dxp_crm.services.registering import birthday_event
from dxp_crm.services.segments.privacy import (
    export_segments,
    forget_segments,
    merge_segments,
    unmerge_segments,
)
from dxp_crm.services.tags import drop_unused_tags, forget_tags, write_tags

FIELDS = ("ref", "name", "email", "phone", "locale", "timezone", "country", "birthday")
_CUSTOM = "fields."
_SHORTEST_NAME = 5
_BIRTHDAY = ("month", "day", "year", "calendar", "set_at", "edits")


def _consent(row: Consent) -> dict[str, Any]:
    return {
        "purpose": row.purpose,
        "granted": row.granted,
        "channel": row.channel,
        "text_version": row.text_version,
        "proof": row.proof,
        "recorded_at": row.recorded_at.isoformat(),
    }


def _note(row: Note) -> dict[str, Any]:
    return {"text": row.text, "at": row.created_at.isoformat()}


def _membership(row: Membership) -> dict[str, Any]:
    return {"organisation_id": str(row.organisation_id), "role": row.role}


def _task(row: Task) -> dict[str, Any]:
    return row.snapshot() | {"at": row.created_at.isoformat()}


def _ticket(row: Ticket) -> dict[str, Any]:
    return row.snapshot() | {"channel": row.channel, "at": row.created_at.isoformat()}


def _comment(row: TicketComment) -> dict[str, Any]:
    return {
        "ticket_id": str(row.ticket_id),
        "public": row.public,
        "text": row.text,
        "at": row.created_at.isoformat(),
    }


def _message(row: MessageEntry) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "purpose": row.purpose,
        "consent": row.consent,
        "status": row.status,
        "title": row.title,
        "text": row.text,
        "at": row.created_at.isoformat(),
    }


class _ImportedRows:
    """What imports noted of a customer, to be able to take it back."""

    key = "imports"

    def export(self, ctx: SubjectContext) -> list[Mapping[str, Any]]:
        query = select(ImportEntry).where(ImportEntry.object_id == ctx.subject_id)
        return [
            {"at": entry.at.isoformat(), "action": entry.action, "before": entry.before}
            for entry in ctx.session.scalars(query.order_by(ImportEntry.at))
        ]

    def erase(self, ctx: ErasureContext) -> None:
        gone = ImportEntry.object_id.in_(ctx.subject_ids)
        ctx.session.execute(delete(ImportEntry).where(gone))
        if ctx.asked:
            ctx.platform.services.get(Crm).imports.forgetting.note(ctx.session, ctx.subject_ids)

    def merge(self, ctx: MergeContext) -> None:
        """Nothing moves: who was merged was touched, and stays out of a revert."""

    def unmerge(self, ctx: UnmergeContext) -> None:
        """Nothing moved."""


PERSONAL: tuple[PersonalData, ...] = (
    PersonalRows("consents", Consent, show=_consent),
    PersonalRows("notes", Note, show=_note),
    PersonalRows("memberships", Membership, show=_membership),
    # What refers to tickets goes before them.
    PersonalRows("tasks", Task, show=_task),
    PersonalRows("messages", MessageEntry, show=_message),
    PersonalRows("ticket_comments", TicketComment, show=_comment),
    PersonalRows("tickets", Ticket, show=_ticket),
    _ImportedRows(),
)
"""Every table of the plugin that holds data of persons, but the customers' own.

A new one is added here: `PersonalRows` for one with `subject_id` and `origin_id`, and a class of
its own for any other.
"""


def export_subject(ctx: SubjectContext) -> Mapping[str, Any]:
    """The profile, and all personal rows."""
    customer = ctx.session.get(Customer, ctx.subject_id)
    if customer is None:
        return {}
    profile = customer.snapshot() | {"created_at": customer.created_at.isoformat()}
    parts = {part.key: part.export(ctx) for part in PERSONAL}
    return {"customer": profile, "segments": export_segments(ctx)} | parts


def erase_subjects(ctx: ErasureContext) -> None:
    """All of it goes; nothing else of the plugin names the persons."""
    crm = ctx.platform.services.get(Crm)
    if ctx.asked:
        crm.imports.forget(ctx.session, ctx.subject_ids, _names_in_files(ctx))
    for part in PERSONAL:
        part.erase(ctx)
    forget_pairs(ctx.session, ctx.subject_ids)
    carried = forget_tags(ctx.session, ctx.subject_ids)
    # A word that only they carried may well be about them.
    drop_unused_tags(ctx.session, carried)
    forget_segments(ctx.session, ctx.subject_ids)
    ctx.session.execute(delete(Customer).where(Customer.subject_id.in_(ctx.subject_ids)))


def _names_in_files(ctx: ErasureContext) -> list[str]:
    """What tells rows of a file apart from those of others; short numbers stand everywhere."""
    rows = ctx.session.execute(
        select(Customer.ref, Customer.email, Customer.phone).where(
            Customer.subject_id.in_(ctx.subject_ids)
        )
    )
    found = [name for row in rows for name in row]
    # The profile of somebody who was merged is gone, but for what undoing that needs.
    merges = ctx.platform.privacy.merges
    for undo in merges.kept_of(ctx.session, ctx.subject_ids, plugin="crm"):
        found += [undo["loser"].get(name) for name in ("ref", "email", "phone")]
    return [name for name in found if name and len(name) >= _SHORTEST_NAME]


def merge_subjects(ctx: MergeContext) -> Mapping[str, Any]:
    """Rows move; of the profile `ctx.choices` stays, or else the winner's gains what it lacks.

    Somebody without a profile has nothing to choose between: the other's is kept as it is.
    """
    loser = ctx.session.get(Customer, ctx.loser_id)
    winner = ctx.session.get(Customer, ctx.winner_id)
    if loser is None:
        return {}
    if winner is None:
        winner = Customer(
            subject_id=ctx.winner_id, tags=[], created_at=loser.created_at, updated_at=_now(ctx)
        )
        ctx.session.add(winner)
        ctx.session.flush()
    for part in PERSONAL:
        part.merge(ctx)
    forget_pairs(ctx.session, [ctx.loser_id])
    before, brought = _values(winner), _values(loser)
    row = snapshot_of(loser)
    forget_tags(ctx.session, [ctx.loser_id])
    segments = merge_segments(ctx)
    ctx.session.delete(loser)
    ctx.session.flush()
    for name in _names(before, brought):
        choice = ctx.choices.get(f"crm.{name}")
        if choice == "loser" or (choice != "winner" and _missing(before.get(name))):
            _write(winner, name, brought.get(name))
    winner.tags = sorted({*before["tags"], *brought["tags"]})
    _finish(ctx, winner)
    _tell_birthday(ctx, winner, before, whose=ctx.loser_id)
    return {"loser": row, "before": before, "after": _values(winner), "segments": segments}


def unmerge_subjects(ctx: UnmergeContext) -> None:
    """The loser's profile comes back as it was; the winner's loses what it gained from it.

    What was changed since the merge stays with the winner.
    """
    if not ctx.undo:
        return
    winner = ctx.session.get_one(Customer, ctx.winner_id)
    before, after = ctx.undo["before"], ctx.undo["after"]
    now = _values(winner)
    for name in _names(before, after):
        if now.get(name) == after.get(name) != before.get(name):
            _write(winner, name, before.get(name))
    gained = {*after["tags"]} - {*before["tags"]}
    winner.tags = [tag for tag in winner.tags if tag not in gained]
    _finish(ctx, winner)
    _tell_birthday(ctx, winner, now)
    loser = restored(Customer, ctx.undo["loser"])
    ctx.session.add(loser)
    ctx.session.flush()
    write_tags(ctx.session, [loser], now=_now(ctx))
    for part in PERSONAL:
        part.unmerge(ctx)
    unmerge_segments(ctx, ctx.undo["segments"])


def _values(customer: Customer) -> dict[str, Any]:
    """What can be chosen or compared, JSON-ready; the birthday is one value with its parts."""
    values = {name: getattr(customer, name) for name in FIELDS if name != "birthday"}
    values["birthday"] = [plain(getattr(customer, f"birthday_{part}")) for part in _BIRTHDAY]
    own = {f"{_CUSTOM}{key}": value for key, value in customer.fields.items()}
    return values | own | {"tags": list(customer.tags)}


def _names(*sides: Mapping[str, Any]) -> list[str]:
    """The fields that can be chosen: those of every customer, and the custom ones of either."""
    custom = {name for side in sides for name in side if name.startswith(_CUSTOM)}
    return [*FIELDS, *sorted(custom)]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, list) and value[0] is None)


def _write(customer: Customer, name: str, value: Any) -> None:
    if name.startswith(_CUSTOM):
        told = {name.removeprefix(_CUSTOM): value}
        customer.fields = merged_fields(customer.fields, told)
        return
    if name != "birthday":
        setattr(customer, name, value)
        return
    for part, item in zip(_BIRTHDAY, value, strict=True):
        moment = part == "set_at" and item is not None
        setattr(customer, f"birthday_{part}", datetime.fromisoformat(item) if moment else item)


def _finish(ctx: MergeContext, winner: Customer) -> None:
    named = (winner.name, winner.ref, winner.email, winner.phone)
    winner.search = fold(" ".join(filter(None, named)))[:600]
    winner.version += 1
    winner.updated_at = _now(ctx)
    ctx.session.flush()
    write_tags(ctx.session, [winner], now=winner.updated_at)


def _tell_birthday(
    ctx: MergeContext,
    winner: Customer,
    before: Mapping[str, Any],
    *,
    whose: uuid.UUID | None = None,
) -> None:
    """Let those who plan by birthdays know of one that was chosen instead of another."""
    if _values(winner)["birthday"] != before["birthday"]:
        event = replace(birthday_event(winner), origin_id=whose)
        ctx.platform.events.publish_many(ctx.session, [event])


def _now(ctx: MergeContext) -> datetime:
    return ctx.platform.clock.now()


def choices_of(winner: Customer, loser: Customer) -> list[tuple[str, str, str]]:
    """Fields in which two customers differ, with both values as text, for who chooses."""
    one, other = _values(winner), _values(loser)
    return [
        (name, _text(one.get(name)), _text(other.get(name)))
        for name in _names(one, other)
        if one.get(name) != other.get(name)
    ]


def _text(value: Any) -> str:
    if _missing(value):
        return ""
    if isinstance(value, list):
        return " ".join(str(part) for part in value[:4] if part is not None)
    return str(value)
