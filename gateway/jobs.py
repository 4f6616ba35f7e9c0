"""The queue that triggers jobs: Celery, on Redis in operation, in memory with a worker thread embedded.

The job table is the truth (kernel.jobs); losing a trigger costs a poll, delivering it twice costs nothing.
"""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping

import structlog
from celery import Celery
from kombu.exceptions import KombuError
from redis import RedisError

from kernel import jobs
from kernel.clock import LinkClock
from kernel.jobs import JobBody
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

TASK = "jobs.run"


def make_celery(redis_url: str) -> Celery:
    """The Celery application. Embedded it has an in-memory broker of its own."""
    app = Celery("omsorgstid", broker=redis_url or "memory://", set_as_current=False)
    if not redis_url:
        # The in-memory broker is one for the whole process: a queue of its own keeps platforms apart.
        app.conf.task_default_queue = f"omsorgstid-{uuid.uuid4().hex[:12]}"
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        task_time_limit=None,
        worker_prefetch_multiplier=1,
    )
    return app


def register(app: Celery, units: UnitsOfWork, clock: LinkClock, bodies: Mapping[str, JobBody]) -> Callable[[str], str]:
    """Give the application its one task. Returns the function behind it."""

    def run(job_id: str) -> str:
        holder = f"{socket.gethostname()}:{threading.get_ident()}:{uuid.uuid4().hex[:8]}"
        return jobs.run(units, clock, time.time, bodies, job_id, holder[:64])

    # Not shared: two platforms in one process (tests) must not get each other's jobs.
    app.task(name=TASK, shared=False)(run)
    return run


class CeleryQueue:
    """Triggers jobs through Celery."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def trigger(self, job_id: str) -> None:
        """Tell the workers. A queue that is away is only logged: workers look at the table too."""
        try:
            self._app.send_task(TASK, args=[job_id])
        except (KombuError, RedisError, OSError) as err:
            # Kombu wraps what its transport says on publishing, but not what it says on opening a channel.
            log.warning("job_not_triggered", job_id=job_id, error=type(err).__name__)


class WorkerThread:
    """A Celery worker inside this process, for the embedded column."""

    def __init__(self, app: Celery) -> None:
        self._worker = app.WorkController(pool="solo", concurrency=1, without_gossip=True, without_mingle=True)
        self._app = app
        self._thread = threading.Thread(target=self._run, name="celery-worker", daemon=True)

    def start(self) -> None:
        """Begin to take triggers."""
        self._thread.start()

    def _run(self) -> None:
        # Celery looks tasks up in the application that is current in the thread.
        self._app.set_current()
        self._worker.start()

    def stop(self) -> None:
        """Finish the task at hand and end."""
        self._worker.should_stop = True
        self._worker.stop(in_sighandler=False)
        self._thread.join(timeout=10)
