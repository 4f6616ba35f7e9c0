"""The municipality a load run lives in: invented, brought into the platform's database, its morning compressed.

The demo's municipality and its plan are taken as they are; then the plan is moved so that it begins now, and
compressed, so that an hour's work asks for minutes of waiting. Windows of doors stay as wide as the protocol says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlmodel import select

from devices.keys.cose import VerifyingKey, server_trust
from devices.simulator.behaviour import FAULTLESS
from gateway.demo.fleet import MODEL, make_locks
from gateway.demo.identities import DEMO_PIN, add_identities
from gateway.demo.municipality import Municipality, Size
from gateway.demo.past_driving import mount_cars
from gateway.demo.residence_stage import mount_transfer_devices
from gateway.demo.screen import ScreenSize
from gateway.pins import hash_pin
from gateway.runtime import Duties, Runtime
from gateway.settings import Settings
from gateway.tables import IdentityRow
from gateway.usecases.days import enrol_locks, import_day, locks_of
from gateway.usecases.plans import publish_plan
from kernel.localtime import local_day
from kernel.work import Work
from loadtests.profile import Profile
from scheduling.model import Day, Plan
from scheduling.solver import solve_day

#: a weekday of the invented municipality: a load run is the same on a Sunday
_LIKE = date(2026, 11, 25)
#: how long before the start of the run the shifts were planned to begin
_BEFORE = timedelta(minutes=2)
_SHIFT = timedelta(hours=8)


class Car(BaseModel):
    """A car with a tracker, where it begins."""

    model_config = ConfigDict(frozen=True)

    id: str
    odometer_m: int
    lat_deg: float
    lon_deg: float


class World(BaseModel):
    """What the generators have to know. ``locks_of_carer``: the locks on each carer's route."""

    model_config = ConfigDict(frozen=True)

    seed: int
    tenant: str
    issuer_key: str
    service_key: str
    planners: tuple[str, ...]
    locks_of_carer: Mapping[str, tuple[str, ...]]
    other_locks: tuple[str, ...]
    cars: tuple[Car, ...]
    lifts: tuple[str, ...]

    @property
    def locks(self) -> tuple[str, ...]:
        """Every lock, each once."""
        return tuple(sorted({lock for locks in self.locks_of_carer.values() for lock in locks} | {*self.other_locks}))

    def part(self, number: int, of: int) -> "World":
        """A share of carers and devices that no other share has, for several runs on one database."""
        carers = sorted(self.locks_of_carer)
        mine = set(carers[number::of])
        taken = {lock for c in carers if c not in mine for lock in self.locks_of_carer[c]}
        return self.model_copy(
            update={
                "locks_of_carer": {
                    c: tuple(lock for lock in self.locks_of_carer[c] if lock not in taken) for c in sorted(mine)
                },
                "other_locks": self.other_locks[number::of],
                "cars": self.cars[number::of],
                "lifts": self.lifts[number::of],
            }
        )


class NotADemoError(Exception):
    """The platform holds real people: nothing invented is brought in there."""


def prepare(settings: Settings, profile: Profile, *, seed: int, runs: int = 1) -> World:
    """Bring the municipality of a profile into a platform that runs on these settings, and publish its plan.

    Parameters
    ----------
    runs
        How many runs are to share it (:meth:`World.part`); it gets as many times the carers.

    Raises
    ------
    NotADemoError
        Outside a demo or a staging copy.
    SchedulingError
        ``day_exists`` where today was brought in before: a load run needs a fresh copy.
    """
    if not settings.demo:
        raise NotADemoError(
            "Expected OMSORGSTID_DEMO=true: a load run invents citizens and carers, so it runs against a staging copy "
            "and never against the platform that real people use (docs/load.md)."
        )
    runtime = Runtime(settings, Duties(web=False, ingest=False, work=False, signer=False))
    try:
        return bring_in(runtime, profile, seed=seed, runs=runs)
    finally:
        runtime.database.dispose()


def bring_in(runtime: Runtime, profile: Profile, *, seed: int, runs: int = 1) -> World:
    """The same, by a process that has the platform's parts already."""
    return _Preparation(runtime, profile, seed, runs).prepare()


