"""What a demo nobody watches leaves out: waiting for a disk, and telling each minute of a way apart."""

from datetime import timedelta
from pathlib import Path

from devices.broker_address import BrokerAddress
from devices.driving.model import Position
from devices.simulator.vehicle import DriveLeg
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.demo.driving import DemoTracker
from gateway.demo.fleeting import wait_for_no_disk
from gateway.demo.live_driving import EVERY_S, CarsTell
from kernel.clock import SystemLinkClock
from kernel.database import Database
from tests.scheduling.days import SEVEN


def _synchronous(database: Database) -> int:
    with database.reading() as session:
        return int(session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one())


def test_only_a_database_that_is_gone_with_the_demo_waits_for_no_disk(tmp_path: Path) -> None:
    kept, fleeting = (Database(f"sqlite:///{tmp_path / name}") for name in ("kept.db", "fleeting.db"))
    assert _synchronous(fleeting) == 2, "a connection made before"

    wait_for_no_disk(fleeting)

    assert (_synchronous(kept), _synchronous(fleeting)) == (2, 0)
    for database in (kept, fleeting):
        database.dispose()


def test_cars_that_tell_together_tell_all_they_would_have_told() -> None:
    # Nobody listens there: what a tracker takes it holds.
    tracker = DemoTracker("car", odometer_m=1_000, seed=1)
    fleet = VehicleFleet(BrokerAddress("127.0.0.1", 9), "demo", [tracker], SystemLinkClock())
    cars = CarsTell(fleet, timedelta(minutes=10))
    way = DriveLeg(Position(55.70, 12.50), Position(55.71, 12.52), SEVEN, SEVEN + timedelta(minutes=12))
    held = []
    try:
        cars.advance_to(SEVEN - timedelta(minutes=1))
        tracker.drive(way, EVERY_S)
        for minute in range(15):
            cars.advance_to(SEVEN + timedelta(minutes=minute))
            assert fleet.wait_idle(10)
            held.append(tracker.held)
        cars.tell(SEVEN + timedelta(minutes=15))
        assert fleet.wait_idle(10)
    finally:
        fleet.stop()

    driven = round(9 * 60 / EVERY_S) + 1
    assert held == [0] * 9 + [driven] * 6
    # The whole way, and the car that stands at its end.
    assert tracker.held == round(12 * 60 / EVERY_S) + 3
