"""Problem codes about credentials."""

from __future__ import annotations

from dxp.web.problem_codes import ProblemCode

_SIGN_IN_AGAIN = "Sign the customer in again."

AUTH_CODES = (
    ProblemCode(
        "key_unknown",
        401,
        "The API key is not known",
        "It was mistyped, cut off, or belongs to another installation.",
        "Copy it whole, `dxp_…_…`, or make a new one in the admin.",
    ),
    ProblemCode(
        "key_expired",
        401,
        "The API key has expired",
        "It was made to be good until a day that has passed.",
        "Make a new one in the admin.",
    ),
    ProblemCode(
        "key_revoked",
        401,
        "The API key was revoked",
        "Staff made it worthless, for good.",
        "Use another key.",
    ),
    ProblemCode(
        "token_invalid",
        401,
        "The token is not valid",
        "It was not issued here, was changed, or is of another kind.",
        "Send the access token as it was received.",
    ),
    ProblemCode(
        "token_expired",
        401,
        "The token has expired",
        "Access tokens are good for some minutes only.",
        "Get a new one: POST /api/v1/auth/refresh.",
    ),
    ProblemCode(
        "token_revoked",
        401,
        "The token was revoked",
        "The customer was signed out, or is no longer known.",
        _SIGN_IN_AGAIN,
    ),
    ProblemCode(
        "refresh_unknown",
        401,
        "The refresh token is not known",
        "It was mistyped, or was never issued here.",
        _SIGN_IN_AGAIN,
    ),
    ProblemCode(
        "refresh_expired",
        401,
        "The refresh token has expired",
        "It was not used in time.",
        _SIGN_IN_AGAIN,
    ),
    ProblemCode(
        "refresh_reused",
        401,
        "The refresh token was used before",
        "Each serves once. Two users of one token mean that one of them is a thief, so the whole "
        "sign-in was ended.",
        _SIGN_IN_AGAIN,
    ),
    ProblemCode(
        "refresh_revoked",
        401,
        "The refresh token was revoked",
        "The customer was signed out, or is no longer known.",
        _SIGN_IN_AGAIN,
    ),
    ProblemCode(
        "wrong_code",
        401,
        "The code is wrong",
        "It was mistyped, is older than ten minutes, was used or guessed at before, or none was "
        "sent.",
        "Type the code of the latest mail, or ask for a new one.",
    ),
)
