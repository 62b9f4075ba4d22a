"""Large exports: a job makes the file, and who asked for it fetches it within a day."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, Forbidden, NotFound, Platform, SystemActor, uuid7
from dxp.api import gettext as _
from dxp_crm.models import PERSON, Customer, Export, SavedView, SegmentMember
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.exporting import Chosen, ExportService
from dxp_crm.services.importing.forgetting import ERASED, Told, names_in_csv
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.segments import Segments
from dxp_crm.services.texts import in_locale
from dxp_crm.services.views import ViewService
from dxp_crm.services.visibility import FieldAccess, Visibility

BUILD = "crm.export_build"
# What may be asked for was checked when it was asked for, by who may see what.
BUILDER = SystemActor(name="export")
KEPT = timedelta(hours=24)
TOLD_EVERY = 5_000
QUEUED, READY, FAILED = "queued", "ready", "failed"


class ExportFiles:
    """The only writer of exports that jobs make."""

    def __init__(
        self,
        platform: Platform,
        exports: ExportService,
        *,
        customers: CustomerService,
        segments: Segments,
        views: ViewService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._exports = exports
        self._customers = customers
        self._segments = segments
        self._views = views
        self._visibility = visibility

    def ask(self, session: Session, actor: Actor, wanted: Mapping[str, Any]) -> Export:
        """Have a file made.

        Args:
            wanted: `text` and `tag` of the list of customers, or the id of a saved `view`, or the
                key of a `segment`; nothing for all customers.

        Raises:
            NotFound: there is no such view or segment.
            Forbidden: it asks for a field that is hidden from the actor (`field_restricted`).
        """
        access = self._visibility.of(session, actor)
        name, told, only = self._described(session, actor, wanted)
        told["hidden"] = sorted(access.hidden.get(PERSON, ()))
        self._chosen(session, actor, told, access)
        columns = self._exports.begin(session, actor, access, about=dict(wanted), only=only)
        now = self._platform.clock.now()
        export = Export(
            id=uuid7(),
            name=name[:200],
            wanted=told,
            columns=columns,
            state=QUEUED,
            rows=0,
            size=0,
            actor_key=actor.key,
            actor_label=actor.label[:200],
            created_at=now,
            expires_at=now + KEPT,
        )
        session.add(export)
        session.flush()
        self._platform.jobs.enqueue(session, BUILD, {"export_id": str(export.id)})
        return export

    def build(self, export_id: uuid.UUID) -> None:
        """Write the file, from one snapshot of the database; begun again, it begins anew."""
        with self._platform.db.write() as session:
            export = session.get(Export, export_id)
            if export is None or export.state != QUEUED:
                return
            export.rows = 0
        access = FieldAccess(hidden={PERSON: frozenset(export.wanted["hidden"])})
        path = self._path(export_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._platform.db.read() as session:
            chosen = self._chosen(session, BUILDER, export.wanted, access)
            total = session.scalar(chosen.with_only_columns(func.count(Customer.subject_id)))
        self._tell(export_id, total=total)
        file_of = Chosen(
            choose=lambda session, _access: self._chosen(session, BUILDER, export.wanted, access),
            access=access,
            columns=export.columns,
        )
        with path.open("w", encoding="utf-8", newline="") as file:
            path.chmod(0o600)
            # The first two are the mark of the encoding and the heading.
            for number, line in enumerate(self._exports.written(file_of), start=-1):
                file.write(line)
                if number > 0 and number % TOLD_EVERY == 0:
                    self._tell(export_id, rows=number)
        self._tell(export_id, rows=max(number, 0), state=READY, size=path.stat().st_size)

    def listed(self, actor: Actor) -> Select[Export]:
        """What the actor asked for, not yet sorted."""
        return select(Export).where(Export.actor_key == actor.key)

    def fetch(self, session: Session, actor: Actor, export_id: uuid.UUID) -> tuple[Export, Path]:
        """A file that is ready, for who asked for it.

        Raises:
            NotFound: there is none, it is somebody else's, or its time is over (`unknown_export`).
            Conflict: it is not ready (`export_not_ready`), or somebody in it was erased since
                (`export_gone`).
            Forbidden: the actor no longer sees one of its columns (`field_restricted`).
        """
        export = session.scalar(self.listed(actor).where(Export.id == export_id))
        if export is None or export.expires_at <= self._platform.clock.now():
            raise NotFound(
                _("The file is not there: files are kept for 24 hours. Have it made anew."),
                code="unknown_export",
            )
        if export.state == QUEUED:
            raise Conflict(
                _("The file is still being made; come back in a minute."), code="export_not_ready"
            )
        path = self._path(export_id)
        if export.state != READY or not path.is_file():
            raise Conflict(
                _("The file was deleted, because somebody in it was erased. Have it made anew."),
                code="export_gone",
            )
        access = self._visibility.of(session, actor)
        if set(access.hidden.get(PERSON, ())) - set(export.wanted["hidden"]):
            raise Forbidden(
                _("Some of its columns are kept for other roles by now. Have it made anew."),
                code="field_restricted",
            )
        self._platform.audit.record(
            session,
            actor,
            action="crm.customers.fetched",
            object_type="export",
            object_id=str(export.id),
        )
        return export, path

    def fail(self, export_id: uuid.UUID) -> None:
        """Note that the file cannot be made, because what it is of is gone or hidden by now."""
        self._tell(export_id, state=FAILED)
        self._path(export_id).unlink(missing_ok=True)

    def drop_expired(self, session: Session) -> int:
        """Forget exports whose time is over, with their files; returns how many."""
        late = session.scalars(
            select(Export).where(Export.expires_at <= self._platform.clock.now()).limit(500)
        ).all()
        for export in late:
            session.delete(export)
            unlink = partial(self._path(export.id).unlink, missing_ok=True)
            self._platform.db.after_commit(session, unlink)
        session.flush()
        return len(late)

    def forget(self, told_since: Callable[[datetime], Told]) -> bool:
        """Drop files that name somebody who was erased; whether one is still being made."""
        with self._platform.db.read() as session:
            exports = session.scalars(select(Export)).all()
        busy = False
        for export in exports:
            path = self._path(export.id)
            if export.state == QUEUED:
                busy = True
            elif (
                export.state == READY
                and path.is_file()
                and names_in_csv(path, told_since(export.created_at))
            ):
                path.unlink()
                self._tell(export.id, state=ERASED)
        return busy

    def _described(
        self, session: Session, actor: Actor, wanted: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], list[str] | None]:
        """A name for people, what is stored, and the columns if not all."""
        if wanted.get("view"):
            view = self._views.get(session, actor, uuid.UUID(str(wanted["view"])))
            only = [name.removeprefix("fields.") for name in view.columns]
            return view.name, {"view": str(view.id)}, only
        if wanted.get("segment"):
            segment = self._segments.definitions.get(session, str(wanted["segment"]))
            name = in_locale(self._platform, segment.names, actor.locale or "") or segment.key
            return name, {"segment": str(segment.id)}, None
        told = {name: str(wanted[name]) for name in ("text", "tag") if wanted.get(name)}
        return " · ".join(told.values()) or _("All customers"), told, None

    def _chosen(
        self, session: Session, actor: Actor, wanted: Mapping[str, Any], access: FieldAccess
    ) -> Select[Customer]:
        if "view" in wanted:
            view = session.get(SavedView, uuid.UUID(wanted["view"]))
            if view is None:
                raise NotFound(_("The view was deleted meanwhile."), code="unknown_view")
            return self._views.matching(session, actor, view, access)
        if "segment" in wanted:
            inside = SegmentMember.segment_id == uuid.UUID(wanted["segment"])
            return select(Customer).join(
                SegmentMember, (SegmentMember.subject_id == Customer.subject_id) & inside
            )
        filtered = CustomerFilter(text=wanted.get("text", ""), tag=wanted.get("tag"))
        return self._customers.matching(session, filtered, access)

    def _tell(self, export_id: uuid.UUID, **values: Any) -> None:
        with self._platform.db.write() as session:
            export = session.get(Export, export_id, with_for_update=True)
            if export is not None:
                for name, value in values.items():
                    setattr(export, name, value)

    def _path(self, export_id: uuid.UUID) -> Path:
        return self._platform.settings.data_dir / "exports" / f"{export_id}.csv"
