"""A night shift that passes midnight, from the planning system's files to the approved week, as people meet it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from devices.driving.model import Position
from devices.simulator.vehicle import DriveLeg, SimulatedTracker
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.demo.tablets import Tablet, TabletError
from gateway.usecases.citizen_days import returning
from gateway.usecases.citizens import give_again, withdraw
from gateway.usecases.driving import VehicleMount, mount_vehicles
from gateway.usecases.plans import restore_rights
from gateway.views.citizen import visits_json
from gateway.wire import iso
from kernel.localtime import at_local
from kernel.tables import EventRow
from scheduling.register.tables import CitizenRow
from scheduling.tasks import NewTask, raise_task
from tests.conftest import TODAY
from tests.gateway.driving_day import ODOMETER_M, car_carers, unit_of
from tests.gateway.platform import Platform, eventually, running_platform
from tests.gateway.web import Answer, Person

#: a Sunday: the night ends in another week than it begins in
SUNDAY = TODAY + timedelta(days=4)
MONDAY = SUNDAY + timedelta(days=1)
WEEK, NEXT_WEEK = "2026-W48", "2026-W49"
#: date and earliest start of the night's visits
STARTS = ((SUNDAY, "23:15"), (MONDAY, "00:30"), (MONDAY, "03:00"), (MONDAY, "06:20"))
CAR = "tracker-night"


@dataclass
class Night:
    """One carer from 22:45 to 07:15 with a car, four citizens with a lock each, and what everybody saw meanwhile."""

    platform: Platform
    unit_id: str
    carer_id: str
    citizens: list[CitizenRow]
    planner: Person
    tablet: Tablet
    fleet: VehicleFleet
    counts: list[dict[str, int]] = field(default_factory=list)
    days: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    openings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def at(self, day: date, clock: str) -> None:
        """Let it be that time, and see what her tablet shows."""
        self.platform.clock.advance_to(at_local(day, time.fromisoformat(clock)))
        self.fleet.advance_to(self.platform.clock.now())
        assert self.fleet.wait_idle(15.0)
        self.days[clock] = self.tablet.day()
        self.logs[clock] = self.tablet.call("GET", "/api/v1/me/driving-log")

    def bring(self, head: str, *rows: str) -> None:
        """A file of the planning system comes in."""
        content = "\n".join((head, *rows)).encode()
        answer = self.planner.call("POST", "/api/v1/visit-imports", content, Content_Type="text/csv")
        assert answer.status == 201, answer.content
        self.counts.append(answer.json["counts"])

    def bring_visits(self) -> None:
        """The night's visits, dated by the calendar as planning systems do."""
        rows = [
            f"{on:%d-%m-%Y};{c.short};Personlig pleje;{clock};{clock[:3]}{int(clock[3:]) + 20};20;N-{c.short}"
            for c, (on, clock) in zip(self.citizens, STARTS, strict=True)
        ]
        self.bring("Dato;Borger;Ydelse;Fra;Til;Varighed;Id", *rows)

    def plan(self) -> None:
        """A planner asks for the unit's plan of Sunday."""
        body = {"kind": "plan-day", "day": str(SUNDAY), "unit_id": self.unit_id, "moves": 300}
        job_id = self.planner.post("/api/v1/jobs", body).json["job"]["id"]
        job = eventually(lambda: (j := self.planner.get(f"/api/v1/jobs/{job_id}").json["job"])["ended_at"] and j, 30)
        assert job["state"] == "done", job

    def visit(self, number: int) -> None:
        """Open the door of a visit, and do it."""
        stop = self.tablet.day()["route"]["stops"][number]
        opening = self.tablet.open_door(stop["door"]["id"], stop["visit_id"])
        self.openings.append(self.platform.settled(self.tablet, opening["id"])["state"])
        self.tablet.end_visit(stop["visit_id"], "done")

    def board(self, day: date) -> dict[str, Any]:
        """What the unit's planners see of a day: starts by carer, and how many visits nobody has."""
        seen = self.planner.get(f"/api/v1/board?day={day}").json
        lanes = [lane for lane in seen["lanes"] if lane["unit_id"] == self.unit_id]
        starts = {lane["carer_id"]: [visit["start_at"] for visit in lane["visits"]] for lane in lanes}
        return {"starts": starts, "unallocated": len(seen["unallocated"])}

    def approve(self, week: str) -> Answer:
        """Approve the unit's driving logs of a week."""
        return self.planner.post("/api/v1/driving-logs/approval", {"week": week, "unit": self.unit_id})


