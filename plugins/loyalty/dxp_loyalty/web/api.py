"""The JSON API for members: wallets, gifts, rewards, redemptions."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import func, select

from dxp.api import (
    ApiBlueprint,
    Call,
    CustomerActor,
    NotFound,
    Page,
    Subject,
    Unprocessable,
    customer,
    gettext,
    needs,
    paginate,
)
from dxp_loyalty.models import Account, Hold, RewardVersion
from dxp_loyalty.permissions import REDEEM, REVERSE
from dxp_loyalty.services import refusals
from dxp_loyalty.services.loyalty import Loyalty
from dxp_loyalty.services.qr import qr_svg
from dxp_loyalty.services.statements import NEWEST_FIRST, entries_query
from dxp_loyalty.web import present, schemas
from dxp_loyalty.web.problems import PROBLEMS

api = ApiBlueprint(
    "loyalty",
    __name__,
    url_prefix="/api/v1",
    description="A member's points, gifts, and the rewards that points buy.",
    codes=PROBLEMS,
)


def _loyalty(call: Call) -> Loyalty:
    return call.platform.services.get(Loyalty)


def _me(call: Call) -> uuid.UUID:
    assert isinstance(call.actor, CustomerActor)
    return call.actor.subject_id


@api.endpoint(
    "GET",
    "/me/wallets",
    summary="Read one's own wallets",
    access=customer(),
    response=schemas.WalletOut(many=True),
    etag=True,
)
def read_wallets(call: Call) -> Any:
    """What can be spent, what is still to come, and what is lost if it is not spent soon.

    The ETag begins with the number of the last line of the ledger.
    """
    wallets = _loyalty(call).points.wallets(call.session, _me(call))
    reply = present.wallets(call.platform, wallets, call.locale)
    return call.reply(reply, etag="_".join(wallet.validator for wallet in wallets))


@api.endpoint(
    "GET",
    "/me/transactions",
    summary="List one's own transactions",
    access=customer(),
    query=schemas.WalletQuery,
    response=schemas.TransactionOut,
    paged=True,
)
def list_transactions(call: Call, query: dict[str, Any]) -> Page:
    """Latest first, each with a sentence that says why."""
    wallet = query.get("wallet") or _loyalty(call).settings.wallet
    page = paginate(call, entries_query(_me(call), wallet=wallet), keys=NEWEST_FIRST)
    return page.map(lambda row: present.transaction(call.platform, row, call.locale))


@api.endpoint(
    "GET",
    "/me/occasions",
    summary="List one's own gifts",
    access=customer(),
    response=schemas.OccasionOut(many=True),
)
def list_occasions(call: Call) -> Any:
    """Gifts that come, wait to be claimed, or were claimed; `why` says why not yet."""
    gifts = _loyalty(call).occasions.gifts(call.session, _me(call))
    return [present.occasion(call.platform, gift, call.locale, call.now) for gift in gifts]


@api.endpoint(
    "POST",
    "/me/occasions/<uuid:occasion_id>/claim",
    summary="Claim a gift",
    access=customer(),
    response=schemas.ClaimOut,
    idempotent=True,
    problems=("unknown_occasion", "not_active", "out_of_stock", "limit_reached"),
)
def claim_occasion(call: Call, occasion_id: uuid.UUID) -> Any:
    """Once: the points are in the wallet, and a free piece of a reward is redeemed."""
    loyalty = _loyalty(call)
    claim = loyalty.occasions.claim(
        call.session, occasion_id, subject_id=_me(call), actor=call.actor
    )
    version = None
    if claim.redemption is not None:
        version = call.session.get(RewardVersion, claim.redemption.reward_version_id)
    return present.claimed(loyalty, claim, version)


@api.endpoint(
    "GET",
    "/me/rewards",
    summary="List rewards for oneself",
    access=customer(),
    response=schemas.OfferOut(many=True),
)
def list_offers(call: Call) -> Any:
    """Every reward on offer, and why one cannot be had now."""
    offers = _loyalty(call).rewards.offers(call.session, _me(call))
    return [present.offer(call.platform, item, call.locale) for item in offers]


@api.endpoint(
    "GET",
    "/me/redemptions",
    summary="List one's own redemptions",
    access=customer(),
    response=schemas.RedemptionOut,
    paged=True,
)
def list_redemptions(call: Call) -> Page:
    """Latest first, with those from before a merge."""
    statement = (
        select(Hold, RewardVersion)
        .join(RewardVersion, RewardVersion.id == Hold.reward_version_id)
        .join(Account, Account.id == Hold.account_id)
        .join(Subject, Subject.id == Account.subject_id)
        .where(func.coalesce(Subject.merged_into_id, Subject.id) == _me(call))
    )
    page = paginate(call, statement, keys=[(Hold.created_at, "desc"), (Hold.id, "desc")])
    loyalty = _loyalty(call)
    return page.map(lambda row: present.redemption(loyalty, row[0], row[1]))


@api.endpoint(
    "POST",
    "/redemptions",
    summary="Authorise a redemption",
    access=customer() | needs(REDEEM),
    body=schemas.RedemptionIn,
    response=schemas.RedemptionOut,
    status=201,
    idempotent=True,
    problems=(
        "unknown_subject",
        "unknown_reward",
        "member_required",
        "insufficient_points",
        "out_of_stock",
        "limit_reached",
        "not_active",
        "tier_required",
        "not_eligible",
    ),
)
def authorise_redemption(call: Call, body: dict[str, Any]) -> Any:
    """Set aside the points and one piece until `expires_at`; then capture it or void it.

    With `capture` both happen at once, or neither.
    """
    loyalty = _loyalty(call)
    hold = loyalty.redemptions.authorise(
        call.session,
        subject_id=_member(call, body["member"]),
        reward_id=body["reward_id"],
        cart_ref=body["cart_ref"],
    )
    if body["capture"]:
        call.session.flush()
        hold = loyalty.redemptions.capture(call.session, hold.id, actor=call.actor)
    reply = _redemption(call, hold)
    return call.reply(reply, headers={"Location": f"/api/v1/redemptions/{hold.id}"})


@api.endpoint(
    "GET",
    "/redemptions/<uuid:redemption_id>",
    summary="Read a redemption",
    access=customer() | needs(REDEEM),
    response=schemas.RedemptionOut,
    problems=("unknown_redemption",),
)
def read_redemption(call: Call, redemption_id: uuid.UUID) -> Any:
    """A customer reads their own only."""
    return _redemption(call, _own(call, redemption_id))


@api.endpoint(
    "GET",
    "/redemptions/<uuid:redemption_id>/code.svg",
    summary="Read the discount code of a redemption as a QR code",
    access=customer() | needs(REDEEM),
    content_type="image/svg+xml",
    problems=("unknown_redemption", "no_code"),
)
def read_code_image(call: Call, redemption_id: uuid.UUID) -> Any:
    """For a till's scanner; black on white, whatever the page around it."""
    hold = _own(call, redemption_id)
    version = call.session.get_one(RewardVersion, hold.reward_version_id)
    code = _loyalty(call).coupons.code_of(hold, kind=version.kind)
    if code is None:
        raise NotFound(
            gettext(
                "The redemption has no discount code, because it is of another kind or is not "
                "captured; read the redemption for its state"
            ),
            code="no_code",
        )
    return call.reply(raw=qr_svg(code))


