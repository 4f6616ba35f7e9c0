"""The running day of the demo: how far it is, how fast it goes. Absent outside the demo."""

from typing import Any

from fastapi import Depends
from pydantic import BaseModel, Field

from gateway.auth import public
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.parts import DemoRun, Parts
from gateway.routing import Router
from gateway.views.running_day import running_day
from gateway.wire import iso, world

router = Router(prefix="/api/v1/demo", tags=["demo"], dependencies=[Depends(public)])


class Speed(BaseModel):
    """World seconds per second; 0 pauses."""

    speed: float = Field(ge=0, le=100_000)


@router.get("")
def demo(parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Clock, progress and four numbers."""
    run = _run(parts)
    return {
        "world": world(parts),
        "day": run.day.isoformat(),
        "from_at": iso(run.from_at),
        "to_at": iso(run.to_at),
        "running": run.running,
        "progress_ratio": run.progress_ratio(parts.clock.now()),
        "numbers": running_day(read, run.day, parts.clock.now(), parts.benefits),
    }


@router.post("/speed")
def speed(body: Speed, parts: PartsDep) -> dict[str, Any]:
    """Faster, slower, pause."""
    run = _run(parts)
    run.set_speed(body.speed)
    return {"world": world(parts)}


def _run(parts: Parts) -> DemoRun:
    if parts.demo is None:
        raise EdgeError(404, "demo_only", "Det findes kun i demoen.", "That exists in the demo only.")
    return parts.demo
