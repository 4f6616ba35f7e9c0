"""Which shift of the day a visit belongs to, by the clock. Pure."""

from datetime import datetime
from typing import Literal

from kernel.localtime import COPENHAGEN

VisitShift = Literal["day", "evening", "night"]
VISIT_SHIFTS: tuple[VisitShift, ...] = ("day", "evening", "night")


def shift_of(begun_at: datetime) -> VisitShift:
    """The shift a visit begins in: day from 7, evening from 15, night from 23, Danish local time.

    By the visit's own beginning and not by its carer's shift: a screen visit may be given from anywhere.
    """
    hour = begun_at.astimezone(COPENHAGEN).hour
    if 7 <= hour < 15:
        return "day"
    return "evening" if 15 <= hour < 23 else "night"