@api.endpoint(
    "POST",
    "/redemptions/<uuid:redemption_id>/capture",
    summary="Capture a redemption",
    access=customer() | needs(REDEEM),
    response=schemas.RedemptionOut,
    idempotent=True,
    problems=("unknown_redemption", "hold_not_open", "out_of_stock", "not_active"),
)
def capture_redemption(call: Call, redemption_id: uuid.UUID) -> Any:
    """Take the points and hand out the piece; a discount code is in the answer."""
    redemptions = _loyalty(call).redemptions
    return _redemption(call, redemptions.capture(call.session, redemption_id, actor=call.actor))


@api.endpoint(
    "POST",
    "/redemptions/<uuid:redemption_id>/void",
    summary="Void a redemption",
    access=customer() | needs(REDEEM),
    response=schemas.RedemptionOut,
    idempotent=True,
    problems=("unknown_redemption", "hold_not_open"),
)
def void_redemption(call: Call, redemption_id: uuid.UUID) -> Any:
    """Give the points and the piece back."""
    redemptions = _loyalty(call).redemptions
    return _redemption(call, redemptions.void(call.session, redemption_id, actor=call.actor))


@api.endpoint(
    "POST",
    "/redemptions/<uuid:redemption_id>/reversals",
    summary="Take a captured redemption back, wholly or in part",
    access=needs(REVERSE),
    body=schemas.ReversalIn,
    response=schemas.RedemptionOut,
    status=201,
    idempotent=True,
    problems=("unknown_redemption", "hold_not_open", "over_reversal", "coupon_used"),
)
def reverse_redemption(call: Call, body: dict[str, Any], redemption_id: uuid.UUID) -> Any:
    """Points return to the lots they came from, with their expiries. Once all are back, the piece
    is in stock again."""
    done = _loyalty(call).undoing.reverse(call.session, redemption_id, actor=call.actor, **body)
    return _redemption(call, done.hold)


def _own(call: Call, redemption_id: uuid.UUID) -> Hold:
    """A redemption that the actor may see; another's is as unknown as none."""
    hold = call.session.get(Hold, redemption_id)
    if hold is None:
        raise refusals.unknown(gettext("redemption"), code="unknown_redemption")
    account = call.session.get_one(Account, hold.account_id)
    _loyalty(call).redemptions.check_owner(call.session, account, call.actor)
    return hold


def _member(call: Call, named: uuid.UUID | None) -> uuid.UUID:
    """Whose points: a customer's own, or those of the member whom a server names."""
    if isinstance(call.actor, CustomerActor):
        own = call.actor.named_id
        if named is not None and named not in (own, call.actor.subject_id):
            raise NotFound(
                gettext(
                    "There is no such member for you, because a customer's token redeems for its "
                    "owner only; leave `member` out"
                ),
                code="unknown_subject",
            )
        return own
    if named is None:
        raise Unprocessable(
            gettext(
                "The request does not say for whom to redeem, and an API key acts for many; "
                "send the customer's id as `member`"
            ),
            code="member_required",
        )
    return named


def _redemption(call: Call, hold: Hold) -> dict[str, Any]:
    version = call.session.get_one(RewardVersion, hold.reward_version_id)
    call.about = call.session.get_one(Account, hold.account_id).subject_id
    return present.redemption(_loyalty(call), hold, version)
