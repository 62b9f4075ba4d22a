"""Three calendars behind one door: Gregorian, Jalali (solar Hijri) and Hijri of Umm al-Qura."""

from __future__ import annotations

import calendar as gregorian_calendar
from datetime import MAXYEAR, MINYEAR, date

from hijridate import Gregorian, Hijri
from persiantools.jdatetime import JalaliDate

from dxp.api import Unprocessable, gettext

GREGORIAN = "gregorian"
JALALI = "jalali"
HIJRI = "hijri_umalqura"
CALENDARS = (GREGORIAN, JALALI, HIJRI)

HIJRI_FIRST_YEAR, HIJRI_LAST_YEAR = 1343, 1500
_HIJRI_FIRST_DAY, _HIJRI_LAST_DAY = date(1924, 8, 1), date(2077, 11, 16)
_JALALI_LAST_YEAR = 9377


def month_length(calendar: str, year: int, month: int) -> int:
    """Days of a month.

    Raises:
        Unprocessable: the calendar's tables do not reach that far (`date_outside_calendar`).
    """
    if calendar == GREGORIAN:
        _check_year(calendar, year, MINYEAR, MAXYEAR)
        return gregorian_calendar.monthrange(year, month)[1]
    if calendar == JALALI:
        _check_year(calendar, year, 1, _JALALI_LAST_YEAR)
        return int(JalaliDate.days_in_month(month, year))
    _check_year(calendar, year, HIJRI_FIRST_YEAR, HIJRI_LAST_YEAR)
    return int(Hijri(year, month, 1).month_length())


def longest_month(calendar: str, month: int) -> int:
    """Most days that a month ever has, for checking what people type."""
    if calendar == GREGORIAN:
        return gregorian_calendar.monthrange(2024, month)[1]
    if calendar == JALALI:
        return 31 if month <= 6 else 30
    return 30


def to_gregorian(calendar: str, year: int, month: int, day: int) -> date:
    """The Gregorian date of a day that exists in its calendar.

    Raises:
        Unprocessable: the calendar's tables do not reach that far (`date_outside_calendar`).
    """
    if calendar == GREGORIAN:
        return date(year, month, day)
    if calendar == JALALI:
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    _check_year(calendar, year, HIJRI_FIRST_YEAR, HIJRI_LAST_YEAR)
    found = Hijri(year, month, day).to_gregorian()
    return date(found.year, found.month, found.day)


def year_of(calendar: str, day: date) -> int:
    """The year of a Gregorian date in a calendar.

    Raises:
        Unprocessable: the calendar's tables do not reach that far (`date_outside_calendar`).
    """
    if calendar == GREGORIAN:
        return day.year
    if calendar == JALALI:
        return int(JalaliDate(day).year)  # type: ignore[no-untyped-call]
    if not _HIJRI_FIRST_DAY <= day <= _HIJRI_LAST_DAY:
        raise _outside(calendar, day.isoformat())
    return int(Gregorian(day.year, day.month, day.day).to_hijri().year)


def _check_year(calendar: str, year: int, first: int, last: int) -> None:
    if not first <= year <= last:
        raise _outside(calendar, str(year))


def _outside(calendar: str, what: str) -> Unprocessable:
    return Unprocessable(
        gettext(
            "%(what)s cannot be reckoned in the calendar “%(calendar)s”, because its tables reach "
            "from %(first)s to %(last)s only; choose another calendar",
            what=what,
            calendar=calendar,
            first=HIJRI_FIRST_YEAR if calendar == HIJRI else 1,
            last=HIJRI_LAST_YEAR if calendar == HIJRI else MAXYEAR,
        ),
        code="date_outside_calendar",
    )
