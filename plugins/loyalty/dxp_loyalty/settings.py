"""Settings of the plugin, in `[plugins.loyalty]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from dxp.api import timezones


def _check_timezone(value: str) -> None:
    if value and value not in timezones():
        raise ValidationError("is not the name of a time zone, such as Europe/Paris")


def _whole(help_text: str, *, default: int, least: int, most: int) -> fields.Integer:
    return fields.Integer(
        strict=True,
        load_default=default,
        validate=validate.Range(least, most),
        metadata={"help": help_text, "example": default},
    )


class LoyaltySettingsSchema(Schema):
    """How the programme is run. Rules, rewards and gifts are kept by staff in the admin."""

    wallet = fields.String(
        load_default="points",
        validate=validate.Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="is not a short plain name"),
        metadata={
            "help": "Name of the wallet that rules fill; changing it starts a new wallet.",
            "example": "points",
        },
    )
    timezone = fields.String(
        load_default="",
        validate=_check_timezone,
        metadata={
            "help": "The programme's clock, for hours and periods of earning rules, and for "
            "birthdays of members whose own zone is unknown; empty: the platform's.",
            "example": "Europe/Paris",
        },
    )
    hold_minutes = _whole(
        "Minutes for which an authorised redemption keeps its points and its piece.",
        default=30,
        least=1,
        most=43_200,
    )
    warn_days = _whole(
        "Points that expire within so many days are shown to the member.",
        default=60,
        least=1,
        most=730,
    )
    adjustment_limit = _whole(
        "Points above which an adjustment by hand waits for a second person, within a day and "
        "for one member; 0: never.",
        default=10_000,
        least=0,
        most=10**12,
    )
    transfer_limit = _whole(
        "Points that a member may give another at once; 0: members cannot.",
        default=10_000,
        least=0,
        most=10**12,
    )
    transfer_daily_limit = _whole(
        "Points that a member may give others within 24 hours; 0: members cannot.",
        default=20_000,
        least=0,
        most=10**12,
    )
    coupon_guesses = fields.String(
        load_default="20/minute",
        validate=validate.Regexp(
            r"[1-9][0-9]{0,5}/(second|minute|hour|day)\Z", error="is no rate such as 20/minute"
        ),
        metadata={
            "help": "Unknown coupon codes that one visitor of a shop may try.",
            "example": "20/minute",
        },
    )
    birthday_points = _whole(
        "Points that the form of a new birthday rule proposes.",
        default=200,
        least=1,
        most=1_000_000,
    )
    birthday_days_before = _whole(
        "Days before the birthday on which the window opens, as a new rule proposes.",
        default=0,
        least=0,
        most=60,
    )
    birthday_days_after = _whole(
        "Days after the birthday on which the window closes, as a new rule proposes.",
        default=14,
        least=0,
        most=60,
    )
    birthday_minimum_days = _whole(
        "Days for which an issued gift can be claimed at least, as a new rule proposes.",
        default=14,
        least=0,
        most=365,
    )


@dataclass(frozen=True, kw_only=True)
class LoyaltySettings:
    """The checked settings. `timezone` is never empty here."""

    wallet: str
    timezone: str
    hold_minutes: int
    warn_days: int
    adjustment_limit: int
    transfer_limit: int
    transfer_daily_limit: int
    coupon_guesses: str
    birthday_points: int
    birthday_days_before: int
    birthday_days_after: int
    birthday_minimum_days: int

    @classmethod
    def of(cls, values: Mapping[str, Any], *, platform_timezone: str) -> LoyaltySettings:
        """From the section as the plugin manager checked it."""
        return cls(**{**values, "timezone": values["timezone"] or platform_timezone})
