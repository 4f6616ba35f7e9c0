"""Weeks in the middle of which a unit was merged into another: whose they are, and what was promised for them.

A week belongs to the unit its visits are of when it ends. So of a merger on a Wednesday the whole week is the taking
unit's, with what was promised to the ended one for its Monday and Tuesday: neither a minute nor its target is lost, and
none stands twice.
"""

from datetime import date, datetime, timedelta

from metrics.adoption import AdoptedUnit, Adoption
from metrics.business_case import BusinessCase
from metrics.case_drivers import Reading
from metrics.covered_days import Days, covered_days
from metrics.targets import target_over
from metrics.technologies import OCCASION_KINDS, Technology

_DAY = timedelta(days=1)


def days_of_unit(
    technology: Technology, adoption: Adoption, unit: AdoptedUnit, period: Days, now: datetime
) -> Days | None:
    """The days of a period a unit's figures and target are about, both included.

    As :func:`metrics.covered_days.covered_days` of the days the unit was in use, and from the Monday on of a week that
    was handed over to it as it began.

    Returns
    -------
    tuple[date, date] | None
        ``None`` where it was not in use, or nothing of it is settled.
    """
    used = unit.used_between(*period)
    if used is None:
        return None
    first_on, last_on = used
    if OCCASION_KINDS[technology] == "citizen_week" and first_on > period[0] and _took_over(adoption, unit, first_on):
        first_on = max(period[0], first_on - timedelta(days=first_on.weekday()))
    return covered_days(technology, first_on, last_on, now)


def handed_over_target_s(
    technology: Technology, case: BusinessCase, adoption: Adoption, unit: AdoptedUnit, covered: Days, reading: Reading
) -> int:
    """Seconds promised to units that ended, for the first days of the weeks they handed over to this one."""
    if OCCASION_KINDS[technology] != "citizen_week":
        return 0
    whole = 0
    for part in adoption.units:
        last_on = part.valid_to_on
        if part.merged_into != unit.unit_id or last_on is None or last_on.weekday() == 6:
            continue
        monday_on = last_on - timedelta(days=last_on.weekday())
        if covered[0] <= monday_on and monday_on + 6 * _DAY <= covered[1]:
            whole += target_over(case, adoption, part.unit_id, monday_on, last_on, reading)
    return whole


def _took_over(adoption: Adoption, unit: AdoptedUnit, on: date) -> bool:
    return any(part.merged_into == unit.unit_id and part.valid_to_on == on - _DAY for part in adoption.units)
