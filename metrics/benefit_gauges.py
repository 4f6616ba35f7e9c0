"""The benefits as gauges, from the ledger and the report.

Figures cover completed days only, so that two scrapes never differ by one carer's shift. They are computed
when the ledger of those days has changed and kept until then; a scrape only prints what is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from threading import Lock

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlmodel import Session

from kernel.clock import WorldClock
from kernel.consumers import position_of
from kernel.database import Database
from kernel.localtime import local_day
from kernel.log import latest_position, read_at
from metrics import catalogue, store
from metrics.adoption import Adoption
from metrics.adoption_funnel import AdoptionStep, adoption_funnel
from metrics.business_case import BusinessCase
from metrics.case_drivers import Reading
from metrics.covered_days import covered_days
from metrics.one_instant import one_instant
from metrics.report import BenefitRow, adopted_subjects, all_benefits
from metrics.report_figures import Subject
from metrics.rules_beside.choice import current_rules
from metrics.technologies import WATERFALL, WITHOUT_TARGET, Technology

_Family = GaugeMetricFamily
LEDGER_PREFIX = "benefit-ledger-"
#: The adoption funnel looks back from the last completed day by this much.
FUNNEL_OVER = timedelta(days=27)


@dataclass(frozen=True, slots=True)
class _Baselines:
    """What the figures of one technology are compared with."""

    oldest_at: datetime | None
    missing: int


@dataclass(frozen=True, slots=True)
class _Figures:
    """What one computation found; valid while ``key`` is the state of the ledger."""

    key: tuple[object, ...]
    since_go_live: Sequence[BenefitRow]
    month: Sequence[BenefitRow]
    #: the steps of a technology by unit, ``None`` for all units
    funnels: Mapping[tuple[Technology, str | None], Sequence[AdoptionStep]]
    baselines: Mapping[Technology, _Baselines]


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far the ledger has read."""

    last_update_at: datetime | None
    lag_events: int


class BenefitCollector(Collector):
    """Serves the kept figures; :meth:`refresh` looks whether they are still true."""

    def __init__(
        self,
        database: Database,
        clock: WorldClock,
        *,
        cases: Mapping[str, BusinessCase],
        adoptions: Mapping[str, Adoption],
        reading: Reading = "stated",
    ) -> None:
        self._database = database
        self._clock = clock
        self._cases = cases
        self._adoptions = adoptions
        self._reading = reading
        self._subjects = adopted_subjects(cases, adoptions)
        self._lock = Lock()
        self._figures: _Figures | None = None
        self._reach = _Reach(None, 0)

    def refresh(self) -> bool:
        """Read how far the ledger is and recompute what has changed. Returns whether figures did."""
        now = self._clock.now()
        yesterday = local_day(now) - timedelta(days=1)
        with self._lock, one_instant(self._database) as session:
            self._reach = _read_reach(session, now)
            key = self._key(session, yesterday, now)
            if self._figures is not None and self._figures.key == key:
                return False
            self._figures = self._compute(session, key, yesterday, now)
            return True

    def collect(self) -> Iterator[_Family]:
        """The gauges, from what was computed last."""
        figures, reach = self._figures, self._reach
        if reach.last_update_at is not None:
            yield _single(catalogue.LEDGER_LAST_UPDATE, reach.last_update_at.timestamp())
        yield _single(catalogue.LEDGER_LAG, reach.lag_events)
        if figures is None:
            return
        yield _estimates(catalogue.REALISED, figures.since_go_live)
        yield _estimates(catalogue.MONTH_REALISED, figures.month)
        yield from self._targets(figures.since_go_live)
        yield _waterfall(figures.since_go_live)
        yield _funnels(figures.funnels)
        yield from _baselines(figures.baselines)
        yield from self._evidence(figures.since_go_live)

    def _key(self, session: Session, yesterday: date, now: datetime) -> tuple[object, ...]:
        """The state of the ledger the figures follow from: rules, days settled, newest entries, baselines in use."""
        return (
            yesterday,
            *sorted(current_rules(session).items()),
            *(
                (
                    technology,
                    covered_days(technology, subject.adoption.first_on, yesterday, now),
                    store.newest_entry(session, technology, yesterday),
                    *sorted((row.unit_id, row.version) for row in store.baselines_in_use(session, technology).values()),
                )
                for technology, subject in self._measured()
            ),
        )

    def _compute(self, session: Session, key: tuple[object, ...], yesterday: date, now: datetime) -> _Figures:
        first_on = min(adoption.first_on for adoption in self._adoptions.values())
        lived = first_on <= yesterday
        return _Figures(
            key=key,
            since_go_live=self._rows(session, first_on, yesterday, now),
            month=self._rows(session, yesterday.replace(day=1), yesterday, now),
            funnels=self._read_funnels(session, yesterday) if lived else {},
            baselines={
                technology: _read_baselines(session, technology, subject.adoption, yesterday)
                for technology, subject in self._measured()
            },
        )

    def _measured(self) -> Iterator[tuple[Technology, Subject]]:
        """The technologies in use whose minutes the ledger counts, in the order of the waterfall."""
        yield from ((t, self._subjects[t]) for t in WATERFALL if t in self._subjects)

    def _rows(self, session: Session, from_on: date, to_on: date, now: datetime) -> list[BenefitRow]:
        """The rows of what is in use; what no municipality adopted has no series."""
        if to_on < from_on:
            return []
        rows = all_benefits(
            session,
            from_on=from_on,
            to_on=to_on,
            cases=self._cases,
            adoptions=self._adoptions,
            reading=self._reading,
            now=now,
        )
        return [row for row in rows if row.technology in self._subjects]

    def _read_funnels(
        self, session: Session, yesterday: date
    ) -> dict[tuple[Technology, str | None], Sequence[AdoptionStep]]:
        """Funnels of all units and of each, over the last four weeks."""
        found: dict[tuple[Technology, str | None], Sequence[AdoptionStep]] = {}
        for technology, subject in self._measured():
            from_on = max(subject.adoption.first_on, yesterday - FUNNEL_OVER)
            if from_on > yesterday:
                continue
            unit_ids = [unit.unit_id for unit in subject.adoption.units if unit.used_between(from_on, yesterday)]
            by_unit = {u: adoption_funnel(session, technology, [u], from_on, yesterday) for u in unit_ids}
            found[technology, None] = adoption_funnel(session, technology, unit_ids, from_on, yesterday)
            # What one unit hides could be worked out from the others and all: then only all of them are shown.
            hidden = {step.key for steps in by_unit.values() for step in steps if step.count is None}
            for unit_id, steps in by_unit.items():
                found[technology, unit_id] = [step for step in steps if step.key not in hidden]
        return found

    def _targets(self, rows: Sequence[BenefitRow]) -> Iterator[_Family]:
        target, probability = _family(catalogue.TARGET), _family(catalogue.TARGET_PROBABILITY)
        for row in rows:
            case = self._subjects[row.technology].case
            # Zero minutes would be a promise too: a case of money only has no series.
            if case is not None and case.has_minutes:
                target.add_metric([row.technology, _unit_label(row)], row.target_s)
            if row.target_probability_ratio is not None:
                probability.add_metric([row.technology, _unit_label(row)], row.target_probability_ratio)
        yield target
        yield probability

    def _evidence(self, rows: Sequence[BenefitRow]) -> Iterator[_Family]:
        withheld, grade = _family(catalogue.CELLS_WITHHELD), _family(catalogue.EVIDENCE_GRADE)
        for technology, _subject in self._measured():
            mine = [row for row in rows if row.technology == technology]
            withheld.add_metric([technology], sum(row.status == "withheld" for row in mine))
        for row in rows:
            if row.unit_id is None and row.grade is not None:
                grade.add_metric([row.technology, row.grade], 1)
        yield from (withheld, grade)


