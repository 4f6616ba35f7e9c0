"""One car, one carer and the inbox in front of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlmodel import Session, col, select

from devices.driving.intake import vehicle_handlers
from devices.driving.messages import FixBatch, without_private_places
from devices.driving.model import CarerDay, Fix, StopFacts
from devices.driving.tables import VehicleTripRow
from devices.driving.vehicles import Assignment, NewVehicle, assign_vehicles, register_vehicles
from devices.events import DrivingLogClosed, TripRecorded
from devices.inbox.model import Accepted, Incoming
from devices.inbox.service import Inbox
from devices.registry import store as registry_store
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.simulator.vehicle import DriveLeg
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from tests.devices.driving.roads import BASE, SEVEN

CAR, REG = "car-1", "BX 12 345"
DAY = date(2026, 11, 25)
LAST_AT = SEVEN + timedelta(hours=10)


class Garage:
    """One car, one carer, and the inbox in front of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SimulatedWorldClock(LAST_AT)
        self.units = UnitsOfWork(database, self.clock)
        self.facts: dict[str, CarerDay] = {}
        self.inbox = Inbox(
            self.units,
            vehicle_handlers(self.facts_of),
            "demo",
            registry_store.known_devices,
            kept_as={("vehicle", "fix"): without_private_places},
        )
        with self.units.begin() as work:
            enrol(work, "demo", [Enrolment(DeviceKind.VEHICLE, "nord", device_id=CAR)])
            register_vehicles(work, [NewVehicle(CAR, REG, "nord")])
            assign_vehicles(work, [Assignment(CAR, "anna", SEVEN - timedelta(minutes=5), SEVEN + timedelta(hours=8))])

    def facts_of(self, _session: Session, _day: date, carer_ids: Collection[str]) -> dict[str, CarerDay]:
        return {carer_id: self.facts[carer_id] for carer_id in carer_ids if carer_id in self.facts}

    def day_of(self, planned: Sequence[DriveLeg], **changes: object) -> None:
        """Anna's day, with a visit at the end of each leg."""
        stops = tuple(
            StopFacts(
                f"visit-{i}",
                leg.end,
                False,
                leg.arrives_at,
                leg.arrives_at + timedelta(minutes=7),
                180,
                1_000,
                leg.arrives_at + timedelta(minutes=1),
                leg.arrives_at + timedelta(minutes=7),
            )
            for i, leg in enumerate(planned)
        )
        of = CarerDay("anna", "nord", DAY, "car", 1, SEVEN, None, "base", None, BASE, stops)
        self.facts["anna"] = replace(of, **changes)  # type: ignore[arg-type]

    def hear(self, fixes: Sequence[Fix], oldest: int | None = None, device: str = CAR) -> Accepted:
        payload = FixBatch(device, 1, tuple(fixes), oldest).encode()
        return self.inbox.accept([Incoming("demo", "vehicle", CAR, "fix", payload, self.clock.now())])

    def hear_all(self, fixes: Sequence[Fix], size: int = 30) -> None:
        for start in range(0, len(fixes), size):
            assert not self.hear(fixes[start : start + size]).quarantined

    def trips(self, *states: str) -> list[VehicleTripRow]:
        with self.database.reading() as session:
            rows = session.exec(select(VehicleTripRow).order_by(col(VehicleTripRow.started_at))).all()
        return [row for row in rows if row.state in (states or ("open", "closed", "missing"))]

    def events(self, kind: type[TripRecorded] | type[DrivingLogClosed]) -> list[dict[str, object]]:
        with self.database.reading() as session:
            query = select(EventRow).where(EventRow.event_type == kind.event_type).order_by(col(EventRow.id))
            return [dict(row.data) for row in session.exec(query)]
