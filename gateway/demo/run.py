"""``omsorgstid demo``: the whole platform on embedded parts and a municipality that lives its day."""

import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

from devices.simulator.behaviour import LockBehaviour
from devices.simulator.lock import SimulatedLock
from gateway.adoption import adoption_path, load_benefits, write_adoption
from gateway.app import create_app
from gateway.demo.history import History, Template
from gateway.demo.live import LiveDay
from gateway.demo.municipality import Municipality, Size
from gateway.demo.running import RunningDay
from gateway.demo.stage import connect_locks, mount_locks, on_duty, set_up_day
from gateway.memory import spare_the_collector
from gateway.runtime import Duties, Runtime
from gateway.settings import Settings
from gateway.usecases.planning import KIND
from gateway.web_server import WebServer
from kernel import jobs
from kernel.clock import SimulatedWorldClock
from kernel.ids import UnitId
from kernel.localtime import at_local, clock_text, day_text
from metrics.report import benefit_report
from metrics.report_formats import table_text
from metrics.targets import AdoptedUnit, Adoption
from scheduling import day_store, publishing
from scheduling.day_file import load_day
from scheduling.model import Day
from scheduling.solver import solve_day

TODAY = date(2026, 11, 25)
CASE = "copenhagen-sof-keys"
#: moves of the planner: enough for routes a planner would publish, few enough for a start in seconds
TEMPLATE_MOVES, TODAY_MOVES = 40_000, 60_000
DEFAULT_SPEED = 60.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a municipality, and how many weeks before and after its go-live."""

    size: Size
    weeks: int


SCALES = {
    "full": Scale(Size(), 8),
    "small": Scale(
        Size(
            carers=63,
            citizens=360,
            locks=120,
            keys_left=3,
            weekday_carers=21,
            weekend_carers=9,
            visits_per_carer=10,
        ),
        2,
    ),
}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asked for."""

    exit_after: bool = False
    seed: int = 1
    day_file: Path | None = None
    speed: float = DEFAULT_SPEED
    history: bool = True
    scale: str = "full"


