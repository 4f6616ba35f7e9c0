"""Visits come in: a day out of weekly patterns, or a file; routes and doors follow in the same act."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlmodel import select

from gateway.usecases.taking_off import take_off
from gateway.views.services import NAMES
from kernel.work import Work
from scheduling.exchange.arrivals import Arrival, receive
from scheduling.model import UnitKind
from scheduling.patterns.days import Generated
from scheduling.patterns.days import generate_day as generate
from scheduling.register.tables import UnitRow
from scheduling.tables import VisitRow

SERVICE_CODES = {name.casefold(): code for code, names in NAMES.items() for name in (code, *names)}
"""Codes of services by what people call them, in small letters."""


class RoutesLeft:
    """Takes visits off their routes within a transaction and remembers whose locks have to hear of it."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.locks: frozenset[str] = frozenset()

    def __call__(self, visits: Sequence[VisitRow], reason: str) -> None:
        """Take planned visits off."""
        if visits:
            self._work.session.flush()
            self.locks |= take_off(self._work, visits, reason)


def generate_day(work: Work, unit_id: str, day: date) -> tuple[Generated, frozenset[str]]:
    """Make a unit's visits of a day. Returns what became of them, and the locks to tell after the commit.

    Raises
    ------
    PatternError
        ``day_over`` or ``unit_not_there``.
    """
    left = RoutesLeft(work)
    return generate(work, unit_id, day, left), left.locks


def bring_in(work: Work, raw: bytes, unit_ids: Collection[str], by_role: str) -> tuple[Arrival, frozenset[str]]:
    """Take a file in. Returns what became of it, and the locks to tell after the commit."""
    left = RoutesLeft(work)
    return receive(work, raw, unit_ids, by_role, left, SERVICE_CODES), left.locks


def home_care_units(work: Work, day: date) -> list[str]:
    """Units with home care on a day."""
    rows = work.session.exec(select(UnitRow).where(UnitRow.kind == UnitKind.HOME_CARE)).all()
    return sorted(row.id for row in rows if (row.valid_from_on or day) <= day <= (row.valid_to_on or day))


def all_units(work: Work) -> list[str]:
    """Every unit: for whoever runs the platform."""
    return sorted(work.session.exec(select(UnitRow.id)).all())
