"""The driving log end to end: a tracker on a real broker, the carer's tablet, planner and manager over HTTP."""

import csv
import io
from datetime import time, timedelta
from itertools import pairwise
from threading import get_ident
from typing import Any

import pytest
from sqlmodel import select

from devices.driving.model import Doubt
from devices.driving.tables import DeletionReceiptRow
from devices.simulator.vehicle import Fault
from gateway.demo.tablets import TabletError
from gateway.usecases.driving import close_logs, facts_of
from kernel.localtime import at_local
from kernel.tables import EventRow
from scheduling.tables import ShiftRow
from tests.conftest import TODAY
from tests.gateway.driving_day import CarDay, bike_carers, car_carers, car_day, unit_of
from tests.gateway.platform import Platform, eventually

WEEK = "2026-W48"


def refused(tablet: Any, path: str, body: Any) -> tuple[int, str]:
    with pytest.raises(TabletError) as caught:
        tablet.call("POST", path, body)
    return caught.value.status, caught.value.code


def events(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    with platform.runtime.database.reading() as session:
        return [dict(r.data) for r in session.exec(select(EventRow).where(EventRow.event_type == event_type))]


@pytest.fixture(scope="module")
def driven(office: Platform) -> CarDay:
    """A carer who has taken a car, driven to two visits with a fix that jumped, and gone home on her own errand."""
    tablet = office.tablet(car_carers(office.day)[0])
    tablet.start_shift("base")
    jump = (Fault(office.clock.now() + timedelta(minutes=4), Doubt.JUMP, 2),)
    own = car_day(office.runtime, office.clock, office.day, tablet, reg_no="BX 12 345", private_last=True, faults=jump)
    office.fleets.append(own.fleet)  # type: ignore[arg-type]
    own.take_car()
    own.drive(0)
    own.visit(0)
    own.fleet.lose(own.vehicle_id)
    office.clock.advance_to(own.legs[1].arrives_at + timedelta(minutes=3))
    own.fleet.advance_to(office.clock.now())
    own.fleet.restore(own.vehicle_id)
    assert eventually(lambda: own.fleet.idle)
    own.visit(1)
    own.drive(2)
    return own


def week_of(office: Platform, carer_id: str, identity: str = "planner") -> dict[str, Any]:
    unit = unit_of(office.day, carer_id)
    answer = office.signed_in(identity).get(f"/api/v1/driving-logs?week={WEEK}&unit={unit}")
    assert answer.status == 200, answer.content
    found: dict[str, Any] = answer.json
    return found


def test_the_tablet_shows_times_and_kilometres_of_what_was_driven_today(office: Platform, driven: CarDay) -> None:
    log = driven.tablet.call("GET", "/api/v1/me/driving-log")

    assert (log["state"], log["transport"], log["vehicle"]["reg_no"]) == ("open", "car", "BX 12 345")
    first, second = (next(leg for leg in log["legs"] if leg["visit_id"] == v) for v in driven.visit_ids)
    assert (first["from"], first["purpose"], first["source"]) == ("Base", "visit", "tracker")
    names = {s["visit_id"]: s["citizen_name"] for s in driven.tablet.day()["route"]["stops"]}
    assert first["to"] == names[driven.visit_ids[0]]
    assert second["from"] == first["to"]
    for leg in (first, second):
        assert leg["driven_km"] > 0
        assert leg["planned_km"] is not None
        assert leg["departed_at"] < leg["arrived_at"]
    assert first["doubts"] == ["jump"]
    assert second["doubts"] == []


@pytest.mark.parametrize("riders", [car_carers, bike_carers])
def test_route_and_driving_log_agree_on_the_kilometres_that_are_planned(office: Platform, riders: Any) -> None:
    tablet = office.tablet(riders(office.day)[2])

    stops = [s for s in tablet.day()["route"]["stops"] if s["mode"] == "physical"]

    planned = {leg["visit_id"]: leg["planned_km"] for leg in tablet.call("GET", "/api/v1/me/driving-log")["legs"]}
    assert {s["visit_id"]: s["travel_km"] for s in stops} == {v: round(km, 1) for v, km in planned.items()}
    assert max(planned.values()) > 0


def test_private_driving_shows_its_kilometres_and_neither_place_nor_time(office: Platform, driven: CarDay) -> None:
    log = driven.tablet.call("GET", "/api/v1/me/driving-log")

    (private,) = [leg for leg in log["legs"] if leg["private"]]
    assert private["driven_km"] == pytest.approx(2.9, abs=0.1)
    assert {private[k] for k in ("from", "to", "visit_id", "departed_at", "arrived_at")} == {None}


def test_the_shifts_end_closes_the_log_and_gives_the_car_back(office: Platform, driven: CarDay) -> None:
    assert week_of(office, driven.tablet.carer_id)["days"][2]["logs"][0]["state"] == "open"

    driven.tablet.end_shift("citizen")

    log = driven.tablet.call("GET", "/api/v1/me/driving-log")
    assert (log["state"], log["vehicle"]) == ("closed", None)
    (told,) = [e for e in events(office, "driving_log.closed") if e["carer_id"] == driven.tablet.carer_id]
    business = [e for e in events(office, "vehicle.trip") if e["purpose"] == "business"]
    assert (told["leg_count"], told["transport"], told["day"]) == (3, "car", TODAY.isoformat())
    assert told["driven_m"] == sum(e["distance_m"] for e in business)
    assert [e["visit_id"] for e in business] == driven.visit_ids


def test_the_planner_sees_legs_by_carer_without_sums_and_the_cars_odometer(office: Platform, driven: CarDay) -> None:
    week = week_of(office, driven.tablet.carer_id, "manager")

    day = next(d for d in week["days"] if d["day"] == TODAY.isoformat())
    own = next(log for log in day["logs"] if log["carer_id"] == driven.tablet.carer_id)
    assert own["state"] == "closed"
    assert own["vehicles"][0]["reg_no"] == "BX 12 345"
    assert own["vehicles"][0]["start_odometer_km"] == pytest.approx(48_211.4)
    assert [leg["purpose"] for leg in own["legs"]] == ["visit", "visit", "private"]
    assert not {"driven_m", "planned_m", "driven_km", "planned_km"} & set(own)
    names = [log["carer_name"] for log in day["logs"]]
    assert names == sorted(names)


def test_a_carer_on_a_bicycle_has_times_and_planned_distance_only(office: Platform) -> None:
    tablet = office.tablet(bike_carers(office.day)[0])
    tablet.start_shift("base")
    visit = next(s for s in tablet.day()["route"]["stops"] if s["mode"] == "physical")
    tablet.begin_visit(visit["visit_id"])
    office.clock.advance_to(office.clock.now() + timedelta(minutes=10))
    tablet.end_visit(visit["visit_id"], "done")
    ahead = tablet.call("GET", "/api/v1/me/driving-log")["legs"]

    tablet.end_shift("base")

    log = tablet.call("GET", "/api/v1/me/driving-log")
    assert (log["state"], log["transport"], log["vehicles"]) == ("closed", "bike", [])
    assert [leg["purpose"] for leg in log["legs"]] == ["visit", "base"]
    assert len(ahead) > 2  # what was planned and never ridden leaves the log with the shift
    for leg in log["legs"]:
        assert leg["driven_km"] is None
        assert leg["planned_km"] > 0
        assert leg["departed_at"] is not None
    told = next(e for e in events(office, "driving_log.closed") if e["carer_id"] == tablet.carer_id)
    assert (told["driven_m"], told["transport"]) == (None, "bike")


@pytest.mark.parametrize(
    ("odometer_km", "confirmed", "expected"),
    [
        pytest.param(48_000, False, (422, "odometer_below"), id="backwards"),
        pytest.param(51_000, False, (409, "odometer_far_above"), id="far above"),
    ],
)
def test_an_odometer_that_cannot_be_is_refused_in_words(
    office: Platform, driven: CarDay, odometer_km: float, confirmed: bool, expected: tuple[int, str]
) -> None:
    body = {"vehicle_id": driven.vehicle_id, "odometer_km": odometer_km, "confirmed": confirmed}

    assert refused(driven.tablet, "/api/v1/me/vehicle", body) == expected


@pytest.mark.parametrize("odometer_km", [float("nan"), float("inf"), -1, 10**400, "mange", None])
def test_an_odometer_that_is_no_number_is_refused_and_not_an_error_of_ours(
    office: Platform, driven: CarDay, odometer_km: Any
) -> None:
    body = {"vehicle_id": driven.vehicle_id, "odometer_km": odometer_km}

    assert refused(driven.tablet, "/api/v1/me/vehicle", body) == (422, "invalid_input")


def test_positions_older_than_the_setting_are_looked_for_when_the_ingest_starts(office: Platform) -> None:
    def receipts() -> list[DeletionReceiptRow]:
        with office.runtime.database.reading() as session:
            return list(session.exec(select(DeletionReceiptRow)).all())

    assert eventually(lambda: any(r.finished_at for r in receipts()))
    days = office.runtime.settings.retention.raw_position_days
    assert receipts()[0].before_at == at_local(TODAY - timedelta(days=days), time())
    assert office.runtime.retention.forget(office.clock.now() + timedelta(hours=1)) == 0
    assert office.runtime.retention.forget(office.clock.now() + timedelta(days=1)) == 0
    assert len(receipts()) == 2


def test_a_car_of_another_unit_is_no_car(office: Platform, driven: CarDay) -> None:
    unit = unit_of(office.day, driven.tablet.carer_id)
    other = next(c for c in bike_carers(office.day) if unit_of(office.day, c) != unit)
    body = {"vehicle_id": driven.vehicle_id, "odometer_km": 48_300}

    assert refused(office.tablet(other), "/api/v1/me/vehicle", body) == (404, "vehicle_unknown")


def test_a_car_that_a_colleague_has_cannot_be_taken_and_the_planner_sees_that_somebody_has_it(
    office: Platform, driven: CarDay
) -> None:
    unit = unit_of(office.day, driven.tablet.carer_id)
    one, two = [c for c in bike_carers(office.day) if unit_of(office.day, c) == unit][1:3]
    body = {"vehicle_id": driven.vehicle_id, "odometer_km": 48_300}
    first, second = office.tablet(one), office.tablet(two)

    first.call("POST", "/api/v1/me/vehicle", body)

    assert refused(second, "/api/v1/me/vehicle", body) == (409, "vehicle_taken")
    cars = office.signed_in("planner").get("/api/v1/vehicles").json["vehicles"]
    car = next(c for c in cars if c["id"] == driven.vehicle_id)
    assert car["taken_since_at"] is not None
    assert (car["fixes_set_aside"], car["online"]) == (2, True)
    assert not {"lat", "lon", "position", "carer_id"} & set(car)


def test_a_week_with_an_open_log_is_not_approved_and_the_days_are_named(office: Platform, driven: CarDay) -> None:
    unit = unit_of(office.day, driven.tablet.carer_id)
    planner = office.signed_in("planner")

    refusal = planner.post("/api/v1/driving-logs/approval", {"week": WEEK, "unit": unit})

    assert (refusal.status, refusal.code) == (409, "days_open")
    assert "25.11." in refusal.json["detail_da"]
    assert week_of(office, driven.tablet.carer_id)["open"]


@pytest.mark.parametrize("week", ["48", "2026-W99", "2026-48", "uge", "9999-W52", "0001-W01", "%C2%B2026-W48"])
def test_a_week_that_is_none_is_said_so(office: Platform, week: str) -> None:
    answer = office.signed_in("planner").get(f"/api/v1/driving-logs?week={week}")

    assert (answer.status, answer.code) == (422, "week_malformed")


def test_the_file_for_the_tax_authority_has_every_field_and_agrees_with_the_odometer(
    office: Platform, driven: CarDay
) -> None:
    unit = unit_of(office.day, driven.tablet.carer_id)
    answer = office.signed_in("auditor").get(f"/api/v1/driving-logs.csv?week={WEEK}&unit={unit}")

    text = answer.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    car = [r for r in rows if r["Registreringsnummer"] == "BX 12 345"]
    assert [r["Erhverv/privat"] for r in car] == ["Erhverv", "Erhverv", "Privat"]
    assert car[0]["Dato"] == TODAY.isoformat()
    assert (car[0]["Kilometertæller start"], car[0]["Fra"], car[0]["Formål"]) == ("48211,40", "Base", "Besøg")
    assert car[0]["Til"].startswith("Borger ")
    assert car[0]["Rettelse"] == "spring i position sat til side"
    assert [car[2][k] for k in ("Tid start", "Tid slut", "Fra", "Til", "Formål")] == [""] * 5
    for before, row in pairwise(car):
        assert abs(number(row["Kilometertæller start"]) - number(before["Kilometertæller slut"])) <= 1.0
    for row in car:
        assert number(row["Km"]) == pytest.approx(
            number(row["Kilometertæller slut"]) - number(row["Kilometertæller start"]), abs=0.011
        )
    assert not [r for r in rows if "," not in r["Km"]]


def number(text: str) -> float:
    return float(text.replace(",", "."))


def test_when_every_shift_has_ended_the_week_is_approved_once_and_a_foreign_manager_cannot(
    office: Platform, driven: CarDay
) -> None:
    unit = unit_of(office.day, driven.tablet.carer_id)
    office.clock.advance_to(at_local(TODAY, time(20, 0)))
    with office.runtime.units.begin() as work:
        open_shifts = work.session.exec(select(ShiftRow).where(ShiftRow.unit_id == unit, ShiftRow.day == TODAY)).all()
        for shift in open_shifts:
            if shift.state == "begun":
                shift.state, shift.ended_at, shift.ended_place = "ended", work.now, "citizen"
        work.session.flush()
        close_logs(work, TODAY, [s.carer_id for s in open_shifts])
    manager = office.signed_in("manager")

    answer = manager.post("/api/v1/driving-logs/approval", {"week": WEEK, "unit": unit})
    again = manager.post("/api/v1/driving-logs/approval", {"week": WEEK, "unit": unit})
    foreign = manager.post("/api/v1/driving-logs/approval", {"week": WEEK, "unit": "somewhere"})

    assert (answer.status, again.status, foreign.status) == (200, 200, 403)
    assert answer.json["approved"] >= 1
    assert again.json["approved"] == 0
    (told,) = events(office, "driving_log.approved")
    assert (told["unit_id"], told["week"], told["approved_by_role"]) == (unit, WEEK, "manager")
    states = {log["state"] for d in week_of(office, driven.tablet.carer_id)["days"] for log in d["logs"]}
    assert states == {"approved"}


def test_a_whole_days_logs_are_closed_in_a_few_statements(office: Platform) -> None:
    from sqlalchemy import event

    carers = [str(c.id) for c in office.day.carers]
    statements: list[str] = []

    here = get_ident()

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # The platform's own threads read on meanwhile.
        if get_ident() == here:
            statements.append(statement)

    with office.runtime.units.begin() as work:
        for shift in work.session.exec(select(ShiftRow).where(ShiftRow.day == TODAY)).all():
            shift.state, shift.ended_at = "ended", shift.ended_at or work.now
            shift.started_at, shift.ended_place = shift.started_at or work.now, shift.ended_place or "citizen"
        work.session.flush()
        event.listen(office.runtime.database.engine, "before_cursor_execute", count)
        try:
            changed = close_logs(work, TODAY, carers)
        finally:
            event.remove(office.runtime.database.engine, "before_cursor_execute", count)

    assert changed > 20
    assert len(statements) <= 14
    with office.runtime.database.reading() as session:
        assert len(facts_of(session, TODAY, carers)) == len(carers)
