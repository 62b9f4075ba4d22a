"""Coupon codes: how they look, how they are made, brought in, used, and kept secret."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import NotFound, Platform, Problem, SystemActor
from dxp_loyalty.models import CouponCode, CouponUse
from dxp_loyalty.services.coupon_batches import BatchDraft
from dxp_loyalty.services.coupon_codes import ALPHABETS, CodeForm, check_character, normalised

ACTOR = SystemActor(name="test")


def make(programme: Any, count: int = 20, *, form: CodeForm | None = None, **values: Any) -> Any:
    """A batch with all its codes."""
    loyalty = programme.loyalty
    draft = {"key": f"b-{uuid.uuid4().hex[:8]}", "name": "Spring", "count": count, **values}
    with programme.platform.db.write() as session:
        batch = loyalty.coupon_batches.create(
            session, BatchDraft(form=form or CodeForm(), **draft), actor=ACTOR, background=False
        )
    loyalty.coupon_batches.make(batch.id)
    with programme.platform.db.read() as session:
        return loyalty.coupon_batches.get(session, batch.id)


def codes_of(programme: Any, batch: Any) -> list[str]:
    lines = "".join(programme.loyalty.coupon_batches.lines(batch)).splitlines()
    return [row["code"] for row in csv.DictReader(lines)]


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(Problem) as caught:
        work()
    return str(caught.value.code)


BODIES = st.sampled_from(list(ALPHABETS.values())).flatmap(
    lambda letters: st.tuples(st.just(letters), st.text(letters, min_size=6, max_size=32))
)


@given(BODIES, st.data())
def test_the_check_character_finds_every_slip_of_the_finger(
    made: tuple[str, str], data: st.DataObject
) -> None:
    """One wrong letter, or two neighbours that changed places."""
    letters, body = made
    place = data.draw(st.integers(0, len(body) - 2))
    wrong = data.draw(st.sampled_from(letters))
    changed = body[:place] + wrong + body[place + 1 :]
    swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
    for other in {changed, swapped} - {body}:
        assert check_character(other, letters) != check_character(body, letters)


def test_codes_are_all_different_and_have_no_look_alikes(programme: Any) -> None:
    """Each has its prefix and a check character that fits."""
    form = CodeForm(prefix="SUN-", length=10)
    batch = make(programme, 300, form=form)
    codes = codes_of(programme, batch)
    assert len(set(codes)) == 300
    assert all(code.startswith("SUN-") and form.has_check(code) for code in codes)
    assert not set("".join(code.removeprefix("SUN-") for code in codes)) & set("01ILO")


def test_only_hashes_are_kept(programme: Any, platform: Platform) -> None:
    """With another secret the same code has another hash, so a stolen table tells nothing."""
    batch = make(programme, 5)
    codes = codes_of(programme, batch)
    with platform.db.read() as session:
        kept = [repr(vars(row)) for row in session.scalars(select(CouponCode))]
    assert not any(normalised(code) in normalised(row) for code in codes for row in kept)


@pytest.mark.parametrize("spelling", [str.lower, lambda code: code.replace("-", " ")])
def test_a_code_is_known_however_it_is_typed(
    programme: Any, platform: Platform, spelling: Callable[[str], str]
) -> None:
    """Small letters, gaps, no dashes."""
    code = codes_of(programme, make(programme, 1, benefit={"discount_percent": 5}))[0]
    with platform.db.read() as session:
        found = programme.loyalty.coupons.validate(session, spelling(code))
    assert found.benefit == {"discount_percent": 5}


def test_making_goes_on_where_it_was_stopped(programme: Any, platform: Platform) -> None:
    """A worker that dies between two steps loses nothing and makes nothing twice."""

    class Died(Exception):
        """The worker did."""

    def die(made: int, wanted: int) -> None:
        raise Died

    batches = programme.loyalty.coupon_batches
    draft = BatchDraft(key="many", name="Many", count=5_100)
    with platform.db.write() as session:
        batch = batches.create(session, draft, actor=ACTOR, background=False)
    with pytest.raises(Died):
        batches.make(batch.id, progress=die)
    told: list[tuple[int, int]] = []
    batches.make(batch.id, progress=lambda made, wanted: told.append((made, wanted)))
    assert told == [(5_100, 5_100)]
    with platform.db.read() as session:
        assert batches.get(session, batch.id).state == "ready"
        assert len(session.scalars(select(CouponCode.number).distinct()).all()) == 5_100


def test_codes_are_delivered_once(programme: Any, platform: Platform) -> None:
    """And never those that rewards hand out."""
    batches = programme.loyalty.coupon_batches
    batch, stock = make(programme, 2), make(programme, 2, purpose="rewards")

    def deliver(which: Any) -> None:
        with platform.db.write() as session:
            batches.deliver(session, which.id, actor=ACTOR)

    deliver(batch)
    assert refusal(lambda: deliver(batch)) == "coupons_delivered"
    assert refusal(lambda: deliver(stock)) == "coupons_not_deliverable"


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"count": 1_000_000, "form": CodeForm(length=9)}, "/length"),
        ({"count": 0}, "/count"),
        ({"form": CodeForm(prefix="sun")}, "/prefix"),
        ({"form": CodeForm(alphabet="runes")}, "/alphabet"),
        ({"origin": "imported", "purpose": "rewards"}, "/purpose"),
    ],
    ids=str,
)
def test_a_batch_that_could_be_guessed_is_refused(
    programme: Any, values: dict[str, Any], pointer: str
) -> None:
    """And one whose parts do not fit."""
    with pytest.raises(Problem) as caught:
        make(programme, **values)
    assert caught.value.code == "invalid_coupon_batch"
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_a_code_is_used_as_often_as_it_may_be(programme: Any, platform: Platform) -> None:
    """Once for an order; a use that is rolled back can be made again."""
    coupons = programme.loyalty.coupons
    code = codes_of(programme, make(programme, 1, max_uses=2))[0]

    def redeem(ref: str) -> None:
        with platform.db.write() as session:
            coupons.redeem(session, code, ref=ref, actor=ACTOR)

    def roll_back(ref: str) -> None:
        with platform.db.write() as session:
            coupons.roll_back(session, code, ref=ref)

    redeem("A")
    assert refusal(lambda: redeem("A")) == "limit_reached"
    redeem("B")
    assert refusal(lambda: redeem("C")) == "limit_reached"
    roll_back("A")
    assert refusal(lambda: roll_back("A")) == "unknown_coupon_use"
    redeem("A")
    with platform.db.read() as session:
        assert len(session.scalars(select(CouponUse)).all()) == 3
        (row,) = session.scalars(select(CouponCode))
    assert row.uses == 2


def test_a_code_is_worth_something_in_its_time_only(
    programme: Any, platform: Platform, clock: Any
) -> None:
    """Not before, not after, and not once its batch is withdrawn."""
    now = clock.now()
    batch = make(
        programme,
        1,
        valid_from=now + timedelta(days=1),
        valid_until=now + timedelta(days=3),
    )
    (code,) = codes_of(programme, batch)

    def validate() -> Any:
        with platform.db.read() as session:
            return programme.loyalty.coupons.validate(session, code)

    assert refusal(validate) == "not_active"
    clock.advance(days=1)
    assert validate().uses_left == 1
    clock.advance(days=2)
    assert refusal(validate) == "not_active"
    clock.advance(days=-1)
    with platform.db.write() as session:
        programme.loyalty.coupon_batches.withdraw(session, batch.id, actor=ACTOR)
    assert refusal(validate) == "not_active"


def test_a_reward_hands_out_the_codes_of_a_batch(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Each to one member, who alone can use it; then none is left."""
    programme.give(member, 500)
    other = programme.member()
    programme.give(other, 500)
    batch = make(programme, 2, purpose="rewards")
    reward = programme.reward(
        kind="discount_code", details={"batch": str(batch.id), "discount_percent": 10}
    )
    loyalty = programme.loyalty

    def redeem(who: uuid.UUID) -> str:
        with platform.db.write() as session:
            hold = loyalty.redemptions.authorise(session, subject_id=who, reward_id=reward.id)
            session.flush()
            loyalty.redemptions.capture(session, hold.id, actor=ACTOR)
            return str(loyalty.coupons.code_of(hold, kind="discount_code"))

    codes = [redeem(member), redeem(other)]
    assert sorted(codes) == sorted(codes_of(programme, batch))
    assert refusal(lambda: redeem(member)) == "out_of_stock"

    def validate(who: uuid.UUID | None) -> Any:
        with platform.db.read() as session:
            return loyalty.coupons.validate(session, codes[0], member=who)

    assert validate(member).benefit == {"discount_percent": 10}
    assert refusal(lambda: validate(other)) == "unknown_coupon"
    assert refusal(lambda: validate(None)) == "unknown_coupon"
    programme.check()


