"""Jobs with a Redis that is away: the table is the truth, the queue is only a trigger."""

import socket
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from threading import enumerate as threads
from time import monotonic
from urllib.request import urlopen

import pytest

from gateway.app import create_app
from gateway.demo.municipality import Municipality
from gateway.demo.stage import set_up_day
from gateway.jobs import CeleryQueue, make_celery
from gateway.process_metrics import ProcessMetrics
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, ProcessMetricsSettings, Settings
from gateway.usecases.planning import KIND
from gateway.web_server import WebServer
from kernel import jobs
from kernel.clock import SimulatedWorldClock
from kernel.localtime import at_local
from tests.conftest import SMALL, TODAY
from tests.gateway.platform import eventually
from tests.gateway.web import Person


@pytest.fixture
def away() -> Iterator[str]:
    """URL of a Redis that nobody answers: the port is bound and never listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_trigger_that_nobody_takes_is_no_error_and_soon_given_up(away: str) -> None:
    queue = CeleryQueue(make_celery(away))
    began_s = monotonic()

    queue.trigger("some-job")
    queue.trigger("some-job")

    assert monotonic() - began_s < 10.0


def test_a_plan_asked_for_without_redis_is_accepted_and_waits_in_the_table(away: str, tmp_path: Path) -> None:
    clock = SimulatedWorldClock(at_local(TODAY, time(7, 0)))
    settings = Settings(work_dir=tmp_path, demo=True, redis_url=away, http=HttpSettings(port=0))
    runtime = Runtime(settings, Duties(ingest=False, work=False, signer=False), clock=clock)
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    day = Municipality(1, SMALL).day(TODAY)
    set_up_day(runtime, day)
    planner = Person(server.port)
    assert planner.sign_in("planner").status == 200

    answer = planner.post("/api/v1/jobs", {"kind": KIND, "day": str(TODAY), "unit_id": str(day.units[0].id)})

    assert answer.status == 202, answer.content
    with runtime.database.reading() as session:
        assert jobs.get(session, answer.json["job"]["id"]).state == "waiting"
    planner.close()
    server.stop()
    runtime.stop()


def test_a_worker_without_redis_keeps_looking_at_the_table_and_ends_with_its_runtime(away: str, tmp_path: Path) -> None:
    told = ProcessMetricsSettings(worker_port=_free_port())
    settings = Settings(work_dir=tmp_path, redis_url=away, metrics=told)
    runtime = Runtime(settings, Duties(web=False, ingest=False, signer=False))
    beside = ProcessMetrics(told.host, told.worker_port)
    with runtime.units.begin() as work:
        job = jobs.request(work, KIND, {"day": str(TODAY), "unit_id": "nobody"}, "nobody")
    began = set(threads())
    runtime.start()
    own = {t for t in threads() if t.name == "forgotten-jobs"} - began
    assert len(own) == 1

    assert not eventually(lambda: not all(t.is_alive() for t in own), 7.0), "it survives a trigger that fails"
    with runtime.units.begin() as work:
        refused = jobs.request(work, KIND, {"day": "no day", "unit_id": "nobody"}, "nobody").id
    runtime.run_job(refused)
    beside.start()
    with urlopen(f"http://127.0.0.1:{runtime.process_metrics.port}/metrics", timeout=10) as answer:
        said = answer.read().decode()
    assert f'omsorgstid_jobs_total{{kind="{KIND}",result="failed"}}' in said
    assert "omsorgstid_ingest_messages_total" in said
    assert beside.port == 0, "a port that is taken costs the figures, not the work"
    runtime.stop()

    assert eventually(lambda: not any(t.is_alive() for t in own), 5.0)
    assert job.state == "waiting"
