"""Long-running work: a row is the truth, the queue only triggers (design §6).

States: ``waiting -> running -> done | failed | cancelled``. A worker takes a lease before it starts; a second
delivery of the same trigger finds the lease or the end state and does nothing. A worker that dies leaves its
lease to run out, and the next trigger starts the job again.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar

import structlog
from sqlmodel import Session, col, select

from kernel.clock import LinkClock
from kernel.errors import DomainError, KernelError
from kernel.events import Event
from kernel.ids import new_id
from kernel.tables import JobRow
from kernel.work import UnitsOfWork, Work

log = structlog.get_logger(__name__)

LEASE_S = 60.0
ENDED = frozenset({"done", "failed", "cancelled"})


class JobChanged(Event):
    """A job was asked for, moved on or ended."""

    event_type: ClassVar[str] = "job.changed"

    job_id: str
    kind: str
    state: str
    progress_ratio: float
    error_code: str | None = None


class JobCancelledError(Exception):
    """Raised inside a job when somebody asked to stop it."""


class Progress:
    """A running job's way to say how far it is and to hear that it should stop."""

    def __init__(
        self, units: UnitsOfWork, clock: LinkClock, wall_s: Callable[[], float], job_id: str, holder: str
    ) -> None:
        self._units = units
        self._clock = clock
        self._wall_s = wall_s
        self._job_id = job_id
        self._holder = holder
        self._told_at_s = -1.0

    @property
    def job_id(self) -> str:
        """The job that runs."""
        return self._job_id

    def report(self, ratio: float) -> None:
        """Store progress 0 to 1 and renew the lease, at most four times a second.

        Raises
        ------
        JobCancelledError
            If a person asked to stop, or another worker has taken the job over.
        """
        if not 0 <= ratio <= 1:
            raise ValueError(f"Expected progress between 0 and 1, got {ratio}.")
        now_s = self._clock.monotonic_s()
        if now_s - self._told_at_s < 0.25:
            return
        self._told_at_s = now_s
        with self._units.begin() as work:
            row = _locked(work.session, self._job_id)
            if row.cancel_requested or row.lease_holder != self._holder:
                raise JobCancelledError
            row.progress_ratio = ratio
            row.lease_until_s = self._wall_s() + LEASE_S
            work.record(_changed(row, work.now))

    def note(self, facts: dict[str, Any]) -> None:
        """Store what is known of the result before the job ends; the result replaces it.

        Raises
        ------
        JobCancelledError
            As :meth:`report`.
        """
        with self._units.begin() as work:
            row = _locked(work.session, self._job_id)
            if row.cancel_requested or row.lease_holder != self._holder:
                raise JobCancelledError
            row.result, row.progress_ratio = facts, 0.0
            work.record(_changed(row, work.now))


JobBody = Callable[[Mapping[str, Any], Progress], dict[str, Any]]


def request(work: Work, kind: str, arguments: dict[str, Any], unit_id: str | None = None) -> JobRow:
    """Ask for a job. The caller triggers the queue after commit."""
    row = JobRow(id=new_id(), kind=kind, arguments=arguments, state="waiting", requested_at=work.now, unit_id=unit_id)
    work.session.add(row)
    work.record(_changed(row, work.now))
    return row


def cancel(work: Work, job_id: str) -> JobRow:
    """Ask a job to stop. A waiting job ends at once; a running one at its next report.

    Raises
    ------
    KernelError
        ``not_found`` or ``job_not_cancellable``.
    """
    row = _locked(work.session, job_id)
    if row.state in ENDED:
        raise KernelError("job_not_cancellable")
    row.cancel_requested = True
    if row.state == "waiting":
        _end(work, row, "cancelled")
    return row


def get(session: Session, job_id: str) -> JobRow:
    """One job. Raises ``not_found``."""
    row = session.get(JobRow, job_id)
    if row is None:
        raise KernelError("not_found", what=f"Job {job_id}")
    return row