def test_a_redemption_whose_code_was_used_is_not_taken_back_whole(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Else the member had the discount and the points. A code that is taken back is void."""
    programme.give(member, 500)
    reward = programme.reward(kind="discount_code")
    loyalty = programme.loyalty
    with platform.db.write() as session:
        hold = loyalty.redemptions.authorise(session, subject_id=member, reward_id=reward.id)
        session.flush()
        loyalty.redemptions.capture(session, hold.id, actor=ACTOR)
        code = loyalty.coupons.code_of(hold, kind="discount_code")
    with platform.db.write() as session:
        loyalty.coupons.redeem(session, code, member=member, actor=ACTOR)

    def reverse(points: int | None = None) -> None:
        with platform.db.write() as session:
            loyalty.undoing.reverse(
                session, hold.id, points=points, reason_code="returned", actor=ACTOR
            )

    assert refusal(reverse) == "coupon_used"
    reverse(10)
    with platform.db.write() as session:
        loyalty.coupons.roll_back(session, code)
    reverse()
    with platform.db.read() as session:
        again = loyalty.coupons.validate
        assert refusal(lambda: again(session, code, member=member)) == "not_active"
    programme.check()


def test_a_file_is_brought_in_and_its_faults_are_told_by_row(
    programme: Any, member: uuid.UUID, platform: Platform
) -> None:
    """Good rows go in, whatever the others are; a member's code is theirs alone."""
    lines = [
        "\ufeffCode,member,valid_until,max_uses\n",
        "WELCOME10,,,1000\n",
        f"ADA-1,{member},2027-01-31,\n",
        "welcome 10,,,\n",
        "X,,,\n",
        "LATE-1,,tomorrow,\n",
        "MANY-1,,,none\n",
        "LOST-1,C-404,,\n",
    ]
    loyalty = programme.loyalty
    draft = BatchDraft(key="old-shop", name="From the old shop", origin="imported")
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR)
        report = loyalty.coupon_imports.run(session, batch.id, lines, actor=ACTOR)
    assert (report.imported, report.faulty) == (2, 5)
    assert [fault.row for fault in report.faults] == [4, 5, 6, 7, 8]
    with platform.db.read() as session:
        assert loyalty.coupons.validate(session, "Welcome10").uses_left == 1000
        assert loyalty.coupons.validate(session, "ADA1", member=member).valid_until is not None
        assert refusal(lambda: loyalty.coupons.validate(session, "ADA1")) == "unknown_coupon"


