"""The people of a load run, a process of its own: locust users, one greenlet each."""

import sys
import time

# First of all: locust makes sockets and sleeps cooperative, and what was imported before would not be.
from locust import User, constant, task  # isort: skip
from locust.env import Environment  # isort: skip

import gevent
from gevent.queue import Queue

from loadtests.calls import citizen_answers
from loadtests.carer import CarerLife
from loadtests.generator import PeopleResult, Sample, Task, read_task, wait_for_start
from loadtests.ingest import silence
from loadtests.planner import PlannerDay
from loadtests.profile import Profile

#: whoever joins: as quickly as this, each waits for its own moment then
_SPAWN_PER_S = 500.0
_LAG_LOOK_S = 0.1


class Run:
    """What all users of this process share."""

    def __init__(self, task: Task, environment: Environment) -> None:
        self.profile: Profile = task.profile
        self.urls = task.urls
        self.environment = environment
        self.start_s = 0.0
        self.carers = iter(sorted(task.world.locks_of_carer))
        self.planner_ids = iter(task.world.planners)
        self.links: Queue[str] = Queue()
        self.lives: list[CarerLife] = []
        self.planners: list[PlannerDay] = []
        self.samples: list[Sample] = []
        self._given = 0
        environment.events.request.add_listener(self._keep)  # type: ignore[no-untyped-call]

    def url(self) -> str:
        """The next web process in turn."""
        self._given += 1
        return self.urls[self._given % len(self.urls)]

    def note(self, name: str, at_s: float, ms: float, error: str) -> None:
        """One request, told to locust: its own listeners and statistics see what we see."""
        self.environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type="omsorgstid",
            name=name,
            response_time=ms,
            response_length=0,
            exception=RuntimeError(error) if error else None,
            context={"at_s": at_s},
        )

    def _keep(
        self, name: str, response_time: float, exception: Exception | None, context: dict[str, float], **_: object
    ) -> None:
        at_s = context["at_s"] - self.start_s
        self.samples.append(Sample(name=name, at_s=at_s, ms=response_time, error=str(exception or "")))


class _Person(User):
    abstract = True
    wait_time = constant(1)

    @property
    def run_of(self) -> Run:
        """The run this person is in."""
        run: Run = self.environment.parsed_options
        return run


class CarerUser(_Person):
    """A tablet and the carer who holds it."""

    @task
    def morning(self) -> None:
        """Her whole morning."""
        run = self.run_of
        life = CarerLife(run.url(), next(run.carers), run.profile, run.start_s, run.note, run.links.put)
        run.lives.append(life)
        life.live()
        gevent.sleep(3600)


class PlannerUser(_Person):
    """A planner at the board."""

    @task
    def day(self) -> None:
        """The whole day."""
        run = self.run_of
        planner = PlannerDay(run.url(), next(run.planner_ids), run.profile, run.start_s, run.note)
        run.planners.append(planner)
        planner.live()


class CitizenUser(_Person):
    """A citizen with a link in hand, again and again."""

    @task
    def answer(self) -> None:
        """Wait for a link, answer it, talk."""
        run = self.run_of
        citizen_answers(run.url(), run.links.get(), run.profile.pace.call_s, run.note)


def _watch_lag(lags_s: list[float]) -> None:
    while True:
        began_s = time.monotonic()
        gevent.sleep(_LAG_LOOK_S)
        lags_s.append(time.monotonic() - began_s - _LAG_LOOK_S)


def _result(run: Run, lags_s: list[float]) -> PeopleResult:
    flushed = [life.flushed_s for life in run.lives]
    recovered = run.profile.storm is not None and bool(flushed) and all(f is not None for f in flushed)
    return PeopleResult(
        samples=run.samples,
        board=[heard for planner in run.planners for heard in planner.heard],
        facts_lost=sum(life.facts_lost for life in run.lives),
        facts_sent=sum(life.facts_sent for life in run.lives),
        recovered_s=max((f for f in flushed if f is not None), default=None) if recovered else None,
        lag_p99_ms=1000 * sorted(lags_s)[int(0.99 * (len(lags_s) - 1))] if lags_s else 0.0,
    )


def main() -> int:
    """Wait for the start, run, hand over."""
    silence()
    task = read_task()
    carers, planners = len(task.world.locks_of_carer), len(task.world.planners)
    CarerUser.fixed_count, PlannerUser.fixed_count = carers, planners
    CitizenUser.fixed_count = task.profile.fleet.screen_citizens
    environment = Environment(user_classes=[CarerUser, PlannerUser, CitizenUser])
    run = Run(task, environment)
    # The one place of an environment that is handed to every user.
    environment.parsed_options = run
    runner = environment.create_local_runner()
    run.start_s = wait_for_start()
    runner.start(carers + planners + task.profile.fleet.screen_citizens, spawn_rate=_SPAWN_PER_S)
    lags_s: list[float] = []
    lag = gevent.spawn(_watch_lag, lags_s)
    gevent.sleep(max(0.0, run.start_s + task.profile.seconds - time.monotonic()))
    lag.kill()
    result = _result(run, lags_s)
    runner.quit()
    task.out.write_text(result.model_dump_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
