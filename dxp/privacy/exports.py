"""A copy of all that is known of one person: JSON for machines, one page for people."""

from __future__ import annotations

import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dxp.auth.actors import Actor, SystemActor
from dxp.contracts import Profiles
from dxp.errors import Conflict, NotFound
from dxp.events import EventRow
from dxp.i18n import gettext
from dxp.plugins.contexts import SubjectContext
from dxp.plugins.spec import Plugin
from dxp.privacy.models import Export, ExportPart, PrivacyRequest
from dxp.privacy.page import write_page
from dxp.subjects import SubjectKey

if TYPE_CHECKING:
    from dxp.platform import Platform

BUILD = "dxp.privacy.build_export"
SMALL = 2_000
"""With so many events a copy is made at once, with more by a job."""
KEPT = timedelta(days=7)
PART_BYTES = 1 << 20
_SHOWN_EVENTS = 500


class Exports:
    """The only writer of exports. A copy can be fetched once, within seven days."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def ask(self, session: Session, actor: Actor, *, subject_id: uuid.UUID) -> Export:
        """Have a copy made: at once when the person's history is short, else by a job.

        Raises:
            NotFound: there is no such person (`unknown_subject`).
        """
        subject_id = self._platform.subjects.get(session, subject_id)
        now = self._platform.clock.now()
        export = Export(
            subject_id=subject_id,
            locale=self._locale_of(session, subject_id),
            asked_by=actor.key,
            asked_at=now,
            expires_at=now + KEPT,
            state="queued",
        )
        session.add(export)
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action="core.export.asked",
            object_type="privacy_export",
            object_id=export.id,
            subject_id=subject_id,
        )
        events = select(EventRow.id).where(EventRow.subject_id == subject_id).limit(SMALL + 1)
        if len(session.scalars(events).all()) > SMALL:
            self._platform.jobs.enqueue(session, BUILD, {"export_id": str(export.id)})
        else:
            self.build(session, export.id)
        return export

    def build(self, session: Session, export_id: uuid.UUID) -> None:
        """Make the copy; harmless when it was made, or the person erased, meanwhile."""
        export = session.get(Export, export_id)
        if export is None or export.state != "queued":
            return
        with tempfile.SpooledTemporaryFile(max_size=8 * PART_BYTES) as file:
            self._write(session, export, file)
            export.size = file.tell()
            file.seek(0)
            for number in range(export.size // PART_BYTES + 1):
                data = file.read(PART_BYTES)
                session.add(ExportPart(export_id=export.id, number=number, data=data))
                session.flush()
        export.state = "ready"
        session.flush()

    def fetch(
        self, session: Session, actor: Actor, *, export_id: uuid.UUID, owner_id: uuid.UUID | None
    ) -> Sequence[bytes]:
        """The ZIP file, part by part. It is gone afterwards.

        Args:
            owner_id: only the copy of this person; None for staff.

        Raises:
            NotFound: there is none (`unknown_export`).
            Conflict: it is not ready yet (`export_not_ready`), or it was fetched or has expired
                (`export_gone`).
        """
        export = self.get(session, export_id, owner_id=owner_id, lock=True)
        if export.state == "queued":
            raise Conflict(
                gettext("The copy is still being made; come back in a minute"),
                code="export_not_ready",
            )
        if export.state != "ready" or export.expires_at <= self._platform.clock.now():
            raise Conflict(
                gettext("The copy was fetched before or has expired; ask for a new one"),
                code="export_gone",
            )
        export.state = "fetched"
        parts = session.scalars(
            select(ExportPart.data)
            .where(ExportPart.export_id == export.id)
            .order_by(ExportPart.number)
        ).all()
        session.execute(delete(ExportPart).where(ExportPart.export_id == export.id))
        self._platform.audit.record(
            session,
            actor,
            action="core.export.fetched",
            object_type="privacy_export",
            object_id=export.id,
            subject_id=export.subject_id,
        )
        return parts

    @staticmethod
    def get(
        session: Session,
        export_id: uuid.UUID,
        *,
        owner_id: uuid.UUID | None = None,
        lock: bool = False,
    ) -> Export:
        """One export; with `owner_id`, only if it is that person's.

        Raises:
            NotFound: there is none (`unknown_export`).
        """
        query = select(Export).where(Export.id == export_id)
        export = session.scalar(query.with_for_update() if lock else query)
        if export is None or owner_id not in (None, export.subject_id):
            raise NotFound(
                gettext("There is no copy with this id; ask for one first"), code="unknown_export"
            )
        return export

    def drop_expired(self, session: Session) -> None:
        """Delete copies that nobody fetched in time."""
        late = select(Export.id).where(
            Export.expires_at <= self._platform.clock.now(), Export.state.in_(["queued", "ready"])
        )
        ids = session.scalars(late).all()
        session.execute(delete(ExportPart).where(ExportPart.export_id.in_(ids)))
        session.execute(update(Export).where(Export.id.in_(ids)).values(state="expired"))

    def _locale_of(self, session: Session, subject_id: uuid.UUID) -> str:
        settings = self._platform.settings.locale
        profiles = self._platform.services.find(Profiles)
        found = profiles.attributes(session, [subject_id]) if profiles else {}
        wanted = str(found.get(subject_id, {}).get("locale") or "")
        for name in (wanted, wanted.partition("-")[0]):
            if name in settings.available:
                return name
        return settings.default

    def _write(self, session: Session, export: Export, file: IO[bytes]) -> None:
        actor = SystemActor(name="privacy")
        context = SubjectContext(
            session=session, platform=self._platform, subject_id=export.subject_id, actor=actor
        )
        shares: dict[str, Mapping[str, Any]] = {"core": self._core(session, export.subject_id)}
        for answer in self._platform.plugins.call(Plugin.export_subject, context):
            if answer.value:
                shares[answer.plugin] = answer.value
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, share in shares.items():
                archive.writestr(f"{name}.json", orjson.dumps(share, default=str, option=_PRETTY))
            shown: list[Mapping[str, Any]] = []
            with archive.open("events.json", "w") as out:
                for number, item in enumerate(self._events(session, export.subject_id)):
                    out.write(b"[\n" if number == 0 else b",\n")
                    out.write(orjson.dumps(item, default=str))
                    if number < _SHOWN_EVENTS:
                        shown.append(item)
                out.write(b"\n]\n" if shown else b"[]\n")
            titles = {
                plugin.name: plugin.plugin.title or plugin.name for plugin in self._platform.plugins
            }
            page = write_page({**shares, "events": {"events": shown}}, titles, export.locale)
            archive.writestr("index.html", page)

    @staticmethod
    def _core(session: Session, subject_id: uuid.UUID) -> dict[str, Any]:
        keys = session.execute(
            select(SubjectKey.scheme, func.min(SubjectKey.created_at), func.count())
            .where(SubjectKey.subject_id == subject_id)
            .group_by(SubjectKey.scheme)
        )
        requests = session.scalars(
            select(PrivacyRequest)
            .where(PrivacyRequest.subject_id == subject_id)
            .order_by(PrivacyRequest.id)
        )
        return {
            "id": str(subject_id),
            "names": [
                {"kind": kind, "since": since.isoformat(), "number": number}
                for kind, since, number in keys
            ],
            "requests": [
                {
                    "kind": row.kind,
                    "asked_at": row.asked_at.isoformat(),
                    "details": row.details,
                    "state": row.state,
                    "answer": row.answer,
                }
                for row in requests
            ],
        }

    @staticmethod
    def _events(session: Session, subject_id: uuid.UUID) -> Iterator[dict[str, Any]]:
        """Latest first, in constant memory."""
        rows = session.scalars(
            select(EventRow)
            .where(EventRow.subject_id == subject_id)
            .order_by(EventRow.occurred_at.desc(), EventRow.id.desc())
            .execution_options(yield_per=500)
        )
        for row in rows:
            yield {
                "type": row.type,
                "at": row.occurred_at.isoformat(),
                "source": row.source,
                "data": row.data,
            }


_PRETTY = orjson.OPT_INDENT_2
