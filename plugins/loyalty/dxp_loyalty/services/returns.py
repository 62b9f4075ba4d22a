"""Orders that come back, line by line: points taken back, and points given back."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dxp.api import Actor, Conflict, FieldError, Platform, Subject, Unprocessable, gettext
from dxp_loyalty.events import OrderReturned
from dxp_loyalty.models import Account, Earning, Entry, Hold, Order, OrderReturn
from dxp_loyalty.services import refusals
from dxp_loyalty.services.accounts import lock_accounts
from dxp_loyalty.services.amounts import actor_text
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.holds import Holds
from dxp_loyalty.services.merging import Merging
from dxp_loyalty.services.return_shares import (
    WHOLE,
    Bought,
    bought_of,
    points_back,
    share_of_order,
)
from dxp_loyalty.services.reversals import Reversals


@dataclass(frozen=True, kw_only=True)
class ReturnedLine:
    """Pieces of one line; `ref` is the shop's id of the line, else its position from 1."""

    ref: str
    quantity: int


class Returns:
    """The only writer of returns. One order's returns come one after the other."""

    def __init__(self, platform: Platform, reversals: Reversals, merging: Merging) -> None:
        self._platform = platform
        self._reversals = reversals
        self._merging = merging

    def take(
        self,
        session: Session,
        number: str,
        return_id: str,
        lines: Sequence[ReturnedLine] | None,
        *,
        source: str | None = None,
        actor: Actor,
    ) -> OrderReturn:
        """Undo what pieces of an order did to points. Told twice, it counts once.

        Points that redemptions had spent on the order go back to their lots first, with their
        ends; then what the lines had earned is taken from its own lots, from other free ones, and
        becomes a debt.

        Args:
            lines: None: all that has not come back yet.
            source: the system that sent the order, when two use the same numbers.

        Raises:
            NotFound: no such order was counted (`unknown_order`).
            Conflict: the return was told before with other lines (`return_changed`).
            Unprocessable: two orders have the number (`ambiguous_order`), a line is not of the
                order (`unknown_line`), or more would come back than was bought
                (`over_reversal`).
        """
        order = self._order(session, number, source)
        earlier = session.scalars(
            select(OrderReturn)
            .where(OrderReturn.order_id == order.id)
            .order_by(OrderReturn.created_at, OrderReturn.id)
        ).all()
        bought = bought_of(order)
        before: Counter[str] = Counter()
        for row in earlier:
            before.update({ref: int(pieces) for ref, pieces in row.lines.items()})
        known = next((row for row in earlier if row.return_id == return_id), None)
        if known is not None:
            if lines is not None and _asked(lines) != known.lines:
                raise Conflict(
                    gettext(
                        "This return was told before with other lines, and a return is told "
                        "once; give the new one an id of its own"
                    ),
                    code="return_changed",
                )
            return known
        asked = _left(bought, before) if lines is None else _asked(lines)
        _check(asked, bought, before)
        row = OrderReturn(
            order_id=order.id,
            return_id=return_id,
            lines=dict(asked),
            taken={},
            given={},
            points_taken=0,
            points_given=0,
            created_at=self._platform.clock.now(),
            created_by=actor_text(actor),
        )
        back = before + Counter(asked)
        self._move_points(session, order, row, earlier, bought, back, actor=actor)
        session.add(row)
        session.flush()
        self._platform.events.publish(
            session,
            OrderReturned(
                order_id=number,
                return_id=return_id,
                lines=dict(asked),
                points_taken=row.points_taken,
                points_given=row.points_given,
            ),
            subject_id=self._platform.subjects.get(session, order.subject_id),
        )
        return row

    def of_order(self, session: Session, order_id: uuid.UUID) -> Sequence[OrderReturn]:
        """Returns of an order, the first first."""
        return session.scalars(
            select(OrderReturn)
            .where(OrderReturn.order_id == order_id)
            .order_by(OrderReturn.created_at, OrderReturn.id)
        ).all()

    def _order(self, session: Session, number: str, source: str | None) -> Order:
        """The order, locked: its returns wait for each other."""
        query = select(Order).where(Order.number == number)
        if source is not None:
            query = query.where(Order.source == source)
        found = session.scalars(
            query.order_by(Order.id)
            .limit(2)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        if not found:
            raise refusals.unknown(gettext("order"), code="unknown_order")
        if len(found) > 1:
            raise Unprocessable(
                gettext(
                    "Two systems sent an order with this number, so the return could be of either; "
                    "name the one that sent it as `source`"
                ),
                code="ambiguous_order",
            )
        return found[0]

    def _move_points(
        self,
        session: Session,
        order: Order,
        row: OrderReturn,
        earlier: Sequence[OrderReturn],
        bought: Mapping[str, Bought],
        back: Mapping[str, int],
        *,
        actor: Actor,
    ) -> None:
        holds = self._spent_on(session, order)
        earnings = session.scalars(
            select(Earning)
            .where(Earning.order_id == order.id)
            .order_by(Earning.account_id, Earning.entry_seq)
        ).all()
        ids = {hold.account_id for hold in holds} | {one.account_id for one in earnings}
        accounts = lock_accounts(session, ids | self._roots(session, ids))
        cause = f"return:{order.id}:{row.return_id}"
        share = share_of_order(bought, back)
        for found in holds:
            hold = Holds.relock(session, found.id)
            due = int(hold.amount * share) - _sum(earlier, "given", str(hold.id))
            due = min(due, hold.amount - hold.reversed)
            if due > 0 and hold.entry_seq is not None:
                self._reverse(session, accounts[hold.account_id], hold.entry_seq, due, cause, actor)
                hold.reversed += due
                row.given = {**row.given, str(hold.id): due}
        for earning in earnings:
            name = f"{earning.account_id}:{earning.entry_seq}"
            due = points_back(earning.parts, bought, back) - _sum(earlier, "taken", name)
            due = min(due, self._left_of_entry(session, earning))
            if due > 0:
                account = accounts[earning.account_id]
                self._reverse(session, account, earning.entry_seq, due, cause, actor)
                row.taken = {**row.taken, name: due}
        row.points_given = sum(row.given.values())
        row.points_taken = sum(row.taken.values())
        session.flush()
        for account_id in sorted(ids):
            self._merging.pass_on(session, accounts[account_id], actor=actor)

    def _reverse(
        self,
        session: Session,
        account: Account,
        seq: int,
        points: int,
        cause: str,
        actor: Actor,
    ) -> None:
        source = Cause(source=f"{cause}:{seq}"[:120], actor=actor)
        self._reversals.reverse(session, account, seq, points, cause=source)
        session.flush()

    @staticmethod
    def _spent_on(session: Session, order: Order) -> Sequence[Hold]:
        """Redemptions of the member that were captured for the cart that became the order."""
        root = func.coalesce(Subject.merged_into_id, Subject.id)
        mine = select(root).where(Subject.id == order.subject_id).scalar_subquery()
        return session.scalars(
            select(Hold)
            .join(Account, Account.id == Hold.account_id)
            .join(Subject, Subject.id == Account.subject_id)
            .where(
                Hold.cart_ref == order.number,
                Hold.entry_seq.is_not(None),
                Hold.amount > 0,
                root == mine,
            )
            .order_by(Hold.id)
        ).all()

    @staticmethod
    def _roots(session: Session, account_ids: set[uuid.UUID]) -> set[uuid.UUID]:
        """Accounts of those whom the owners of these were merged into."""
        rows = session.execute(
            select(Subject.merged_into_id, Account.wallet)
            .join(Account, Account.subject_id == Subject.id)
            .where(Account.id.in_(account_ids), Subject.merged_into_id.is_not(None))
        ).all()
        if not rows:
            return set()
        found = session.execute(
            select(Account.id, Account.subject_id, Account.wallet).where(
                Account.subject_id.in_({root for root, _wallet in rows})
            )
        )
        wanted = {(root, wallet) for root, wallet in rows}
        return {row.id for row in found if (row.subject_id, row.wallet) in wanted}

    @staticmethod
    def _left_of_entry(session: Session, earning: Earning) -> int:
        taken = session.scalar(
            select(func.coalesce(func.sum(-Entry.amount), 0)).where(
                Entry.account_id == earning.account_id, Entry.reverses == earning.entry_seq
            )
        )
        return earning.points - int(taken or 0)


def _asked(lines: Sequence[ReturnedLine]) -> dict[str, int]:
    asked: Counter[str] = Counter()
    for line in lines:
        asked[line.ref] += line.quantity
    return dict(asked)


def _left(bought: Mapping[str, Bought], before: Mapping[str, int]) -> dict[str, int]:
    left = {ref: line.quantity - before.get(ref, 0) for ref, line in bought.items()}
    return {ref: pieces for ref, pieces in left.items() if pieces > 0}


def _check(
    asked: Mapping[str, int], bought: Mapping[str, Bought], before: Mapping[str, int]
) -> None:
    unknown = [ref for ref in asked if ref not in bought]
    if unknown:
        raise Unprocessable(
            gettext(
                "The order has no such line; a line is named by the shop's own id, or else by its "
                "position from 1"
            ),
            code="unknown_line",
            errors=[
                FieldError(pointer="/lines", code="unknown_line", detail=ref[:100])
                for ref in unknown
            ],
        )
    left = _left(bought, before)
    for ref, pieces in asked.items():
        if pieces > left.get(ref, 0):
            raise refusals.over_return(line=ref, possible=left.get(ref, 0))
    if not asked:
        raise refusals.over_return(line=WHOLE, possible=0)


def _sum(earlier: Sequence[OrderReturn], part: str, name: str) -> int:
    return sum(int(getattr(row, part).get(name, 0)) for row in earlier)
