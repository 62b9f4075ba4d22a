"""The problem codes of coupons."""

from __future__ import annotations

from dxp.api import ProblemCode

COUPON_PROBLEMS = (
    ProblemCode(
        code="unknown_coupon",
        status=404,
        title="No such coupon",
        explanation="Nobody was given this code, it was mistyped, or it is another member's. Wrong "
        "codes are counted, and too many of them are refused for a while.",
        remedy="Check the code; send the `member` whose coupon it is.",
    ),
    ProblemCode(
        code="unknown_coupon_use",
        status=404,
        title="No such use",
        explanation="The coupon was not used, not for this order, or the use was taken back.",
        remedy="Send the `ref` or `use_id` of the use.",
    ),
    ProblemCode(
        code="unknown_coupon_batch",
        status=404,
        title="No such batch of coupons",
        explanation="No batch has this id.",
        remedy="List the batches and use one of their ids.",
    ),
    ProblemCode(
        code="coupon_batch_key_taken",
        status=409,
        title="The key is taken",
        explanation="Another batch has the key, and keys are unique.",
        remedy="Choose another key.",
    ),
    ProblemCode(
        code="invalid_coupon_batch",
        status=422,
        title="The batch cannot be made so",
        explanation="Codes would be too easy to guess, or parts of the batch do not fit together.",
        remedy="Mend what `errors` names, and send it again.",
    ),
)
