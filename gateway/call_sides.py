"""Which call a browser on the citizen's side is for, and how that browser is told from another."""

import hashlib

from fastapi.requests import HTTPConnection
from sqlmodel import Session

from gateway.auth import Role, Who, session_token
from video import store
from video.model import TALKING, Room


def browser_key(request: HTTPConnection, who: Who) -> str:
    """What the room is bound to: a link's own session, or the kiosk, which may sign in anew during a call."""
    if who.role is Role.KIOSK:
        return f"kiosk:{who.identity_id}"
    return link_key(session_token(request) or "")


def link_key(token: str) -> str:
    """The browser that holds a link's session."""
    return "link:" + hashlib.sha256(token.encode()).hexdigest()


def call_here(session: Session, who: Who, key: str) -> Room | None:
    """The call of this browser: a link's own; at a kiosk what is on there and not answered elsewhere."""
    if who.role is Role.LINK:
        return store.room_of(session, who.room_id or "")
    room = store.room_at_citizen(session, who.citizen_id or "")
    if room is not None and room.state in TALKING and room.citizen_key not in (None, key):
        return None
    return room
