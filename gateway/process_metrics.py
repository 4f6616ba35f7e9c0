"""What ingest and worker say of what they were asked: messages and jobs, on a small port of their own.

``serve`` tells its requests on its own ``/metrics`` (:mod:`gateway.observation`). These processes have no such page;
where a port is set they get one that serves nothing else. No label names a device, a person or a job.
"""

import time
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import Counter, Histogram, start_http_server

from devices.inbox.model import Accepted, Incoming
from gateway.observation import REGISTRY
from kernel.jobs import JobBody, JobCancelledError, Progress

log = structlog.get_logger(__name__)

MESSAGES = Counter(
    "omsorgstid_ingest_messages_total",
    "Device messages committed, by what became of them.",
    ["result"],
    registry=REGISTRY,
)
BATCHES = Counter("omsorgstid_ingest_batches_total", "Transactions that took device messages in.", registry=REGISTRY)
JOBS = Counter("omsorgstid_jobs_total", "Jobs run here, by how they ended.", ["kind", "result"], registry=REGISTRY)
JOB_DURATION = Histogram(
    "omsorgstid_job_duration_seconds",
    "From the start of a job to its end.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
    registry=REGISTRY,
)


def count_batch(batch: Sequence[Incoming], accepted: Accepted) -> None:
    """Count a batch of device messages after its commit."""
    del batch  # what was said is nobody's figure
    BATCHES.inc()
    for result, count in (
        ("accepted", accepted.accepted),
        ("duplicate", accepted.duplicates),
        ("quarantined", len(accepted.quarantined)),
    ):
        MESSAGES.labels(result).inc(count)


def observed(bodies: Mapping[str, JobBody]) -> dict[str, JobBody]:
    """The same jobs, each counted and timed."""
    return {kind: _observed(kind, body) for kind, body in bodies.items()}


def _observed(kind: str, body: JobBody) -> JobBody:
    def run(arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        began_s = time.perf_counter()
        result = "failed"
        try:
            found = body(arguments, progress)
            result = "done"
        except JobCancelledError:
            result = "cancelled"
            raise
        finally:
            JOBS.labels(kind, result).inc()
            JOB_DURATION.labels(kind).observe(time.perf_counter() - began_s)
        return found

    return run


class ProcessMetrics:
    """The port. One that is taken costs the figures, never the work: it is logged and the process goes on."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._server: WSGIServer | None = None
        self._thread: Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 where it does not."""
        return 0 if self._server is None else int(self._server.server_port)

    def start(self) -> None:
        """Listen, where a port is set."""
        if not self._port:
            return
        try:
            self._server, self._thread = start_http_server(self._port, addr=self._host, registry=REGISTRY)
        except OSError as err:
            log.warning("process_metrics_port_taken", port=self._port, error=type(err).__name__)

    def stop(self) -> None:
        """Give the port back."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(timeout=10)
