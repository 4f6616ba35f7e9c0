"""Who has which car from when to when, on both databases."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from devices.driving.errors import DrivingError
from devices.driving.logs import monday_of, week_text
from devices.driving.tables import VehicleAssignmentRow
from devices.driving.vehicles import (
    Assignment,
    NewVehicle,
    assign_vehicles,
    choose_vehicle,
    register_vehicles,
    release_vehicles,
)
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from tests.devices.driving.roads import SEVEN


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    made = UnitsOfWork(database, SimulatedWorldClock(SEVEN))
    with made.begin() as work:
        register_vehicles(work, [NewVehicle("a", "AA 10 001", "nord"), NewVehicle("b", "AA 10 002", "nord")])
    return made


def choose(units: UnitsOfWork, carer: str, car: str = "a") -> None:
    with units.begin() as work:
        choose_vehicle(work, carer, ["nord"], car, 1_000_000, confirmed=False)


def held(units: UnitsOfWork) -> list[tuple[str, str, bool]]:
    with units.database.reading() as session:
        rows = session.exec(select(VehicleAssignmentRow).order_by(col(VehicleAssignmentRow.id))).all()
    return [(r.vehicle_id, r.carer_id, r.to_at is None) for r in rows]


def test_a_car_is_taken_given_back_and_taken_by_another(units: UnitsOfWork) -> None:
    choose(units, "anna")
    choose(units, "anna")
    with units.begin() as work:
        assert release_vehicles(work, ["anna"], SEVEN + timedelta(hours=8)) == 1
    choose(units, "bo")

    assert held(units) == [("a", "anna", False), ("a", "bo", True)]


def test_taking_another_car_gives_the_first_one_back(units: UnitsOfWork) -> None:
    choose(units, "anna", "a")
    choose(units, "anna", "b")

    assert held(units) == [("a", "anna", False), ("b", "anna", True)]


def test_who_forgot_to_give_it_back_yesterday_does_not_keep_it(units: UnitsOfWork) -> None:
    with units.begin() as work:
        assign_vehicles(work, [Assignment("a", "bo", SEVEN - timedelta(days=1))])

    choose(units, "anna")

    assert held(units) == [("a", "bo", False), ("a", "anna", True)]


def test_a_car_in_two_hands_at_once_is_refused_and_nothing_is_given(units: UnitsOfWork) -> None:
    noon = SEVEN + timedelta(hours=5)
    both = [Assignment("a", "anna", SEVEN, noon), Assignment("a", "bo", noon - timedelta(minutes=1), None)]

    with pytest.raises(DrivingError) as caught, units.begin() as work:
        assign_vehicles(work, both)

    assert caught.value.code == "assignments_overlap"
    assert held(units) == []


def test_a_car_is_registered_once(units: UnitsOfWork) -> None:
    with pytest.raises(DrivingError) as caught, units.begin() as work:
        register_vehicles(work, [NewVehicle("a", "AA 10 003", "nord")])

    assert caught.value.code == "vehicle_exists"


@pytest.mark.parametrize("week", ["2026-W48", "2026-W53", "2027-W01"])
def test_a_week_begins_on_its_monday(week: str) -> None:
    assert monday_of(week).weekday() == 0
    assert week_text(monday_of(week)) == week


@pytest.mark.parametrize("week", ["2026-W54", "26-W48", "2026-W4", "", "2026W48"])
def test_what_is_no_week_is_refused(week: str) -> None:
    with pytest.raises(DrivingError):
        monday_of(week)
