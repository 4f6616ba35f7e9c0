"""The simulated tracker: seeded, patient, and silent about where private driving went."""

import json
from datetime import timedelta

import pytest

from devices.driving.messages import Ack, read_fixes
from devices.driving.model import Mode
from devices.simulator.vehicle import DriveLeg, SimulatedTracker
from tests.devices.driving.roads import BASE, ODOMETER_M, SEVEN, driven, legs, north_of


def tracker(**options: object) -> SimulatedTracker:
    return SimulatedTracker("car", legs([800, 500]), **({"odometer_m": ODOMETER_M, "seed": 1} | options))  # type: ignore[arg-type]


def seqs(messages: list[object]) -> list[int]:
    return [f.seq for m in messages if m[0] == "fix" for f in read_fixes(m[1]).fixes]  # type: ignore[index]


def test_the_same_seed_drives_the_same_day() -> None:
    assert driven(legs([800, 500])) == driven(legs([800, 500]))
    assert driven(legs([800, 500])) != driven(legs([800, 500]), seed=2)


def test_it_speaks_by_the_minute_and_at_once_when_it_is_parked() -> None:
    car = tracker()

    assert car.advance_to(SEVEN + timedelta(seconds=40)) == []
    assert seqs(car.advance_to(SEVEN + timedelta(seconds=50))) == [1, 2, 3, 4, 5, 6]
    assert seqs(car.advance_to(SEVEN + timedelta(minutes=3)))[-1] == 19


def test_what_is_not_acknowledged_is_kept_and_told_again() -> None:
    car = tracker()
    sent = seqs(car.advance_to(SEVEN + timedelta(minutes=3)))

    again = seqs(car.connected())
    car.on_message("ack", Ack(1, 10).encode())
    rest = seqs(car.repeat())

    assert again == sent
    assert rest == sent[10:]
    assert car.waiting_for_watermark


@pytest.mark.parametrize(
    ("name", "payload"),
    [("ack", Ack(2, 99).encode()), ("ack", b"\xff"), ("open", Ack(1, 99).encode())],
    ids=["another start", "noise", "another message"],
)
def test_it_lets_nothing_go_for_a_word_that_is_not_its_watermark(name: str, payload: bytes) -> None:
    car = tracker()
    car.advance_to(SEVEN + timedelta(minutes=3))
    before = car.held

    car.on_message(name, payload)

    assert car.held == before > 0


def test_a_plan_that_changes_leaves_no_hole_in_the_numbers() -> None:
    car = tracker()
    first = seqs(car.advance_to(SEVEN + timedelta(minutes=4)))
    later = legs([900], start_at=SEVEN + timedelta(minutes=5))

    car.change_plan(SEVEN + timedelta(minutes=5), driven(later, first_seq=500))
    rest = seqs(car.advance_to(SEVEN + timedelta(minutes=9)))

    assert first + rest == list(range(1, len(first) + len(rest) + 1))


def test_private_driving_leaves_the_car_without_a_place() -> None:
    told = driven(legs([800], modes=[Mode.PRIVATE]))

    assert {fix.position for fix in told} == {None}


def test_legs_out_of_order_are_refused() -> None:
    leg = DriveLeg(BASE, north_of(BASE, 500), SEVEN, SEVEN + timedelta(minutes=3))

    with pytest.raises(ValueError, match="in order of time"):
        driven([leg, leg])


def test_its_birth_is_one_the_registry_can_read() -> None:
    birth = json.loads(tracker().connected()[0].payload)

    assert (birth["v"], birth["device"], birth["boot"]) == (1, "car", 1)
