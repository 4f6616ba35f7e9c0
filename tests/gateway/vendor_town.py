"""A platform with another maker's cloud beside it: real HTTP both ways, and a lock on a carer's first door."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr
from sqlmodel import select

from devices.events import DoorOpened
from devices.simulator.vendor_cloud import VendorCloud
from gateway.demo.tablets import Tablet
from gateway.settings import VendorCloudSettings
from kernel.clock import SystemLinkClock
from kernel.events import read_event
from kernel.tables import EventRow
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.gateway.platform import Platform, eventually, running_platform
from tests.gateway.web import Person

SECRET = b"what the vendor signs its webhooks with"
REFS = [f"V-{number}" for number in range(1, 14)]


@dataclass
class Town:
    """A platform with a vendor's cloud beside it."""

    platform: Platform
    cloud: VendorCloud
    technician: Person
    _refs: Iterator[str] = field(default_factory=lambda: iter(REFS))

    def carer_at_vendor_door(self) -> tuple[Tablet, dict[str, Any], str]:
        """A carer on duty whose first door is the vendor's now, its lock known to the vendor with her window."""
        carer_id = self.platform.fresh_carer()
        tablet = self.platform.tablet(carer_id)
        tablet.start_shift("citizen")
        ref = self.vendor_door_of(carer_id)
        return tablet, tablet.day()["route"]["stops"][0], ref

    def vendor_door_of(self, carer_id: str) -> str:
        """Put a vendor's lock on the first door of a carer's route and let it act; the world goes on to its time."""
        visit_id = self.platform.first_stops[carer_id]
        with self.platform.runtime.database.reading() as session:
            visit = session.get_one(VisitRow, visit_id)
            door_id, start_at = visit.door_id, visit.start_at or visit.window_open_at
        ref = self.put_lock({"visit_id": visit_id})
        moved = self.technician.post(f"/api/v1/doors/{door_id}/vendor", {"vendor": "cloud"})
        assert moved.status == 200, moved.content
        assert eventually(lambda: self.window_of(ref) is not None), "the vendor hears of her right"
        self.platform.clock.advance_to(max(self.platform.clock.now(), start_at - timedelta(minutes=30)))
        return ref

    def put_lock(self, stop: dict[str, Any]) -> str:
        """One more of the vendor's locks on a stop's door, beside what hangs there."""
        ref = next(self._refs)
        with self.platform.runtime.database.reading() as session:
            citizen = session.get_one(CitizenRow, session.get_one(VisitRow, stop["visit_id"]).citizen_id)
            body = {"unit_id": citizen.unit_id, "citizen_number": citizen.short, "lock_ref": ref}
        put = self.technician.post("/api/v1/vendor-locks", body)
        assert put.status == 201, put.content
        return ref

    def window_of(self, ref: str) -> Any:
        """The access at a lock that is in force, as the vendor has it."""
        found = [a for a in self.cloud.vendor.accesses.values() if a.lock_ref == ref and a.withdrawn_at is None]
        return found[0] if found else None

    def tap(self, tablet: Tablet, stop: dict[str, Any]) -> dict[str, Any]:
        """Tap and wait until it has settled."""
        opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
        return self.platform.settled(tablet, opening["id"])

    def told(self, door_id: str) -> list[DoorOpened]:
        """What the log was told of a door."""
        with self.platform.runtime.database.reading() as session:
            rows = session.exec(select(EventRow).where(EventRow.event_type == "door.opened")).all()
            events = [cast(DoorOpened, read_event(r.event_type, r.version, r.data)) for r in rows]
        return [event for event in events if event.door_id == door_id]


def vendor_town(work_dir: Path) -> Iterator[Town]:
    """Start both, and stop them afterwards."""
    link = SystemLinkClock()
    # The cloud lives in the platform's world, which begins with it: its clock is set below.
    cloud = VendorCloud(_Later(), link, REFS)
    cloud.start()
    settings = VendorCloudSettings(
        url=cloud.url,
        client_id=cloud.client_id,
        client_secret=SecretStr(cloud.client_secret),
        webhook_secret=SecretStr(SECRET.decode()),
    )
    for platform in running_platform(work_dir, vendor_cloud=settings):
        cloud.vendor.world = platform.clock
        cloud.send_webhooks(f"http://127.0.0.1:{platform.port}/api/v1/vendors/cloud/events", SECRET)
        yield Town(platform, cloud, platform.signed_in("technician"))
        cloud.close()


class _Later:
    def now(self) -> datetime:
        raise AssertionError("nothing happens at the vendor before its world has begun")
