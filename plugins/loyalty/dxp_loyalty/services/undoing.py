"""Taking captured redemptions back, wholly or in part."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Subject, gettext
from dxp_loyalty.hooks import RewardUndoContext
from dxp_loyalty.models import Account, Hold, Reward, RewardVersion
from dxp_loyalty.reward_events import RedemptionReversed
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import lock_accounts, open_account
from dxp_loyalty.services.amounts import check_points
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.merging import Merging
from dxp_loyalty.services.redemptions import Redemptions, uncount
from dxp_loyalty.services.reversals import Reversals

REASON_CODES = ("not_delivered", "returned", "mistake", "fraud", "other")


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """What a reversal gave back. `whole`: nothing of the redemption is left."""

    hold: Hold
    points: int
    whole: bool


class Undoing:
    """Gives points back to the lots they came from, and the piece to the stock."""

    def __init__(
        self,
        platform: Platform,
        redemptions: Redemptions,
        reversals: Reversals,
        merging: Merging,
    ) -> None:
        self._platform = platform
        self._redemptions = redemptions
        self._reversals = reversals
        self._merging = merging

    def reverse(
        self,
        session: Session,
        hold_id: uuid.UUID,
        *,
        points: int | None = None,
        reason_code: str,
        note: str = "",
        actor: Actor,
    ) -> Reversal:
        """Take a captured redemption back.

        The piece comes back, and no longer counts against the member's limit, once all of its
        points are given back; a part gives back points alone. Points that have expired
        meanwhile come back and expire at once.

        Args:
            points: so many; None: all that are left, which for a gift are none.
            reason_code: one of `REASON_CODES`.
            note: for colleagues; erased with the member.

        Raises:
            NotFound: there is none (`unknown_redemption`).
            Conflict: it was never captured, or is taken back already (`hold_not_open`).
            Unprocessable: fewer points are left of it (`over_reversal`), or its discount code was
                used (`coupon_used`).
        """
        account, hold, heir = self._lock(session, hold_id)
        left = hold.amount - hold.reversed
        if hold.state != "captured":
            raise refusals.hold_not_open(_why_not(hold))
        back = left if points is None else check_points(points)
        if back > left:
            raise refusals.over_reversal(possible=left)
        whole = back == left
        # First, so that a refusal of the kind leaves nothing half done.
        self._undo(session, account, hold, back, whole=whole, actor=actor)
        if back:
            cause = Cause(
                source=f"redemption:{hold.id}:{account.seq + 1}",
                actor=actor,
                note=note,
                inputs={"reason_code": reason_code},
            )
            self._give_back(session, account, hold, cause, back)
        hold.reversed += back
        if whole:
            hold.state = "reversed"
            session.flush()
            uncount(session, hold)
        session.flush()
        if heir is not None:
            self._merging.hand_over(session, account, heir, actor=actor)
        key = session.scalars(
            update(Reward)
            .where(Reward.id == hold.reward_id)
            .values(issued=Reward.issued - int(whole))
            .returning(Reward.key)
        ).one()
        self._platform.events.publish(
            session,
            RedemptionReversed(redemption_id=str(hold.id), reward=key, points=back, whole=whole),
            subject_id=account.subject_id,
            origin_id=hold.origin_id,
        )
        self._platform.audit.record(
            session,
            actor,
            action="loyalty.redemption.reversed",
            object_type="loyalty.redemption",
            object_id=str(hold.id),
            before={"reversed": hold.reversed - back},
            after={"reversed": hold.reversed, "reason_code": reason_code},
        )
        return Reversal(hold=hold, points=back, whole=whole)

    def _lock(self, session: Session, hold_id: uuid.UUID) -> tuple[Account, Hold, Account | None]:
        """The hold with its account, and the account that inherited that one in a merge."""
        known = session.get(Hold, hold_id)
        if known is None:
            raise refusals.unknown(gettext("redemption"), code="unknown_redemption")
        own = session.get_one(Account, known.account_id)
        member = session.get_one(Subject, own.subject_id, populate_existing=True)
        if member.erased_at is not None:
            raise refusals.unknown(gettext("redemption"), code="unknown_redemption")
        ids = {own.id}
        heir_id = None
        if member.merged_into_id is not None:
            heir_id = open_account(
                session, self._platform, member.merged_into_id, wallet=own.wallet
            ).id
            # Anew with the other, in the order of their ids: whoever holds one waits for no other.
            ids.add(heir_id)
        locked = lock_accounts(session, ids)
        heir = None if heir_id is None else locked[heir_id]
        hold = self._redemptions.holds.relock(session, hold_id)
        if hold.account_id != own.id:
            # A merge was undone while this waited for the account.
            return self._lock(session, hold_id)
        return locked[own.id], hold, heir

    def _give_back(
        self,
        session: Session,
        account: Account,
        hold: Hold,
        cause: Cause,
        points: int,
    ) -> None:
        """Restore points of the entry that took them, to its lots."""
        assert hold.entry_seq is not None, "a captured hold with points has an entry"
        entry = self._reversals.reverse(session, account, hold.entry_seq, points, cause=cause)
        assert entry is not None, "its source holds a new number"

    def _undo(
        self,
        session: Session,
        account: Account,
        hold: Hold,
        back: int,
        *,
        whole: bool,
        actor: Actor,
    ) -> None:
        version = session.get_one(RewardVersion, hold.reward_version_id)
        self._redemptions.rewards.kinds.undo(
            RewardUndoContext(
                session=session,
                platform=self._platform,
                kind=version.kind,
                settings=version.details,
                reward_id=hold.reward_id,
                redemption_id=hold.id,
                subject_id=account.subject_id,
                points=hold.amount,
                actor=actor,
                given=hold.fulfilment,
                back=back,
                whole=whole,
            )
        )


def _why_not(hold: Hold) -> str:
    if hold.state == "reversed":
        return gettext("The redemption is taken back already, so nothing of it is left")
    return gettext(
        "The redemption was never captured, so there is nothing to take back; void it if it is "
        "still open"
    )
