"""A call as its pages see it: each side gets its own half of the names, nobody a schedule."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from gateway.parts import Parts
from gateway.usecases.screen_visits import auto_answer_allowed, next_screen_visit
from gateway.wire import iso, iso_or_none, world
from scheduling.register.tables import CarerRow, CitizenRow
from video import ice
from video.model import TRIES, CallState, Room, Side
from video.rules import AUTO_ANSWER_COUNTDOWN_S, AUTO_ANSWER_FROM, AUTO_ANSWER_TO


def room_state(session: Session, parts: Parts, room: Room, side: Side, token: str | None = None) -> dict[str, Any]:
    """RoomState of docs/screen-visits.md for one side. ``token``: of the invitation just made, for staff."""
    wall_s = time.time()
    left_s = room.ring_until_s - wall_s if room.live else _world_left_s(parts, room)
    citizen = session.get(CitizenRow, room.citizen_id) if side == "staff" else None
    return {
        "room_id": room.room_id,
        "visit_id": room.visit_id,
        "state": room.state.value,
        "attempt": room.attempt,
        "ring_until_at": iso(room.ring_until_at),
        "ring_left_s": round(max(0.0, left_s), 1),
        "next_try_at": iso_or_none(room.next_try_at),
        "second_try_at": iso_or_none(_second_try_at(parts, room)),
        "declined": room.declined,
        "answered_at": iso_or_none(room.answered_at),
        "answered_by": room.answered_by,
        "ended_at": iso_or_none(room.hung_up_at),
        "outcome": room.outcome,
        "link": None if token is None else f"/skaerm#{token}",
        "citizen_name": citizen.name if citizen else None,
        "carer_first_name": carer_first_name(session, room.carer_id) if side == "citizen" else None,
        "phone": parts.settings.duty_phone,
        "ice": ice_config(parts, wall_s),
        "world": world(parts).model_dump(mode="json"),
    }


def kiosk_state(session: Session, parts: Parts, citizen_id: str, ringing: Room | None) -> dict[str, Any]:
    """What the tablet on the citizen's table shows while nobody calls: the next screen visit, and no more."""
    now_at = parts.clock.now()
    visit = next_screen_visit(session, citizen_id, now_at)
    automatic = auto_answer_allowed(session, citizen_id, now_at)
    return {
        "now": iso(now_at),
        "next_at": iso_or_none(visit.start_at if visit else None),
        "carer_first_name": carer_first_name(session, visit.carer_id) if visit and visit.carer_id else None,
        "ringing": room_state(session, parts, ringing, "citizen") if ringing else None,
        "auto_answer": {
            "from": AUTO_ANSWER_FROM.strftime("%H:%M"),
            "to": AUTO_ANSWER_TO.strftime("%H:%M"),
            "countdown_s": AUTO_ANSWER_COUNTDOWN_S,
        }
        if automatic
        else None,
        "phone": parts.settings.duty_phone,
        "ice": ice_config(parts, time.time()),
        "world": world(parts).model_dump(mode="json"),
    }


def carer_first_name(session: Session, carer_id: str) -> str:
    """What a citizen calls the carer."""
    row = session.get(CarerRow, carer_id)
    return row.name.split()[0] if row and row.name.strip() else ""


def ice_config(parts: Parts, wall_s: float) -> dict[str, Any]:
    """``RTCConfiguration`` of a page, and until when its credentials are good (the machine's time)."""
    video = parts.settings.video
    secret = video.turn_secret.get_secret_value() if video.turn_secret else None
    servers = ice.ice_servers(video.stun_urls, video.turn_urls, secret, wall_s)
    return {
        "iceServers": [
            {"urls": list(s.urls), **({"username": s.username, "credential": s.credential} if s.username else {})}
            for s in servers
        ],
        "expires_at": iso(datetime.fromtimestamp(int(wall_s) + ice.LIFE_S, UTC)),
    }


def _second_try_at(parts: Parts, room: Room) -> datetime | None:
    """When the second try is due if this ring goes unanswered; none where there is no second one."""
    if room.state is not CallState.RINGING or room.attempt >= TRIES:
        return None
    return room.ring_until_at + timedelta(seconds=parts.settings.video.second_try_s)


def _world_left_s(parts: Parts, room: Room) -> float:
    left_s = (room.ring_until_at - parts.clock.now()).total_seconds()
    return left_s / parts.speed.speed if parts.speed.speed > 0 else left_s