@dataclass
class _Preparation:
    runtime: Runtime
    profile: Profile
    seed: int
    runs: int

    def prepare(self) -> World:
        municipality = Municipality(self.seed, _size(self.profile, self.runs))
        day = municipality.day(_LIKE)
        plan = solve_day(day, moves=0)
        now = self.runtime.clock.now()
        day, plan = _compressed(day, plan, now - _BEFORE, self.profile.pace.compress)
        planners = tuple(f"load-{self.seed}-planner-{n}" for n in range(1, self.profile.fleet.planners + 1))
        with self.runtime.units.begin() as work:
            import_day(work, day)
            add_identities(work, day, list(work.session.exec(select(IdentityRow.id)).all()))
            _add_planners(work, planners, [u.id for u in day.units])
        with self.runtime.units.begin() as work:
            publish_plan(work, day, plan, reason="Dagens plan", expected=None)
        self._mount(day, municipality)
        return World(
            seed=self.seed,
            tenant=self.runtime.settings.mqtt.tenant,
            issuer_key=self.runtime.issuer_key().public_bytes.hex(),
            service_key=self.runtime.service_key.public_bytes.hex(),
            planners=planners,
            locks_of_carer=_locks_of_carer(day, plan),
            other_locks=tuple(sorted(set(locks_of(day)) - _planned_locks(day, plan))),
            cars=tuple(_car(municipality, number) for number in range(len(municipality.cars.all))),
            lifts=tuple(sorted(municipality.home_lifts.values())),
        )

    def _mount(self, day: Day, municipality: Municipality) -> None:
        tenant = self.runtime.settings.mqtt.tenant
        service = VerifyingKey(self.runtime.service_key.public_bytes)
        trust = server_trust([self.runtime.issuer_key()], [service], [self.runtime.root_key()])
        made = make_locks(
            locks_of(day),
            trust,
            seed=self.seed,
            world=self.runtime.clock,
            link=self.runtime.link,
            behaviour=FAULTLESS,
        )
        with self.runtime.units.begin() as work:
            enrol_locks(work, tenant, day, {i: lock.public_key for i, lock in made.items()}, MODEL)
            mount_cars(work, tenant, municipality)
            mount_transfer_devices(work, tenant, municipality, day.on)


def _size(profile: Profile, runs: int) -> Size:
    fleet = profile.fleet
    tablets = fleet.tablets * runs
    return Size(
        carers=tablets,
        citizens=fleet.citizens * runs,
        locks=min(fleet.locks, fleet.citizens) * runs,
        keys_left=0,
        weekday_carers=tablets,
        weekend_carers=0,
        visits_per_carer=fleet.visits_per_tablet,
        screen=ScreenSize(citizens=fleet.screen_citizens * runs, kiosks=0, carers=max(3, tablets // 3)),
        cars=fleet.vehicles * runs,
        home_lifts=fleet.lifts * runs,
    )


def _compressed(day: Day, plan: Plan, begins_at: datetime, ratio: float) -> tuple[Day, Plan]:
    """The same day, begun at an instant and so many times as fast. Shifts stay eight hours long."""

    def moved(at: datetime) -> datetime:
        return begins_at + (at - day.zero_at) / ratio

    visits = tuple(
        replace(
            v,
            window_open_at=moved(v.window_open_at),
            window_close_at=moved(v.window_close_at),
            duration_s=v.duration_s / ratio,
        )
        for v in day.visits
    )
    carers = tuple(replace(c, shift_starts_at=begins_at, shift_ends_at=begins_at + _SHIFT) for c in day.carers)
    routes = tuple(
        replace(
            route,
            stops=tuple(
                replace(
                    stop,
                    zero_at=begins_at,
                    start_min=stop.start_min / ratio,
                    end_min=stop.end_min / ratio,
                    travel_min=stop.travel_min / ratio,
                    wait_min=stop.wait_min / ratio,
                    late_min=stop.late_min / ratio,
                )
                for stop in route.stops
            ),
            back_min=route.back_min / ratio,
            overrun_min=route.overrun_min / ratio,
        )
        for route in plan.routes
    )
    moved_day = replace(day, on=local_day(begins_at), zero_at=begins_at, carers=carers, visits=visits)
    return moved_day, replace(plan, routes=routes)


def _add_planners(work: Work, identities: Iterable[str], unit_ids: list[str]) -> None:
    pin_hash = hash_pin(DEMO_PIN)
    for number, identity in enumerate(identities, 1):
        work.session.add(
            IdentityRow(
                id=identity,
                role="planner",
                name=f"Planlægger {number}",
                unit_ids=unit_ids,
                pin_hash=pin_hash,
                demo=True,
            )
        )


def _locks_of_carer(day: Day, plan: Plan) -> dict[str, tuple[str, ...]]:
    lock_of = {door: lock for lock, (door, _citizen, _unit) in locks_of(day).items()}
    found = {}
    for route in plan.routes:
        doors = [day.visit_by_id[stop.visit_id].door_id for stop in route.stops]
        found[str(route.carer_id)] = tuple(sorted({lock_of[door] for door in doors if door in lock_of}))
    return found


def _planned_locks(day: Day, plan: Plan) -> set[str]:
    return {lock for locks in _locks_of_carer(day, plan).values() for lock in locks}


def _car(municipality: Municipality, number: int) -> Car:
    car = municipality.cars.all[number]
    base = next(u.base for u in municipality.units if u.id == car.unit_id)
    return Car(id=car.id, odometer_m=car.odometer_m, lat_deg=base.lat_deg or 0.0, lon_deg=base.lon_deg or 0.0)
