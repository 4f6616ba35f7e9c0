"""Who is in which call, and what one side's page says to the other's. Relayed, never kept.

Each process knows its own members; what they do goes over the post box, so two pages of a call may sit in two
processes. Whose browser may sit on the citizen's side is the database's word (``video.service.answer``), not
decided here: the hub sees to it that there is one of each side and that nobody else hears anything.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from gateway.postbox import Postbox
from kernel.clock import LinkClock
from video.model import Side

#: every member says so often that it is still there; silent for longer it counts as gone
BEAT_S = 10.0
GONE_AFTER_S = 25.0
#: more than this not yet taken by a page, and it is told to come again
BACKLOG = 256
#: a page has one line, and a page loaded anew a second one for a moment
MAX_LINES = 8


@dataclass(frozen=True, slots=True)
class Deliver:
    """For the page, as it is."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """The call has changed: the page's side reads it anew and tells. ``ring``: as a ring."""

    room_id: str
    ring: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """Both sides are there now, or no longer."""

    room_id: str
    both: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """Close the socket with this code."""

    code: int
    reason: str


Parcel = Deliver | Changed | Met | Leave


@dataclass(eq=False)
class Member:
    """One page's socket."""

    conn: str
    side: Side
    room_id: str | None
    #: a kiosk hears every ring at its citizen's
    citizen_channel: str | None
    loop: asyncio.AbstractEventLoop
    #: whose line it is: nobody gets very many
    browser: str = ""
    parcels: "asyncio.Queue[Parcel]" = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    joined: bool = False
    peer_conn: str | None = None
    peer_seen_s: float = 0.0

    @property
    def has_company(self) -> bool:
        """Whether the other side is here too."""
        return self.joined and self.peer_conn is not None

    def put(self, parcel: Parcel) -> None:
        """Hand over a parcel, from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._put, parcel)

    def _put(self, parcel: Parcel) -> None:
        if self.parcels.full():
            # It does not read: what it missed cannot be mended here, it has to come again.
            while not self.parcels.empty():
                self.parcels.get_nowait()
            parcel = Leave(4408, "too_slow")
        self.parcels.put_nowait(parcel)


def citizen_channel(citizen_id: str) -> str:
    """The channel of a citizen's kiosk. No id of a person in a channel's name."""
    return "kiosk:" + hashlib.sha256(citizen_id.encode()).hexdigest()[:32]


class Hub:
    """The members of this process, by room and by kiosk."""

    def __init__(self, postbox: Postbox, link: LinkClock) -> None:
        self._postbox = postbox
        self._link = link
        self._lock = Lock()
        self._members: dict[str, set[Member]] = {}
        self._open = 0
        self._lines: Counter[str] = Counter()
        postbox.on_text(self._heard)

    @property
    def open_sockets(self) -> int:
        """How many sockets are open here."""
        return self._open

    def enter(self, member: Member) -> bool:
        """A socket opened: it hears of its room, and a kiosk of rings, but is in no call yet.

        Returns whether it may: nobody has more than ``MAX_LINES`` of them in this process.
        """
        with self._lock:
            if self._lines[member.browser] >= MAX_LINES:
                return False
            self._lines[member.browser] += 1
            self._open += 1
            for channel in _channels(member):
                self._members.setdefault(channel, set()).add(member)
        return True

    def exit(self, member: Member) -> None:
        """A socket closed."""
        self.part(member)
        with self._lock:
            self._open -= 1
            self._lines[member.browser] -= 1
            if not self._lines[member.browser]:
                del self._lines[member.browser]
            for channel in _channels(member):
                self._forget(channel, member)

    def bind(self, member: Member, room_id: str) -> None:
        """A kiosk's socket is now about this call."""
        with self._lock:
            if member.room_id is not None and member.room_id != room_id:
                self._forget(f"room:{member.room_id}", member)
            member.room_id = room_id
            self._members.setdefault(f"room:{room_id}", set()).add(member)

    def join(self, member: Member) -> None:
        """The page is in the call; a former page of the same side is told to go."""
        member.joined = True
        self._say(member, "join")

    def part(self, member: Member) -> None:
        """The page is out of the call."""
        if member.joined:
            member.joined, member.peer_conn = False, None
            self._say(member, "leave")

    def relay(self, member: Member, body: dict[str, Any]) -> bool:
        """To the other side. Returns whether somebody is there."""
        if member.peer_conn is None:
            return False
        self._say(member, "relay", body=body, to=member.peer_conn)
        return True

    def beat(self, member: Member) -> None:
        """Still here; and is the other one?"""
        if not member.joined:
            return
        self._say(member, "here")
        if member.peer_conn is not None and self._link.monotonic_s() - member.peer_seen_s > GONE_AFTER_S:
            self._lost(member)

    def changed(self, room_id: str) -> None:
        """A call has changed: its pages are told, wherever they are."""
        self._postbox.send(f"room:{room_id}", json.dumps({"kind": "changed"}))

    def ring(self, room_id: str, citizen_id: str) -> None:
        """A citizen is rung: the kiosk there is told."""
        self._postbox.send(citizen_channel(citizen_id), json.dumps({"kind": "ring", "room": room_id}))

    def _say(self, member: Member, kind: str, **more: Any) -> None:
        body = {"kind": kind, "side": member.side, "conn": member.conn, **more}
        self._postbox.send(f"room:{member.room_id}", json.dumps(body))

    def _heard(self, channel: str, text: str) -> None:
        with self._lock:
            members = tuple(self._members.get(channel, ()))
        if not members:
            return
        message = json.loads(text)
        for member in members:
            self._on(member, message)

    def _on(self, member: Member, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "ring":
            member.put(Changed(message["room"], ring=True))
        elif kind == "changed":
            member.put(Changed(member.room_id or ""))
        elif member.joined and message["conn"] != member.conn:
            handle: Callable[[Member, dict[str, Any]], None] = (
                self._from_own_side if message["side"] == member.side else self._from_other_side
            )
            handle(member, message)

    def _from_own_side(self, member: Member, message: dict[str, Any]) -> None:
        if message["kind"] == "join":
            member.joined, member.peer_conn = False, None
            member.put(Leave(4409, "joined_elsewhere"))

    def _from_other_side(self, member: Member, message: dict[str, Any]) -> None:
        kind, conn = message["kind"], message["conn"]
        if kind in ("join", "here"):
            member.peer_seen_s = self._link.monotonic_s()
            if kind == "join" or member.peer_conn is None:
                self._found(member, conn)
            if kind == "join":
                self._say(member, "here")
        elif kind == "leave" and member.peer_conn == conn:
            self._lost(member)
        elif kind == "relay" and message["to"] == member.conn:
            member.put(Deliver(message["body"]))

    def _found(self, member: Member, conn: str) -> None:
        member.peer_conn = conn
        member.put(Met(member.room_id or "", True))
        member.put(Deliver({"type": "peer", "present": True, "role": _other(member.side)}))

    def _lost(self, member: Member) -> None:
        member.peer_conn = None
        member.put(Met(member.room_id or "", False))
        member.put(Deliver({"type": "peer", "present": False, "role": _other(member.side)}))

    def _forget(self, channel: str, member: Member) -> None:
        here = self._members.get(channel)
        if here is not None:
            here.discard(member)
            if not here:
                del self._members[channel]


def _other(side: Side) -> str:
    return "citizen" if side == "staff" else "staff"


def _channels(member: Member) -> list[str]:
    rooms = [f"room:{member.room_id}"] if member.room_id else []
    return rooms + ([member.citizen_channel] if member.citizen_channel else [])
