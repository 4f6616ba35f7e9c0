"""What of the benefits a manager's page shows: period, centre, reading, and the technologies one may see of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.errors import EdgeError
from gateway.parts import Benefits
from kernel.localtime import local_day
from metrics.report import BenefitRow, adopted_subjects, all_benefits
from metrics.report_figures import Subject
from metrics.targets import AdoptedUnit, Adoption, Reading
from metrics.technologies import TECHNOLOGIES, Technology

PERIODS = ("golive", "fourweeks", "month", "lastmonth", "today")
Manager = Annotated[Who, Depends(require(Role.MANAGER, Role.AUDITOR))]


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included, and the choice they come from (``None``: named by a link)."""

    from_on: date
    to_on: date
    key: str | None

    @property
    def single_day(self) -> bool:
        """Whether the period is one day: such a figure has no interval."""
        return self.from_on == self.to_on


@dataclass(frozen=True, slots=True)
class Choice:
    """What a page shows. ``mine`` are the adopted units this person may see, ``units`` those that were chosen."""

    benefits: Benefits
    subjects: Mapping[Technology, Subject]
    mine: tuple[AdoptedUnit, ...]
    units: tuple[AdoptedUnit, ...]
    period: Period
    reading: Reading
    unit_id: str | None

    def query(self, **changes: object) -> str:
        """The choice as a query string, with some of it changed; ``None`` leaves a part out."""
        named: dict[str, object | None] = {"maaltal": self.reading, "enhed": self.unit_id}
        if self.period.key is None:
            named |= {"fra": self.period.from_on, "til": self.period.to_on}
        else:
            named |= {"periode": self.period.key}
        return urlencode({k: v for k, v in (named | changes).items() if v is not None})

    def seen(self, technology: Technology) -> tuple[AdoptedUnit, ...]:
        """The units of a technology this person may see, as that technology was adopted in them."""
        ids = {unit.unit_id for unit in self.mine}
        subject = self.subjects.get(technology)
        return () if subject is None else tuple(u for u in subject.adoption.units if u.unit_id in ids)

    def shown(self, technology: Technology) -> tuple[AdoptedUnit, ...]:
        """Those of :meth:`seen` that were chosen."""
        ids = {unit.unit_id for unit in self.units}
        return tuple(unit for unit in self.seen(technology) if unit.unit_id in ids)

    def sees_sum(self, technology: Technology) -> bool:
        """Whether this person sees every unit of a technology, and so the sum of them."""
        subject = self.subjects.get(technology)
        return subject is None or len(self.seen(technology)) == len(subject.adoption.units)

    @property
    def sees_all(self) -> bool:
        """Whether this person may see every unit of every technology."""
        return all(self.sees_sum(technology) for technology in self.subjects)


def choice_of(
    parts: PartsDep,
    who: Manager,
    key: Annotated[str | None, Query(alias="periode", max_length=16)] = None,
    from_on: Annotated[date | None, Query(alias="fra")] = None,
    to_on: Annotated[date | None, Query(alias="til")] = None,
    reading: Annotated[Reading, Query(alias="maaltal")] = "stated",
    unit_id: Annotated[str | None, Query(alias="enhed", max_length=64)] = None,
) -> Choice | None:
    """The choice of a request, bounded to the units this person sees; ``None`` before a case is in use."""
    if parts.benefits is None:
        return None
    return choice_for(
        parts.benefits,
        who.unit_ids,
        parts.clock.now(),
        key=key,
        from_on=from_on,
        to_on=to_on,
        reading=reading,
        unit_id=unit_id,
    )


