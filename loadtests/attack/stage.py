"""A running platform to attack: embedded parts, real broker, real HTTP, locks with a near link, carers on duty."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from pydantic import SecretStr

from devices.keys.cose import Trust, VerifyingKey, server_trust
from devices.simulator.behaviour import LockBehaviour
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from devices.simulator.near_client import NearClient
from devices.simulator.near_link import NearLink
from devices.simulator.vendor_cloud import VendorCloud
from gateway.app import create_app
from gateway.demo.fleet import MODEL
from gateway.demo.http_client import HttpClient
from gateway.demo.identities import DEMO_PIN
from gateway.demo.municipality import Municipality, Size
from gateway.demo.running import RunningDay
from gateway.demo.stage import connect_locks, open_near_links, set_up_day
from gateway.demo.tablets import Tablet
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, Settings, VendorCloudSettings
from gateway.usecases.days import enrol_locks, locks_of
from gateway.web_server import WebServer
from gateway.wire import from_b64u
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.localtime import at_local
from loadtests.attack.wiretap import Wiretap
from scheduling.model import Day, Plan
from scheduling.solver import solve_day

TODAY = date(2026, 11, 25)
#: every citizen has a lock, so every route begins at a door that can be attacked
TOWN = Size(carers=80, citizens=320, locks=320, keys_left=0, weekday_carers=54, weekend_carers=6, visits_per_carer=6)
STEADY = LockBehaviour(
    motor_median_s=0.0,
    motor_min_s=0.0,
    motor_max_s=0.0,
    jam_ratio=0.0,
    battery_low_start_ratio=0.0,
    outages_per_day=0.0,
    clock_lost_ratio=0.0,
    drift_sigma_ppm=0.0,
)
VENDOR_REFS = [f"V-{number}" for number in range(1, 6)]
WEBHOOK_SECRET = b"what the vendor signs its webhooks with"
LockMaker = Callable[..., SimulatedLock]
_WAIT_S = 10.0


class LateableLink:
    """The locks' own monotonic timer: the machine's, which an attack may wait out without waiting."""

    def __init__(self) -> None:
        self._link = SystemLinkClock()
        self._ahead_s = 0.0

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start."""
        return self._link.monotonic_s() + self._ahead_s

    def pass_s(self, seconds: float) -> None:
        """So much later."""
        self._ahead_s += seconds


@dataclass
class Target:
    """A carer on duty at a door she may open now, and everything her tablet holds."""

    tablet: Tablet
    lock_id: str
    door_id: str
    visit_id: str
    unit_id: str
    cti: bytes
    token: bytes
    closes_at: datetime
    unsealed: int

    @property
    def key(self) -> HolderKey:
        """The shift's key."""
        return self.tablet.key


@dataclass
class Stage:
    """The platform, and the attacker's place in it: on the broker, on the network, beside every door."""

    runtime: Runtime
    server: WebServer
    world: SimulatedWorldClock
    lock_link: LateableLink
    day: Day
    trust: Trust
    fleet: Fleet
    near: NearLink
    tap: Wiretap
    #: another maker's cloud, whose locks hang on no door yet
    cloud: VendorCloud
    _first: dict[str, str]
    _people: list[HttpClient] = field(default_factory=list)
    _common: Target | None = None
    _open: list[NearClient] = field(default_factory=list)

    @property
    def locks(self) -> Mapping[str, SimulatedLock]:
        """The locks, to look at their bolts."""
        return self.fleet.locks

    def target(self) -> Target:
        """A carer nobody has attacked yet, on duty, before her first door, with its grant in hand.

        Raises
        ------
        LookupError
            If the town has no fresh carer left.
        """
        carer_id, visit_id = next(iter(self._first.items()))
        del self._first[carer_id]
        tablet = Tablet("127.0.0.1", self.server.port, carer_id, HolderKey.generate())
        self._people.append(tablet)
        tablet.sign_in()
        stop = next(s for s in tablet.start_shift("citizen")["route"]["stops"] if s["visit_id"] == visit_id)
        held = tablet.call("GET", "/api/v1/me/grants")
        grant = next(g for g in held["grants"] if g["visit_id"] == visit_id)
        return Target(
            tablet=tablet,
            lock_id=grant["lock_id"],
            door_id=stop["door"]["id"],
            visit_id=visit_id,
            unit_id=next(c.unit_id for c in self.day.carers if c.id == carer_id),
            cti=from_b64u(grant["cti"]),
            token=from_b64u(grant["token"]),
            closes_at=datetime.fromisoformat(grant["opens_to_at"]),
            unsealed=len(held["grants"]),
        )

    def common(self) -> Target:
        """A carer at her door, for attacks that leave nothing behind and may share one."""
        if self._common is None:
            self._common = self.target()
        return self._common

    def other_target(self, than: Target, *, unit: bool = False) -> Target:
        """Another carer and door; of another unit where asked."""
        while True:
            found = self.target()
            if found.lock_id != than.lock_id and (not unit or found.unit_id != than.unit_id):
                return found

    def person(self, identity: str) -> HttpClient:
        """Somebody of the office, signed in."""
        client = HttpClient("127.0.0.1", self.server.port, {"X-Surface": "planner"})
        self._people.append(client)
        client.sign_in(identity, DEMO_PIN)
        return client

    def stranger(self, cookie: str = "") -> HttpClient:
        """Somebody with no session, or with a cookie from elsewhere."""
        client = HttpClient("127.0.0.1", self.server.port, {"Cookie": cookie} if cookie else None)
        self._people.append(client)
        return client

    def near_client(self, lock_id: str) -> NearClient:
        """A connection of its own to the lock beside us."""
        client = NearClient(self.near.url, lock_id, 3.0)
        self._open.append(client)
        return client

    def beside(self, lock_id: str, act: Callable[[SimulatedLock], Any]) -> None:
        """Have something happen to a lock itself, on its own thread, and wait for it."""
        done: list[bool] = []

        def run(lock: SimulatedLock) -> list[Any]:
            try:
                act(lock)
            finally:
                done.append(True)
            return []

        self.fleet.act(lock_id, run)
        require(lambda: bool(done), "the lock to be reached")

    def close(self) -> None:
        """Everybody goes home."""
        for client in self._open:
            client.close()
        for person in self._people:
            person.close()
        self.tap.stop()
        self.near.stop()
        self.fleet.stop()
        self.server.stop()
        self.runtime.stop()
        self.cloud.close()


