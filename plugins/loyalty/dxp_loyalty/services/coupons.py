"""Using coupon codes, rolling uses back, and handing codes out for redemptions.

A code is locked by the conditional update that counts its use, so that any number of tills use it
no oftener than it may be.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Platform,
    Subject,
    Unprocessable,
    dialect_insert,
    format_day,
    gettext,
)
from dxp_loyalty.models import CouponBatch, CouponCode, CouponUse, Hold
from dxp_loyalty.reward_events import CouponRedeemed, CouponRolledBack
from dxp_loyalty.services import refusals
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.coupon_codes import CodeForm, CodeMaker, normalised
from dxp_loyalty.services.offering import local_day
from dxp_loyalty.settings import LoyaltySettings


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """A code that can be used now.

    Attributes:
        benefit: what it is worth.
        uses_left: how often it can still be used.
    """

    batch: str
    benefit: Mapping[str, Any]
    valid_until: datetime | None
    uses_left: int


class Coupons:
    """What a storefront's server does with codes."""

    def __init__(self, platform: Platform, settings: LoyaltySettings) -> None:
        self._platform = platform
        self._zone = ZoneInfo(settings.timezone)
        self.codes = CodeMaker(platform)

    def validate(self, session: Session, code: str, *, member: uuid.UUID | None = None) -> Coupon:
        """Whether a code can be used now, and what it is worth. Writes nothing.

        Args:
            member: who wants to use it; codes of other members are unknown to them.

        Raises:
            NotFound: there is none for this member (`unknown_coupon`).
            Unprocessable: it is not valid now (`not_active`), or used up (`limit_reached`).
        """
        return self._usable(session, self._find(session, code, member))

    def redeem(
        self,
        session: Session,
        code: str,
        *,
        member: uuid.UUID | None = None,
        ref: str | None = None,
        actor: Actor,
    ) -> tuple[CouponUse, Coupon]:
        """Use a code once.

        Args:
            ref: the order or cart; one code is used for it once.

        Raises:
            NotFound, Unprocessable: as for `validate`.
        """
        row = self._find(session, code, member)
        self._usable(session, row)
        counted = session.scalars(
            update(CouponCode)
            .where(
                CouponCode.code_hash == row.code_hash,
                CouponCode.state == "issued",
                CouponCode.uses < CouponCode.max_uses,
            )
            .values(uses=CouponCode.uses + 1)
            .returning(CouponCode.uses)
        ).first()
        if counted is None:
            raise refusals.coupon_spent()
        who = member or row.subject_id
        use_id = session.scalars(
            dialect_insert(session, CouponUse)
            .values(
                code_hash=row.code_hash,
                subject_id=who,
                ref=ref,
                used_at=self._platform.clock.now(),
                actor=actor_text(actor),
            )
            .on_conflict_do_nothing()
            .returning(CouponUse.id)
        ).first()
        if use_id is None:
            raise refusals.coupon_spent()
        use = session.get_one(CouponUse, use_id)
        batch = self._batch(session, row)
        self._tell(session, use, CouponRedeemed(use_id=use.id, batch=batch.key if batch else ""))
        session.refresh(row)
        return use, self._described(session, row)

    def roll_back(
        self,
        session: Session,
        code: str,
        *,
        ref: str | None = None,
        use_id: int | None = None,
    ) -> CouponUse:
        """Take the latest use back, or the one with this reference or id.

        Raises:
            NotFound: no such code (`unknown_coupon`), or no such use (`unknown_coupon_use`).
        """
        row = self._find(session, code, None, any_member=True)
        statement = select(CouponUse).where(
            CouponUse.code_hash == row.code_hash, CouponUse.rolled_back_at.is_(None)
        )
        if ref is not None:
            statement = statement.where(CouponUse.ref == ref)
        if use_id is not None:
            statement = statement.where(CouponUse.id == use_id)
        # The code first, then its uses, as everybody locks them.
        session.execute(
            select(CouponCode.code_hash)
            .where(CouponCode.code_hash == row.code_hash)
            .with_for_update()
        )
        use = session.scalars(
            statement.order_by(CouponUse.id.desc()).limit(1).with_for_update()
        ).first()
        if use is None:
            raise refusals.unknown(gettext("use of this coupon"), code="unknown_coupon_use")
        use.rolled_back_at = self._platform.clock.now()
        session.execute(
            update(CouponCode)
            .where(CouponCode.code_hash == row.code_hash)
            .values(uses=CouponCode.uses - 1)
        )
        batch = self._batch(session, row)
        self._tell(session, use, CouponRolledBack(use_id=use.id, batch=batch.key if batch else ""))
        return use

    def hand_out(
        self,
        session: Session,
        *,
        redemption_id: uuid.UUID,
        subject_id: uuid.UUID,
        batch_id: uuid.UUID | None,
        valid_until: datetime | None,
    ) -> Mapping[str, Any]:
        """Give a member a code: the next free one of a batch, or one of its own.

        On PostgreSQL redemptions that come together skip each other's codes instead of waiting.

        Returns:
            What `code_of` needs to tell the code again.

        Raises:
            Unprocessable: the batch has none left (`out_of_stock`).
        """
        if batch_id is None:
            code = self.codes.of_redemption(redemption_id.bytes)
            session.add(
                CouponCode(
                    code_hash=self.codes.hash(code),
                    subject_id=subject_id,
                    redemption_id=redemption_id,
                    valid_until=valid_until,
                    created_at=self._platform.clock.now(),
                )
            )
            session.flush()
            return {"own": True}
        batch = session.get_one(CouponBatch, batch_id)
        free = (
            select(CouponCode)
            .where(CouponCode.batch_id == batch_id, CouponCode.state == "free")
            .order_by(CouponCode.number)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        row = None if batch.state == "withdrawn" else session.scalars(free).first()
        if row is None:
            raise refusals.out_of_stock()
        row.state = "issued"
        row.subject_id = subject_id
        row.redemption_id = redemption_id
        row.valid_until = valid_until
        session.flush()
        return {
            "batch": batch.id.hex,
            "number": row.number,
            "prefix": batch.prefix,
            "length": batch.length,
            "alphabet": batch.alphabet,
        }

    def take_back(self, session: Session, redemption_id: uuid.UUID) -> None:
        """Make the code of a redemption worthless.

        Raises:
            Unprocessable: it was used (`limit_reached`).
        """
        rows = select(CouponCode.code_hash).where(CouponCode.redemption_id == redemption_id)
        if session.scalar(rows) is None:
            return
        taken = session.scalars(
            update(CouponCode)
            .where(CouponCode.redemption_id == redemption_id, CouponCode.uses == 0)
            .values(state="void")
            .returning(CouponCode.code_hash)
        ).first()
        if taken is None:
            raise Unprocessable(
                gettext(
                    "The redemption cannot be taken back, because its discount code was used "
                    "already; roll the use of the code back first"
                ),
                code="coupon_used",
            )

    def code_of(self, hold: Hold, *, kind: str) -> str | None:
        """The discount code of a captured redemption; None when it gave none.

        It is derived from the platform's secret, so that its member can see it again although
        the database holds only its hash.
        """
        if hold.state != "captured" or kind != "discount_code":
            return None
        kept = hold.fulfilment.get("_coupon")
        if kept is not None:
            return self.codes.given(hold.id.bytes, kept)
        if hold.fulfilment:
            return None
        # Captured before codes had a check character.
        secret = self._platform.settings.secret("loyalty-codes")
        digest = hmac.new(secret, hold.id.bytes, hashlib.sha256).digest()
        return _grouped(base64.b32encode(digest[:10]).decode())

    def _find(
        self,
        session: Session,
        code: str,
        member: uuid.UUID | None,
        *,
        any_member: bool = False,
    ) -> CouponCode:
        older = _grouped(normalised(code))
        hashes = [self.codes.hash(code), hashlib.sha256(older.encode()).hexdigest()]
        row = session.scalars(
            select(CouponCode)
            .where(CouponCode.code_hash.in_(hashes), CouponCode.state != "free")
            .execution_options(populate_existing=True)
        ).first()
        if row is not None and (any_member or self._is_for(session, row, member)):
            return row
        raise refusals.unknown(gettext("coupon"), code="unknown_coupon")

    @staticmethod
    def _is_for(session: Session, row: CouponCode, member: uuid.UUID | None) -> bool:
        """Whether a member may use it: their own, also after a merge, or anybody's."""
        if row.subject_id is None or row.subject_id == member:
            return True
        if member is None:
            return False
        merged = session.execute(
            select(Subject.id, Subject.merged_into_id).where(
                Subject.id.in_([row.subject_id, member])
            )
        )
        return len({root or own for own, root in merged}) == 1

    def _tell(
        self, session: Session, use: CouponUse, told: CouponRedeemed | CouponRolledBack
    ) -> None:
        """It is the history of whom the user was merged into, until that is undone."""
        user, owner = use.subject_id, None
        if user is not None:
            owner = self._platform.subjects.get(session, user)
        origin = None if owner == user else user
        self._platform.events.publish(session, told, subject_id=owner, origin_id=origin)

    def _usable(self, session: Session, row: CouponCode) -> Coupon:
        now = self._platform.clock.now()
        batch = self._batch(session, row)
        if row.state == "void" or (batch is not None and batch.state == "withdrawn"):
            raise refusals.not_active(
                gettext("This coupon was withdrawn and is worth nothing any more; use another")
            )
        if batch is not None and batch.valid_from is not None and now < batch.valid_from:
            raise refusals.not_active(
                gettext(
                    "This coupon is not valid before %(day)s; come back then",
                    day=format_day(local_day(batch.valid_from, self._zone)),
                )
            )
        until = _until(row, batch)
        if until is not None and now >= until:
            raise refusals.not_active(
                gettext(
                    "This coupon was valid until %(day)s and is over; use another",
                    day=format_day(local_day(until, self._zone)),
                )
            )
        if row.uses >= row.max_uses:
            raise refusals.coupon_spent()
        return self._described(session, row)

    def _described(self, session: Session, row: CouponCode) -> Coupon:
        batch = self._batch(session, row)
        benefit: Mapping[str, Any] = {} if batch is None else batch.benefit
        if row.redemption_id is not None:
            given = session.get_one(Hold, row.redemption_id).fulfilment
            shown = {key: value for key, value in given.items() if not key.startswith("_")}
            benefit = {**benefit, **shown}
        return Coupon(
            batch="" if batch is None else batch.key,
            benefit=benefit,
            valid_until=_until(row, batch),
            uses_left=row.max_uses - row.uses,
        )

    @staticmethod
    def _batch(session: Session, row: CouponCode) -> CouponBatch | None:
        return None if row.batch_id is None else session.get(CouponBatch, row.batch_id)


def form_of(batch: CouponBatch) -> CodeForm:
    """How the codes of a batch look."""
    return CodeForm(prefix=batch.prefix, length=batch.length, alphabet=batch.alphabet)


def _grouped(text: str) -> str:
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _until(row: CouponCode, batch: CouponBatch | None) -> datetime | None:
    ends = [row.valid_until, None if batch is None else batch.valid_until]
    return min((end for end in ends if end is not None), default=None)
