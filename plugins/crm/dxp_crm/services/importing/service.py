"""The way of a file: taken in, mapped, checked, committed, and perhaps reverted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    FieldError,
    NotFound,
    Platform,
    Unprocessable,
    uuid7,
)
from dxp.api import gettext as _
from dxp.api import lazy_gettext as _l
from dxp_crm.models import Import, ImportEntry
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.importing.columns import Field, guess, guess_options, key_of
from dxp_crm.services.importing.customers import CustomerKind
from dxp_crm.services.importing.events import EventKind
from dxp_crm.services.importing.faults import UnreadableFile, words
from dxp_crm.services.importing.files import ENCODINGS, find_encoding, store, unreadable_at
from dxp_crm.services.importing.forgetting import Forgetting
from dxp_crm.services.importing.kinds import Kind
from dxp_crm.services.importing.organisations import OrganisationKind
from dxp_crm.services.importing.reading import find_delimiter, read_headings, read_rows
from dxp_crm.services.importing.runs import OnBehalf, Progress, Reverting, Run
from dxp_crm.services.organisations import OrganisationService
from dxp_crm.services.visibility import Visibility

RUN = "crm.import_run"
GONE = "gone"
REVERT_DAYS = 30
SAMPLE_ROWS = 5
GUESSED_ROWS = 50
_NEXT = {"checking": "checked", "committing": "committed", "reverting": "reverted"}
BUSY = tuple(_NEXT)
MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class FaultyRow:
    """A row that is left out, for people.

    Attributes:
        reasons: sentences in the reader's language.
    """

    row: int
    cells: Sequence[str]
    reasons: Sequence[str]


class ImportService:
    """The only writer of imports.

    Attributes:
        forgetting: takes erased persons out of files.
    """

    def __init__(
        self,
        platform: Platform,
        customers: CustomerService,
        *,
        organisations: OrganisationService,
        definitions: DefinitionService,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self.forgetting = Forgetting(platform, self._folder, self._path)
        self._customers = CustomerKind(
            platform,
            customers,
            organisations=organisations,
            definitions=definitions,
            visibility=visibility,
        )
        self._organisations = OrganisationKind(
            platform, organisations, definitions=definitions, visibility=visibility
        )

    def kinds(self) -> Mapping[str, Kind]:
        """What files may bring, by name: customers, organisations, and events that senders may
        report."""
        found: dict[str, Kind] = {
            kind.name: kind for kind in (self._customers, self._organisations)
        }
        for event_type in self._platform.events.types.values():
            if event_type.schema is not None:
                found[event_type.name] = EventKind(self._platform, event_type)
        return found

    def take_in(
        self, actor: Actor, file: IO[bytes], *, kind: str, file_name: str, source: str = "import"
    ) -> Import:
        """Store a file and look at it; opens a transaction of its own at the end.

        Args:
            file: read piece by piece; gzip is unpacked.
            source: for events, the name of the system that they are from.

        Raises:
            UnreadableFile: it is no table, or a heading is missing or doubled; nothing is kept.
            Unprocessable: no such kind, or a source that is not allowed.
        """
        if kind not in self.kinds():
            raise _refused("kind", _("There is nothing of this kind to import."))
        if source == "dxp" or not source.strip() or len(source) > 100:
            raise _refused("source", _("Give the system that the events are from a short name."))
        limit = self._platform.plugins.settings_of("crm")["import_max_mb"] * MEGABYTE
        import_id = uuid7()
        path = self._path(import_id)
        size = store(file, path, limit=limit)
        try:
            encoding = find_encoding(path)
            delimiter = find_delimiter(path, encoding.name)
            headings = read_headings(path, encoding=encoding.name, delimiter=delimiter)
            with self._platform.db.write() as session:
                job = Import(
                    id=import_id,
                    kind=kind,
                    source=source.strip(),
                    file_name=file_name[-200:] or "file",
                    size=size,
                    encoding=encoding.name,
                    encoding_sure=encoding.sure,
                    delimiter=delimiter,
                    headings=headings,
                    headings_key=key_of(headings, kind),
                    mapping={},
                    options={},
                    state="new",
                    counts={},
                    actor_key=actor.key,
                    actor_label=actor.label[:200],
                    created_at=self._platform.clock.now(),
                )
                self._suggest(session, job)
                session.add(job)
                self._audit(session, actor, job, "uploaded")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return job

    def _suggest(self, session: Session, job: Import) -> None:
        """The mapping that the same headings had before, or else a guess."""
        last = session.scalar(
            select(Import)
            .where(Import.headings_key == job.headings_key, Import.state != "new")
            .order_by(Import.id.desc())
            .limit(1)
        )
        kind = self.kinds()[job.kind]
        samples = self.samples(job, GUESSED_ROWS)
        fields = kind.fields(session, locale=self._platform.settings.locale.default)
        job.mapping = (
            dict(last.mapping) if last is not None else guess(job.headings, fields, samples)
        )
        known = dict(last.options) if last is not None else {}
        match = "ref" if "ref" in job.mapping.values() else "email"
        job.options = {
            "mode": kind.modes[0],
            "match": match,
            "calendar": "gregorian",
            **guess_options(samples),
            **known,
        }

    def reread(self, session: Session, job: Import, *, encoding: str, delimiter: str) -> None:
        """Read the file in another encoding, or with another delimiter.

        Raises:
            UnreadableFile: the encoding is not right for the whole file, or the headings are not.
        """
        if encoding not in ENCODINGS or len(delimiter) != 1:
            raise _refused("encoding", _("Choose one of the encodings and delimiters."))
        path = self._path(job.id)
        line = unreadable_at(path, encoding)
        if line is not None:
            raise UnreadableFile(
                _l("Line %(line)s cannot be read in this encoding. Choose another.", line=line)
            )
        job.headings = read_headings(path, encoding=encoding, delimiter=delimiter)
        job.encoding, job.delimiter, job.encoding_sure = encoding, delimiter, True
        job.headings_key = key_of(job.headings, job.kind)
        self._suggest(session, job)
        session.flush()

    def samples(self, job: Import, number: int = SAMPLE_ROWS) -> list[list[str]]:
        """Cells of the first rows that can be read."""
        if not self._path(job.id).is_file():
            return []
        rows = read_rows(
            self._path(job.id),
            encoding=job.encoding,
            delimiter=job.delimiter,
            width=len(job.headings),
        )
        return [row.cells for row in islice(rows, number) if row.fault is None]

    def get(self, session: Session, import_id: uuid.UUID, *, lock: bool = False) -> Import:
        """One import.

        Raises:
            NotFound: there is none with this id (`unknown_import`).
        """
        query = select(Import).where(Import.id == import_id)
        job = session.scalar(query.with_for_update() if lock else query)
        if job is None:
            raise NotFound(
                "There is no import with this id; it may have been deleted, as imports are after "
                "30 days. Upload the file anew",
                code="unknown_import",
            )
        return job

    def listed(self) -> Select[Import]:
        """The statement that selects all imports, not yet sorted."""
        return select(Import)

    def check(
        self,
        session: Session,
        actor: Actor,
        job: Import,
        *,
        mapping: Mapping[str, str],
        options: Mapping[str, str],
    ) -> None:
        """Save what each column is, and begin the dry run.

        Raises:
            Unprocessable: a field is mapped twice, unknown or lacking, by heading or `_schema`.
            Conflict: the import is busy or done (`import_state`).
        """
        _expect(job, "new", "checked")
        kind = self.kinds()[job.kind]
        chosen = {heading: name for heading, name in mapping.items() if name}
        self._check_mapping(session, actor, job, chosen)
        match = options.get("match", "ref")
        if job.kind == "customers" and match not in chosen.values():
            match = "ref" if "ref" in chosen.values() else "email"
        job.mapping = chosen
        job.options = {**job.options, **options, "match": match}
        if job.options["mode"] not in kind.modes:
            job.options = {**job.options, "mode": kind.modes[0]}
        self._begin(session, job, "checking")

    def import_at_once(
        self,
        actor: Actor,
        file: IO[bytes],
        *,
        kind: str,
        file_name: str,
        source: str = "import",
        encoding: str | None = None,
        progress: Callable[[Import], Progress] | None = None,
    ) -> Import:
        """Take in a file, map it by its headings, and write it, here and without a dry run.

        Args:
            encoding: when the file's own bytes do not tell it.
            progress: gets the import, and gives what is told the bytes read so far.

        Raises:
            UnreadableFile: it is no table, or its encoding has to be named.
            Unprocessable: the headings do not say which column is which (`invalid_mapping`).
        """
        job = self.take_in(actor, file, kind=kind, file_name=file_name, source=source)
        with self._platform.db.write() as session:
            job = self.get(session, job.id, lock=True)
            if encoding is not None:
                self.reread(session, job, encoding=encoding, delimiter=job.delimiter)
            if not job.encoding_sure:
                raise UnreadableFile(
                    _l(
                        "It cannot be told how the file is encoded. Save it as UTF-8, or name the "
                        "encoding: %(names)s.",
                        names=", ".join(ENCODINGS),
                    )
                )
            self._check_mapping(session, actor, job, job.mapping)
            job.state = "committing"
            job.committed_at = self._platform.clock.now()
            self._audit(session, actor, job, "committed")
        return self.run(job.id, progress=None if progress is None else progress(job))

    def commit(self, session: Session, actor: Actor, job: Import) -> None:
        """Begin to write what the dry run found.

        Raises:
            Conflict: there was no dry run yet, or the import is done (`import_state`).
        """
        _expect(job, "checked")
        self._check_mapping(session, actor, job, job.mapping)
        job.actor_key, job.actor_label = actor.key, actor.label[:200]
        job.committed_at = self._platform.clock.now()
        self._begin(session, job, "committing")
        self._audit(session, actor, job, "committed")

    def revert(self, session: Session, actor: Actor, job: Import) -> None:
        """Begin to take back what the import did.

        Raises:
            Conflict: it did nothing that can be taken back, or too long ago (`import_state`).
        """
        _expect(job, "committed")
        if not self.may_revert(job):
            raise _conflict(job.state)
        job.actor_key, job.actor_label = actor.key, actor.label[:200]
        job.position = 0
        job.state = "reverting"
        self._enqueue(session, job)
        self._audit(session, actor, job, "reverted")

    def may_revert(self, job: Import) -> bool:
        """Whether the import wrote something that can still be taken back."""
        if job.state != "committed" or job.committed_at is None or not self._reverts(job):
            return False
        wrote = job.counts.get("new", 0) + job.counts.get("changed", 0) > 0
        limit = job.committed_at + timedelta(days=REVERT_DAYS)
        return wrote and self._platform.clock.now() < limit

    def _reverts(self, job: Import) -> bool:
        """Whether imports of its kind can be taken back; a plugin that is gone took its kinds."""
        kind = self.kinds().get(job.kind)
        return kind is not None and kind.reverts

    def discard(self, session: Session, actor: Actor, job: Import) -> None:
        """Forget an import and its file; what it wrote stays.

        Raises:
            Conflict: it is busy (`import_state`).
        """
        if job.state in BUSY:
            raise _conflict(job.state)
        self._audit(session, actor, job, "deleted")
        self._delete(session, job)

    def forget(
        self, session: Session, subject_ids: Sequence[uuid.UUID], names: Collection[str]
    ) -> None:
        """Delete all files that have rows of these customers, before or after they were written.

        What was written can still be taken back; what was not has to be uploaded anew.

        Args:
            names: numbers, e-mail addresses and telephone numbers of the customers.

        Raises:
            Conflict: a file with such rows is being read just now (`import_state`).
        """
        touched = set(
            session.scalars(
                select(ImportEntry.import_id).where(ImportEntry.object_id.in_(subject_ids))
            )
        )
        wanted = re.compile("|".join(map(re.escape, names)), re.IGNORECASE) if names else None
        for job in session.scalars(select(Import).with_for_update()).all():
            if job.id not in touched and not self._names_one(job, wanted):
                continue
            if job.state in BUSY:
                raise _conflict(job.state)
            if job.committed_at is None:
                self._delete(session, job)
                continue
            job.faults_bytes = 0
            self._drop_files(session, job.id)

    def _names_one(self, job: Import, wanted: re.Pattern[str] | None) -> bool:
        """Whether one of the names stands in the files of an import."""
        if wanted is None:
            return False
        for path in self._files(job.id):
            # The file of faults is JSON, written by this process.
            encoding = job.encoding if path.suffix == ".csv" else "utf-8"
            if not path.is_file():
                continue
            with path.open(encoding=encoding, errors="replace") as file:
                if any(wanted.search(line) for line in file):
                    return True
        return False

    def prune(self, session: Session) -> int:
        """Delete imports that are past their revert; returns how many."""
        before = self._platform.clock.now() - timedelta(days=REVERT_DAYS)
        old = session.scalars(select(Import).where(Import.created_at < before).limit(100)).all()
        past = [job for job in old if job.committed_at is None or job.committed_at < before]
        for job in past:
            self._delete(session, job)
        self.forgetting.sweep(session)
        return len(past)

    def run(self, import_id: uuid.UUID, *, progress: Progress | None = None) -> Import:
        """Do what the state asks for, to the end; opens a transaction for each batch.

        Args:
            progress: told the bytes read so far; for a revert, the rows of each batch.
        """
        with self._platform.db.read() as session:
            job = self.get(session, import_id)
        actor = OnBehalf(
            actor_key=job.actor_key, name=job.actor_label, permissions=frozenset({"*"})
        )
        kind = self.kinds()[job.kind]
        if job.state == "reverting":
            Reverting(self._platform, kind, job.id).go(actor, progress=progress)
        elif job.state in BUSY:
            run = Run(self._platform, kind, job=job, state=job.state, folder=self._folder())
            run.go(actor, writes=job.state == "committing", progress=progress)
        else:
            return job
        with self._platform.db.write() as session:
            done = self.get(session, import_id, lock=True)
            if done.state == job.state:
                done.state = _NEXT[job.state]
                done.read_bytes = done.size
                if done.state == "committed":
                    # What was written lies in the database; faulty rows have a file of their own.
                    unlink = partial(self._path(done.id).unlink, missing_ok=True)
                    self._platform.db.after_commit(session, unlink)
        return done

    def fail(self, import_id: uuid.UUID, reason: str) -> None:
        """Note that a pass cannot go on, and why: see `Import.failure`."""
        with self._platform.db.write() as session:
            job = self.get(session, import_id, lock=True)
            if job.state in BUSY:
                job.state, job.failure = "failed", reason

    def faulty_rows(
        self, session: Session, job: Import, *, locale: str | None = None
    ) -> Iterator[FaultyRow]:
        """The rows that are left out, one at a time, in the language of the request.

        Args:
            locale: of the labels of fields.
        """
        fields = self.kinds()[job.kind].fields(
            session, locale=locale or self._platform.settings.locale.default
        )
        return self._read_faulty(job, {item.name: item.label for item in fields})

    def _read_faulty(self, job: Import, labels: Mapping[str, Any]) -> Iterator[FaultyRow]:
        path = self._folder() / f"{job.id}.faults"
        left = job.faults_bytes
        if not path.is_file():
            return
        with path.open("rb") as file:
            while left > 0 and (line := file.readline()):
                left -= len(line)
                stored = orjson.loads(line)
                yield FaultyRow(
                    row=stored["row"],
                    cells=stored["cells"],
                    reasons=[words(fault, labels) for fault in stored["faults"]],
                )

    def kept(self, session: Session, job: Import, limit: int = 100) -> Sequence[ImportEntry]:
        """Rows that a revert left as they are, in order."""
        return session.scalars(
            select(ImportEntry)
            .where(ImportEntry.import_id == job.id, ImportEntry.kept.is_not(None))
            .order_by(ImportEntry.row)
            .limit(limit)
        ).all()

    def _check_mapping(
        self, session: Session, actor: Actor, job: Import, chosen: Mapping[str, str]
    ) -> None:
        kind = self.kinds()[job.kind]
        fields = kind.fields(session, locale=actor.locale or self._platform.settings.locale.default)
        errors = _mapping_faults(
            job,
            chosen,
            fields,
            lacking=kind.lacking(chosen, fields),
            locked=kind.locked(session, actor),
        )
        if errors:
            raise Unprocessable(
                "The mapping was refused; mend what errors names and send it again",
                code="invalid_mapping",
                errors=errors,
            )

    def _begin(self, session: Session, job: Import, state: str) -> None:
        job.state = state
        job.position = job.read_bytes = job.faults_bytes = 0
        job.counts = {}
        job.failure = None
        self._enqueue(session, job)

    def _enqueue(self, session: Session, job: Import) -> None:
        session.flush()
        self._platform.jobs.enqueue(session, RUN, {"import_id": str(job.id)})

    def _delete(self, session: Session, job: Import) -> None:
        session.execute(delete(ImportEntry).where(ImportEntry.import_id == job.id))
        session.delete(job)
        session.flush()
        self._drop_files(session, job.id)

    def _drop_files(self, session: Session, import_id: uuid.UUID) -> None:
        for path in self._files(import_id):
            self._platform.db.after_commit(session, partial(path.unlink, missing_ok=True))

    def _files(self, import_id: uuid.UUID) -> tuple[Path, Path]:
        return self._path(import_id), self._folder() / f"{import_id}.faults"

    def _audit(self, session: Session, actor: Actor, job: Import, what: str) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.import.{what}",
            object_type="import",
            object_id=str(job.id),
            after={"kind": job.kind, "file": job.file_name, "counts": job.counts},
        )

    def _folder(self) -> Path:
        return self._platform.settings.data_dir / "imports"

    def _path(self, import_id: uuid.UUID) -> Path:
        return self._folder() / f"{import_id}.csv"


def _mapping_faults(
    job: Import,
    chosen: Mapping[str, str],
    fields: Sequence[Field],
    *,
    lacking: Sequence[str],
    locked: Callable[[str], bool],
) -> list[FieldError]:
    errors: list[FieldError] = []
    headings = job.headings
    known = {item.name: item.label for item in fields}
    for heading, name in chosen.items():
        if heading not in headings or name not in known:
            errors.append(_fault(heading, _("There is no such field.")))
        elif locked(name):
            errors.append(_fault(heading, _("Only other roles may change this field.")))
        elif list(chosen.values()).index(name) < list(chosen).index(heading):
            errors.append(
                _fault(heading, _("Another column is %(field)s already.", field=known[name]))
            )
    errors += [
        _fault("_schema", _("Say which column is %(field)s.", field=known[name]))
        for name in lacking
    ]
    return errors


def _fault(where: str, detail: str) -> FieldError:
    return FieldError(code="invalid", detail=detail, parameter=where)


def _refused(name: str, detail: str) -> Unprocessable:
    return Unprocessable(detail, code="invalid_import", errors=[_fault(name, detail)])


def _expect(job: Import, *states: str) -> None:
    if job.state not in states:
        raise _conflict(job.state)


def _conflict(state: str) -> Conflict:
    return Conflict(
        f"This cannot be done with the import now, because it is {state}; look at it again",
        code="import_state",
    )
