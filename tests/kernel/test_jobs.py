"""Jobs: the row is the truth. Any number of triggers do the work once; a dead worker's job is taken over."""

from collections.abc import Mapping
from threading import Barrier, Thread
from threading import Event as Signal
from typing import Any

import pytest
from sqlmodel import select

from kernel import jobs
from kernel.clock import ManualLinkClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.jobs import JobBody, Progress
from kernel.tables import EventRow, JobRow
from kernel.work import UnitsOfWork
from tests.kernel.facts import units_on


class Office:
    """A job table, a clock that stands still, and workers to be sent to it."""

    def __init__(self, database: Database) -> None:
        self.units: UnitsOfWork = units_on(database)
        self.link = ManualLinkClock()
        self.wall_s = 1_000_000.0
        self.done: list[str] = []
        self.bodies: dict[str, JobBody] = {"work": self._work}

    def ask(self, kind: str = "work", **arguments: Any) -> str:
        """Ask for a job."""
        with self.units.begin() as work:
            return jobs.request(work, kind, arguments, "nord").id

    def trigger(self, job_id: str, holder: str = "worker-1") -> str:
        """One delivery of the trigger."""
        return jobs.run(self.units, self.link, lambda: self.wall_s, self.bodies, job_id, holder)

    def row(self, job_id: str) -> JobRow:
        """The truth."""
        with self.units.database.reading() as session:
            return jobs.get(session, job_id)

    def told(self, job_id: str) -> list[tuple[str, float]]:
        """What the log says of a job."""
        with self.units.database.reading() as session:
            rows = session.exec(select(EventRow).order_by(EventRow.id)).all()  # type: ignore[arg-type]
        return [(r.data["state"], r.data["progress_ratio"]) for r in rows if r.data["job_id"] == job_id]

    def waiting(self) -> list[str]:
        """What a worker that looks at the table finds."""
        with self.units.database.reading() as session:
            return jobs.waiting(session, self.wall_s)

    def _work(self, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        progress.report(0.5)
        self.done.append(str(arguments.get("what", "")))
        return {"answer": 42}


@pytest.fixture
def office(database: Database) -> Office:
    """A fresh office."""
    return Office(database)


def test_a_job_is_asked_for_run_and_done_and_the_log_tells_each_step(office: Office) -> None:
    job_id = office.ask(what="plan")
    assert office.row(job_id).state == "waiting"

    assert office.trigger(job_id) == "done"

    row = office.row(job_id)
    assert (row.state, row.progress_ratio, row.result, row.error_code) == ("done", 1.0, {"answer": 42}, None)
    assert row.ended_at is not None
    assert office.told(job_id) == [("waiting", 0.0), ("running", 0.0), ("running", 0.5), ("done", 1.0)]


def test_a_second_delivery_after_the_end_does_nothing(office: Office) -> None:
    job_id = office.ask()
    office.trigger(job_id)

    assert office.trigger(job_id, "worker-2") == "done"
    assert len(office.done) == 1


def test_a_second_delivery_while_it_runs_does_nothing(office: Office) -> None:
    def run_again(_arguments: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        return {"second": office.trigger(job_id, "worker-2")}

    office.bodies["nested"] = run_again
    job_id = office.ask("nested")

    assert office.trigger(job_id) == "done"
    assert office.row(job_id).result == {"second": "running"}


def test_ten_deliveries_at_once_do_the_work_once(office: Office) -> None:
    job_id = office.ask(what="once")
    together = Barrier(10)

    def deliver(worker: int) -> None:
        together.wait(10)
        office.trigger(job_id, f"worker-{worker}")

    threads = [Thread(target=deliver, args=(w,)) for w in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert office.done == ["once"]
    assert office.row(job_id).state == "done"


def test_a_waiting_job_that_is_cancelled_never_runs(office: Office) -> None:
    job_id = office.ask()
    with office.units.begin() as work:
        jobs.cancel(work, job_id)

    assert office.row(job_id).state == "cancelled"
    assert office.trigger(job_id) == "cancelled"
    assert office.done == []
    assert office.waiting() == []


def test_a_running_job_that_is_cancelled_stops_at_its_next_report(office: Office) -> None:
    steps: list[float] = []

    def long(_arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        for step in range(1, 10):
            office.link.advance(1.0)
            progress.report(step / 10)
            steps.append(step / 10)
            if step == 3:
                with office.units.begin() as work:
                    jobs.cancel(work, job_id)
        return {}

    office.bodies["long"] = long
    job_id = office.ask("long")

    assert office.trigger(job_id) == "cancelled"
    assert steps == [0.1, 0.2, 0.3]
    row = office.row(job_id)
    assert (row.state, row.result, row.progress_ratio) == ("cancelled", None, 0.3)


def test_what_has_ended_cannot_be_cancelled(office: Office) -> None:
    job_id = office.ask()
    office.trigger(job_id)

    with pytest.raises(KernelError) as caught, office.units.begin() as work:
        jobs.cancel(work, job_id)
    assert caught.value.code == "job_not_cancellable"
    with pytest.raises(KernelError) as caught, office.units.begin() as work:
        jobs.cancel(work, "no-such-job")
    assert caught.value.code == "not_found"


def test_a_canceller_who_looked_before_the_worker_began_does_not_end_a_running_job(office: Office) -> None:
    """It read "waiting"; meanwhile a worker took the job. The cancel is then for the running job to hear."""
    if office.units.database.is_sqlite:
        pytest.skip("SQLite admits one writing unit of work at a time: the two cannot overlap")
    working, may_report, ended = Signal(), Signal(), list[str]()

    def long(_arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        working.set()
        assert may_report.wait(10)
        progress.report(0.9)
        return {}

    office.bodies["long"] = long
    job_id = office.ask("long")
    worker = Thread(target=lambda: ended.append(office.trigger(job_id)))
    with office.units.begin() as looked:
        before = jobs.get(looked.session, job_id)
        assert before.state == "waiting"
        worker.start()
        assert working.wait(10)
        jobs.cancel(looked, job_id)
    row = office.row(job_id)
    may_report.set()
    worker.join(30)

    assert (row.state, row.cancel_requested) == ("running", True)
    assert ended == ["cancelled"]


def test_a_dead_workers_job_waits_for_its_lease_and_is_then_taken_over(office: Office) -> None:
    job_id = office.ask(what="again")
    _die_in_the_middle(office, job_id)

    assert office.waiting() == []
    assert office.trigger(job_id, "worker-2") == "running"
    assert office.done == []
    office.wall_s += jobs.LEASE_S + 1
    assert office.waiting() == [job_id]
    assert office.trigger(job_id, "worker-2") == "done"
    assert office.done == ["again"]


def test_a_job_that_was_to_be_cancelled_when_its_worker_died_is_not_begun_again(office: Office) -> None:
    job_id = office.ask(what="no more")
    _die_in_the_middle(office, job_id)
    with office.units.begin() as work:
        jobs.cancel(work, job_id)
    office.wall_s += jobs.LEASE_S + 1
    never_asks: JobBody = lambda _arguments, _progress: {"did": "all of it"}  # noqa: E731
    office.bodies["work"] = never_asks

    assert office.trigger(job_id, "worker-2") == "cancelled"
    assert office.row(job_id).result is None


def test_a_worker_that_was_given_up_hears_so_and_changes_nothing_any_more(office: Office) -> None:
    def slow(_arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        office.wall_s += jobs.LEASE_S + 1
        office.bodies["slow"] = office.bodies["work"]
        assert office.trigger(job_id, "worker-2") == "done"
        progress.report(0.1)
        raise AssertionError("Expected to be told to stop.")

    office.bodies["slow"] = slow
    job_id = office.ask("slow")

    assert office.trigger(job_id, "worker-1") == "done"
    row = office.row(job_id)
    assert (row.state, row.progress_ratio, row.lease_holder) == ("done", 1.0, "worker-2")


def test_reports_renew_the_lease_and_are_stored_four_times_a_second_at_most(office: Office) -> None:
    def long(_arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        for step in range(100):
            office.link.advance(0.05)
            office.wall_s += 5.0
            progress.report(step / 100)
        assert office.waiting() == [], "500 s of work outlive a lease of 60 s, because it is renewed"
        return {}

    office.bodies["long"] = long
    job_id = office.ask("long")

    assert office.trigger(job_id) == "done"
    assert len(office.told(job_id)) <= 3 + 21


def test_a_body_that_fails_says_with_which_code_and_an_unforeseen_one_says_internal(office: Office) -> None:
    def refuses(_arguments: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        raise KernelError("not_found", what="Dagen")

    def breaks(_arguments: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        raise ZeroDivisionError

    office.bodies |= {"refuses": refuses, "breaks": breaks}
    for kind, code in (("refuses", "not_found"), ("breaks", "internal"), ("no-such-kind", "internal")):
        job_id = office.ask(kind)
        assert office.trigger(job_id) == "failed"
        row = office.row(job_id)
        assert (row.state, row.error_code, row.result) == ("failed", code, None)
        assert office.trigger(job_id, "worker-2") == "failed"


def test_progress_outside_zero_to_one_is_a_mistake_of_the_body(office: Office) -> None:
    progress = Progress(office.units, office.link, lambda: office.wall_s, office.ask(), "nobody")
    for ratio in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            progress.report(ratio)


def test_the_latest_jobs_come_first(office: Office) -> None:
    asked = {office.ask() for _ in range(3)}
    with office.units.database.reading() as session:
        assert {r.id for r in jobs.latest(session)} == asked
        assert len(jobs.latest(session, limit=2)) == 2


def _die_in_the_middle(office: Office, job_id: str) -> None:
    """A worker is killed while it works: nothing of the ending is written."""

    class Killed(BaseException):
        """Not an error a program handles."""

    def dies(_arguments: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        raise Killed

    office.bodies["work"], work = dies, office.bodies["work"]
    with pytest.raises(Killed):
        office.trigger(job_id)
    office.bodies["work"] = work
