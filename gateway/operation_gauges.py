"""What the benefits rest on, as gauges: devices heard, batteries, messages set aside, how screen visits went.

Read from the domains' own stores, so the figures are the same whichever process asks; served by the exporter, in
the same registry as the benefits.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, case, func
from sqlmodel import Session, col, select

from devices.inbox import leases
from devices.inbox.tables import QuarantineRow
from devices.keys.tables import LockRow
from devices.registry.model import SPEAKING, DeviceState
from devices.registry.tables import DeviceRow
from gateway.usecases.door_facts import BATTERY_EMPTY_MV
from gateway.views.my_day import BATTERY_LOW_MV
from kernel.clock import WorldClock
from kernel.database import Database
from kernel.tables import EventRow
from metrics import catalogue
from video.events import CallOutcome, ScreenVisitEnded

SCREEN_VISITS_OVER = timedelta(hours=24)
BATTERY_LEVELS = ("ok", "low", "empty", "unknown")
_SPEAKING = frozenset(kind.value for kind in SPEAKING)


@dataclass(frozen=True, slots=True)
class OperationFigures:
    """One look at the database."""

    enrolled: Mapping[str, int]
    offline: Mapping[str, int]
    last_message_at: datetime | None
    oldest_message_s: float
    quarantine_open: int
    batteries: Mapping[str, int]
    screen_visits: Mapping[str, int]


class OperationCollector(Collector):
    """Serves what was read last; :meth:`refresh` reads again. A scrape never waits for the database."""

    def __init__(self, database: Database, clock: WorldClock) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._figures: OperationFigures | None = None

    def refresh(self) -> bool:
        """Read the figures anew. Returns whether any of them changed."""
        with self._lock, self._database.reading() as session:
            figures = read_figures(session, self._clock.now())
            changed = figures != self._figures
            self._figures = figures
        return changed

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, none before the first reading."""
        figures = self._figures
        if figures is None:
            return
        yield _by_label(catalogue.DEVICES_ENROLLED, figures.enrolled)
        yield _by_label(catalogue.DEVICES_OFFLINE, figures.offline)
        yield _by_label(catalogue.LOCK_BATTERIES, figures.batteries)
        yield _by_label(catalogue.SCREEN_VISITS, figures.screen_visits)
        yield _single(catalogue.OLDEST_MESSAGE, figures.oldest_message_s)
        yield _single(catalogue.QUARANTINE_OPEN, figures.quarantine_open)
        if figures.last_message_at is not None:
            yield _single(catalogue.LAST_MESSAGE, figures.last_message_at.timestamp())


def read_figures(session: Session, now: datetime) -> OperationFigures:
    """The figures as of a world time."""
    enrolled: Counter[str] = Counter()
    offline: Counter[str] = Counter()
    heard: list[datetime] = []
    in_use = DeviceRow.state == DeviceState.ENROLLED.value
    query = select(DeviceRow.kind, DeviceRow.online, func.count(), func.max(DeviceRow.last_seen_at)).where(in_use)
    for kind, online, count, last_seen_at in session.exec(query.group_by(col(DeviceRow.kind), col(DeviceRow.online))):
        enrolled[kind] += count
        if kind in _SPEAKING:
            offline[kind] += 0 if online else count
        if last_seen_at is not None:
            heard.append(last_seen_at)
    return OperationFigures(
        enrolled=enrolled,
        offline=offline,
        last_message_at=max(heard, default=None),
        # Processes tell it in their own, real time; whole seconds, so that not every reading differs.
        oldest_message_s=float(round(leases.crew(session, time.time()).oldest_s)),
        quarantine_open=session.exec(select(func.count()).where(QuarantineRow.state == "open")).one(),
        batteries=_batteries(session),
        screen_visits=_screen_visits(session, now - SCREEN_VISITS_OVER),
    )


def _batteries(session: Session) -> dict[str, int]:
    millivolts = col(LockRow.battery_mv)
    level: ColumnElement[str] = case(
        (millivolts.is_(None), "unknown"),
        (millivolts < BATTERY_EMPTY_MV, "empty"),
        (millivolts < BATTERY_LOW_MV, "low"),
        else_="ok",
    )
    counts = session.exec(select(level, func.count()).where(col(LockRow.retired_at).is_(None)).group_by(level))
    return dict.fromkeys(BATTERY_LEVELS, 0) | dict(counts.all())


def _screen_visits(session: Session, since: datetime) -> dict[str, int]:
    ended = session.exec(
        select(EventRow.data).where(EventRow.event_type == ScreenVisitEnded.event_type, EventRow.at > since)
    )
    return dict.fromkeys(get_args(CallOutcome), 0) | Counter(str(data["outcome"]) for data in ended)


def _by_label(spec: catalogue.MetricSpec, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(spec.name, spec.help, labels=spec.labels)
    for label, value in sorted(values.items()):
        family.add_metric([label], value)
    return family


def _single(spec: catalogue.MetricSpec, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(spec.name, spec.help, value=value)
