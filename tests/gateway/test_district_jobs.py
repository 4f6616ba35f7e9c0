"""A unit planned by district: jobs of its own for the districts, done by whoever is free, joined or nothing."""

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from sqlmodel import col, select

from gateway.usecases.days import import_day
from gateway.usecases.district_planning import DISTRICT_KIND, DistrictCrew, DistrictWork
from gateway.usecases.planning import KIND, plan_day_body
from gateway.usecases.taking_off import take_off
from kernel import jobs
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.jobs import JobBody
from kernel.tables import JobRow
from kernel.work import UnitsOfWork
from loadtests.danish_towns import SEVEN, Town, generated
from scheduling.solver import AnnealingSolver
from scheduling.tables import VisitRow
from tests.databases import sqlite_database

DAY = generated(Town("storby", 4.0, 3, 0.4, 0.3, visits=150, visits_each=12, a_day=(1, 1, 2), by_team=True), 1)
LINK = SystemLinkClock()


class Office:
    """A stored day in a unit too large for one search, and workers to be sent to its jobs."""

    def __init__(self, database: Database) -> None:
        self.units = UnitsOfWork(database, SimulatedWorldClock(SEVEN))
        self.wall_s: Callable[[], float] = time.time
        self.trigger: Callable[[str], None] = lambda _job_id: None
        with self.units.begin() as work:
            import_day(work, DAY)

    def worker(self) -> dict[str, JobBody]:
        """What a worker process can do."""
        crew = DistrictCrew(self.units, LINK, self._now_s, self._trigger, 50)
        districts = DistrictWork(crew, AnnealingSolver())
        body = plan_day_body(self.units, tell=lambda _locks: None, districts=districts)
        return {KIND: body, DISTRICT_KIND: districts.body()}

    def _now_s(self) -> float:
        return self.wall_s()

    def _trigger(self, job_id: str) -> None:
        self.trigger(job_id)

    def ask(self, **more: Any) -> str:
        """Ask for the day."""
        arguments = {"day": DAY.on.isoformat(), "unit_id": DAY.units[0].id, "seed": 2, "moves": 4_000} | more
        with self.units.begin() as work:
            return jobs.request(work, KIND, arguments, DAY.units[0].id).id

    def run(self, job_id: str, holder: str = "one", bodies: dict[str, JobBody] | None = None) -> str:
        """One delivery of a trigger to a worker."""
        return jobs.run(self.units, LINK, self._now_s, bodies or self.worker(), job_id, holder)

    def row(self, job_id: str) -> JobRow:
        """A job."""
        with self.units.database.reading() as session:
            return jobs.get(session, job_id)

    def districts(self, parent_id: str) -> list[JobRow]:
        """The jobs of a plan's districts."""
        with self.units.database.reading() as session:
            rows = session.exec(select(JobRow).where(JobRow.kind == DISTRICT_KIND)).all()
        return [row for row in rows if row.arguments["parent"] == parent_id]

    def routes(self) -> dict[str, tuple[str | None, Any]]:
        """Who does which visit and when; nobody before the day is planned."""
        with self.units.database.reading() as session:
            return {v.id: (v.carer_id, v.start_at) for v in session.exec(select(VisitRow)).all()}


@pytest.fixture(scope="module")
def _one_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    database = sqlite_database(tmp_path_factory.mktemp("office") / "test.db")
    yield Office(database)
    database.dispose()


@pytest.fixture
def office(_one_office: Office) -> Office:
    """The office of all tests that need no database of their own, with nobody to help."""
    _one_office.wall_s, _one_office.trigger = time.time, lambda _job_id: None
    return _one_office


def test_a_worker_alone_does_all_districts_and_the_plan_of_two_is_the_same(database: Database) -> None:
    office = Office(database)
    alone = office.ask()
    assert office.run(alone) == "done"
    first = office.routes()
    result = office.row(alone).result
    helpers: list[Thread] = []

    def help_out(job_id: str) -> None:
        helpers.append(Thread(target=lambda: office.run(job_id, f"helper-{job_id}")))
        helpers[-1].start()

    office.trigger = help_out
    together = office.ask()
    assert office.run(together) == "done"
    for helper in helpers:
        helper.join(60)

    assert result is not None
    assert result["district_count"] == len(helpers) == 3
    assert office.row(together).result == result
    assert office.routes() == first
    assert sum(carer is not None for carer, _ in first.values()) == result["visit_count"] > 140
    assert any(str(row.lease_holder).startswith("helper") for row in office.districts(together))


def test_the_rows_of_districts_keep_how_much_it_was_and_not_who_visits_whom(office: Office) -> None:
    job_id = office.ask()
    office.run(job_id)

    rows = office.districts(job_id)

    assert {row.state for row in rows} == {"done"}
    assert sum((row.result or {})["visit_count"] for row in rows) > 140
    kept = {name for row in rows for name in (*row.arguments, *(row.result or {}))}
    assert kept == {"parent", "day", "unit_id", "number", "moves", "seed", "visit_count"}