@pytest.mark.parametrize("text", ["name\nx\n", "", "\x00"])
def test_a_file_that_is_none_is_refused(programme: Any, platform: Platform, text: str) -> None:
    """With what a spreadsheet has to save."""
    loyalty = programme.loyalty
    draft = BatchDraft(key="file", name="File", origin="imported")
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR)
        lines = text.splitlines(keepends=True)
        run = loyalty.coupon_imports.run
        assert refusal(lambda: run(session, batch.id, lines, actor=ACTOR)) == "invalid_file"


def test_coupons_follow_a_person(programme: Any, member: uuid.UUID, platform: Platform) -> None:
    """Through a merge and back, into the copy of their data, and out with the person."""
    other = programme.member()
    loyalty = programme.loyalty
    draft = BatchDraft(key="own", name="Own", origin="imported")
    with platform.db.write() as session:
        batch = loyalty.coupon_batches.create(session, draft, actor=ACTOR)
        lines = ["code,member\n", f"FOR-OTHER,{other}\n"]
        loyalty.coupon_imports.run(session, batch.id, lines, actor=ACTOR)

    def known_to(who: uuid.UUID) -> bool:
        with platform.db.read() as session, suppress(NotFound):
            return bool(loyalty.coupons.validate(session, "FOR-OTHER", member=who).uses_left)
        return False

    assert (known_to(member), known_to(other)) == (False, True)
    with platform.db.write() as session:
        merge = platform.privacy.merges.merge(session, ACTOR, winner_id=member, loser_id=other)
    assert known_to(member)
    with platform.db.write() as session:
        platform.privacy.merges.undo(session, ACTOR, merge_id=merge.id)
    assert (known_to(member), known_to(other)) == (False, True)
    with platform.db.write() as session:
        loyalty.coupons.redeem(session, "FOR-OTHER", member=other, ref="O-77", actor=ACTOR)
        (coupon,) = loyalty.people.export(session, other)["coupons"]
        assert (coupon["own"], coupon["used"][0]["ref"]) == (True, "O-77")
        loyalty.people.erase(session, [other], actor=ACTOR)
    with platform.db.read() as session:
        assert session.scalars(select(CouponUse.ref)).one() is None
        assert session.scalars(select(CouponCode.state)).one() == "void"
