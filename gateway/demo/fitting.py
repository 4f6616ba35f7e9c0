"""What a technician of the demo's municipality finds this morning: an alarm, an order, a door of another maker.

None of it touches anybody's day: the other maker's lock hangs where nobody comes to the door today, and everything is
drawn from a stream of its own.
"""

from datetime import timedelta
from random import Random

from pydantic import SecretStr

from devices.keys.vendors.model import CLOUD
from devices.registry.model import DeviceKind
from devices.registry.orders import Place
from devices.simulator.fleet import Fleet
from devices.simulator.vendor_cloud import VendorCloud
from gateway.runtime import Runtime
from gateway.settings import Settings, VendorCloudSettings
from gateway.usecases.vendor_doors import NewLock, move_door, put_vendor_lock
from gateway.usecases.work_orders import Wanted, order_work
from kernel.clock import SystemLinkClock, WorldClock
from scheduling.model import Citizen, Day
from scheduling.register.tables import CitizenRow

#: the number that stands on the other maker's lock
LOCK_REF = "NB-1001"
ORDER_LIFE = timedelta(days=14)


def open_vendor_cloud(clock: WorldClock, settings: Settings) -> tuple[VendorCloud | None, Settings]:
    """Another maker's cloud beside the platform, and the settings that name it; none where one is set up already."""
    if settings.vendor_cloud.url:
        return None, settings
    cloud = VendorCloud(clock, SystemLinkClock(), [LOCK_REF])
    cloud.start()
    reached = VendorCloudSettings(
        url=cloud.url, client_id=cloud.client_id, client_secret=SecretStr(cloud.client_secret)
    )
    return cloud, settings.model_copy(update={"vendor_cloud": reached})


def fit(runtime: Runtime, day: Day, locks: Fleet, seed: int) -> None:
    """Leave them there: the order and the door at once, the alarm as soon as its lock's message is in."""
    draw = Random(f"{seed} fitting")
    locked = sorted((c for c in day.citizens if c.door is not None and c.door.device_id), key=lambda c: c.id)
    with_visits = {v.citizen_id for v in day.visits if v.mode == "physical"}
    unlocked = sorted((c for c in day.citizens if c.door is None or not c.door.device_id), key=lambda c: c.id)
    quiet = [c for c in locked if c.id not in with_visits]
    if unlocked:
        _order(runtime, draw.choice(unlocked))
    if quiet:
        _swap(runtime, draw.choice(quiet))
    busy = [c for c in locked if c.id in with_visits]
    if busy:
        _tamper(locks, draw.choice(busy))


def _order(runtime: Runtime, citizen: Citizen) -> None:
    place = Place(runtime.settings.mqtt.tenant, runtime.service_key)
    with runtime.units.begin() as work:
        row = work.session.get_one(CitizenRow, citizen.id)
        wanted = Wanted(
            "mount",
            work.now,
            work.now + ORDER_LIFE,
            unit_id=row.unit_id,
            kind=DeviceKind.LOCK,
            citizen_number=row.short,
        )
        order_work(work, place, wanted, {row.unit_id}, "planner")


def _swap(runtime: Runtime, citizen: Citizen) -> None:
    if runtime.parts.vendors.vendor(CLOUD) is None:
        return
    with runtime.database.reading() as session:
        row = session.get_one(CitizenRow, citizen.id)
        new = NewLock(CLOUD, row.unit_id, row.short, LOCK_REF)
    listed = put_vendor_lock(runtime.parts, new)
    move_door(runtime.parts, listed.door_id, CLOUD, "technician")


def _tamper(locks: Fleet, citizen: Citizen) -> None:
    lock_id = citizen.door.device_id if citizen.door is not None else None
    if lock_id is not None:
        locks.act(lock_id, lambda lock: lock.observe("tamper"))
