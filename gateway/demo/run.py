"""``omsorgstid demo``: the whole platform on embedded parts and a municipality that lives its day."""

import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

from devices.simulator.behaviour import LockBehaviour
from devices.simulator.lift import TransferFleet
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.adoption import adoption_path, load_benefits, write_adoption
from gateway.app import create_app
from gateway.demo.adoptions import given_day, invented
from gateway.demo.driving import DemoTracker
from gateway.demo.fitting import fit, open_vendor_cloud
from gateway.demo.fleeting import wait_for_no_disk
from gateway.demo.left_to_people import left_to_people
from gateway.demo.live import Fleets, LiveDay
from gateway.demo.municipality import Municipality
from gateway.demo.past import Devices, Past
from gateway.demo.reporter import Reporter
from gateway.demo.residence_stage import publish_rota
from gateway.demo.running import RunningDay
from gateway.demo.scales import SCALES
from gateway.demo.stage import add_staff, connect_locks, mount_locks, on_duty, open_near_links, set_up_day
from gateway.memory import spare_the_collector
from gateway.runtime import Duties, Runtime
from gateway.settings import Settings
from gateway.usecases.planning import KIND
from gateway.web_server import WebServer
from kernel import jobs
from kernel.clock import SimulatedWorldClock
from kernel.ids import UnitId
from kernel.localtime import at_local, clock_text, day_text
from metrics.report import all_benefits
from metrics.report_formats import table_text
from scheduling import day_store
from scheduling.day_file import load_day
from scheduling.model import Day

