"""What counts as a birthday when it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

from hijridate import Gregorian as HijriGregorian
from persiantools.jdatetime import JalaliDate

from dxp.api import FieldError, Unprocessable

CALENDARS = ("gregorian", "jalali", "hijri_umalqura")
OLDEST_YEARS = 130
# The longest that each month can be; the 29th or 30th that only some years have is allowed,
# since the year may be unknown.
_LONGEST = {
    "gregorian": (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
    "jalali": (31,) * 6 + (30,) * 6,
    "hijri_umalqura": (30,) * 12,
}


def check_birthday(birthday: Mapping[str, Any], *, today: date) -> None:
    """Refuse what cannot be a birthday of somebody alive.

    Raises:
        Unprocessable: code `invalid_birthday`, with a pointer to the faulty part.
    """
    calendar = birthday.get("calendar", "gregorian")
    month, day, year = birthday["month"], birthday["day"], birthday.get("year")
    if day > _LONGEST[calendar][month - 1]:
        raise _refused("/birthday/day", f"month {month} never has a day {day} in this calendar")
    if year is None:
        return
    newest = _year_of(today, calendar)
    if not newest - OLDEST_YEARS <= year <= newest:
        raise _refused(
            "/birthday/year",
            f"{year} lies outside {newest - OLDEST_YEARS} to {newest} of the {calendar} calendar",
        )
    if not _exists(calendar, year, month, day):
        raise _refused("/birthday/day", f"{year} had no such day in the {calendar} calendar")
    if year == newest and (month, day) > _month_day_of(today, calendar):
        raise _refused("/birthday/day", "it lies in the future")


def _exists(calendar: str, year: int, month: int, day: int) -> bool:
    if calendar == "hijri_umalqura":
        return True  # a 30th that the year lacked is clamped when the gift is planned
    try:
        if calendar == "jalali":
            JalaliDate(year, month, day)  # type: ignore[no-untyped-call]
        else:
            date(year, month, day)
    except ValueError:
        return False
    return True


def _year_of(today: date, calendar: str) -> int:
    return _in_calendar(today, calendar)[0]


def _month_day_of(today: date, calendar: str) -> tuple[int, int]:
    return _in_calendar(today, calendar)[1:]


def _in_calendar(today: date, calendar: str) -> tuple[int, int, int]:
    if calendar == "jalali":
        jalali = JalaliDate.to_jalali(today)  # type: ignore[no-untyped-call]
        return jalali.year, jalali.month, jalali.day
    if calendar == "hijri_umalqura":
        hijri = HijriGregorian(today.year, today.month, today.day).to_hijri()
        return hijri.year, hijri.month, hijri.day
    return today.year, today.month, today.day


def _refused(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable(
        f"This cannot be a birthday: {detail}; correct it, or leave out the year",
        code="invalid_birthday",
        errors=[FieldError(pointer=pointer, code="invalid", detail=detail)],
    )


def month_day_of(calendar: str) -> Callable[[date], tuple[int, int]]:
    """A function that tells month and day of a date in a calendar."""
    return partial(_month_day_of, calendar=calendar)
