"""The benefit exporter: one process that reads the ledger and serves gauges from a registry of its own.

Figures cover completed days only, so that two scrapes never differ by one carer's shift. They are computed
when the ledger of those days has changed and kept until then; a scrape only prints what is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from threading import Event as Signal
from threading import Lock, Thread
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from kernel.clock import WorldClock
from kernel.consumers import position_of
from kernel.database import Database
from kernel.errors import DomainError
from kernel.localtime import local_day
from kernel.log import latest_position, read_at
from metrics import catalogue, store
from metrics.business_case import BusinessCase
from metrics.report import BenefitRow, benefit_report
from metrics.service import CONSUMER_NAME
from metrics.targets import Adoption, Reading

log = structlog.get_logger(__name__)
_Family = GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class _Figures:
    """What one computation found; valid while ``key`` is the state of the ledger."""

    key: tuple[object, ...]
    since_go_live: Sequence[BenefitRow]
    month: Sequence[BenefitRow]
    oldest_baseline_at: datetime | None
    baselines_missing: int


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
        adoption: Adoption,
        reading: Reading = "stated",
    ) -> None:
        self._database = database
        self._clock = clock
        self._cases = cases
        self._adoption = adoption
        self._reading = reading
        self._lock = Lock()
        self._figures: _Figures | None = None
        self._reach = _Reach(None, 0)

    def refresh(self) -> bool:
        """Read how far the ledger is and recompute what has changed. Returns whether figures did."""
        now = self._clock.now()
        yesterday = local_day(now) - timedelta(days=1)
        with self._lock, self._database.reading() as session:
            self._reach = _read_reach(session, now)
            baselines = store.baselines_in_use(session, self._technology)
            key = (
                yesterday,
                store.newest_entry(session, self._technology, yesterday),
                *sorted((row.unit_id, row.version) for row in baselines.values()),
            )
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
        yield from _targets(figures.since_go_live)
        yield from self._evidence(figures)

    def _evidence(self, figures: _Figures) -> Iterator[_Family]:
        baseline = _family(catalogue.BASELINE_TIMESTAMP)
        if figures.oldest_baseline_at is not None:
            baseline.add_metric([self._technology], figures.oldest_baseline_at.timestamp())
        missing = _family(catalogue.BASELINES_MISSING)
        missing.add_metric([self._technology], figures.baselines_missing)
        withheld = _family(catalogue.CELLS_WITHHELD)
        withheld.add_metric([self._technology], sum(row.status == "withheld" for row in figures.since_go_live))
        grade = _family(catalogue.EVIDENCE_GRADE)
        for row in figures.since_go_live:
            if row.unit_id is None and row.grade is not None:
                grade.add_metric([row.technology, row.grade], 1)
        yield from (baseline, missing, withheld, grade)

    @property
    def _technology(self) -> str:
        return self._cases[self._adoption.case_id].technology

    def _compute(self, session: Session, key: tuple[object, ...], yesterday: date, now: datetime) -> _Figures:
        baselines = store.baselines_in_use(session, self._technology)
        in_use = [unit for unit in self._adoption.units if unit.go_live_on <= yesterday]
        held = [baselines[unit.unit_id] for unit in in_use if unit.unit_id in baselines]
        holding = [row for row in held if row.valid_until_on >= yesterday]
        oldest_on = min((row.last_on for row in held), default=None)
        first_on = min(unit.go_live_on for unit in self._adoption.units)
        return _Figures(
            key=key,
            since_go_live=self._rows(session, first_on, yesterday, now),
            month=self._rows(session, yesterday.replace(day=1), yesterday, now),
            oldest_baseline_at=None if oldest_on is None else datetime.combine(oldest_on, time(), UTC),
            baselines_missing=len(in_use) - len(holding),
        )

    def _rows(self, session: Session, from_on: date, to_on: date, now: datetime) -> list[BenefitRow]:
        if to_on < from_on:
            return []
        return benefit_report(
            session,
            from_on=from_on,
            to_on=to_on,
            cases=self._cases,
            adoption=self._adoption,
            reading=self._reading,
            now=now,
        )


class ExporterServer:
    """A running exporter: its port, and :meth:`close`."""

    def __init__(self, database: Database, collector: BenefitCollector, host: str, port: int, poll_s: float):
        self._database = database
        self._collector = collector
        self._poll_s = poll_s
        self._stop = Signal()
        self._refresher = Thread(target=self._refresh, name="benefit-refresher", daemon=True)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(collector)
        self._server: WSGIServer
        self._server, self._http = start_http_server(port, addr=host, registry=registry)
        self.port: int = self._server.server_port
        self._refresher.start()

    def wait(self) -> None:
        """Return when somebody closed the exporter."""
        self._stop.wait()

    def close(self) -> None:
        """Stop serving and let go of the database."""
        self._stop.set()
        self._refresher.join(timeout=10)
        self._server.shutdown()
        self._server.server_close()
        self._http.join(timeout=10)
        self._database.dispose()

    def _refresh(self) -> None:
        while not self._stop.wait(self._poll_s):
            refresh_or_keep(self._collector)


def refresh_or_keep(collector: BenefitCollector) -> None:
    """Refresh; if the database is away keep the old figures, whose age the stale alert watches."""
    try:
        collector.refresh()
    except (SQLAlchemyError, DomainError) as err:
        log.warning("benefit_refresh_failed", error=type(err).__name__)


def serve_exporter(
    database_url: str,
    port: int,
    *,
    clock: WorldClock,
    cases: Mapping[str, BusinessCase],
    adoption: Adoption,
    reading: Reading = "stated",
    host: str = "127.0.0.1",
    poll_s: float = 5.0,
) -> ExporterServer:
    """Start serving ``/metrics``; returns at once, figures computed. Port 0 takes a free one.

    Parameters
    ----------
    clock
        World time: it decides which days are completed.
    poll_s
        How often the ledger is looked at, seconds.
    """
    database = Database(database_url, pool_size=2)
    collector = BenefitCollector(database, clock, cases=cases, adoption=adoption, reading=reading)
    refresh_or_keep(collector)
    return ExporterServer(database, collector, host, port, poll_s)


def _read_reach(session: Session, now: datetime) -> _Reach:
    position, head = position_of(session, CONSUMER_NAME), latest_position(session)
    if position >= head:
        return _Reach(now, 0)
    last = read_at(session, [position])
    return _Reach(last[0].at if last else None, head - position)


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


def _targets(rows: Sequence[BenefitRow]) -> Iterator[_Family]:
    target, probability = _family(catalogue.TARGET), _family(catalogue.TARGET_PROBABILITY)
    for row in rows:
        target.add_metric([row.technology, _unit_label(row)], row.target_s)
        if row.target_probability_ratio is not None:
            probability.add_metric([row.technology, _unit_label(row)], row.target_probability_ratio)
    yield target
    yield probability
