"""What a tier follows from, against an oracle that goes through the days one by one."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dxp_loyalty.services.months import add_months
from dxp_loyalty.services.tier_rules import Base, Ladder, State, follow

START = date(2023, 1, 1)
DAY = timedelta(days=1)

LADDERS = st.builds(
    Ladder,
    thresholds=st.lists(st.integers(0, 60), min_size=1, max_size=4, unique=True).map(sorted),
    period=st.sampled_from(["calendar_year", "rolling"]),
    months=st.integers(1, 14),
    keep_next=st.booleans(),
    grace_days=st.sampled_from([0, 1, 30]),
)
COLLECTED = st.dictionaries(
    st.integers(0, 1500).map(lambda day: START + day * DAY), st.integers(1, 40), max_size=14
)


def oracle(ladder: Ladder, days: dict[date, int], today: date) -> tuple[int, date | None]:
    """Level and last day on `today`, by living through every day from the first."""

    def counts(day: date, upto: date) -> int:
        if ladder.period == "calendar_year":
            return sum(n for d, n in days.items() if d.year == day.year and d <= upto)
        return sum(n for d, n in days.items() if add_months(day, -ladder.months) < d <= upto)

    def reached(amount: int) -> int:
        return max((n for n, least in enumerate(ladder.thresholds) if amount >= least), default=-1)

    def lasts(day: date, extra: int) -> date:
        if ladder.period == "calendar_year":
            return date(day.year + extra, 12, 31)
        return add_months(day, ladder.months)

    level, until = reached(0), None
    lowest, day = level, START
    while day <= today:
        if until is not None and day == until + (ladder.grace_days + 1) * DAY:
            now = reached(counts(day, day - DAY))
            if now >= level:
                level, until = now, lasts(day, int(ladder.keep_next))
            else:
                level = max(level - 1, lowest)
                until = lasts(day, 0) if level > lowest else None
        if days.get(day):
            now = reached(counts(day, day))
            if now > level:
                level, until = now, lasts(day, int(ladder.keep_next))
            elif now == level and level > lowest:
                until = max(until or date.min, lasts(day, int(ladder.keep_next)))
        day += DAY
    return level, until


@settings(max_examples=150, deadline=None)
@given(ladder=LADDERS, days=COLLECTED, wait=st.integers(0, 2000))
def test_following_is_living_through_every_day(
    ladder: Ladder, days: dict[date, int], wait: int
) -> None:
    """Whatever was collected when, however the ladder is made, on whatever day one asks."""
    today = START + wait * DAY
    course = follow(ladder, days, today=today)
    assert (course.state.level, course.state.until) == oracle(ladder, days, today)


@settings(max_examples=60, deadline=None)
@given(ladder=LADDERS, days=COLLECTED, wait=st.integers(0, 1500))
def test_nothing_changes_before_the_day_that_is_foretold(
    ladder: Ladder, days: dict[date, int], wait: int
) -> None:
    """So a job that looks at members on that day alone misses nothing."""
    today = START + wait * DAY
    known = {day: amount for day, amount in days.items() if day <= today}
    course = follow(ladder, known, today=today)
    if course.check_on is None:
        later = today + 4000 * DAY
    else:
        assert course.check_on > today
        later = course.check_on - DAY
    assert follow(ladder, known, today=later).state == course.state


def test_a_tier_lasts_to_the_end_of_the_next_year_then_goes_down_one_step() -> None:
    """After its grace, and no further than one step a year."""
    ladder = Ladder(thresholds=[10, 50, 100], period="calendar_year", grace_days=30)
    days = {date(2024, 5, 1): 120}
    told = [
        (date(2024, 4, 30), -1, None),
        (date(2024, 5, 1), 2, date(2025, 12, 31)),
        (date(2026, 1, 30), 2, date(2025, 12, 31)),
        (date(2026, 1, 31), 1, date(2026, 12, 31)),
        (date(2027, 1, 31), 0, date(2027, 12, 31)),
        (date(2028, 1, 31), -1, None),
    ]
    for day, level, until in told:
        state = follow(ladder, days, today=day).state
        assert (state.level, state.until) == (level, until), day


def test_what_is_returned_was_never_collected() -> None:
    """The tier it gave is gone with it."""
    ladder = Ladder(thresholds=[100], period="rolling", months=6)
    bought = {date(2024, 5, 1): 120}
    assert follow(ladder, bought, today=date(2024, 5, 2)).state.level == 0
    kept = {date(2024, 5, 1): 120 - 90}
    assert follow(ladder, kept, today=date(2024, 5, 2)).state == State(level=-1)


def test_who_reaches_a_lowered_threshold_keeps_the_tier_when_its_time_is_over() -> None:
    """By what was collected before the ladder was changed."""
    ladder = Ladder(thresholds=[10], period="rolling", months=12)
    base = Base(day=date(2024, 6, 1), state=State(level=0, until=date(2024, 6, 10)))
    kept = follow(ladder, {date(2024, 5, 1): 20}, today=date(2024, 6, 12), base=base)
    assert (kept.state.level, kept.state.until) == (0, date(2025, 6, 11))
    lost = follow(ladder, {date(2024, 5, 1): 9}, today=date(2024, 6, 12), base=base)
    assert lost.state.level == -1
