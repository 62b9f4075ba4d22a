"""Background work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dxp.api import Job, JobContext, Platform, Schedule, SystemActor
from dxp_loyalty.services.accounts import lock_accounts
from dxp_loyalty.services.coupon_batches import JOB as COUPON_JOB
from dxp_loyalty.services.expiry import accounts_with_overdue_lots
from dxp_loyalty.services.issuing import ISSUE, Outcome
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.simulations import JOB as SIMULATE
from dxp_loyalty.services.tier_counting import members_with_accounts
from dxp_loyalty.services.tier_plans import REASSESS_JOB

EXPIRER = SystemActor(name="loyalty.expiry")
BATCH = 500


@dataclass(kw_only=True)
class BirthdayRun:
    """What one run of the birthday job did."""

    planned: int = 0
    lapsed: int = 0
    outcome: Outcome = field(default_factory=Outcome)


def run_birthdays(ctx: JobContext) -> None:
    """Plan what comes next and issue what is due, in batches with a transaction each.

    Repeating it changes nothing: what is planned or issued once is not again.
    """
    birthday_run(ctx.platform)


def birthday_run(
    platform: Platform, *, progress: Callable[[BirthdayRun], None] | None = None
) -> BirthdayRun:
    """One run, batch by batch; memory stays flat whatever the number of members."""
    loyalty = platform.services.get(Loyalty)
    run = BirthdayRun()

    def tell() -> None:
        if progress is not None:
            progress(run)

    while True:
        with platform.db.write() as session:
            planned = loyalty.planner.plan_due(session, limit=BATCH)
        run.planned += planned
        tell()
        if planned < BATCH:
            break
    after = None
    while True:
        with platform.db.write() as session:
            outcome = loyalty.issuer.issue_due(session, after=after, limit=BATCH)
        run.outcome.add(outcome)
        tell()
        after = outcome.after
        if after is None:
            break
    with platform.db.write() as session:
        run.lapsed = loyalty.issuer.lapse(session)
    tell()
    return run


def issue_gifts(ctx: JobContext) -> None:
    """Issue what is due to some members, who just said that they want it."""
    loyalty = ctx.platform.services.get(Loyalty)
    members = [uuid.UUID(text) for text in ctx.payload["subject_ids"]]
    after = None
    while True:
        outcome = loyalty.issuer.issue_due(
            ctx.session, after=after, limit=BATCH, subject_ids=members
        )
        after = outcome.after
        if after is None:
            return


def rehearse_birthdays(platform: Platform, session: Session) -> BirthdayRun:
    """One run in a transaction that the caller rolls back, to see what it would do."""
    loyalty = platform.services.get(Loyalty)
    run = BirthdayRun()
    while (planned := loyalty.planner.plan_due(session, limit=BATCH)) > 0:
        run.planned += planned
    after = None
    while True:
        outcome = loyalty.issuer.issue_due(session, after=after, limit=BATCH)
        run.outcome.add(outcome)
        after = outcome.after
        if after is None:
            return run


def expire_points(ctx: JobContext) -> None:
    """Write off what has expired, a batch of accounts in each transaction; held points stay."""
    loyalty = ctx.platform.services.get(Loyalty)
    while True:
        with ctx.platform.db.write() as session:
            ids = accounts_with_overdue_lots(session, ctx.platform.clock.now(), limit=BATCH)
            accounts = lock_accounts(session, ids)
            loyalty.ledger.expire_many(session, accounts, actor=EXPIRER)
        if len(ids) < BATCH:
            return


def warn_of_expiry(ctx: JobContext) -> None:
    """Tell members of points that end soon, a batch in each transaction."""
    loyalty = ctx.platform.services.get(Loyalty)
    while True:
        with ctx.platform.db.write() as session:
            told = loyalty.expiry.warn(session, limit=BATCH)
        if told < BATCH:
            return


def release_holds(ctx: JobContext) -> None:
    """Void redemptions that were not captured in time."""
    loyalty = ctx.platform.services.get(Loyalty)
    while True:
        with ctx.platform.db.write() as session:
            released = loyalty.redemptions.release_overdue(session, limit=100)
        if released < 100:
            return


def follow_time(ctx: JobContext) -> None:
    """End tiers whose validity and grace are over, a batch in each transaction."""
    loyalty = ctx.platform.services.get(Loyalty)
    while True:
        with ctx.platform.db.write() as session:
            seen = loyalty.tiers.assess_due(session, limit=BATCH)
        if seen < BATCH:
            return


def reassess_tiers(ctx: JobContext) -> None:
    """After the ladder was changed: look at all members, a batch in each transaction."""
    loyalty = ctx.platform.services.get(Loyalty)
    with ctx.platform.db.read() as reading:
        for ids in members_with_accounts(reading, limit=BATCH):
            with ctx.platform.db.write() as session:
                loyalty.tiers.reassess(session, ids)


def simulate(ctx: JobContext) -> None:
    """Replay past events with a draft of a rule, and write down what would have changed."""
    simulations = ctx.platform.services.get(Loyalty).simulations
    simulations.run(uuid.UUID(ctx.payload["simulation_id"]))


def make_coupons(ctx: JobContext) -> None:
    """Make the codes of a batch; it goes on where it was stopped."""
    batches = ctx.platform.services.get(Loyalty).coupon_batches
    batches.make(uuid.UUID(str(ctx.payload["batch_id"])))


JOBS: tuple[Job | Schedule, ...] = (
    Job(name="loyalty.birthdays", handler=run_birthdays, transactional=False),
    Job(name=ISSUE, handler=issue_gifts),
    Job(name="loyalty.expire_points", handler=expire_points, transactional=False),
    Job(name="loyalty.warn_of_expiry", handler=warn_of_expiry, transactional=False),
    Job(name="loyalty.release_holds", handler=release_holds, transactional=False),
    Job(name=SIMULATE, handler=simulate, transactional=False, max_attempts=2),
    Job(name="loyalty.follow_tiers", handler=follow_time, transactional=False),
    Job(name=REASSESS_JOB, handler=reassess_tiers, transactional=False),
    Schedule(name="loyalty.follow_tiers", cron="7,22,37,52 * * * *", job="loyalty.follow_tiers"),
    Job(name=COUPON_JOB, handler=make_coupons, transactional=False),
    Schedule(name="loyalty.birthdays", cron="*/15 * * * *", job="loyalty.birthdays"),
    Schedule(name="loyalty.expire_points", cron="5 * * * *", job="loyalty.expire_points"),
    Schedule(name="loyalty.warn_of_expiry", cron="35 * * * *", job="loyalty.warn_of_expiry"),
    Schedule(name="loyalty.release_holds", cron="*/5 * * * *", job="loyalty.release_holds"),
)
