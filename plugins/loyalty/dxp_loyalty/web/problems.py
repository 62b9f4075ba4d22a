"""The problem codes that are the plugin's own."""

from __future__ import annotations

from dxp.api import ProblemCode

_MEND = "Mend what `detail` and `errors` name, and send it again."

PROBLEMS = (
    ProblemCode(
        code="insufficient_points",
        status=422,
        title="Too few points",
        explanation="The member can spend fewer points now than it takes; `available` and "
        "`missing` tell how many. Points in open redemptions and pending points do not count.",
        remedy="Choose something that costs less, or wait for more points.",
    ),
    ProblemCode(
        code="out_of_stock",
        status=422,
        title="None left",
        explanation="All pieces of the reward are issued, or set aside by open redemptions.",
        remedy="Choose another reward, or try again when more pieces are there.",
    ),
    ProblemCode(
        code="limit_reached",
        status=422,
        title="The member's limit is reached",
        explanation="A member may have the reward so many times in its period and already does.",
        remedy="Choose another reward, or wait for the next period.",
    ),
    ProblemCode(
        code="not_active",
        status=422,
        title="Not on offer",
        explanation="The reward or gift is switched off, not yet begun, over, or was taken.",
        remedy="Ask GET /api/v1/me/rewards or /me/occasions for what can be had now.",
    ),
    ProblemCode(
        code="over_reversal",
        status=422,
        title="More than there is to take back",
        explanation="More would be taken back than the entry moved, less what already was; "
        "`possible` tells how much is left.",
        remedy="Ask for at most `possible` points.",
    ),
    ProblemCode(
        code="hold_not_open",
        status=409,
        title="The redemption is not open",
        explanation="It was captured or voided before, or its time has run out.",
        remedy="Read the redemption; authorise a new one if it is still wanted.",
    ),
    ProblemCode(
        code="invalid_points",
        status=422,
        title="No amount of points",
        explanation="Points are whole numbers; zero, fractions and very large numbers move none.",
        remedy="Send a whole number from 1 to 1,000,000,000,000.",
    ),
    ProblemCode(
        code="member_required",
        status=422,
        title="The member is not named",
        explanation="An API key acts for many members, so the request must say for whom.",
        remedy="Send the customer's id as `member`; a customer's own token needs none.",
    ),
    ProblemCode(
        code="unknown_reward",
        status=404,
        title="No such reward",
        explanation="No reward has this id.",
        remedy="List the rewards and use one of their ids.",
    ),
    ProblemCode(
        code="unknown_redemption",
        status=404,
        title="No such redemption",
        explanation="No redemption has this id, or it is another member's.",
        remedy="Use the id that POST /api/v1/redemptions answered.",
    ),
    ProblemCode(
        code="unknown_occasion",
        status=404,
        title="No such gift",
        explanation="No gift has this id, or it is another member's.",
        remedy="List the member's gifts under /api/v1/me/occasions.",
    ),
    ProblemCode(
        code="unknown_rule",
        status=404,
        title="No such earning rule",
        explanation="No earning rule has this id.",
        remedy="List the earning rules and use one of their ids.",
    ),
    ProblemCode(
        code="unknown_occasion_day",
        status=404,
        title="No such day of the calendar",
        explanation="No day of the calendar has this id.",
        remedy="List the days of the calendar and use one of their ids.",
    ),
    ProblemCode(
        code="occasion_day_key_taken",
        status=409,
        title="The key is taken",
        explanation="Another day of the calendar has this key, and keys are unique.",
        remedy="Choose another key.",
    ),
    ProblemCode(
        code="occasion_day_used",
        status=409,
        title="A rule gives something on the day",
        explanation="The rule would never come to its turn again.",
        remedy="Let the rule have another day, then remove this one.",
    ),
    ProblemCode(
        code="invalid_day",
        status=422,
        title="It is no day of a calendar",
        explanation="A day has a month and a day of its calendar, or a weekday of a month; dates "
        "of their own lie within a month of it.",
        remedy="Correct what `detail` names.",
    ),
    ProblemCode(
        code="day_mismatch",
        status=422,
        title="The day does not fit the rule's kind",
        explanation="Rules of the kind `calendar` name a day, and no other rules do.",
        remedy="Set `day_id` for that kind, and leave it out for the others.",
    ),
    ProblemCode(
        code="unknown_occasion_rule",
        status=404,
        title="No such occasion rule",
        explanation="No occasion rule has this id.",
        remedy="List the occasion rules and use one of their ids.",
    ),
    ProblemCode(
        code="reward_key_taken",
        status=409,
        title="The key is taken",
        explanation="Another reward has the key, and keys are unique.",
        remedy="Choose another key.",
    ),
    ProblemCode(
        code="rule_key_taken",
        status=409,
        title="The key is taken",
        explanation="Another earning rule has the key, and keys are unique.",
        remedy="Choose another key, or add a version to that rule.",
    ),
    ProblemCode(
        code="occasion_rule_key_taken",
        status=409,
        title="The key is taken",
        explanation="Another occasion rule has the key, and keys are unique.",
        remedy="Choose another key, or change that rule.",
    ),
    ProblemCode(
        code="reward_changed",
        status=412,
        title="Somebody changed the reward meanwhile",
        explanation="The edit began from an older version of the reward.",
        remedy="Load the reward again and repeat the edit.",
    ),
    ProblemCode(
        code="rule_changed",
        status=412,
        title="Somebody changed the rule meanwhile",
        explanation="The edit began from an older version of the rule.",
        remedy="Load the rule again and repeat the edit.",
    ),
    ProblemCode(
        code="stock_too_small",
        status=422,
        title="The stock is below what is given",
        explanation="More pieces are issued or set aside than the new stock holds.",
        remedy="Choose a stock of at least that number.",
    ),
    ProblemCode(
        code="name_missing",
        status=422,
        title="There is no name",
        explanation="Members see names, and none is given in any language.",
        remedy="Give a `name` in at least one language.",
    ),
    ProblemCode(
        code="invalid_rule",
        status=422,
        title="The rule cannot be used",
        explanation="Parts of the rule do not fit together or are not understood.",
        remedy=_MEND,
    ),
    ProblemCode(
        code="gift_missing",
        status=422,
        title="The rule gives nothing",
        explanation="An occasion rule gives points, a free piece of a reward, or both.",
        remedy="Set `points` above zero, name a reward, or both.",
    ),
)
