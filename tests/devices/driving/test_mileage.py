"""Mileage in one's own vehicle: dated rates, the year's limit, claims and what the employer says to them."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from devices.driving.errors import DrivingError
from devices.driving.mileage import NewClaim, approved_m, claim, settle
from devices.driving.rates import OwnVehicle, calculate, rate_on, rates
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from tests.devices.driving.roads import SEVEN

TODAY = date(2026, 11, 25)
NEW = NewClaim(TODAY, OwnVehicle.CAR, "ab 12 345", "besøg hos borger", "Basen", "Vej 4", ("Vej 2",), 12_500)
RATE = rate_on(TODAY, rates())


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    return UnitsOfWork(database, SimulatedWorldClock(SEVEN))


def approve(units: UnitsOfWork, new: NewClaim, carer: str = "anna") -> int:
    with units.begin() as work:
        row = claim(work, carer, "nord", new, TODAY)
        settled = settle(work, row.id, ["nord"], rates(), "identity-1", None, "manager")
        return settled.amount_dkk_ore or 0


@pytest.mark.parametrize(
    ("day", "ore"),
    [
        pytest.param(date(2024, 12, 31), 379, id="2024"),
        pytest.param(date(2025, 1, 1), 381, id="2025"),
        pytest.param(date(2025, 12, 31), 381, id="end of 2025"),
        pytest.param(date(2026, 1, 1), 394, id="2026"),
    ],
)
def test_a_trip_is_paid_with_the_rate_of_its_day(day: date, ore: int) -> None:
    assert rate_on(day, rates()).car_ore_per_km == ore


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2027, 1, 1)])
def test_a_year_without_a_rate_waits_for_one(day: date) -> None:
    with pytest.raises(DrivingError) as caught:
        rate_on(day, rates())

    assert (caught.value.code, caught.value.facts["day"]) == ("rate_unknown", day.isoformat())


def test_a_claim_that_crosses_twenty_thousand_kilometres_has_two_lines() -> None:
    lines = calculate(100_000, 19_970_000, OwnVehicle.CAR, RATE)

    assert [(line.distance_m, line.ore_per_km, line.amount_dkk_ore) for line in lines] == [
        (30_000, 394, 11_820),
        (70_000, 228, 15_960),
    ]


def test_a_cycle_has_one_rate_and_no_limit() -> None:
    (line,) = calculate(10_000, 50_000_000, OwnVehicle.CYCLE, RATE)

    assert line.amount_dkk_ore == 640


@given(st.integers(1, 1_000_000), st.integers(0, 30_000_000))
def test_the_lines_of_a_claim_add_up_to_its_kilometres(distance_m: int, before_m: int) -> None:
    lines = calculate(distance_m, before_m, OwnVehicle.CAR, RATE)

    assert sum(line.distance_m for line in lines) == distance_m
    high_m = sum(line.distance_m for line in lines if line.ore_per_km == RATE.car_ore_per_km)
    assert before_m + high_m <= max(before_m, 20_000_000)


def test_approval_fixes_rates_and_sum_and_the_year_goes_on_from_there(units: UnitsOfWork) -> None:
    for _ in range(20):
        approve(units, replace(NEW, distance_m=1_000_000))

    assert approve(units, NEW) == 2_850
    assert approve(units, NEW, carer="bo") == 4_925
    assert approve(units, replace(NEW, day=date(2025, 12, 30))) == 4_763
    with units.database.reading() as session:
        assert approved_m(session, "anna", 2026) == 20_012_500


def test_a_rejected_claim_has_its_reason_and_counts_nothing(units: UnitsOfWork) -> None:
    with units.begin() as work:
        row = claim(work, "anna", "nord", NEW, TODAY)
        with pytest.raises(DrivingError) as caught:
            settle(work, row.id, ["nord"], rates(), "i", None, "manager", " ")
        assert caught.value.code == "correction_reason_missing"
        rejected = settle(work, row.id, ["nord"], rates(), "i", None, "manager", "kørt i enhedens bil")
        assert (rejected.state, rejected.amount_dkk_ore) == ("rejected", None)
        assert approved_m(work.session, "anna", 2026) == 0
        with pytest.raises(DrivingError) as again:
            settle(work, row.id, ["nord"], rates(), "i", None, "manager")
    assert again.value.code == "claim_settled"


def test_nobody_approves_their_own_or_another_units(units: UnitsOfWork) -> None:
    with units.begin() as work:
        row = claim(work, "anna", "nord", NEW, TODAY)
        with pytest.raises(DrivingError) as own:
            settle(work, row.id, ["nord"], rates(), "i", "anna", "manager")
        with pytest.raises(DrivingError) as other:
            settle(work, row.id, ["syd"], rates(), "i", None, "manager")
    assert (own.value.code, other.value.code) == ("claim_own", "claim_unknown")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"purpose": " "}, "purpose", id="no purpose"),
        pytest.param({"start_address": ""}, "start_address", id="no start"),
        pytest.param({"end_address": ""}, "end_address", id="no end"),
        pytest.param({"distance_m": 0}, "distance_km", id="no way"),
        pytest.param({"day": TODAY + timedelta(days=1)}, "day", id="tomorrow"),
        pytest.param({"day": TODAY - timedelta(days=400)}, "day", id="too long ago"),
        pytest.param({"reg_no": None}, "reg_no", id="a car without a number"),
        pytest.param({"stops": ("x",) * 31}, "stops", id="too many stops"),
    ],
)
def test_what_is_missing_is_named(units: UnitsOfWork, wrong: dict[str, object], field: str) -> None:
    with units.begin() as work, pytest.raises(DrivingError) as caught:
        claim(work, "anna", "nord", replace(NEW, **wrong), TODAY)  # type: ignore[arg-type]

    assert (caught.value.code, caught.value.facts["field"]) == ("claim_incomplete", field)


def test_events_tell_kilometres_and_no_address(units: UnitsOfWork) -> None:
    approve(units, NEW)

    with units.database.reading() as session:
        told = {row.event_type: row.data for row in session.exec(select(EventRow))}
    assert told["mileage.claimed"]["distance_m"] == 12_500
    assert told["mileage.settled"]["amount_dkk_ore"] == 4_925
    assert "Vej" not in str(told)
