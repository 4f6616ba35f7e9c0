"""One visit's ranked proposals over HTTP on a board of 400 carers: as often as not right after a route has changed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

from sqlmodel import col, select

from gateway.demo.http_client import HttpClient
from gateway.demo.identities import DEMO_PIN
from loadtests.board_bench.town import ON, Town, big_town
from scheduling.tables import RouteRow, VisitRow


@dataclass(frozen=True, slots=True)
class HttpTimes:
    """Milliseconds from request to answer. ``first``: the first question after a visit was moved in the same unit.

    CPU is that of the whole process, platform and client.
    """

    carers: int
    visits: int
    asked: int
    kept_p95_ms: float
    first_p50_ms: float
    first_p95_ms: float
    all_p95_ms: float
    first_cpu_p50_ms: float


@dataclass(frozen=True, slots=True)
class _Answer:
    wall_ms: float
    cpu_ms: float


def http_times(work_dir: Path, asked: int, lanes: int = 400) -> HttpTimes:
    """Ask about visits spread over all units; before every second question a visit of the unit is moved."""
    with big_town(work_dir, lanes) as town:
        address = urlsplit(town.url)
        client = HttpClient(address.hostname or "127.0.0.1", address.port or 80)
        client.sign_in("planner", DEMO_PIN)
        visits = _movable(town)
        step = max(1, len(visits) // (2 * asked))
        spread = visits[::step]
        # Every unit's board and every statement is made once before anything is measured.
        for visit in {v.unit_id: v for v in spread}.values():
            client.call("GET", _about(visit, "proposals"))
        kept: list[_Answer] = []
        first: list[_Answer] = []
        for moved, other in zip(spread[: 2 * asked : 2], spread[1 : 2 * asked : 2], strict=False):
            same_unit = next(v for v in (other, *visits) if v.unit_id == moved.unit_id and v.id != moved.id)
            _move(client, town, moved)
            first.append(_timed(client, same_unit))
            kept.append(_timed(client, same_unit))
        client.close()
        with town.runtime.database.reading() as session:
            count = len(session.exec(select(VisitRow.id).where(VisitRow.day == ON)).all())
    return HttpTimes(
        carers=lanes,
        visits=count,
        asked=len(first) + len(kept),
        kept_p95_ms=_p95(kept, lambda a: a.wall_ms),
        first_p50_ms=median(a.wall_ms for a in first),
        first_p95_ms=_p95(first, lambda a: a.wall_ms),
        all_p95_ms=_p95([*first, *kept], lambda a: a.wall_ms),
        first_cpu_p50_ms=median(a.cpu_ms for a in first),
    )


def _movable(town: Town) -> list[VisitRow]:
    query = select(VisitRow).where(
        VisitRow.day == ON,
        VisitRow.state == "planned",
        col(VisitRow.carer_id).is_not(None),
        col(VisitRow.pair_id).is_(None),
    )
    with town.runtime.database.reading() as session:
        return list(session.exec(query.order_by(col(VisitRow.id))).all())


def _about(visit: VisitRow, what: str) -> str:
    return f"/api/v1/visits/{quote(visit.id)}/{what}"


def _move(client: HttpClient, town: Town, visit: VisitRow) -> None:
    """Do what the first proposal says."""
    best = client.call("GET", _about(visit, "proposals"))["proposals"][0]
    with town.runtime.database.reading() as session:
        row = session.get_one(VisitRow, visit.id)
        own = session.exec(select(RouteRow).where(RouteRow.day == ON, RouteRow.carer_id == row.carer_id)).one()
    seen = f'"{own.id}:{own.version}", "{best["route_id"]}:{best["version"]}"'
    body = {"to_carer_id": best["carer_id"], "start_at": best["start_at"], "reason": "other"}
    client.call("POST", _about(visit, "move"), body, {"If-Match": seen})


def _timed(client: HttpClient, visit: VisitRow) -> _Answer:
    wall, cpu = time.perf_counter(), time.process_time()
    client.call("GET", _about(visit, "proposals"))
    return _Answer(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))


def _p95(answers: Sequence[_Answer], of: Callable[[_Answer], float]) -> float:
    ordered = sorted(map(of, answers))
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