def _read_reach(session: Session, now: datetime) -> _Reach:
    """How far the slowest of the ledgers that run has read."""
    positions = [position_of(session, f"{LEDGER_PREFIX}{technology}") for technology in WATERFALL]
    position, head = min(filter(None, positions), default=0), latest_position(session)
    if position >= head:
        return _Reach(now, 0)
    last = read_at(session, [position])
    return _Reach(last[0].at if last else None, head - position)


def _read_baselines(session: Session, technology: Technology, adoption: Adoption, yesterday: date) -> _Baselines:
    baselines = store.baselines_in_use(session, technology)
    in_use = adoption.units_in_use(yesterday)
    held = [baselines[unit.unit_id] for unit in in_use if unit.unit_id in baselines]
    holding = [row for row in held if row.valid_until_on >= yesterday]
    oldest_on = min((row.last_on for row in held), default=None)
    # Nobody has to measure what nobody promised; who has begun to is told when it runs out.
    expected = technology not in WITHOUT_TARGET or bool(baselines)
    return _Baselines(
        oldest_at=None if oldest_on is None else datetime.combine(oldest_on, time(), UTC),
        missing=len(in_use) - len(holding) if expected else 0,
    )


def _family(spec: catalogue.MetricSpec) -> _Family:
    return _Family(spec.name, spec.help, labels=spec.labels)


def _single(spec: catalogue.MetricSpec, value: float) -> _Family:
    return _Family(spec.name, spec.help, value=value)


def _unit_label(row: BenefitRow) -> str:
    return catalogue.ALL_UNITS if row.unit_id is None else row.unit_id


def _estimates(spec: catalogue.MetricSpec, rows: Sequence[BenefitRow]) -> _Family:
    family = _family(spec)
    for row in rows:
        for name, value in (("p10", row.p10_s), ("p50", row.p50_s), ("p90", row.p90_s)):
            if value is not None:
                family.add_metric([row.technology, _unit_label(row), name], value)
    return family


def _waterfall(rows: Sequence[BenefitRow]) -> _Family:
    """The figures of the report, and no sum of our own: the two together must not give a withheld unit away."""
    family = _family(catalogue.WATERFALL)
    for row in rows:
        for stage, value in (("freed", row.realised_s), ("used", row.used_s)):
            if value is not None:
                family.add_metric([row.technology, _unit_label(row), stage], value)
    return family


def _funnels(funnels: Mapping[tuple[Technology, str | None], Sequence[AdoptionStep]]) -> _Family:
    family = _family(catalogue.ADOPTION)
    for (technology, unit_id), steps in funnels.items():
        for step in steps:
            if step.count is not None:
                family.add_metric([technology, unit_id or catalogue.ALL_UNITS, step.key], step.count)
    return family


def _baselines(baselines: Mapping[Technology, _Baselines]) -> Iterator[_Family]:
    timestamp, missing = _family(catalogue.BASELINE_TIMESTAMP), _family(catalogue.BASELINES_MISSING)
    for technology, found in baselines.items():
        if found.oldest_at is not None:
            timestamp.add_metric([technology], found.oldest_at.timestamp())
        missing.add_metric([technology], found.missing)
    yield timestamp
    yield missing