class Reporter:
    """Progress for the person at the terminal: one line that moves, on standard error."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._began_s = time.monotonic()

    def step(self, text: str) -> None:
        """A step that begins."""
        start = "\r" if self._tty else ""
        sys.stderr.write(f"{start}[{time.monotonic() - self._began_s:5.1f} s] {text:<70}\n")
        sys.stderr.flush()

    def bar(self, text: str, ratio: float) -> None:
        """How far a step is; only drawn for a person."""
        if self._tty:
            full = round(ratio * 30)
            sys.stderr.write(f"\r{'█' * full}{'░' * (30 - full)} {text:<45}")
            sys.stderr.flush()


def run_demo(settings: Settings, options: DemoOptions) -> int:
    """Set everything up, live the day, and (with ``exit_after``) end with the benefit tables and status 0."""
    reporter = Reporter()
    # Told to end by whoever started us, the demo cleans up as it does for Ctrl+C: no broker is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    spare_the_collector()
    with ExitStack() as stack:
        work_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omsorgstid-demo-")))
        configured = settings.model_copy(update={"work_dir": work_dir, "demo": True})
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
        """Parts, people, past, today's plan and locks."""
        day = self.given or self.municipality.day(self.on)
        write_adoption(adoption_path(self.settings), _adoption(day, self.on if self.given else self.go_live))
        self.runtime = Runtime(self.settings, Duties(), clock=self.clock, speed=self.running)
        self.runtime.parts.demo = self.running
        self.reporter.step("Starter database, beskedserver, nøgleunderskriver")
        self.runtime.start()
        self._stops.append(self.runtime.stop)
        locks = self._people_and_past(day) if self._has_history else self._people(day)
        self.clock.advance_to(max(self.clock.now(), self.running.from_at))
        port = 0 if self.options.exit_after else self.settings.http.port
        self.server = WebServer(create_app(self.runtime.parts), self.settings.http.host, port)
        self.server.start()
        self._stops.append(self.server.stop)
        self._today(day)
        self.reporter.step(f"Forbinder {len(locks)} låse")
        delay_ratio = 0.0 if self.options.exit_after else 1.0
        self.fleet = connect_locks(self.runtime, locks.values(), delay_ratio=delay_ratio, outages_from=self.clock.now())
        self._stops.append(self.fleet.stop)

    def live(self) -> None:
        """Live today."""
        runtime, server = self._started()
        with runtime.database.reading() as session:
            day = day_store.load_day(session, self.on)
        self.reporter.step(f"Lever {day_text(self.on)}: {len(day.carers)} medarbejdere, {len(day.visits)} besøg")
        if not self.options.exit_after:
            self.running.by_hand = self._left_to_people(day)
        live = LiveDay(
            runtime,
            self.running,
            self.fleet,
            server.port,
            streams=self.municipality.stream,
            by_hand=self.running.by_hand,
            progress=self._show_progress,
        )
        live.live([c.id for c in day.carers], self.on, on_duty(day))
        runtime.pipeline.run_until_empty()
        counts = ", ".join(f"{name} {count}" for name, count in sorted(live.counts.items()))
        self.reporter.step(f"Dagen er levet: {counts}")

    def serve(self) -> None:
        """Pages for a person, while the day goes on by itself."""
        _, server = self._started()
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
                rows = benefit_report(
                    session,
                    from_on=from_on,
                    to_on=to_on,
                    cases=benefits.cases,
                    adoption=benefits.adoption,
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

    def _people(self, day: Day) -> dict[str, SimulatedLock]:
        runtime = self._runtime()
        set_up_day(runtime, day)
        return mount_locks(runtime, day, seed=self.options.seed, behaviour=_behaviour())

    def _people_and_past(self, day: Day) -> dict[str, SimulatedLock]:
        runtime, m = self._runtime(), self.municipality
        self.reporter.step("Bygger kommunen og dens rutemønstre")
        weekday, weekend = m.day(self.go_live, weekend=False), m.day(self.go_live, weekend=True)
        on_weekdays, on_weekends = (Template.of(d, solve_day(d, moves=TEMPLATE_MOVES)) for d in (weekday, weekend))
        with runtime.units.begin() as work:
            day_store.register(work, replace(weekday, citizens=m.citizens))
        history = History(runtime, self.clock, m, on_weekdays, on_weekends, locks={})
        self.reporter.step(f"Nulpunktsmåling: {self.scale.weeks} uger")
        history.study(self.go_live - timedelta(weeks=self.scale.weeks), self.go_live - timedelta(days=1))
        locks = mount_locks(
            runtime, replace(weekday, citizens=m.citizens), seed=self.options.seed, behaviour=_behaviour()
        )
        self.reporter.step(f"Lever {self.scale.weeks} uger siden {day_text(self.go_live)}")
        total = (TODAY - self.go_live).days
        history = History(
            runtime,
            self.clock,
            m,
            on_weekdays,
            on_weekends,
            locks=locks,
            progress=lambda on: self.reporter.bar(day_text(on), (on - self.go_live).days / total),
        )
        with runtime.pipeline.paused():
            history.live(self.go_live, TODAY - timedelta(days=1))
            self.reporter.step("Gør gevinsterne op")
            runtime.pipeline.run_until_empty()
        set_up_day(runtime, day)
        return locks

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

    def _left_to_people(self, day: Day) -> frozenset[str]:
        """One carer per unit whom nobody simulates, her first stop at an electronic lock where there is one."""
        chosen: dict[str, tuple[bool, datetime, str]] = {}
        with self._runtime().database.reading() as session:
            for carer in day.carers:
                stops = publishing.stops_of(session, carer.id, self.on)
                if not stops:
                    continue
                rank = (stops[0].door_id is None, stops[0].start_at or carer.shift_starts_at, str(carer.id))
                chosen[carer.unit_id] = min(rank, chosen.get(carer.unit_id, rank))
        return frozenset(carer_id for _, _, carer_id in chosen.values())

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


def _adoption(day: Day, go_live_on: date) -> Adoption:
    """Every unit of the day takes the case into use on one date, with its share of the carers."""
    on_duty_in = Counter(c.unit_id for c in day.carers)
    units = [u for u in day.units if on_duty_in[u.id]]
    total = sum(on_duty_in[u.id] for u in units)
    documented = ("Center Amager", "Center Midtbyen", "Center Nord")
    return Adoption(
        case_id=CASE,
        units=tuple(
            AdoptedUnit(
                unit_id=u.id,
                name=u.name,
                document_unit=u.name if u.name in documented else documented[i % len(documented)],
                go_live_on=go_live_on,
                carer_share=on_duty_in[u.id] / total,
            )
            for i, u in enumerate(units)
        ),
    )
