"""People to whom things happen, merged and split, and what must be true of each meanwhile.

`Facts` is the oracle: what each did under their own name, noted as it is done, as if nobody had
ever been merged. It asks the platform nothing.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.contracts import Consents, Points, Selection
from dxp.errors import Conflict, Problem
from dxp.events import EventRow, NewEvent
from dxp.platform import Platform
from dxp.privacy import Merge
from dxp.subjects import Subject
from dxp.testing import staff_actor
from dxp_crm.models import Customer, SegmentMember, Ticket, TicketComment
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_loyalty.models import Account, Hold, OccasionGrant
from dxp_loyalty.services.accounts import lock_accounts
from dxp_loyalty.services.balances import earned_totals
from dxp_loyalty.services.entries import Cause
from dxp_loyalty.services.invariants import verify
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.occasions import OccasionRuleDraft
from dxp_loyalty.services.rewards import RewardDraft
from dxp_personalization.models import Decision
from dxp_personalization.services import Personalization

STAFF = staff_actor("*")
PURPOSES = ("birthday", "profiling", "marketing")
GIFT = 7
_names = itertools.count(1)


@contextmanager
def refusable(*codes: str) -> Iterator[list[str]]:
    """The code of the refusal, in a list; empty when there was none. Others are raised."""
    found: list[str] = []
    try:
        yield found
    except Problem as refused:
        if refused.code not in codes:
            raise
        found.append(refused.code)


@dataclass
class Facts:
    """What one person did. Values that one person has one of are None until they are set."""

    points: int = 0
    earned: int = 0
    held: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    words: list[tuple[int, str, bool]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    color: str | None = None


class Story:
    """Does to people what a test or a machine decides, and compares with the facts."""

    def __init__(self, platform: Platform, *, number: int, gifts: bool = False) -> None:
        self.platform = platform
        self.crm, self.loyalty = platform.services.get(Crm), platform.services.get(Loyalty)
        self.refs: dict[uuid.UUID, str] = {}
        self.clock = itertools.count()
        for _person in range(number):
            ref = f"p{next(_names)}"
            with platform.db.write() as session:
                made = self.crm.customers.register(session, STAFF, {"ref": ref, "name": ref})
            self.refs[made.subject_id] = ref
        self.people = list(self.refs)
        self.facts = {person: Facts() for person in self.people}
        self.leads: dict[uuid.UUID, uuid.UUID] = {}
        self.merges: list[Merge] = []
        self.holds: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}
        self.captured: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}
        self.gifts: dict[uuid.UUID, uuid.UUID] = {}
        self.claimed: set[uuid.UUID] = set()
        self._reward: uuid.UUID | None = None
        if gifts:
            self._give_gifts()

    def _give_gifts(self) -> None:
        """A birthday gift that waits for each, a day apart: too close for any two of them."""
        platform = self.platform
        today = platform.clock.now().date()
        with platform.db.write() as session:
            for number, person in enumerate(self.people):
                on = today + timedelta(days=number)
                day = {"month": on.month, "day": on.day, "calendar": "gregorian"}
                self.crm.customers.set_birthday(session, STAFF, subject_id=person, birthday=day)
                self._record(session, person, "birthday", granted=True)
        with platform.db.write() as session:
            # The order in which they were given decides which of two stays.
            for person in self.people:
                self.loyalty.issuer.issue_due(session, subject_ids=[person])
            rows = session.scalars(
                select(OccasionGrant).where(
                    OccasionGrant.subject_id.in_(self.people), OccasionGrant.state == "issued"
                )
            )
            self.gifts = {row.id: row.subject_id for row in rows}
        assert set(self.gifts.values()) == set(self.people)

    def root(self, person: uuid.UUID) -> uuid.UUID:
        while person in self.leads:
            person = self.leads[person]
        return person

    # What people do under their own names

    def order(self, person: uuid.UUID) -> None:
        """An order under the person's own number, whoever they were merged into."""
        platform, subjects = self.platform, self.platform.subjects
        with platform.db.write() as session:
            name = ("ref", self.refs[person])
            found = subjects.trace_many(session, [name])[name]
            data = {"order_id": f"o{next(_names)}", "total": "10", "currency": "USD", "lines": []}
            event = NewEvent(
                type="order.placed",
                data=data,
                subject_id=found.subject_id,
                origin_id=found.origin_id,
                source="shop",
                external_id=str(next(_names)),
            )
            platform.events.publish_many(session, [event])
        facts = self.facts[person]
        facts.counts["orders"] += 1
        facts.points += 10
        facts.earned += 10

    def spend(self, person: uuid.UUID, points: int) -> None:
        """Points that staff take; of what the merged have together."""
        with self.platform.db.write() as session, refusable("insufficient_points") as answer:
            self.loyalty.adjustments.adjust(
                session, person, -points, reason_code="other", note="", actor=STAFF
            )
        if answer:
            return
        self.facts[person].points -= points

    def authorise(self, person: uuid.UUID, points: int) -> None:
        """A redemption is begun."""
        reward_id = self._reward_of(points)
        with self.platform.db.write() as session, refusable("insufficient_points") as answer:
            hold = self.loyalty.redemptions.authorise(
                session, subject_id=person, reward_id=reward_id
            )
        if answer:
            return
        self.holds[hold.id] = (person, points)
        self.facts[person].held += points

    def settle(self, number: int, *, capture: bool) -> None:
        """An open redemption is captured or voided."""
        hold_id = list(self.holds)[number % len(self.holds)]
        person, points = self.holds.pop(hold_id)
        redemptions = self.loyalty.redemptions
        with self.platform.db.write() as session:
            done = redemptions.capture if capture else redemptions.void
            done(session, hold_id, actor=STAFF)
        self.facts[person].held -= points
        if capture:
            self.captured[hold_id] = (person, points)
            self.facts[person].points -= points
            self.facts[person].counts["captured"] += 1

    def take_back(self, number: int) -> None:
        """Half of a captured redemption is paid back, once."""
        hold_id = list(self.captured)[number % len(self.captured)]
        person, points = self.captured.pop(hold_id)
        with self.platform.db.write() as session:
            hold = session.get_one(Hold, hold_id)
            account = lock_accounts(session, [hold.account_id])[hold.account_id]
            cause = Cause(source=f"back:{hold_id}", actor=STAFF)
            self.loyalty.reversals.reverse(
                session, account, hold.entry_seq, points // 2, cause=cause
            )
        self.facts[person].points += points // 2

    def claim(self, number: int) -> None:
        """A gift is claimed by whoever has it now, for whom it was given."""
        grant_id, person = list(self.gifts.items())[number % len(self.gifts)]
        with self.platform.db.write() as session:
            owner = session.get_one(OccasionGrant, grant_id).subject_id
            with refusable("not_active", "unknown_occasion") as answer:
                self.loyalty.occasions.claim(session, grant_id, subject_id=owner, actor=STAFF)
        if answer:
            return
        self.claimed.add(grant_id)
        self.facts[person].points += GIFT
        self.facts[person].earned += GIFT

    def consent(self, person: uuid.UUID, purpose: str, granted: bool) -> None:
        with self.platform.db.write() as session:
            self._record(session, person, purpose, granted=granted)

    def _record(self, session: Any, person: uuid.UUID, purpose: str, *, granted: bool) -> None:
        self.crm.consents.record(
            session,
            STAFF,
            subject_id=person,
            purpose=purpose,
            granted=granted,
            channel="web",
            text_version="1",
        )
        self.facts[person].words.append((next(self.clock), purpose, granted))

    def note(self, person: uuid.UUID) -> None:
        with self.platform.db.write() as session:
            self.crm.customers.add_note(
                session, STAFF, subject_id=person, text="Hello", author="Ada"
            )
        self.facts[person].counts["notes"] += 1

    def ticket(self, person: uuid.UUID) -> None:
        """With a comment, which stays on it wherever it goes."""
        with self.platform.db.write() as session:
            ticket = self.crm.tickets.open(
                session, STAFF, {"subject_id": person, "subject": "Late"}
            )
            self.crm.tickets.comment(session, STAFF, ticket_id=ticket.id, text="Hm", public=True)
        self.facts[person].counts.update(tickets=1, comments=1)

    def decide(self, person: uuid.UUID) -> None:
        with self.platform.db.read() as session:
            whose = self.platform.subjects.trace(session, person)
            self.platform.services.get(Selection).decide(
                session,
                subject_id=whose.subject_id,
                origin_id=whose.origin_id,
                anonymous_id=None,
                slots=[{"key": "home"}],
                context={},
                now=self.platform.clock.now(),
            )
        self.facts[person].counts["decisions"] += 1

    # What staff change of the one profile that there is: it is of whoever is named now

    def tag(self, person: uuid.UUID) -> None:
        root, name = self.root(person), f"t{next(_names)}"
        with self.platform.db.write() as session:
            tags = [*self.crm.customers.get(session, root).tags, name]
            self._change(session, root, {"tags": tags})
        self.facts[root].tags.add(name)

    def paint(self, person: uuid.UUID) -> None:
        """A custom field."""
        root, value = self.root(person), f"c{next(_names)}"
        with self.platform.db.write() as session:
            self._change(session, root, {"fields": {"color": value}})
        self.facts[root].color = value

    def _change(self, session: Any, person: uuid.UUID, changes: dict[str, Any]) -> None:
        self.crm.customers.update(session, STAFF, subject_id=person, version=None, changes=changes)

    def list_on(self, person: uuid.UUID) -> None:
        """A list made by hand."""
        root, key = self.root(person), f"list-{next(_names)}"
        with self.platform.db.write() as session:
            made = {"key": key, "names": {"en": key}, "kind": "static"}
            self.crm.segments.definitions.create(session, STAFF, made)
            self.crm.segments.definitions.add_to_list(
                session, STAFF, key=key, refs=[self.refs[root]]
            )
        self.facts[root].lists.add(key)

    # Merging

    def merge(self, winner: uuid.UUID, loser: uuid.UUID) -> None:
        winner, loser = self.root(winner), self.root(loser)
        if winner == loser:
            return
        with self.platform.db.write() as session:
            made = self.platform.privacy.merges.merge(
                session, STAFF, winner_id=winner, loser_id=loser
            )
            self.leads[loser] = winner
            self._drop_uncovered(session)
        self.merges.append(made)

    def undo(self, merge: Merge) -> None:
        """As the rule has it: the latest of a person first, and none that was built upon."""
        later = self.merges[self.merges.index(merge) + 1 :]
        built_upon = any(merge.winner_id in (one.winner_id, one.loser_id) for one in later)
        with self.platform.db.write() as session:
            if built_upon:
                with pytest.raises(Conflict) as refused:
                    self.platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
                assert refused.value.code == "merge_in_the_way"
                return
            self.platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
            del self.leads[merge.loser_id]
            self.merges.remove(merge)
            self._drop_uncovered(session)

    def _drop_uncovered(self, session: Any) -> None:
        """Open redemptions went back where, and only where, one's own points do not cover them."""
        for hold_id, (person, points) in reversed(list(self.holds.items())):
            if session.get_one(Hold, hold_id).state == "voided":
                del self.holds[hold_id]
                group = [one for one in self.people if self.root(one) == self.root(person)]
                own = sum(self.facts[one].points - self.facts[one].held for one in group)
                assert own < 0
                self.facts[person].held -= points

    def _reward_of(self, points: int) -> uuid.UUID:
        with self.platform.db.write() as session:
            draft = RewardDraft(
                key=f"mug-{next(_names)}",
                kind="product",
                cost=points,
                per_member=5,
                texts={"en": {"name": "Mug"}},
            )
            return self.loyalty.rewards.create(session, draft, actor=STAFF).id

    # Comparing

    def check(self) -> None:
        """Every person has what the facts say of them and of those who lead to them."""
        groups: dict[uuid.UUID, list[uuid.UUID]] = {}
        for person in self.people:
            groups.setdefault(self.root(person), []).append(person)
        platform = self.platform
        with platform.db.read() as session:
            balances = platform.services.get(Points).balances(session, list(groups))
            earned = earned_totals(session, list(groups), wallet="points")
            counts = self._counts(session, list(groups))
            for root, members in groups.items():
                facts = [self.facts[person] for person in members]
                balance = balances.get(root)
                has = (0, 0)
                if balance is not None:
                    owned = balance.available + balance.pending + balance.held - balance.debt
                    has = (owned, balance.held)
                assert has == (sum(f.points for f in facts), sum(f.held for f in facts))
                assert earned.get(root, 0) == sum(f.earned for f in facts)
                assert counts[root] == sum((f.counts for f in facts), Counter())
                self._check_profile(session, root, members)
            report = verify(session, now=platform.clock.now())
            assert report.ok, report.violations[:3]

    def check_gifts(self) -> None:
        """When nobody is merged: everybody has their own gift, claimed or not."""
        with self.platform.db.read() as session:
            for grant_id, person in self.gifts.items():
                grant = session.get_one(OccasionGrant, grant_id)
                wanted = "claimed" if grant_id in self.claimed else "issued"
                assert (grant.subject_id, grant.state) == (person, wanted)
                assert grant.origin_id is None

    def check_one_gift(self) -> None:
        """Of those who are one now, somebody's gift can be claimed, or was."""
        with self.platform.db.read() as session:
            for root in {self.root(person) for person in self.people}:
                had = {one for one in self.people if self.root(one) == root}
                if any(self.gifts[grant_id] in had for grant_id in self.claimed):
                    continue
                gifts = self.loyalty.occasions.gifts(session, root)
                assert sum(gift.claimable for gift in gifts) == 1

    def _counts(self, session: Any, roots: list[uuid.UUID]) -> dict[uuid.UUID, Counter[str]]:
        found: dict[uuid.UUID, Counter[str]] = {root: Counter() for root in roots}
        of_account = func.coalesce(Subject.merged_into_id, Subject.id)
        queries: dict[str, Any] = {
            "orders": select(EventRow.subject_id, func.count()).where(
                EventRow.type == "order.placed"
            ),
            "tickets": select(Ticket.subject_id, func.count()),
            "comments": select(TicketComment.subject_id, func.count()),
            "captured": select(of_account, func.count())
            .join(Account, Account.subject_id == Subject.id)
            .join(Hold, Hold.account_id == Account.id)
            .where(Hold.state == "captured", Hold.grant_id.is_(None)),
        }
        for name, query in queries.items():
            for root, count in session.execute(query.group_by(query.selected_columns[0])):
                if root in found:
                    found[root][name] = count
        decisions = self.platform.services.get(Personalization).decisions
        for root in roots:
            whose = Decision.pseudonym == decisions.pseudonym(str(root))
            found[root]["decisions"] = session.scalar(
                select(func.count()).select_from(Decision).where(whose)
            )
            found[root]["notes"] = len(self.crm.customers.notes(session, root))
            found[root] = +found[root]
        return found

    def _check_profile(self, session: Any, root: uuid.UUID, members: list[uuid.UUID]) -> None:
        words = sorted(word for person in members for word in self.facts[person].words)
        last = {purpose: granted for _at, purpose, granted in words}
        for purpose in PURPOSES:
            granted = self.platform.services.get(Consents).granted(session, root, purpose)
            assert granted == last.get(purpose, False)
        customer = session.get_one(Customer, root)
        assert set(customer.tags) == {t for person in members for t in self.facts[person].tags}
        assert customer.fields.get("color") == self._color(root)
        lists = {key for person in members for key in self.facts[person].lists}
        on = session.scalar(select(func.count()).where(SegmentMember.subject_id == root))
        assert on == len(lists)

    def _color(self, person: uuid.UUID) -> str | None:
        """One's own, or else that of the first who brought one."""
        own = self.facts[person].color
        brought = (self._color(one.loser_id) for one in self.merges if one.winner_id == person)
        return own or next((color for color in brought if color), None)


def prepare(platform: Platform) -> None:
    """A custom field, a slot to decide for, and a gift for every birthday."""
    gift = OccasionRuleDraft(
        key="gift",
        texts={"en": {"name": "Gift"}},
        points=GIFT,
        days_before=6,
        minimum_days=90,
        late_policy="immediate",
    )
    with platform.db.write() as session:
        platform.services.get(Crm).definitions.create(
            session,
            STAFF,
            record="person",
            key="color",
            draft=FieldDraft(type="text", labels={"en": "Color"}),
        )
        platform.services.get(Loyalty).occasions.create_rule(session, gift, actor=STAFF)
        platform.services.get(Personalization).slots.create(
            session, STAFF, {"key": "home", "title": "Home"}
        )
