"""The audit log: who did what, when, to what."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.audit import AuditEntry, AuditFilter
from dxp.errors import NotFound
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import AuditViewContext, MenuEntry
from dxp.plugins.spec import Plugin
from dxp.web.access import needs
from dxp.web.pagination import paginate

READ = "core.audit.read"
HIDDEN = "•••"
AUDIT_MENU = MenuEntry(
    label=_l("Audit log"),
    endpoint="audit.log",
    permission=READ,
    icon="journal-text",
    section="system",
    order=40,
)


def audit_blueprint() -> AdminBlueprint:
    """The blueprint `audit`."""
    audit = AdminBlueprint("audit", __name__, url_prefix="/admin/audit")

    @audit.page("GET", "/", access=needs(READ), paged=True)
    def log(call: AdminCall) -> Any:
        """Entries, newest first."""
        asked = {
            name: request.args.get(name, "").strip()
            for name in ("who", "action", "object_type", "object_id", "subject", "since", "until")
        }
        page = paginate(
            call,
            call.platform.audit.matching(_filter(call, asked)),
            keys=[(AuditEntry.seq, "desc")],
        )
        return call.render("dxp/audit/log.html", page=page, asked=asked)

    @audit.page("GET", "/<int:seq>", access=needs(READ))
    def entry(call: AdminCall, seq: int) -> Any:
        """One entry, with what was changed."""
        found = call.session.get(AuditEntry, seq) if seq < 2**63 else None
        if found is None:
            raise NotFound("There is no entry with this number; look for it in the audit log")
        return call.render("dxp/audit/entry.html", entry=found, changes=_changes(call, found))

    return audit


def _filter(call: AdminCall, asked: dict[str, str]) -> AuditFilter:
    """What can be read of the filter; a date or an id that is none does not restrict."""
    zone = call.zone
    since, until = _day(asked["since"]), _day(asked["until"])
    return AuditFilter(
        who=asked["who"],
        action=asked["action"],
        object_type=asked["object_type"],
        object_id=asked["object_id"],
        subject_id=_uuid(asked["subject"]),
        since=_midnight(since, zone) if since else None,
        until=_midnight(until + timedelta(days=1), zone) if until else None,
    )


def _changes(call: AdminCall, entry: AuditEntry) -> list[tuple[str, str | None, str | None]]:
    """Field, old value, new value; None where there is none, dots where it is kept back."""
    before, after = entry.before or {}, entry.after or {}
    names = list(before) + [name for name in after if name not in before]
    context = AuditViewContext(
        session=call.session,
        platform=call.platform,
        actor=call.actor,
        object_type=entry.object_type,
        names=names,
    )
    answers = call.platform.plugins.call(Plugin.hidden_audit_values, context)
    hidden = {name for answer in answers for name in answer.value}
    return [
        (name, HIDDEN, HIDDEN)
        if name in hidden
        else (name, _shown(before, name), _shown(after, name))
        for name in names
    ]


def _shown(side: dict[str, Any], name: str) -> str | None:
    value = side.get(name)
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # Beyond these years midnight in UTC may lie outside of what a date can be.
    return found if 1900 <= found.year <= 9000 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
