"""What plugins share without importing one another."""

from dxp.contracts.commerce import OrderPlaced
from dxp.contracts.content import PublishedContent, PublishedEntry
from dxp.contracts.payload import EventPayload
from dxp.contracts.people import (
    PURPOSE_BIRTHDAY,
    PURPOSE_MARKETING,
    PURPOSE_PROFILING,
    SEGMENTS_FACT,
    Birthday,
    BirthdayChanged,
    ConsentChanged,
    Consents,
    CustomerRegistered,
    CustomersMerged,
    CustomersSplit,
    Profiles,
    Purpose,
)
from dxp.contracts.points import Balance, Points
from dxp.contracts.selection import Selection
from dxp.contracts.visits import PageViewed

__all__ = [
    "PURPOSE_BIRTHDAY",
    "PURPOSE_MARKETING",
    "PURPOSE_PROFILING",
    "SEGMENTS_FACT",
    "Balance",
    "Birthday",
    "BirthdayChanged",
    "ConsentChanged",
    "Consents",
    "CustomerRegistered",
    "CustomersMerged",
    "CustomersSplit",
    "EventPayload",
    "OrderPlaced",
    "PageViewed",
    "Points",
    "Profiles",
    "PublishedContent",
    "PublishedEntry",
    "Purpose",
    "Selection",
]