def _car(platform: Platform, unit_id: str) -> VehicleFleet:
    """A car that drives five minutes before midnight and five after."""
    with platform.runtime.units.begin() as work:
        mount_vehicles(work, platform.runtime.settings.mqtt.tenant, [VehicleMount(CAR, "BX 24 700", unit_id, "sim")])
    here = Position(55.70, 12.53)
    legs = []
    for day, clock in ((SUNDAY, "23:42"), (MONDAY, "00:18")):
        there, at = Position(here.lat_deg + 0.02, here.lon_deg), at_local(day, time.fromisoformat(clock))
        legs.append(DriveLeg(here, there, at, at + timedelta(minutes=5)))
        here = there
    tracker = SimulatedTracker(CAR, legs, odometer_m=ODOMETER_M, seed=1)
    fleet = VehicleFleet(
        platform.runtime.address, platform.runtime.settings.mqtt.tenant, [tracker], platform.runtime.link
    )
    fleet.start()
    assert fleet.wait_up(15.0)
    platform.fleets.append(fleet)  # type: ignore[arg-type]
    return fleet


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The files have come in, visits first; the night was planned and lived until a quarter past seven."""
    for platform in running_platform(tmp_path_factory.mktemp("night")):
        carer_id = car_carers(platform.day)[0]
        unit_id = unit_of(platform.day, carer_id)
        other_id = next(str(c.id) for c in platform.day.carers if c.unit_id == unit_id and c.id != carer_id)
        with platform.runtime.database.reading() as session:
            of_unit = select(CitizenRow).where(CitizenRow.unit_id == unit_id, col(CitizenRow.door_id).is_not(None))
            citizens = list(session.exec(of_unit.order_by(CitizenRow.id).limit(5)).all())
        tablet, planner = platform.tablet(carer_id), platform.signed_in("planner")
        own = Night(platform, unit_id, carer_id, citizens[:4], planner, tablet, _car(platform, unit_id))
        own.bring_visits()
        shifts = [f"{day:%d-%m-%Y};{carer_id};22:45;07:15" for day in (SUNDAY, MONDAY)]
        own.bring("Dato;Medarbejdernummer;Vagt fra;Vagt til", *shifts)
        own.bring_visits()
        own.plan()
        _live(own, other_id, citizens[4])
        yield own


def _live(own: Night, other_id: str, neighbour: CitizenRow) -> None:
    own.at(SUNDAY, "22:40")
    own.tablet.start_shift("base")
    own.at(SUNDAY, "23:16")
    own.visit(0)
    own.at(SUNDAY, "23:40")
    own.tablet.call("POST", "/api/v1/me/vehicle", {"vehicle_id": CAR, "odometer_km": ODOMETER_M / 1000})
    own.at(SUNDAY, "23:50")
    with own.platform.runtime.units.begin() as work:
        raise_task(work, NewTask("call_back", own.unit_id, citizen_id=own.citizens[0].id))
    own.at(MONDAY, "00:10")
    own.facts["tasks"] = [t["kind"] for t in own.planner.get("/api/v1/tasks").json["tasks"]]
    own.answers["page"] = own.planner.get("/planlaegger")
    own.answers["lists"] = own.planner.get("/planlaegger/noedliste")
    own.facts["lists"] = own.planner.get("/api/v1/route-lists").json["day"]
    own.facts["coming"] = _coming(own, own.citizens[1])
    own.facts["taken"] = next(v for v in own.planner.get("/api/v1/vehicles").json["vehicles"] if v["id"] == CAR)
    longer = {"kind": "visit_longer", "visit_id": own.days["00:10"]["route"]["stops"][1]["visit_id"], "minutes": 20}
    own.answers["longer"] = own.planner.post("/api/v1/reassignments/preview", {"happened": longer})
    away = {"kind": "carer_away", "carer_id": own.carer_id}
    own.answers["away"] = own.planner.post("/api/v1/reassignments/preview", {"happened": away})
    late = {"kind": "carer_late", "carer_id": own.carer_id, "minutes": 20}
    own.answers["late"] = own.planner.post("/api/v1/reassignments/preview", {"happened": late})
    other, body = own.platform.tablet(other_id), {"vehicle_id": CAR, "odometer_km": ODOMETER_M / 1000 + 5}
    with pytest.raises(TabletError) as taken:
        other.call("POST", "/api/v1/me/vehicle", body)
    own.facts["refused"] = taken.value.code
    own.at(MONDAY, "00:31")
    own.visit(1)
    own.at(MONDAY, "02:00")
    emergency = own.tablet.emergency(neighbour.id, "fall")
    own.facts["emergency"] = own.platform.settled(own.tablet, emergency["opening"]["id"])["state"]
    own.at(MONDAY, "02:30")
    _to_hospital_and_not(own, own.citizens[3])
    own.at(MONDAY, "02:50")
    _change_of_mind(own, own.citizens[2])
    own.at(MONDAY, "03:00")
    own.tablet.forget_grants()
    own.visit(2)
    own.at(MONDAY, "06:21")
    own.visit(3)
    own.answers["too early"] = own.approve(WEEK)
    own.at(MONDAY, "07:10")
    own.at(MONDAY, "07:15")
    own.facts["ended"] = own.tablet.end_shift("base")
    own.at(MONDAY, "07:20")


def _change_of_mind(own: Night, citizen: CitizenRow) -> None:
    """A citizen takes her consent back after midnight, and gives it again."""
    stop, units = own.tablet.day()["route"]["stops"][2], own.platform.runtime.units
    with units.begin() as work:
        withdraw(work, citizen.id, "electronic_key")
    with units.begin() as work:
        own.facts["issued"] = restore_rights(work, stop["door"]["id"], [SUNDAY]).issued
    own.facts["shown"] = own.tablet.day()["route"]["stops"][2]["door"]
    own.facts["without"] = own.tablet.open_door(stop["door"]["id"], stop["visit_id"])
    with units.begin() as work:
        give_again(work, citizen.id, "electronic_key")


def _to_hospital_and_not(own: Night, citizen: CitizenRow) -> None:
    """A planner takes the citizen of the last visit off the night's route, and the act back."""
    happened = {"kind": "citizen_away", "citizen_id": citizen.id, "day": str(SUNDAY)}
    best = own.planner.post("/api/v1/reassignments/preview", {"happened": happened}).json["proposals"][0]
    seen = ", ".join(f'"{v["route_id"]}:{v["version"]}"' for v in best["versions"])
    act = {"happened": happened, "routes": best["routes"], "reason": "citizen_hospital"}
    own.answers["away act"] = own.planner.post("/api/v1/reassignments", act, If_Match=seen)
    with own.platform.runtime.database.reading() as session:
        back, _ = returning(session, citizen.id, SUNDAY, own.platform.clock.now())
    own.facts["had"] = [str(carer_id) for carer_id in back.had.values()]
    path = f"/api/v1/reassignments/{own.answers['away act'].json['reassignment_id']}/undo"
    own.answers["undone"] = own.planner.post(path, {})