TODAY = date(2026, 11, 25)
#: moves of the planner: enough for routes a planner would publish, few enough for a start in seconds
TODAY_MOVES = 60_000
DEFAULT_SPEED = 60.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asked for."""

    exit_after: bool = False
    seed: int = 1
    day_file: Path | None = None
    speed: float = DEFAULT_SPEED
    history: bool = True
    scale: str = "full"
    #: where the emergency lists go; a temporary folder where somebody looks, else nowhere
    lists: Path | None = None


def run_demo(settings: Settings, options: DemoOptions) -> int:
    """Set everything up, live the day, and (with ``exit_after``) end with the benefit tables and status 0."""
    reporter = Reporter()
    # Told to end by whoever started us, the demo cleans up as it does for Ctrl+C: no broker is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    spare_the_collector()
    with ExitStack() as stack:
        work_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omsorgstid-demo-")))
        # Never into the folder of operation: the lists there are real, and what no edition is known of is swept away.
        folder = options.lists or (None if options.exit_after else work_dir / "noedlister")
        lists = settings.route_lists.model_copy(update={"directory": folder})
        configured = settings.model_copy(update={"work_dir": work_dir, "demo": True, "route_lists": lists})
        demo = _Demo(configured, options, reporter)
        stack.callback(demo.stop)
        demo.prepare()
        if options.exit_after:
            demo.live()
            sys.stdout.write(demo.tables())
            return 0
        demo.serve()
    return 0


class _Demo:
    def __init__(self, settings: Settings, options: DemoOptions, reporter: Reporter) -> None:
        self.options = options
        self.reporter = reporter
        self.given = load_day(options.day_file, hhcrsp_on=TODAY) if options.day_file else None
        self.on = self.given.on if self.given else TODAY
        self.scale = SCALES[options.scale]
        self.go_live = TODAY - timedelta(weeks=self.scale.weeks)
        self.municipality = Municipality(options.seed, self.scale.size)
        study_from = self.go_live - timedelta(weeks=self.scale.weeks)
        from_at, to_at = _span(self.on, self.given)
        start_at = at_local(study_from, clock_time(4, 0)) if self._has_history else from_at - timedelta(hours=1)
        self.clock = SimulatedWorldClock(start_at)
        speed = None if options.exit_after else options.speed
        self.running = RunningDay(self.clock, self.on, from_at, to_at, speed)
        self.settings = settings
        self.runtime: Runtime | None = None
        self.server: WebServer | None = None
        self._stops: list[Callable[[], None]] = []

    @property
    def _has_history(self) -> bool:
        return self.given is None and self.options.history

    def prepare(self) -> None:
        """Parts, people, past, today's plan and devices."""
        day = self.given or self.municipality.day(self.on)
        adoptions = given_day(day) if self.given else invented(self.municipality, day, self.go_live)
        write_adoption(adoption_path(self.settings), *adoptions)
        if self.given is None:
            cloud, self.settings = open_vendor_cloud(self.clock, self.settings)
            if cloud is not None:
                self._stops.append(cloud.close)
        self.runtime = Runtime(self.settings, Duties(), clock=self.clock, speed=self.running)
        self.runtime.parts.demo = self.running
        if not self.settings.database.url:
            wait_for_no_disk(self.runtime.database)
        if self.runtime.route_lists is not None:
            self.runtime.route_lists.hold_until(self.running.from_at)
        self.reporter.step("Starter database, beskedserver, nøgleunderskriver")
        self.runtime.start()
        self._stops.append(self.runtime.stop)
        devices = self._people(day) if self.given else self._municipality_and_past(day)
        self.clock.advance_to(max(self.clock.now(), self.running.from_at))
        port = 0 if self.options.exit_after else self.settings.http.port
        self.server = WebServer(create_app(self.runtime.parts), self.settings.http.host, port)
        self.server.start()
        self._stops.append(self.server.stop)
        self._today(day)
        self._connect(devices)
        if self.given is None:
            fit(self.runtime, day, self.fleets.locks, self.options.seed)

    def live(self) -> None:
        """Live today."""
        runtime, server = self._started()
        with runtime.database.reading() as session:
            units = [u.id for u in (self.given.units if self.given else self.municipality.units)]
            day = day_store.load_day(session, self.on, units)
            by_hand = left_to_people(session, day, None if self.given else self.municipality.residences)
        self.reporter.step(f"Lever {day_text(self.on)}: {len(day.carers)} medarbejdere, {len(day.visits)} besøg")
        if not self.options.exit_after:
            self.running.by_hand = by_hand
        live = LiveDay(
            runtime,
            self.running,
            self.fleets,
            server.port,
            municipality=self.municipality,
            invented=self.given is None,
            hurried=self.options.exit_after,
            by_hand=self.running.by_hand,
            progress=self._show_progress,
        )
        live.live(day, on_duty(day))
        runtime.pipeline.run_until_empty()
        self._write_lists()
        counts = ", ".join(f"{name} {count}" for name, count in sorted(live.counts.items()))
        self.reporter.step(f"Dagen er levet: {counts}")

    def serve(self) -> None:
        """Pages for a person, while the day goes on by itself."""
        _, server = self._started()
        if self.settings.route_lists.directory is not None:
            self.reporter.step(f"Nødlister på papir: {self.settings.route_lists.directory}")
        self.reporter.step(f"Åbn http://{self.settings.http.host}:{server.port} – afslut med Ctrl+C")
        try:
            self.live()
            self.reporter.step("Dagen er slut. Siderne bliver stående, til du afslutter med Ctrl+C")
            server.wait()
        except KeyboardInterrupt:
            self.running.stop()

    def tables(self) -> str:
        """The benefit tables: today without an interval, the period with one."""
        runtime, _ = self._started()
        benefits = load_benefits(self.settings)
        if benefits is None:
            raise ValueError("Expected the adoption that was written at the start, got none.")
        periods = [(self.on, self.on)]
        if self._has_history:
            periods.append((self.go_live, self.on))
        texts = []
        with runtime.database.reading() as session:
            for from_on, to_on in periods:
                rows = all_benefits(
                    session,
                    from_on=from_on,
                    to_on=to_on,
                    cases=benefits.cases,
                    adoptions=benefits.adoptions,
                    reading="stated",
                    now=self.clock.now(),
                )
                texts.append(table_text(rows))
        return "\n".join(texts)

    def stop(self) -> None:
        """Stop what was started, last first."""
        self.running.stop()
        while self._stops:
            self._stops.pop()()

    def _people(self, day: Day) -> Devices:
        runtime = self._runtime()
        set_up_day(runtime, day)
        return Devices(mount_locks(runtime, day, seed=self.options.seed, behaviour=_behaviour()), {}, {})

    def _municipality_and_past(self, day: Day) -> Devices:
        runtime, m = self._runtime(), self.municipality
        past = Past(runtime, self.clock, m, self.go_live, self.scale.weeks, self.reporter)
        if self.options.history:
            devices = past.measure_and_live(_behaviour(), TODAY - timedelta(days=1))
        else:
            past.register()
            devices = past.mount(_behaviour())
        set_up_day(runtime, day)
        with runtime.units.begin() as work:
            publish_rota(work, m.residences, self.on)
        add_staff(runtime, m, day)
        return devices

    def _connect(self, devices: Devices) -> None:
        runtime, m = self._runtime(), self.municipality
        self.reporter.step(
            f"Forbinder {len(devices.locks)} låse, {len(devices.odometers)} biler, "
            f"{len(devices.transfer)} lifte og vendesystemer"
        )
        delay_ratio = 0.0 if self.options.exit_after else 1.0
        locks = connect_locks(runtime, devices.locks.values(), delay_ratio=delay_ratio, outages_from=self.clock.now())
        self._stops.append(locks.stop)
        self._stops.append(open_near_links(runtime, locks).stop)
        trackers = {
            car_id: DemoTracker(car_id, odometer_m=odometer_m, seed=m.seed)
            for car_id, odometer_m in sorted(devices.odometers.items())
        }
        address, tenant = runtime.address, runtime.settings.mqtt.tenant
        transfers = (
            TransferFleet(address, tenant, devices.transfer.values(), runtime.link) if devices.transfer else None
        )
        cars = VehicleFleet(address, tenant, trackers.values(), runtime.link) if trackers else None
        for fleet in (transfers, cars):
            if fleet is not None:
                fleet.start()
                self._stops.append(fleet.stop)
                if not fleet.wait_up(60.0):
                    raise TimeoutError("Expected every car, lift and turning system to connect within 60 s.")
        self.fleets = Fleets(locks, transfers, cars, trackers)

    def _today(self, day: Day) -> None:
        """Today's routes, planned by the same job a planner asks for."""
        runtime = self._runtime()
        self.reporter.step(f"Planlægger {day_text(self.on)}")
        waiting = []
        for unit in day.units:
            count = sum(v.unit_id == unit.id for v in day.visits)
            if not count:
                continue
            arguments = {
                "day": self.on.isoformat(),
                "unit_id": unit.id,
                "seed": self.options.seed,
                "moves": TODAY_MOVES * count // len(day.visits),
            }
            with runtime.units.begin() as work:
                waiting.append(jobs.request(work, KIND, arguments, UnitId(unit.id)).id)
            runtime.parts.jobs.trigger(waiting[-1])
        for job_id in waiting:
            self._wait_for(job_id)
        self._write_lists()

    def _write_lists(self) -> None:
        """The emergency lists of the routes as they stand, where there is a folder for them."""
        lists, folder = self._runtime().route_lists, self.settings.route_lists.directory
        try:
            if lists is not None:
                lists.write_due(self.clock.now())
        except OSError as err:
            self.reporter.step(f"Nødlisterne kan ikke skrives i {folder}: {err.strerror}")

    def _wait_for(self, job_id: str) -> None:
        deadline_s = time.monotonic() + 120
        while time.monotonic() < deadline_s:
            with self._runtime().database.reading() as session:
                row = jobs.get(session, job_id)
            if row.state in jobs.ENDED:
                if row.state != "done":
                    raise RuntimeError(f"Expected today's plan, got job state {row.state} ({row.error_code}).")
                return
            time.sleep(0.05)
        raise RuntimeError("Expected today's plan within 120 s, got none.")

    def _show_progress(self, at: datetime, counts: Counter[str]) -> None:
        self.reporter.bar(f"{clock_text(at)}  {counts['visits']} besøg", self.running.progress_ratio(at))

    def _runtime(self) -> Runtime:
        if self.runtime is None:
            raise ValueError("Expected a prepared demo, got one that was not.")
        return self.runtime

    def _started(self) -> tuple[Runtime, WebServer]:
        if self.server is None:
            raise ValueError("Expected a prepared demo, got one that was not.")
        return self._runtime(), self.server


def _behaviour() -> LockBehaviour:
    return LockBehaviour()


def _span(on: date, given: Day | None) -> tuple[datetime, datetime]:
    """From when to when the day is lived: the demo's day shift, or all a given day asks for."""
    from_at, to_at = at_local(on, clock_time(5, 0)), at_local(on, clock_time(15, 30))
    if given is None:
        return from_at, to_at
    starts = [c.shift_starts_at - timedelta(hours=1) for c in given.carers]
    ends = [v.window_close_at + timedelta(seconds=v.duration_s) for v in given.visits]
    return min([from_at, *starts]), max([to_at, *ends])
