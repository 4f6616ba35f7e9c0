"""Before today: who lives and works there, what was measured before each technology, and the weeks since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from devices.simulator.behaviour import LockBehaviour
from devices.simulator.lift import SimulatedTransferDevice
from devices.simulator.lock import SimulatedLock
from gateway.demo import studies
from gateway.demo.history import History
from gateway.demo.kiosks import mount_kiosks
from gateway.demo.municipality import Municipality
from gateway.demo.past_driving import PastDriving, mount_cars
from gateway.demo.past_residences import PastTransfers
from gateway.demo.reporter import Reporter
from gateway.demo.residence_stage import mount_transfer_devices, register_residences, transfer_devices
from gateway.demo.stage import mount_locks
from gateway.demo.templates import Templates
from gateway.runtime import Runtime
from kernel.clock import SimulatedWorldClock
from kernel.localtime import at_local, day_text
from kernel.work import Work
from metrics.baselines import import_time_study
from metrics.pseudonyms import Pseudonyms
from metrics.time_study import MeasuredTechnology
from scheduling import day_store
from scheduling.events import CitizenEnrolled

EARLY = time(5, 0)
#: events a ledger takes in at once: about a day, so that the memory of a shift is read and written once or twice
SETTLED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Devices:
    """The simulated devices of a municipality, and what the cars' odometers show."""

    locks: Mapping[str, SimulatedLock]
    transfer: Mapping[str, SimulatedTransferDevice]
    odometers: Mapping[str, int]


class Past:
    """The story up to today.

    Parameters
    ----------
    weeks
        How many weeks were measured before the go-live and lived after it.
    """

    def __init__(
        self,
        runtime: Runtime,
        clock: SimulatedWorldClock,
        municipality: Municipality,
        go_live_on: date,
        weeks: int,
        reporter: Reporter,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._municipality = municipality
        self._go_live_on = go_live_on
        self._weeks = weeks
        self._reporter = reporter

    def register(self) -> None:
        """Everybody is in the register, before anything is measured or mounted."""
        m, on = self._municipality, self._go_live_on
        weekday = m.day(on)
        with self._runtime.units.begin() as work:
            day_store.register(work, replace(weekday, citizens=m.citizens))
            register_residences(work, m.residences, self._measured_from_on)

    def mount(self, behaviour: LockBehaviour) -> Devices:
        """Every device is mounted, and those who are visited by screen begin to be."""
        runtime, m = self._runtime, self._municipality
        tenant, on = runtime.settings.mqtt.tenant, self._go_live_on
        citizens = replace(m.day(on), citizens=m.citizens)
        locks = mount_locks(runtime, citizens, seed=m.seed, behaviour=behaviour)
        with runtime.units.begin() as work:
            mount_transfer_devices(work, tenant, m, on)
            mount_cars(work, tenant, m)
            mount_kiosks(work, tenant, m)
            enrol_screens(work, m)
        return Devices(locks, transfer_devices(m, self._clock), {c.id: c.odometer_m for c in m.cars.all})

    def measure_and_live(self, behaviour: LockBehaviour, until_on: date) -> Devices:
        """The measurements, the go-live, and every day from then until the given one, both included."""
        runtime, m = self._runtime, self._municipality
        self._reporter.step("Bygger kommunen og dens rutemønstre")
        templates = Templates.planned(m, self._go_live_on)
        self.register()
        self._reporter.step(f"Nulpunktsmålinger: {self._weeks} uger")
        self._measure(templates)
        devices = self.mount(behaviour)
        transfers = PastTransfers(runtime, m, devices.transfer)
        driving = PastDriving(runtime, m)
        days = (until_on - self._go_live_on).days + 1
        history = History(
            runtime,
            self._clock,
            m,
            templates,
            devices.locks,
            transfers,
            driving,
            progress=lambda on: self._reporter.bar(day_text(on), (on - self._go_live_on).days / days),
        )
        self._reporter.step(f"Lever {self._weeks} uger siden {day_text(self._go_live_on)}")
        with runtime.pipeline.paused():
            history.live(self._go_live_on, until_on)
            self._reporter.step("Gør gevinsterne op")
            runtime.pipeline.run_until_empty(SETTLED_AT_ONCE)
        return replace(devices, odometers=driving.odometers)

    @property
    def _measured_from_on(self) -> date:
        return self._go_live_on - timedelta(weeks=self._weeks)

    def _measure(self, templates: Templates) -> None:
        m, from_on, to_on = self._municipality, self._measured_from_on, self._go_live_on - timedelta(days=1)
        self._clock.advance_to(at_local(self._go_live_on, EARLY))
        files: dict[MeasuredTechnology, Callable[[], bytes]] = {"keys": lambda: studies.keys_csv(m, from_on, to_on)}
        files["routing"] = lambda: studies.routing_csv(m, templates, from_on, to_on)
        if m.screen_days:
            files["screen"] = lambda: studies.screen_csv(m, templates, self._weeks, self._go_live_on)
        if m.residences.residents:
            files["transfers"] = lambda: studies.transfers_csv(m, from_on, to_on)
        known_units = {u.id for u in (*m.units, *m.residences.units)}
        for technology, written in files.items():
            with self._runtime.units.begin() as work:
                import_time_study(
                    work,
                    written(),
                    known_units=known_units,
                    pseudonyms=Pseudonyms(self._runtime.parts.pseudonym_key),
                    technology=technology,
                )


def enrol_screens(work: Work, municipality: Municipality) -> None:
    """Those who are to be visited by screen begin to be."""
    citizens = [municipality.citizens[i] for i in sorted(municipality.screen_days)]
    work.record(
        *(CitizenEnrolled(at=work.now, unit_id=c.unit_id, citizen_id=c.id, technology="screen") for c in citizens)
    )