def _coming(own: Night, citizen: CitizenRow) -> list[tuple[str, str]]:
    with own.platform.runtime.database.reading() as session:
        seen = visits_json(session, citizen, own.platform.clock.now(), "da")
    return [(visit["day"], visit["state"]) for visit in seen if visit["day"] <= MONDAY.isoformat()]


def _starts() -> list[str]:
    return [iso(at_local(day, time.fromisoformat(clock))) for day, clock in STARTS]


def test_files_dated_by_the_calendar_make_one_night_that_is_planned_whole(night: Night) -> None:
    made, shifts, again = night.counts

    assert (made["made"], shifts["made"], again["unchanged"]) == (4, 2, 4)
    assert night.board(SUNDAY) == {"starts": {night.carer_id: _starts()}, "unallocated": 0}
    assert night.board(MONDAY) == {"starts": {night.carer_id: []}, "unallocated": 0}


@pytest.mark.parametrize(
    ("clock", "done"), [("22:40", 0), ("23:50", 1), ("00:10", 1), ("03:00", 2), ("07:10", 4), ("07:15", 4)]
)
def test_her_tablet_shows_the_whole_night_until_her_shift_is_over(night: Night, clock: str, done: int) -> None:
    seen = night.days[clock]

    assert (seen["day"], seen["shift"]["state"]) == (str(SUNDAY), "planned" if clock == "22:40" else "begun")
    assert [stop["start_at"] for stop in seen["route"]["stops"]] == _starts()
    assert [stop["state"] for stop in seen["route"]["stops"]] == ["ended"] * done + ["planned"] * (4 - done)


