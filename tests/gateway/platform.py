"""A whole platform for one test module, with a few doors that are known to go wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal

from devices.keys.cose import VerifyingKey, server_trust
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from devices.simulator.near_link import NearLink
from gateway.adoption import write_adoption
from gateway.app import create_app
from gateway.demo.municipality import Municipality, Size
from gateway.demo.running import RunningDay
from gateway.demo.stage import connect_locks, mount_locks, open_near_links, set_up_day
from gateway.demo.tablets import Tablet
from gateway.runtime import Duties, Runtime
from gateway.settings import (
    CareRecordSettings,
    DatabaseSettings,
    HttpSettings,
    MqttSettings,
    OidcSettings,
    PlanningSettings,
    RouteListSettings,
    Settings,
    VendorCloudSettings,
)
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.localtime import at_local
from metrics.targets import AdoptedUnit, Adoption
from scheduling.model import Day, Plan
from scheduling.solver import solve_day
from tests.conftest import STEADY, TODAY
from tests.databases import migrated_file
from tests.gateway.web import Person

SEED = 1
CASE = "copenhagen-sof-keys"
#: every citizen has a lock, so every carer's first stop is a door
TOWN = Size(carers=80, citizens=400, locks=400, keys_left=4, weekday_carers=40, weekend_carers=6, visits_per_carer=8)
#: the first unit has more visits and is planned by district, the others have fewer
DISTRICT_VISITS = 110
JAMS = replace(STEADY, jam_ratio=1.0)
#: its motor turns long enough for the network to go meanwhile
SLOW = replace(STEADY, motor_median_s=2.5, motor_min_s=2.5, motor_max_s=2.5)


@dataclass
class Platform:
    """A running platform and the people in front of it."""

    runtime: Runtime
    server: WebServer
    clock: SimulatedWorldClock
    running: RunningDay
    day: Day
    #: carer to the stop her route begins with, doors only, in the order of time
    first_stops: dict[str, str]
    fleets: list[Fleet] = field(default_factory=list)
    near: NearLink | None = None
    _people: list[Person | Tablet] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def stranger(self, surface: str = "planner") -> Person:
        """A browser nobody has signed in with."""
        person = Person(self.port, surface)
        self._people.append(person)
        return person

    def signed_in(self, identity: str) -> Person:
        """A browser of somebody."""
        person = self.stranger()
        answer = person.sign_in(identity)
        assert answer.status == 200, answer.content
        return person

    def tablet(self, carer_id: str, key: HolderKey | None = None) -> Tablet:
        """A carer's tablet, signed in."""
        self._taken.add(carer_id)
        tablet = Tablet("127.0.0.1", self.port, carer_id, key or HolderKey.generate())
        tablet.sign_in()
        self._people.append(tablet)
        return tablet

    def fresh_carer(self) -> str:
        """A carer no test has touched yet, whose route begins at a door that can be opened now."""
        carer_id = next(c for c in self.first_stops if c not in self._taken)
        self._taken.add(carer_id)
        return carer_id

    def keep(self, carer_id: str) -> str:
        """Reserve a carer."""
        self._taken.add(carer_id)
        return carer_id

    def settled(self, tablet: Tablet, opening_id: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until an opening is settled; its last state."""
        deadline_s = monotonic() + timeout_s
        while True:
            opening: dict[str, Any] = tablet.opening(opening_id)
            if opening["state"] not in ("requested", "challenged", "sent") or monotonic() > deadline_s:
                return opening
            sleep(0.02)

    def stop(self) -> None:
        """Everybody goes home."""
        for person in self._people:
            person.close()
        if self.near is not None:
            self.near.stop()
        for fleet in self.fleets:
            fleet.stop()
        self.server.stop()
        self.runtime.stop()


def eventually(holds: Any, timeout_s: float = 20.0) -> Any:
    """Wait for a condition; what it returned at last."""
    deadline_s = monotonic() + timeout_s
    while True:
        found = holds()
        if found or monotonic() > deadline_s:
            return found
        sleep(0.02)


def running_platform(
    work_dir: Path,
    *,
    database_url: str = "",
    odd_doors: bool = False,
    locks: bool = True,
    demo: bool = True,
    oidc: OidcSettings | None = None,
    vendor_cloud: VendorCloudSettings | None = None,
    broker: Literal["auto", "mosquitto", "iotcore"] = "auto",
    change: Callable[[Day], Day] | None = None,
    route_lists: Path | None = None,
    care_record: Path | None = None,
) -> Iterator[Platform]:
    """Start everything on embedded parts with a small municipality at 07:20; stop it afterwards.

    Parameters
    ----------
    odd_doors
        The last two carers' first doors jam and are slow.
    locks
        Whether the locks come to the broker.
    oidc
        The identity provider the office signs in at; none without it.
    vendor_cloud
        Another maker of locks; none without it.
    broker
        Which embedded broker carries everything; the first that is installed where nobody cares.
    change
        What is different about the day.
    route_lists
        Folder the emergency lists are written to; none without it.
    care_record
        Folder the care record drops its files into; none without it.
    """
    clock = SimulatedWorldClock(at_local(TODAY, time(7, 20)))
    running = RunningDay(clock, TODAY, at_local(TODAY, time(6, 30)), at_local(TODAY, time(15, 30)), None)
    day = Municipality(SEED, TOWN).day(TODAY)
    day = day if change is None else change(day)
    write_adoption(work_dir / "adoption.yaml", _adoption(day))
    settings = Settings(
        work_dir=work_dir,
        demo=demo,
        http=HttpSettings(port=0),
        database=DatabaseSettings(url=database_url),
        oidc=oidc or OidcSettings(),
        vendor_cloud=vendor_cloud or VendorCloudSettings(),
        mqtt=MqttSettings(broker=broker),
        route_lists=RouteListSettings(directory=route_lists),
        care_record=CareRecordSettings(directory=care_record),
        planning=PlanningSettings(district_visits=DISTRICT_VISITS),
    )
    if not database_url:
        migrated_file(work_dir / "omsorgstid.db")
    runtime = Runtime(settings, Duties(), clock=clock, speed=running)
    runtime.parts.demo = running
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    plan = solve_day(day, moves=1_000)
    set_up_day(runtime, day, plan)
    platform = Platform(runtime, server, clock, running, day, _first_doors(day, plan, clock))
    mounted = mount_locks(runtime, day, seed=SEED, behaviour=STEADY)
    if locks:
        odd = _odd_locks(platform, mounted) if odd_doors else {}
        steady = [lock for lock_id, lock in mounted.items() if lock_id not in odd]
        platform.fleets.append(connect_locks(runtime, steady, delay_ratio=0.0, outages_from=None))
        if odd:
            platform.fleets.append(connect_locks(runtime, odd.values(), delay_ratio=1.0, outages_from=None))
        platform.near = open_near_links(runtime, platform.fleets[0])
        for fleet in platform.fleets[1:]:
            platform.near.add(fleet)
    yield platform
    platform.stop()


def _adoption(day: Day) -> Adoption:
    """Every centre took the keys into use eight weeks ago, with its share of the carers."""
    on_duty = Counter(str(c.unit_id) for c in day.carers)
    return Adoption(
        case_id=CASE,
        units=tuple(
            AdoptedUnit(
                unit_id=unit.id,
                name=unit.name,
                document_unit=unit.name,
                go_live_on=TODAY - timedelta(weeks=8),
                share=on_duty[unit.id] / len(day.carers),
            )
            for unit in day.units
        ),
    )


def _first_doors(day: Day, plan: Plan, clock: SimulatedWorldClock) -> dict[str, str]:
    found = []
    for route in plan.routes:
        if not route.stops:
            continue
        first = min(route.stops, key=lambda s: s.starts_at)
        visit = day.visit_by_id[first.visit_id]
        soon = first.starts_at - timedelta(minutes=30) <= clock.now() <= first.starts_at + timedelta(minutes=30)
        if visit.door_id is not None and soon:
            found.append((first.starts_at, route.carer_id, first.visit_id))
    return {carer_id: visit_id for _, carer_id, visit_id in sorted(found)}


def _odd_locks(platform: Platform, mounted: dict[str, SimulatedLock]) -> dict[str, SimulatedLock]:
    runtime = platform.runtime
    service = VerifyingKey(runtime.service_key.public_bytes)
    trust = server_trust([runtime.issuer_key()], [service], [runtime.root_key()])
    odd: dict[str, SimulatedLock] = {}
    for carer_id, behaviour in zip(odd_carers(platform), (JAMS, SLOW), strict=True):
        lock_id = lock_of(platform.day, platform.first_stops[platform.keep(carer_id)])
        assert lock_id in mounted
        odd[lock_id] = SimulatedLock(
            lock_id, trust, world=platform.clock, link=platform.runtime.link, seed=SEED, behaviour=behaviour
        )
    return odd


def odd_carers(platform: Platform) -> tuple[str, str]:
    """The carers whose first door jams, and is slow."""
    carers = list(platform.first_stops)
    return carers[-2], carers[-1]


def lock_of(day: Day, visit_id: str) -> str:
    """The lock on a visit's door."""
    visit = next(v for v in day.visits if v.id == visit_id)
    citizen = next(c for c in day.citizens if c.id == visit.citizen_id)
    assert citizen.door is not None
    assert citizen.door.device_id is not None
    return citizen.door.device_id
