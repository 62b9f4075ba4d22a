"""Batches of coupon codes: made in the background, delivered once, withdrawn."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Conflict,
    FieldError,
    Platform,
    Unprocessable,
    dialect_insert,
    format_number,
    gettext,
)
from dxp_loyalty.models import CouponBatch, CouponCode
from dxp_loyalty.reward_events import CouponsChanged
from dxp_loyalty.services import refusals
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.coupon_codes import (
    ALPHABETS,
    LEAST_BITS,
    LEAST_LENGTH,
    MOST_LENGTH,
    CodeForm,
    CodeMaker,
)
from dxp_loyalty.services.coupons import form_of
from dxp_loyalty.services.entries import table_of

MOST_CODES = 10_000_000
STEP = 5_000
JOB = "loyalty.make_coupons"
_PREFIX = re.compile(r"[A-Z0-9][A-Z0-9-]{0,18}\Z|\Z")
_INTO_CODE = insert(table_of(CouponCode))


@dataclass(frozen=True, kw_only=True)
class BatchDraft:
    """What staff say of a batch; the fields of `CouponBatch`."""

    key: str
    name: str
    purpose: str = "download"
    origin: str = "generated"
    count: int = 0
    form: CodeForm = field(default_factory=CodeForm)
    benefit: Mapping[str, Any] = field(default_factory=dict)
    max_uses: int = 1
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class CouponBatches:
    """The only writer of batches."""

    def __init__(self, platform: Platform, codes: CodeMaker) -> None:
        self._platform = platform
        self._codes = codes

    def listed(self, session: Session) -> Sequence[CouponBatch]:
        """All batches, latest first."""
        return session.scalars(select(CouponBatch).order_by(CouponBatch.id.desc())).all()

    def get(self, session: Session, batch_id: uuid.UUID, *, lock: bool = False) -> CouponBatch:
        """A batch.

        Raises:
            NotFound: there is none (`unknown_coupon_batch`).
        """
        statement = select(CouponBatch).where(CouponBatch.id == batch_id)
        if lock:
            statement = statement.with_for_update()
        found = session.scalars(statement.execution_options(populate_existing=True)).first()
        if found is None:
            raise refusals.unknown(gettext("batch of coupons"), code="unknown_coupon_batch")
        return found

    def create(
        self, session: Session, draft: BatchDraft, *, actor: Actor, background: bool = True
    ) -> CouponBatch:
        """A new batch; generated codes are made by a job, unless the caller makes them itself.

        Raises:
            Conflict: another batch has the key (`coupon_batch_key_taken`).
            Unprocessable: parts of it do not fit (`invalid_coupon_batch`).
        """
        self._check(draft)
        generated = draft.origin == "generated"
        batch = CouponBatch(
            key=draft.key,
            name=draft.name,
            origin=draft.origin,
            purpose=draft.purpose,
            prefix=draft.form.prefix if generated else "",
            length=draft.form.length if generated else 0,
            alphabet=draft.form.alphabet if generated else "",
            wanted=draft.count if generated else 0,
            state="making" if generated else "ready",
            benefit=dict(draft.benefit),
            max_uses=draft.max_uses,
            valid_from=draft.valid_from,
            valid_until=draft.valid_until,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )
        try:
            with session.begin_nested():
                session.add(batch)
                session.flush()
        except IntegrityError as error:
            raise Conflict(
                gettext(
                    "Another batch has the key “%(key)s”, and keys are unique; choose another",
                    key=draft.key,
                ),
                code="coupon_batch_key_taken",
            ) from error
        self._tell(session, batch, "created", actor=actor)
        if generated and background:
            self._platform.jobs.enqueue(session, JOB, {"batch_id": str(batch.id)})
        return batch

    def make(
        self, batch_id: uuid.UUID, *, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Make the codes that are missing, some thousand in each transaction.

        It can be stopped and run again: it goes on where it was.

        Args:
            progress: told (codes made, codes wanted).
        """
        while True:
            with self._platform.db.write() as session:
                batch = self.get(session, batch_id, lock=True)
                if batch.state != "making":
                    return
                self._make_some(session, batch)
                if batch.made >= batch.wanted:
                    batch.state = "ready"
                    self._announce(session, batch, "ready")
                made, wanted = batch.made, batch.wanted
            if progress is not None:
                progress(made, wanted)

    def deliver(self, session: Session, batch_id: uuid.UUID, *, actor: Actor) -> CouponBatch:
        """Note that the codes go out now; `lines` then gives them.

        Raises:
            Conflict: they went out before (`coupons_delivered`), are not all there yet
                (`coupons_not_ready`), or are handed out by rewards or were imported
                (`coupons_not_deliverable`).
        """
        batch = self.get(session, batch_id, lock=True)
        if batch.origin != "generated" or batch.purpose != "download":
            raise Conflict(
                gettext(
                    "These codes cannot be downloaded, because they were imported or are handed "
                    "out by rewards; make a batch for download"
                ),
                code="coupons_not_deliverable",
            )
        if batch.state != "ready":
            raise Conflict(
                gettext(
                    "The codes cannot be downloaded now, because they are still being made or "
                    "were withdrawn; look at the batch"
                ),
                code="coupons_not_ready",
            )
        if batch.delivered_at is not None:
            raise Conflict(
                gettext(
                    "The codes were downloaded before, and that happens once; if they are lost, "
                    "withdraw the batch and make another"
                ),
                code="coupons_delivered",
            )
        batch.delivered_at = self._platform.clock.now()
        batch.delivered_by = actor_text(actor)
        self._tell(session, batch, "delivered", actor=actor)
        return batch

    def lines(self, batch: CouponBatch) -> Iterator[str]:
        """A CSV file of all codes of a generated batch, in pieces; reads nothing."""
        form, origin = form_of(batch), batch.id.bytes
        yield "code\r\n"
        for start in range(0, batch.next_number, STEP):
            piece = io.StringIO()
            writer = csv.writer(piece)
            for number in range(start, min(start + STEP, batch.next_number)):
                writer.writerow([self._codes.code(form, origin, number)])
            yield piece.getvalue()

    def withdraw(self, session: Session, batch_id: uuid.UUID, *, actor: Actor) -> CouponBatch:
        """Make all codes of a batch worthless at once. Repeating it changes nothing."""
        batch = self.get(session, batch_id, lock=True)
        if batch.state != "withdrawn":
            batch.state = "withdrawn"
            self._tell(session, batch, "withdrawn", actor=actor)
        return batch

    def imported(self, session: Session, batch: CouponBatch, codes: int, *, actor: Actor) -> None:
        """Count codes that were brought into a locked batch."""
        batch.wanted += codes
        batch.made += codes
        self._tell(session, batch, "imported", actor=actor)

    def _make_some(self, session: Session, batch: CouponBatch) -> None:
        """The next codes. Two that happen to be equal are one, and a further number replaces it."""
        form, origin = form_of(batch), batch.id.bytes
        count = min(STEP, batch.wanted - batch.made)
        now = self._platform.clock.now()
        rows = [
            {
                "code_hash": self._codes.hash(self._codes.code(form, origin, number)),
                "batch_id": batch.id,
                "number": number,
                "state": "free" if batch.purpose == "rewards" else "issued",
                "max_uses": batch.max_uses,
                "uses": 0,
                "created_at": now,
            }
            for number in range(batch.next_number, batch.next_number + count)
        ]
        connection = session.connection()
        try:
            with session.begin_nested():
                connection.execute(_INTO_CODE, rows)
            batch.made += count
        except IntegrityError:
            into = dialect_insert(session, table_of(CouponCode)).on_conflict_do_nothing()
            for row in rows:
                new = connection.execute(into.returning(CouponCode.code_hash), row).first()
                batch.made += int(new is not None)
        batch.next_number += count

    def _check(self, draft: BatchDraft) -> None:
        faults: list[FieldError] = []

        def fault(name: str, detail: str) -> None:
            faults.append(FieldError(pointer=f"/{name}", code="invalid_value", detail=detail))

        form = draft.form
        if draft.origin == "generated":
            if not 1 <= draft.count <= MOST_CODES:
                fault(
                    "count",
                    gettext("From 1 to %(most)s codes.", most=format_number(MOST_CODES)),
                )
            if form.alphabet not in ALPHABETS:
                fault("alphabet", gettext("Choose one of the list."))
            if not _PREFIX.match(form.prefix):
                fault("prefix", gettext("Capital letters, digits and hyphens, at most 19."))
            if not LEAST_LENGTH <= form.length <= MOST_LENGTH:
                fault(
                    "length",
                    gettext(
                        "From %(least)s to %(most)s letters.", least=LEAST_LENGTH, most=MOST_LENGTH
                    ),
                )
            elif form.alphabet in ALPHABETS and form.safety(draft.count) < LEAST_BITS:
                fault(
                    "length",
                    gettext(
                        "So many codes of this length could be guessed; make them longer, or fewer."
                    ),
                )
        elif draft.purpose != "download":
            fault(
                "purpose",
                gettext(
                    "Only hashes of imported codes are kept, so rewards cannot hand them out; "
                    "generate the codes instead."
                ),
            )
        if draft.valid_from and draft.valid_until and draft.valid_from >= draft.valid_until:
            fault("valid_until", gettext("The end lies after the beginning."))
        if faults:
            raise Unprocessable(
                gettext(
                    "The batch was not made, because parts of it do not fit; mend the places "
                    "named in errors"
                ),
                code="invalid_coupon_batch",
                errors=faults,
            )

    def _tell(self, session: Session, batch: CouponBatch, what: str, *, actor: Actor) -> None:
        session.flush()
        self._platform.audit.record(
            session,
            actor,
            action=f"loyalty.coupons.{what}",
            object_type="loyalty.coupon_batch",
            object_id=str(batch.id),
            before=None,
            after={"key": batch.key, "codes": batch.made, "wanted": batch.wanted},
        )
        self._announce(session, batch, what)

    def _announce(self, session: Session, batch: CouponBatch, what: str) -> None:
        told = CouponsChanged(batch=batch.key, what=what, codes=batch.made)
        self._platform.events.publish(session, told)