def test_after_it_she_sees_the_shift_of_the_next_evening(night: Night) -> None:
    assert (night.facts["ended"]["day"], night.facts["ended"]["shift"]["state"]) == (str(SUNDAY), "ended")
    assert (night.days["07:20"]["day"], night.days["07:20"]["shift"]["state"]) == (str(MONDAY), "planned")


def test_every_door_of_the_night_opens_also_after_a_consent_given_again_and_in_an_emergency(night: Night) -> None:
    assert night.openings == ["unlocked"] * 4
    assert night.facts["emergency"] == "unlocked"
    assert night.facts["issued"] == 0, "she had taken her consent back"
    assert night.facts["shown"] is None
    assert (night.facts["without"]["state"], night.facts["without"]["code"]) == ("refused", "consent_withdrawn")


def test_after_midnight_the_office_still_works_on_the_night(night: Night) -> None:
    page = night.answers["page"].content.decode()

    assert f'data-day="{SUNDAY}"' in page, "nobody of Monday is due yet"
    assert f'<a href="?dag={SUNDAY}" aria-current="page">I nat</a>' in page
    assert f'<a href="?dag={MONDAY}">I dag</a>' in page
    assert f'<option value="{SUNDAY}" selected>I nat' in night.answers["lists"].content.decode()
    assert night.facts["lists"] == str(SUNDAY)
    assert night.facts["tasks"] == ["call_back"]
    assert night.answers["longer"].status == 200, night.answers["longer"].content
    assert night.answers["late"].status == 200, night.answers["late"].content
    assert night.answers["away"].json["proposals"][0]["waiting"] == 3, "what is left of the night"


def test_an_act_after_midnight_changes_the_nights_route_and_can_be_taken_back(night: Night) -> None:
    act, undone = night.answers["away act"], night.answers["undone"]

    assert (act.status, undone.status) == (200, 200), (act.content, undone.content)
    assert [len(lane["visits"]) for lane in act.json["lanes"]] == [3]
    assert [len(lane["visits"]) for lane in undone.json["lanes"]] == [4]
    assert night.facts["had"] == [night.carer_id]


def test_a_citizen_is_told_of_a_visit_after_midnight_on_its_own_date(night: Night) -> None:
    assert night.facts["coming"] == [(str(MONDAY), "coming")]


def test_the_car_stays_hers_over_midnight_and_its_trips_are_in_the_log_of_the_night(night: Night) -> None:
    assert night.facts["refused"] == "vehicle_taken"
    assert night.facts["taken"]["taken_since_at"] == iso(at_local(SUNDAY, time(23, 40)))
    assert night.logs["06:21"]["vehicle"]["id"] == CAR
    assert {log["day"] for clock, log in night.logs.items() if clock != "07:20"} == {str(SUNDAY)}
    by_day = {day["day"]: day for day in _week(night, WEEK)["days"]}
    (log,) = by_day[str(SUNDAY)]["logs"]
    # Both trips, of 2.9 km each, lead to the visit at half past twelve.
    assert [leg["driven_km"] for leg in log["legs"] if leg["driven_km"]] == [pytest.approx(5.8, abs=0.05)]
    assert all(not day["logs"] for day in _week(night, NEXT_WEEK)["days"])


def test_the_week_of_the_night_waits_for_its_end_and_is_approved_with_it(night: Night) -> None:
    early, done = night.answers["too early"], night.approve(WEEK)

    assert (early.status, early.code) == (409, "days_open")
    assert "29.11." in early.content.decode()
    assert (done.status, done.json["approved"]) == (200, 1)


def test_fhir_names_each_visit_on_the_date_it_begins(night: Night) -> None:
    totals = [night.planner.get(f"/api/v1/fhir/Appointment?date={day}").json["total"] for day in (SUNDAY, MONDAY)]

    assert totals == [1, 3]


def test_the_log_has_one_shift_of_one_day(night: Night) -> None:
    with night.platform.runtime.database.reading() as session:
        query = select(EventRow).where(EventRow.event_type == "shift.started", EventRow.carer_id == night.carer_id)
        (started,) = [row.data for row in session.exec(query)]

    assert (started["day"], started["kind"]) == (str(SUNDAY), "night")


def _week(night: Night, week: str) -> dict[str, Any]:
    found: dict[str, Any] = night.planner.get(f"/api/v1/driving-logs?week={week}&unit={night.unit_id}").json
    return found
