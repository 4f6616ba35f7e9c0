"""Both columns of the house: one morning, once with everything embedded in this process, once with PostgreSQL,
Redis, mosquitto, ingest, worker, signer and serve as processes of their own. Settings decide, the code is the same.
"""

import http.client
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlmodel import col, select

from devices.broker_address import BrokerAddress
from devices.broker_process import mosquitto_path
from devices.simulator.holder import HolderKey
from gateway.app import create_app
from gateway.demo.identities import DEMO_PIN
from gateway.demo.tablets import Tablet
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, Settings
from gateway.web_server import WebServer
from kernel.database import Database
from loadtests.devices import DeviceFleet
from loadtests.generator import Broker, Task
from loadtests.platform import running_platform
from loadtests.profile import Profile, load_profiles, pick
from loadtests.world import World, bring_in, prepare
from metrics.tables import EntryRow, ShiftProgressRow
from scheduling.register.tables import UnitRow
from tests.conftest import missing
from tests.gateway.platform import eventually
from tests.gateway.web import Person

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Column:
    """One way of running the platform, with a small municipality in its morning."""

    port: int
    database: Database
    world: World
    address: BrokerAddress


def _profile() -> Profile:
    smoke = pick(load_profiles(), "smoke")
    fleet = smoke.fleet.model_copy(update={"tablets": 6, "vehicles": 1, "lifts": 1, "screen_citizens": 0, "locks": 90})
    return smoke.model_copy(update={"fleet": fleet})


@contextmanager
def _embedded(folder: Path) -> Iterator[Column]:
    settings = Settings(work_dir=folder, demo=True, http=HttpSettings(port=0))
    runtime = Runtime(settings, Duties())
    runtime.start()
    server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
    server.start()
    try:
        yield Column(server.port, runtime.database, bring_in(runtime, _profile(), seed=3), runtime.address)
    finally:
        server.stop()
        runtime.stop()


@contextmanager
def _grown_up(folder: Path) -> Iterator[Column]:
    if shutil.which("redis-server") is None or not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing("PostgreSQL or Redis (Debian: postgresql, redis-server)")
    if mosquitto_path() is None:
        missing("mosquitto")
    with running_platform(folder) as platform:
        assert platform.parts is not None
        world = prepare(platform.settings, _profile(), seed=3)
        database = Database(platform.settings.database_url)
        try:
            port = int(platform.urls[0].rpartition(":")[2])
            yield Column(port, database, world, platform.parts.broker.address)
        finally:
            database.dispose()


@pytest.fixture(scope="module", params=["embedded", pytest.param("grown up", marks=pytest.mark.postgres)])
def column(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Column]:
    """Each column in turn, its locks connected."""
    make = _embedded if request.param == "embedded" else _grown_up
    with make(tmp_path_factory.mktemp("column")) as made:
        broker = Broker(host=made.address.host, port=made.address.port)
        fleet = DeviceFleet(Task(profile=_profile(), world=made.world, urls=(), broker=broker, out=Path()))
        fleet.start()
        try:
            yield made
        finally:
            fleet.stop()


class Listening:
    """A planner's open stream."""

    def __init__(self, column: Column, planner: Person) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", column.port, timeout=PATIENCE_S)
        cookies = "; ".join(f"{name}={value}" for name, value in planner.cookies.items())
        self._connection.request("GET", "/api/v1/stream", headers={"Cookie": cookies, "X-Surface": "planner"})
        self._stream = self._connection.getresponse()
        assert self._stream.readline() == b"event: hello\n"

    def until(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The first event of a kind that has these facts."""
        deadline_s, event = monotonic() + PATIENCE_S, ""
        while monotonic() < deadline_s:
            line = self._stream.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == kind:
                data: dict[str, Any] = json.loads(line[6:])
                if facts.items() <= data.items():
                    return data
        raise AssertionError(f"Expected {kind} with {facts} within {PATIENCE_S:g} s.")

    def close(self) -> None:
        """Close the page."""
        self._stream.close()
        self._connection.close()


def _with_a_door_first(column: Column) -> tuple[Tablet, dict[str, Any]]:
    """A tablet of a carer with a door on her route, signed in, and the stop."""
    for carer_id, locks in column.world.locks_of_carer.items():
        if not locks:
            continue
        tablet = Tablet("127.0.0.1", column.port, carer_id, HolderKey.generate())
        tablet.sign_in()
        stops = tablet.day()["route"]["stops"]
        stop = stops[0]
        if stop["door"] is not None:
            return tablet, stop
        tablet.close()
    raise AssertionError("Expected a carer whose route begins at a lock.")


def _settled(tablet: Tablet, opening_id: str) -> str:
    def ended() -> str:
        state = str(tablet.opening(opening_id)["state"])
        return "" if state in ("requested", "challenged", "sent") else state

    return str(eventually(ended, PATIENCE_S))


def test_a_morning_from_sign_in_to_the_ledger_entry_and_the_board_that_hears_it(column: Column) -> None:
    planner = Person(column.port, "planner")
    assert planner.sign_in(column.world.planners[0], DEMO_PIN).status == 200
    board = Listening(column, planner)
    tablet, stop = _with_a_door_first(column)

    shift = tablet.start_shift("citizen")["shift"]
    board.until("shift.started", carer_id=tablet.carer_id)
    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    assert _settled(tablet, opening["id"]) == "unlocked"
    begun = board.until("visit.begun", visit_id=stop["visit_id"])
    assert (begun["source"], begun["opening_id"]) == ("device", opening["id"])
    assert tablet.end_visit(stop["visit_id"], "done")["visit"]["state"] == "ended"
    board.until("visit.ended", visit_id=stop["visit_id"])
    tablet.end_shift("citizen")
    board.until("shift.ended", carer_id=tablet.carer_id)
    board.close()

    tablet.close()
    planner.close()

    def read_whole() -> ShiftProgressRow | None:
        with column.database.reading() as session:
            return session.exec(
                select(ShiftProgressRow).where(
                    ShiftProgressRow.shift_id == shift["id"], col(ShiftProgressRow.closed).is_(True)
                )
            ).first()

    progress = eventually(read_whole, PATIENCE_S)
    assert progress is not None, "the ledger has read the shift from its beginning to its end"
    with column.database.reading() as session:
        entries = session.exec(select(EntryRow).where(EntryRow.occasion_id == shift["id"])).all()
    # These processes live by the clock on the wall, and the case of the keys is about day shifts: one that begins
    # in the afternoon is read and not judged.
    judged = [("keys", "no_baseline", True)] if progress.state["kind"] == "day" else []
    assert [(e.technology, e.outcome, bool(e.evidence)) for e in entries] == judged


def test_a_job_asked_for_over_http_is_run_by_whoever_works(column: Column) -> None:
    planner = Person(column.port, "planner")
    assert planner.sign_in(column.world.planners[0], DEMO_PIN).status == 200
    with column.database.reading() as session:
        unit_id = session.exec(select(UnitRow.id)).first()
    day = planner.get("/api/v1/board").json["day"]

    asked = planner.post(
        "/api/v1/jobs", {"kind": "plan-day", "day": day, "unit_id": unit_id, "seed": 1, "moves": 50}
    ).json["job"]

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = planner.get(f"/api/v1/jobs/{asked['id']}").json["job"]
        return job if job["state"] not in ("waiting", "running") else None

    job = eventually(ended, PATIENCE_S)
    assert job is not None
    assert (job["state"], job["error_code"]) == ("done", None)
    assert job["result"]["visit_count"] > 0
    planner.close()