def latest(session: Session, limit: int = 50, without: Collection[str] = ()) -> list[JobRow]:
    """The jobs asked for last, newest first; ``without`` names kinds to leave out."""
    query = select(JobRow).where(col(JobRow.kind).not_in(sorted(without)))
    return list(session.exec(query.order_by(col(JobRow.requested_at).desc(), col(JobRow.id)).limit(limit)).all())


def not_ended(session: Session, kind: str) -> list[JobRow]:
    """The jobs of a kind that wait or run."""
    return list(session.exec(select(JobRow).where(JobRow.kind == kind, col(JobRow.state).not_in(sorted(ENDED)))).all())


def trim(work: Work, job_id: str, keep: Collection[str]) -> None:
    """Of an ended job's arguments and result only the named ones stay: the rest has served its turn."""
    row = _locked(work.session, job_id)
    if row.state not in ENDED:
        raise ValueError(f"Expected an ended job, got one that is {row.state}.")
    row.arguments = {name: value for name, value in row.arguments.items() if name in keep}
    if row.result is not None:
        row.result = {name: value for name, value in row.result.items() if name in keep}


def waiting(session: Session, now_s: float) -> list[str]:
    """Ids of jobs nobody works on: never started, or whose worker's lease ran out."""
    rows = session.exec(select(JobRow).where(col(JobRow.state).in_(("waiting", "running")))).all()
    return [r.id for r in rows if r.state == "waiting" or (r.lease_until_s or 0) < now_s]


def run(
    units: UnitsOfWork,
    clock: LinkClock,
    wall_s: Callable[[], float],
    bodies: Mapping[str, JobBody],
    job_id: str,
    holder: str,
) -> str:
    """Run a job if nobody else does. Returns its state afterwards; any number of calls do the work once.

    Parameters
    ----------
    clock
        Link time, for how often progress is stored.
    wall_s
        Seconds since the epoch on a clock all workers share, for leases.
    holder
        Names this attempt; two attempts never share a name.
    """
    with units.begin() as work:
        row = _locked(work.session, job_id)
        leased = row.state == "running" and (row.lease_until_s or 0) >= wall_s()
        if row.state in ENDED or leased:
            return row.state
        if row.cancel_requested:
            # Its worker died before it heard that it should stop.
            _end(work, row, "cancelled")
            return row.state
        kind, arguments = row.kind, dict(row.arguments)
        row.state, row.lease_holder, row.lease_until_s = "running", holder, wall_s() + LEASE_S
        work.record(_changed(row, work.now))
    result: dict[str, Any] | None = None
    error_code: str | None = None
    try:
        result = bodies[kind](arguments, Progress(units, clock, wall_s, job_id, holder))
        state = "done"
    except JobCancelledError:
        state = "cancelled"
    except DomainError as err:
        state, error_code = "failed", err.code
        log.warning("job_refused", job_id=job_id, kind=kind, code=err.code)
    except Exception:  # the row must say that the job failed, whatever the reason; the trace goes to the log
        state, error_code = "failed", "internal"
        log.exception("job_failed", job_id=job_id, kind=kind)
    with units.begin() as work:
        row = _locked(work.session, job_id)
        if row.lease_holder != holder:
            return row.state
        row.result, row.error_code = result, error_code
        _end(work, row, state)
    return state


def _locked(session: Session, job_id: str) -> JobRow:
    # Read again with its lock: whoever waited for it must not act on what it saw before.
    query = select(JobRow).where(JobRow.id == job_id).with_for_update().execution_options(populate_existing=True)
    row = session.exec(query).first()
    if row is None:
        raise KernelError("not_found", what=f"Job {job_id}")
    return row


def _end(work: Work, row: JobRow, state: str) -> None:
    row.state, row.ended_at, row.lease_until_s = state, work.now, None
    if state == "done":
        row.progress_ratio = 1.0
    work.record(_changed(row, work.now))


def _changed(row: JobRow, at: datetime) -> JobChanged:
    return JobChanged(
        at=at,
        unit_id=row.unit_id,
        job_id=row.id,
        kind=row.kind,
        state=row.state,
        progress_ratio=row.progress_ratio,
        error_code=row.error_code,
    )
