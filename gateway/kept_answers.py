"""What the manager's pages ask of the ledger, as questions that can be kept, asked again and answered.

A question has the units somebody sees, the period and the reading, and never who asked. The first page and those of
each technology are one answer, of one instant; kroner, a month's report and the evaluation are one each.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from gateway.auth import Role
from gateway.errors import EdgeError
from gateway.pages import overview_figures, technology_figures
from gateway.pages.manager_choice import Choice, choice_for
from gateway.pages.money_facts import MoneyFigures, money_figures
from gateway.pages.report_facts import MonthReport, default_month, report_figures
from gateway.parts import Benefits
from gateway.tables import IdentityRow
from kernel.localtime import local_day
from metrics.evaluation.figures import CountedPoints, counted_points
from metrics.kept import store

About = Literal["benefits", "money", "report", "evaluation"]
#: What a manager finds behind the links of the first page without having asked for anything.
FIRST_SEEN: tuple[About, ...] = ("benefits", "money", "report", "evaluation")
_FIRST_PAGES: Mapping[About, type] = {
    "benefits": overview_figures.OverviewFigures,
    "money": MoneyFigures,
    "report": MonthReport,
    "evaluation": CountedPoints,
}
#: So many questions are kept up to date besides what managers see first.
RENEWED_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. ``month`` is that of a report, ``2026-10``; reports and the evaluation have no other period."""

    choice: Choice
    about: About = "benefits"
    month: str = ""

    @property
    def question(self) -> dict[str, Any]:
        """The same for the same question, whoever asks it."""
        asked = question_of(self.choice)
        if self.about in ("report", "evaluation"):
            asked |= {"period": "golive", "from_on": None, "to_on": None}
        return asked if self.about == "benefits" else asked | {"about": self.about, "month": self.month}


def question_of(choice: Choice) -> dict[str, Any]:
    """What a page asks: units, period, reading, and what the figures are compared with."""
    period = choice.period
    return {
        "period": period.key,
        "from_on": None if period.key else period.from_on.isoformat(),
        "to_on": None if period.key else period.to_on.isoformat(),
        "reading": choice.reading,
        "unit_id": choice.unit_id,
        "unit_ids": sorted(unit.unit_id for unit in choice.mine),
        "compared_with": _fingerprint(choice.benefits),
    }


def answer(session: Session, asked: Asked, now: datetime) -> dict[str, str]:
    """Every page of the answer as it is kept. The session has to see one instant."""
    choice = asked.choice
    if asked.about == "money":
        return _single(asked, money_figures(session, choice, now))
    if asked.about == "report":
        return _single(asked, report_figures(session, choice, asked.month, now))
    if asked.about == "evaluation":
        return _single(asked, counted(session, choice, now))
    first = overview_figures.overview_figures(session, choice, now)
    pages = _single(asked, first)
    for technology in choice.subjects:
        if choice.shown(technology):
            figures = technology_figures.technology_figures(
                session, choice, technology, first.seen, first.computed_at, first.latest_at
            )
            pages[technology] = technology_figures.as_text(figures)
    return pages


def _single(asked: Asked, figures: object) -> dict[str, str]:
    return {store.FIRST: adapter(asked.about).dump_json(figures).decode()}


def counted(session: Session, choice: Choice, now: datetime) -> CountedPoints:
    """What the evaluation counts of the chosen units."""
    return counted_points(
        session,
        cases=choice.benefits.cases,
        adoptions=choice.benefits.adoptions,
        unit_ids={unit.unit_id for unit in choice.units},
        reading=choice.reading,
        now=now,
    )


@cache
def adapter(about: About) -> TypeAdapter[Any]:
    """Reads and writes the first page of an answer; ``validate_json`` raises ``ValueError`` for another version's."""
    return TypeAdapter(_FIRST_PAGES[about])


def wanted(session: Session, benefits: Benefits, now: datetime) -> Iterator[Asked]:
    """What each manager and auditor sees first, then what was asked for lately; each question once."""
    query = select(IdentityRow.unit_ids).where(col(IdentityRow.role).in_([Role.MANAGER, Role.AUDITOR]))
    people = [list(unit_ids) for unit_ids in session.exec(query)]
    first = [{"about": about, "period": "golive", "unit_ids": units} for about in FIRST_SEEN for units in people]
    # Days named by a link are looked at once or twice, and are computed then.
    asked = [question for question in store.asked_questions(session, RENEWED_AT_MOST) if question["period"]]
    seen: set[str] = set()
    for one in _asked([*first, *asked], benefits, now):
        name = store.question_id(one.question)
        if name not in seen:
            seen.add(name)
            yield one


def _asked(questions: Iterable[Mapping[str, Any]], benefits: Benefits, now: datetime) -> Iterator[Asked]:
    for question in questions:
        try:
            choice = choice_for(
                benefits,
                question["unit_ids"],
                now,
                key=question["period"],
                reading=question.get("reading", "stated"),
                unit_id=question.get("unit_id"),
            )
        except EdgeError:
            # Somebody without a unit in which anything was adopted.
            continue
        about: About = question.get("about", "benefits")
        month = question.get("month", "")
        if about == "report" and not month:
            month = default_month(choice, local_day(now)) or ""
        if about != "report" or month:
            yield Asked(choice, about, month)


def _fingerprint(benefits: Benefits) -> str:
    """Cases and adoptions are files: with other ones, kept figures answer another question."""
    known = _fingerprints.get(id(benefits))
    if known is not None and known[0] is benefits:
        return known[1]
    told = [*sorted(benefits.cases.items()), *sorted(benefits.adoptions.items())]
    text = "\n".join(f"{name} {what.model_dump_json()}" for name, what in told)
    found = hashlib.sha256(text.encode()).hexdigest()[:16]
    _fingerprints[id(benefits)] = (benefits, found)
    return found


#: by the object itself, which is kept: five files are not written down for every page
_fingerprints: dict[int, tuple[Benefits, str]] = {}