def choice_for(
    benefits: Benefits,
    unit_ids: Collection[str],
    now: datetime,
    *,
    key: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    reading: Reading = "stated",
    unit_id: str | None = None,
) -> Choice:
    """The choice of somebody who sees these units. Raises ``EdgeError`` 403 where nothing was adopted in them."""
    adoptions = benefits.adoptions.values()
    mine = tuple(unit for unit in _units(adoptions) if unit.unit_id in unit_ids)
    units = tuple(unit for unit in mine if unit_id in (None, "", unit.unit_id))
    if not units:
        raise EdgeError(403, "other_unit", "Det center kan du ikke se.", "You cannot see that centre.")
    return Choice(
        benefits=benefits,
        subjects=adopted_subjects(benefits.cases, benefits.adoptions),
        mine=mine,
        units=units,
        period=period_of(key, from_on, to_on, now, min(a.first_on for a in adoptions)),
        reading=reading,
        unit_id=unit_id or None,
    )


Chosen = Annotated[Choice | None, Depends(choice_of)]


def period_of(key: str | None, from_on: date | None, to_on: date | None, now: datetime, first_on: date) -> Period:
    """The period a request asks for; whole lived days since the first go-live where it asks for nothing."""
    today = local_day(now)
    if from_on is not None and to_on is not None and from_on <= to_on:
        return Period(from_on, to_on, None)
    yesterday = today - timedelta(days=1)
    if key == "today":
        return Period(today, today, key)
    if key == "fourweeks":
        return Period(today - timedelta(days=28), yesterday, key)
    if key == "month":
        return Period(today.replace(day=1), max(yesterday, today.replace(day=1)), key)
    if key == "lastmonth":
        last_on = today.replace(day=1) - timedelta(days=1)
        return Period(last_on.replace(day=1), last_on, key)
    return Period(min(first_on, yesterday), yesterday, "golive")


def seen_rows(session: Session, choice: Choice, now: datetime) -> list[BenefitRow]:
    """Every row this person may see in the period: of each technology its units and, to who sees all, their sum."""
    rows = all_benefits(
        session,
        from_on=choice.period.from_on,
        to_on=choice.period.to_on,
        cases=choice.benefits.cases,
        adoptions=choice.benefits.adoptions,
        reading=choice.reading,
        now=now,
    )
    shown: list[BenefitRow] = []
    for technology in TECHNOLOGIES:
        ids = {unit.unit_id for unit in choice.seen(technology)}
        of_it = [row for row in rows if row.technology == technology]
        shown += [row for row in of_it if row.unit_id is None and choice.sees_sum(technology)]
        shown += [row for row in of_it if row.unit_id in ids]
    return shown


def chosen_rows(rows: Iterable[BenefitRow], choice: Choice) -> list[BenefitRow]:
    """Those rows that are about the chosen centre, all of them where none was chosen."""
    ids = {unit.unit_id for unit in choice.units}
    return [row for row in rows if (row.unit_id is None and choice.unit_id is None) or row.unit_id in ids]


def top_rows(rows: Iterable[BenefitRow]) -> list[BenefitRow]:
    """Of each technology its sum, or its units for somebody who may not see the sum."""
    found = list(rows)
    summed = {row.technology for row in found if row.unit_id is None}
    return [row for row in found if row.unit_id is None or row.technology not in summed]


def needed(choice: Choice | None) -> Choice:
    """The choice, where there is one. Raises ``EdgeError`` 404 before a case is in use."""
    if choice is None:
        raise EdgeError(404, "no_such_page", "Siden findes ikke.", "There is no such page.")
    return choice


def technology_of(choice: Choice, name: str) -> Technology:
    """A technology of a path that is in use and that this person may see something of.

    Raises
    ------
    EdgeError
        404 where it is not known or not in use; 403 where none of its units may be seen.
    """
    for technology in choice.subjects:
        if technology == name:
            break
    else:
        raise EdgeError(404, "no_such_page", "Siden findes ikke.", "There is no such page.")
    if not choice.shown(technology):
        raise EdgeError(
            403,
            "other_unit",
            "Teknologien bruges ikke i de centre, du kan se. Vælg et andet center.",
            "The technology is not used in the centres you can see. Choose another centre.",
        )
    return technology


def _units(adoptions: Iterable[Adoption]) -> list[AdoptedUnit]:
    """Every adopted unit once, in the order of the adoptions."""
    return list({unit.unit_id: unit for adoption in adoptions for unit in reversed(adoption.units)}.values())[::-1]
