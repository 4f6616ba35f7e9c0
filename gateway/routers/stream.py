"""Server-sent events: what happens, as it happens, to those who may know (design §3).

No database session is held while a stream is open. A listener that falls behind is told to reload.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import StreamingResponse

from gateway.auth import Role, Who, require, still_signed_in
from gateway.deps import PartsDep
from gateway.parts import Parts
from gateway.routing import Router
from gateway.wire import iso
from kernel.events import StoredEvent
from kernel.tailer import Subscription

router = Router(prefix="/api/v1", tags=["stream"])
#: staff only: a citizen, relative, kiosk or link has no business in what happens to a whole unit
_STAFF = (Role.CARER, Role.PLANNER, Role.MANAGER, Role.OPERATIONS, Role.TECHNICIAN, Role.AUDITOR)
Listener = Annotated[Who, Depends(require(*_STAFF))]

#: a comment this often keeps proxies from closing a quiet stream
HEARTBEAT_S = 15.0
WORLD_EVERY_S = 5.0
#: what a carer's tablet acts on; the rest of her unit is not hers to see
_CARER_TYPES = frozenset(
    {
        "opening.settled",
        "opening.requested",
        "route.published",
        "visit.begun",
        "visit.ended",
        "shift.started",
        "shift.ended",
        "tablet.lost",
        "transfer.asked",
        "screen.answered",
        "screen.unanswered",
        "screen.ended",
        "visit.offered",
        "offer.settled",
    }
)
_SCREEN_TYPES = _CARER_TYPES | {
    "route.delivered",
    "route.acknowledged",
    "visit.moved",
    "day.planned",
    "job.changed",
    "device.seen",
    "message.quarantined",
    "door.opened",
    "lock.reported",
    "vehicle.trip",
    "driving_log.closed",
    "driving_log.approved",
    "driving_log.corrected",
    "driving_log.unlocked",
    "mileage.claimed",
    "mileage.settled",
    "transfer.recorded",
    "transfer.answered",
    "carer.absent",
    "carer.returned",
    "day.reassigned",
    "reassignment.undone",
    "alarm.raised",
    "alarm.acknowledged",
    "alarm.cleared",
    "task.raised",
    "task.settled",
    "emergency.requested",
    "emergency.reviewed",
    "citizen.away",
    "citizen.home",
    "screen.invited",
    "screen.answered",
    "screen.unanswered",
    "screen.ended",
}


@router.get("/stream")
async def stream(
    who: Listener,
    request: Request,
    parts: PartsDep,
    last_event_id: Annotated[int | None, Header(alias="Last-Event-ID")] = None,
    after: int | None = None,
) -> StreamingResponse:
    """Events from now on, or from just after a position. ``hello`` is first, ``reload`` if some were lost."""
    resume = last_event_id if last_event_id is not None else after
    return StreamingResponse(
        _events(parts, who, request, resume),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def may_see(who: Who, event: StoredEvent) -> bool:
    """Whether an event is this listener's to see."""
    if who.role is Role.CARER:
        return event.event_type in _CARER_TYPES and event.carer_id == who.carer_id
    return event.event_type in _SCREEN_TYPES and who.sees(event.unit_id)


async def _events(parts: Parts, who: Who, request: Request, resume: int | None) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    subscription = await asyncio.to_thread(
        parts.tailer.subscribe,
        lambda event: may_see(who, event),
        lambda: _set(loop, ready),
        resume,
    )
    try:
        yield _message("hello", {"position": parts.tailer.position, "world": _world(parts)}, None)
        last_world, quiet_s = loop.time(), 0.0
        while not await request.is_disconnected():
            try:
                await asyncio.wait_for(ready.wait(), timeout=1.0)
            except TimeoutError:
                quiet_s += 1.0
            ready.clear()
            messages = _taken(subscription)
            if messages and not await asyncio.to_thread(still_signed_in, request):
                # The page asks again, and is told why it is signed out.
                yield _message("reload", {}, None)
                return
            for message in messages:
                quiet_s = 0.0
                yield message
            if subscription.overflowed:
                yield _message("reload", {}, None)
                return
            if loop.time() - last_world >= WORLD_EVERY_S:
                last_world = loop.time()
                yield _message("world", _world(parts), None)
            elif quiet_s >= HEARTBEAT_S:
                quiet_s = 0.0
                yield ": still here\n\n"
    finally:
        parts.tailer.unsubscribe(subscription)


def _taken(subscription: Subscription) -> list[str]:
    return [_message(e.event_type, {**e.data, "at": iso(e.at)}, e.position) for e in subscription.take()]


def _world(parts: Parts) -> dict[str, Any]:
    return {"at": iso(parts.clock.now()), "speed": parts.speed.speed}


def _message(kind: str, data: dict[str, Any], position: int | None) -> str:
    head = f"id: {position}\n" if position is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _set(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(ready.set)
