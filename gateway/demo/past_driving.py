"""The lived weeks of the cars: who had which, what the trackers told, and the driving log of every carer."""

from collections.abc import Collection, Mapping, Sequence

from devices.driving.intake import vehicle_handlers
from devices.driving.logs import close_logs
from devices.driving.messages import KIND, MAX_FIXES, FixBatch
from devices.driving.model import CarerDay, Fix
from devices.driving.vehicles import Assignment, assign_vehicles
from devices.inbox.model import Incoming
from devices.inbox.service import Inbox
from devices.registry.store import known_devices
from devices.simulator.vehicle import DriveLeg, fixes_of
from gateway.demo.behaviour import LivedShift
from gateway.demo.driving import (
    PARKED_EVERY_S,
    TELLS_PARKED,
    base_of_unit,
    drivers,
    in_order,
    legs_of_shift,
    position_of_visit,
)
from gateway.demo.municipality import Municipality
from gateway.runtime import Runtime
from gateway.usecases.driving import VehicleMount, facts_of, mount_vehicles
from kernel.work import Work
from scheduling.model import Day

#: a past day is told in few fixes: where a way begins, now and then, and where the car was parked
EVERY_S = 150.0
#: the trackers' start of the past; today they start anew
PAST_BOOT = 0
MODEL = "simulated-tracker-1"


def mount_cars(work: Work, tenant: str, municipality: Municipality) -> None:
    """Mount a tracker in every car."""
    mount_vehicles(work, tenant, [VehicleMount(c.id, c.reg_no, c.unit_id, MODEL) for c in municipality.cars.all])


class PastDriving:
    """Drives the cars of days that are over."""

    def __init__(self, runtime: Runtime, municipality: Municipality) -> None:
        self._runtime = runtime
        self._municipality = municipality
        self._bases = base_of_unit(municipality)
        self._seq = dict.fromkeys((c.id for c in municipality.cars.all), 1)
        #: what each car's odometer shows, metres
        self.odometers = {c.id: c.odometer_m for c in municipality.cars.all}
        #: of the day that is being told; its shifts are over and nothing changes what they were
        self._facts: Mapping[str, CarerDay] = {}
        handlers = vehicle_handlers(lambda _session, _day, carers: self._facts_of(carers))
        self._inbox = Inbox(runtime.units, handlers, runtime.settings.mqtt.tenant, known_devices)

    def live(self, day: Day, lived: Mapping[str, LivedShift]) -> None:
        """Who had which car, what it drove, and the logs of everybody; the shifts of the day have ended."""
        taken = self._municipality.cars.taken(day.on, drivers(day))
        with self._runtime.units.begin() as work:
            assign_vehicles(
                work,
                [
                    Assignment(car.id, carer, lived[carer].starts_at, lived[carer].ends_at, "chosen")
                    for carer, car in sorted(taken.items())
                    if carer in lived
                ],
            )
            self._facts = facts_of(work.session, day.on, sorted(lived))
        places, messages = position_of_visit(day), list[Incoming]()
        for carer, car in sorted(taken.items()):
            if carer in lived:
                legs = in_order(list(legs_of_shift(lived[carer], places, self._bases.get(car.unit_id))))
                messages += self._told(car.id, self._fixes(car.id, legs))
        self._inbox.accept(messages)
        with self._runtime.units.begin() as work:
            close_logs(work, day.on, sorted(lived), lambda _session, _day, carers: self._facts_of(carers))

    def _facts_of(self, carers: Collection[str]) -> Mapping[str, CarerDay]:
        return {carer: self._facts[carer] for carer in carers if carer in self._facts}

    def _fixes(self, car_id: str, legs: Sequence[DriveLeg]) -> list[Fix]:
        fixes: list[Fix] = []
        for number, leg in enumerate(legs):
            tells_until = leg.arrives_at + TELLS_PARKED
            if number + 1 < len(legs):
                tells_until = min(tells_until, legs[number + 1].departs_at)
            if tells_until <= leg.arrives_at:
                continue
            told = fixes_of(
                [leg],
                odometer_m=self.odometers[car_id],
                seed=self._municipality.seed + self._seq[car_id],
                boot=PAST_BOOT,
                first_seq=self._seq[car_id],
                every_s=EVERY_S,
                parked_every_s=PARKED_EVERY_S,
                until=tells_until,
            )
            self._seq[car_id] += len(told)
            self.odometers[car_id] = told[-1].odometer_m
            fixes += told
        return fixes

    def _told(self, car_id: str, fixes: list[Fix]) -> list[Incoming]:
        tenant, now = self._runtime.settings.mqtt.tenant, self._runtime.clock.now()
        return [
            Incoming(
                tenant,
                KIND,
                car_id,
                "fix",
                FixBatch(car_id, PAST_BOOT, tuple(fixes[at : at + MAX_FIXES])).encode(),
                now,
            )
            for at in range(0, len(fixes), MAX_FIXES)
        ]
