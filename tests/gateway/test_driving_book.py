"""The file for the tax authority agrees with the odometer, whatever the tracker lost (a law, so a property)."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.driving.intake import vehicle_handlers
from devices.driving.messages import FixBatch
from devices.driving.model import Doubt
from devices.inbox.model import Incoming
from devices.inbox.service import Inbox
from devices.registry import store as registry_store
from devices.simulator.vehicle import Fault
from gateway.usecases.driving import VehicleMount, facts_of, mount_vehicles
from gateway.views.driving_csv import HEADINGS, week_csv
from kernel.clock import SimulatedWorldClock
from kernel.work import UnitsOfWork
from tests.conftest import TODAY
from tests.databases import sqlite_database
from tests.devices.driving.roads import SEVEN, driven, legs

MONDAY = TODAY - timedelta(days=TODAY.weekday())
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnitsOfWork]:
    """One database for every example; each has a car and a unit of its own."""
    folder: Path = tmp_path_factory.mktemp("book")
    database = sqlite_database(folder / "book.db")
    yield UnitsOfWork(database, SimulatedWorldClock(SEVEN + timedelta(hours=12)))
    database.dispose()


@settings(max_examples=25)
@given(
    hops_m=st.lists(st.integers(300, 3_000), min_size=1, max_size=8),
    lost=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=3),
    late=st.booleans(),
    fault=st.sampled_from([None, Doubt.JUMP, Doubt.ODOMETER_BACKWARDS]),
)
def test_each_row_begins_where_the_one_before_it_ended(
    units: UnitsOfWork, hops_m: list[int], lost: list[tuple[int, int]], late: bool, fault: Doubt | None
) -> None:
    number = next(_NUMBERS)
    car, unit = f"car-{number}", f"unit-{number}"
    with units.begin() as work:
        mount_vehicles(work, "demo", [VehicleMount(car, f"AA {number:05d}", unit)])
    inbox = Inbox(units, vehicle_handlers(facts_of), "demo", registry_store.known_devices)
    faults = [] if fault is None else [Fault(SEVEN + timedelta(minutes=2), fault)]
    fixes = driven(legs([float(m) for m in hops_m]), faults=faults)
    gone = {seq for first, size in lost for seq in range(first, first + size)}
    batches = [fixes[i : i + 40] for i in range(0, len(fixes), 40)]
    for batch in reversed(batches) if late else batches:
        kept = tuple(f for f in batch if f.seq not in gone)
        if kept:
            payload = FixBatch(car, 1, kept).encode()
            accepted = inbox.accept([Incoming("demo", "vehicle", car, "fix", payload, units.clock.now())])
            assert not accepted.quarantined

    with units.database.reading() as session:
        rows = list(csv.DictReader(io.StringIO(week_csv(session, [unit], MONDAY)), delimiter=";"))

    assert all(set(row) == set(HEADINGS) for row in rows)
    for before, row in pairwise(rows):
        away_km = _number(row["Kilometertæller start"]) - _number(before["Kilometertæller slut"])
        assert abs(away_km) <= 1.005 or row["Rettelse"], (before, row)
    for row in rows:
        by_odometer = _number(row["Kilometertæller slut"]) - _number(row["Kilometertæller start"])
        assert _number(row["Km"]) == pytest.approx(by_odometer, abs=0.0101)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