def test_the_district_of_a_killed_worker_is_done_again(office: Office) -> None:
    lost: list[str] = []

    class Killed(BaseException):
        """Not an error a program handles."""

    def dies(_arguments: Any, _progress: Any) -> dict[str, Any]:
        raise Killed

    def killed_at_once(job_id: str) -> None:
        if lost:
            return
        lost.append(job_id)
        with pytest.raises(Killed):
            office.run(job_id, "killed", {DISTRICT_KIND: dies})
        assert office.row(job_id).state == "running"
        # Its lease runs out while the others work.
        office.wall_s = lambda: time.time() + jobs.LEASE_S + 1

    office.trigger = killed_at_once
    job_id = office.ask()

    assert office.run(job_id) == "done"
    again = office.row(lost[0])
    assert (again.state, str(again.lease_holder).startswith(job_id[:24])) == ("done", True)


def test_a_stopped_plan_stops_its_districts_and_changes_no_route(office: Office) -> None:
    job_id = office.ask(moves=300_000_000)
    before = office.routes()

    def stop_it(_job_id: str) -> None:
        with office.units.begin() as work:
            jobs.cancel(work, job_id)

    office.trigger = lambda district: stop_it(district) if not office.row(job_id).cancel_requested else None

    assert office.run(job_id) == "cancelled"
    assert {row.state for row in office.districts(job_id)} == {"cancelled"}
    assert office.routes() == before


def test_a_plan_whose_district_was_stopped_is_stopped_for_it_would_have_a_hole(office: Office) -> None:
    before = office.routes()

    def stop_it(district: str) -> None:
        with office.units.begin() as work:
            jobs.cancel(work, district)

    office.trigger = stop_it

    assert office.run(job_id := office.ask()) == "cancelled"
    assert office.row(job_id).result is None
    assert office.routes() == before


def test_a_district_that_fails_leaves_the_routes_and_the_plan_says_so(office: Office) -> None:
    def breaks(_arguments: Any, _progress: Any) -> dict[str, Any]:
        raise KernelError("not_found", what="Bydelen")

    before = office.routes()

    def fail_it(district: str) -> None:
        office.run(district, "bad", {DISTRICT_KIND: breaks})

    office.trigger = fail_it

    job_id = office.ask()

    assert office.run(job_id) == "failed"
    assert office.row(job_id).error_code == "district_failed"
    assert office.routes() == before


def test_districts_of_a_plan_whose_worker_died_are_not_waited_for_by_the_next(office: Office) -> None:
    job_id = office.ask()
    with office.units.begin() as work:
        arguments = {"parent": job_id, "day": DAY.on.isoformat(), "unit_id": "by", "number": 0}
        orphan = jobs.request(work, DISTRICT_KIND, arguments, "by").id

    assert office.run(job_id) == "done"
    assert office.row(orphan).state == "cancelled"


def taken_off(office: Office) -> str:
    """Somebody takes a visit off a route, as a planner does while a plan is being made. The visit."""
    with office.units.begin() as work:
        query = select(VisitRow).where(VisitRow.day == DAY.on, col(VisitRow.carer_id).is_not(None))
        visit = work.session.exec(query.order_by(VisitRow.id)).first()
        assert visit is not None
        take_off(work, [visit], "wish")
        return visit.id


def test_a_day_that_changed_while_it_was_planned_is_planned_again_from_the_new_day(office: Office) -> None:
    assert office.run(office.ask(moves=400)) == "done"
    changed: list[str] = []
    known_meanwhile: list[dict[str, Any] | None] = []

    def change_once(_district: str) -> None:
        if not changed:
            changed.append(taken_off(office))
        known_meanwhile.append(office.row(job_id).result)

    office.trigger = change_once
    job_id = office.ask(moves=400, seed=3)

    assert office.run(job_id) == "done"
    result = office.row(job_id).result
    assert result is not None
    assert result["rebased"] is True
    assert {"rebased": True} in known_meanwhile
    assert office.routes()[changed[0]][0] is not None
    assert len(office.districts(job_id)) == 2 * result["district_count"]


def test_a_day_that_changes_again_and_again_is_left_as_it_is_and_the_job_says_so(office: Office) -> None:
    assert office.run(office.ask(moves=400)) == "done"
    left: list[dict[str, tuple[str | None, Any]]] = []

    def change_each_time(district: str) -> None:
        # once an attempt: a district's number is 0 in each of them
        if office.row(district).arguments["number"] == 0:
            taken_off(office)
            left.append(office.routes())

    office.trigger = change_each_time
    job_id = office.ask(moves=400, seed=4)

    assert office.run(job_id) == "failed"
    assert office.row(job_id).error_code == "plan_overtaken"
    assert len(left) == 2
    assert office.routes() == left[-1]