@contextmanager
def stage(work_dir: Path, make_lock: LockMaker = SimulatedLock) -> Iterator[Stage]:
    """Start everything; ``make_lock`` may make locks with a weakness, to see whether it is found."""
    world = SimulatedWorldClock(at_local(TODAY, time(7, 20)))
    running = RunningDay(world, TODAY, at_local(TODAY, time(6, 30)), at_local(TODAY, time(15, 30)), None)
    cloud = VendorCloud(world, SystemLinkClock(), VENDOR_REFS)
    cloud.start()
    ours = VendorCloudSettings(
        url=cloud.url,
        client_id=cloud.client_id,
        client_secret=SecretStr(cloud.client_secret),
        webhook_secret=SecretStr(WEBHOOK_SECRET.decode()),
    )
    settings = Settings(work_dir=work_dir, demo=True, http=HttpSettings(port=0), vendor_cloud=ours)
    runtime = Runtime(settings, Duties(), clock=world, speed=running)
    runtime.parts.demo = running
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    cloud.send_webhooks(f"http://127.0.0.1:{server.port}/api/v1/vendors/cloud/events", WEBHOOK_SECRET)
    day = Municipality(1, TOWN).day(TODAY)
    plan = solve_day(day, moves=0)
    set_up_day(runtime, day, plan)
    trust = server_trust([runtime.issuer_key()], [VerifyingKey(runtime.service_key.public_bytes)], [runtime.root_key()])
    link = LateableLink()
    locks = {
        lock_id: make_lock(lock_id, trust, world=world, link=link, seed=1, behaviour=STEADY)
        for lock_id in sorted(locks_of(day))
    }
    with runtime.units.begin() as work:
        keys = {lock_id: lock.public_key for lock_id, lock in locks.items()}
        enrol_locks(work, settings.mqtt.tenant, day, keys, MODEL)
    fleet = connect_locks(runtime, locks.values(), delay_ratio=0.0, outages_from=None)
    near = open_near_links(runtime, fleet)
    tap = Wiretap(runtime.address, settings.mqtt.tenant)
    tap.start()
    firsts = _first_doors(day, plan, world)
    found = Stage(runtime, server, world, link, day, trust, fleet, near, tap, cloud, firsts)
    try:
        yield found
    finally:
        found.close()


def require(holds: Callable[[], Any], what: str, timeout_s: float = _WAIT_S) -> Any:
    """Wait for a condition; what it said at last.

    Raises
    ------
    TimeoutError
        If it never holds: the stage is broken, and nothing can be said of the attack.
    """
    deadline_s = monotonic() + timeout_s
    while not (found := holds()):
        if monotonic() > deadline_s:
            raise TimeoutError(f"Expected {what} within {timeout_s:g} s.")
        sleep(0.01)
    return found


def _first_doors(day: Day, plan: Plan, world: SimulatedWorldClock) -> dict[str, str]:
    """Carers whose route begins at a door that can be opened now, and that visit; those of one unit not in a row."""
    found: list[tuple[datetime, str, str]] = []
    half_an_hour = timedelta(minutes=30)
    for route in plan.routes:
        first = min(route.stops, key=lambda s: s.starts_at, default=None)
        if first is None or day.visit_by_id[first.visit_id].door_id is None:
            continue
        if first.starts_at - half_an_hour <= world.now() <= first.starts_at + half_an_hour:
            found.append((first.starts_at, str(route.carer_id), str(first.visit_id)))
    return {carer_id: visit_id for _, carer_id, visit_id in sorted(found)}
