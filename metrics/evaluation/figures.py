"""The evaluation data set: every measurement of every unit with its counts and the answers of its questionnaires."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from kernel.localtime import local_day
from metrics.adoption import AdoptedUnit, Adoption
from metrics.adoption_funnel import AdoptionStep, adoption_funnels
from metrics.benefit_row import BenefitRow
from metrics.business_case import BusinessCase
from metrics.evaluation.answers import Asked, ShownQuestion, forms_of, newest_answers, shown_questions
from metrics.evaluation.points import Point, PointKey, points_of
from metrics.evaluation.questionnaire import Questionnaire
from metrics.evaluation.tables import EvaluationAnswersRow
from metrics.report import benefit_report
from metrics.targets import Reading
from metrics.technologies import TARGET_ONLY, Technology


@dataclass(frozen=True, slots=True)
class Answered:
    """A questionnaire in one measurement: its questions as they may be shown; none before answers came in."""

    form: Questionnaire
    questions: tuple[ShownQuestion, ...]
    imported_on: date | None
    #: the version whose answers these are
    version: int | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of one unit. Row and steps are absent before it began, and where nothing is measured."""

    technology: Technology
    unit: AdoptedUnit
    point: Point
    row: BenefitRow | None
    steps: tuple[AdoptionStep, ...]
    answered: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class CountedPoint:
    """What was counted in one measurement of one unit."""

    case_id: str
    unit_id: str
    point: PointKey
    row: BenefitRow | None
    steps: tuple[AdoptionStep, ...]


@dataclass(frozen=True, slots=True)
class CountedPoints:
    """What the ledger says of every measurement, as it was at ``computed_at`` (world time)."""

    computed_at: datetime
    points: tuple[CountedPoint, ...]


def evaluation(
    session: Session,
    *,
    cases: Mapping[str, BusinessCase],
    adoptions: Mapping[str, Adoption],
    unit_ids: Collection[str],
    reading: Reading,
    now: datetime,
    counted: CountedPoints | None = None,
) -> list[Measurement]:
    """Three measurements for each adopted case and each of some units, in the order of the adoptions.

    What is withheld is decided over every unit of the adoption, whichever are asked for.

    Parameters
    ----------
    counted
        What was counted of these units, where it was computed before; the answers are read now.
    """
    if counted is None:
        counted = counted_points(session, cases=cases, adoptions=adoptions, unit_ids=unit_ids, reading=reading, now=now)
    known = {(one.case_id, one.unit_id, one.point): one for one in counted.points}
    answers = newest_answers(session, unit_ids)
    found: list[Measurement] = []
    for adoption, unit, point in _points(cases, adoptions, unit_ids, now):
        technology = cases[adoption.case_id].technology
        one = known[adoption.case_id, unit.unit_id, point.key]
        told = tuple(_answered(form, unit.unit_id, point, answers) for form in forms_of(technology))
        found.append(Measurement(technology, unit, point, one.row, one.steps, told))
    return found


def counted_points(
    session: Session,
    *,
    cases: Mapping[str, BusinessCase],
    adoptions: Mapping[str, Adoption],
    unit_ids: Collection[str],
    reading: Reading,
    now: datetime,
) -> CountedPoints:
    """What the ledger says of each measurement of some units."""
    by_case = {a.case_id: _Measured(session, cases, a, reading, now) for a in adoptions.values()}
    return CountedPoints(
        now,
        tuple(
            CountedPoint(adoption.case_id, unit.unit_id, point.key, *by_case[adoption.case_id].of(unit, point))
            for adoption, unit, point in _points(cases, adoptions, unit_ids, now)
        ),
    )


def _points(
    cases: Mapping[str, BusinessCase], adoptions: Mapping[str, Adoption], unit_ids: Collection[str], now: datetime
) -> Iterator[tuple[Adoption, AdoptedUnit, Point]]:
    for adoption in adoptions.values():
        for unit in adoption.units:
            if unit.unit_id in unit_ids:
                for point in points_of(cases[adoption.case_id], unit, local_day(now)):
                    yield adoption, unit, point


def open_points(
    cases: Mapping[str, BusinessCase], adoptions: Mapping[str, Adoption], unit_ids: Collection[str], today: date
) -> set[tuple[str, str, str]]:
    """Technology, unit and measurement of what has begun, in some units: what may be answered about."""
    return {
        (cases[adoption.case_id].technology, unit.unit_id, point.key)
        for adoption in adoptions.values()
        for unit in adoption.units
        if unit.unit_id in unit_ids
        for point in points_of(cases[adoption.case_id], unit, today)
        if point.state in ("running", "over")
    }


class _Measured:
    """The report and the funnel of an adoption, once for each window: units that began together share theirs."""

    def __init__(
        self,
        session: Session,
        cases: Mapping[str, BusinessCase],
        adoption: Adoption,
        reading: Reading,
        now: datetime,
    ) -> None:
        self._session = session
        self._cases = cases
        self._adoption = adoption
        self._technology = cases[adoption.case_id].technology
        self._reading = reading
        self._now = now
        self._rows: dict[tuple[date, date], dict[str | None, BenefitRow]] = {}
        self._steps: dict[tuple[date, date], dict[str | None, list[AdoptionStep]]] = {}

    def of(self, unit: AdoptedUnit, point: Point) -> tuple[BenefitRow | None, tuple[AdoptionStep, ...]]:
        """Row and funnel of one unit in one measurement, about the days of it that are over."""
        if point.state in ("to_come", "unit_ended"):
            return None, ()
        days = (point.from_on, min(point.to_on, local_day(self._now) - timedelta(days=1)))
        if days not in self._rows:
            rows = benefit_report(
                self._session,
                from_on=days[0],
                to_on=days[1],
                cases=self._cases,
                adoption=self._adoption,
                reading=self._reading,
                now=self._now,
            )
            self._rows[days] = {row.unit_id: row for row in rows}
            if self._technology not in TARGET_ONLY:
                ids = [unit.unit_id for unit in self._adoption.units]
                self._steps[days] = adoption_funnels(self._session, self._technology, ids, *days)
        steps = self._steps.get(days, {}).get(unit.unit_id, [])
        return self._rows[days].get(unit.unit_id), tuple(steps)


def _answered(
    form: Questionnaire, unit_id: str, point: Point, answers: Mapping[Asked, EvaluationAnswersRow]
) -> Answered:
    row = answers.get(Asked(unit_id, point.key, form.id))
    if row is None:
        return Answered(form, (), None, None)
    return Answered(
        form, tuple(shown_questions(form, row.counts)), local_day(row.imported_at), row.questionnaire_version
    )
