"""The exporter: one process with one registry, whose collectors read the database now and then.

Served are figures that were read before, so a scrape never waits for the database. One process, because a gauge
with two owners would be told twice (``docs/metrics.md``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event as Signal
from threading import Thread
from typing import Protocol
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError

from kernel.clock import WorldClock
from kernel.database import Database
from kernel.errors import DomainError
from metrics.adoption import Adoption
from metrics.benefit_gauges import BenefitCollector
from metrics.business_case import BusinessCase
from metrics.case_drivers import Reading

log = structlog.get_logger(__name__)


class RefreshedCollector(Protocol):
    """A collector that reads when it is told to, and serves what it read."""

    def refresh(self) -> bool:
        """Read anew. Returns whether the figures changed."""
        ...

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges of the last reading."""
        ...


class ExporterServer:
    """A running exporter: its port, and :meth:`close`."""

    def __init__(
        self, database: Database, collectors: Sequence[RefreshedCollector], host: str, port: int, poll_s: float
    ) -> None:
        self._database = database
        self._collectors = collectors
        self._poll_s = poll_s
        self._stop = Signal()
        self._refresher = Thread(target=self._refresh, name="benefit-refresher", daemon=True)
        registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
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
            for collector in self._collectors:
                refresh_or_keep(collector)


def refresh_or_keep(collector: RefreshedCollector) -> None:
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
    adoptions: Mapping[str, Adoption],
    reading: Reading = "stated",
    beside: Sequence[Callable[[Database, WorldClock], RefreshedCollector]] = (),
    host: str = "127.0.0.1",
    poll_s: float = 5.0,
) -> ExporterServer:
    """Start serving ``/metrics``; returns at once, figures computed. Port 0 takes a free one.

    Parameters
    ----------
    clock
        World time: it decides which days are completed.
    beside
        Makers of collectors that are served from the same registry.
    poll_s
        How often the ledger is looked at, seconds.
    """
    database = Database(database_url, pool_size=2)
    benefits = BenefitCollector(database, clock, cases=cases, adoptions=adoptions, reading=reading)
    collectors = [benefits, *(make(database, clock) for make in beside)]
    for collector in collectors:
        refresh_or_keep(collector)
    return ExporterServer(database, collectors, host, port, poll_s)
