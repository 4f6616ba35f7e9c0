"""The signalling socket: authenticated by the surface's session, JSON texts, nothing kept (docs/screen-visits.md)."""

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, WebSocket, WebSocketDisconnect, WebSocketException
from sqlmodel import Session

from gateway.auth import Role, Who, current, still_signed_in
from gateway.call_sides import browser_key, call_here
from gateway.parts import Parts
from gateway.routing import Router
from gateway.signalling import BEAT_S, Changed, Deliver, Leave, Member, Met, Parcel, citizen_channel
from gateway.views.screen import room_state
from video import service, store
from video.model import TALKING, CallState, Room, Side

router = Router(prefix="/api/v1", tags=["signalling"])

MAX_CHARS = 64 * 1024
#: a page says something at least every 20 s
SILENT_S = 30.0
#: candidates come in bursts; more than this in one beat is no page of ours
MAX_MESSAGES_A_BEAT = 400
#: every join makes the other side begin anew
MAX_JOINS_A_BEAT = 20
_CANDIDATE = frozenset({"candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"})


def _caller(*roles: Role) -> Callable[[WebSocket], Coroutine[Any, Any, Who]]:
    async def check(socket: WebSocket) -> Who:
        if not _from_our_own_page(socket):
            raise WebSocketException(4403, "other_origin")
        who = await asyncio.to_thread(current, socket)
        if who is not None and who.role in roles:
            return who
        # Accepted first: a page cannot see why a handshake failed, only how a socket was closed.
        await socket.accept()
        code = "not_signed_in" if who is None else "not_allowed"
        await socket.send_json({"type": "error", "code": code})
        raise WebSocketException(4401 if who is None else 4403, code)

    check.__dict__["roles"] = frozenset(roles)
    return check


Caller = Annotated[Who, Depends(_caller(Role.CARER, Role.LINK, Role.KIOSK))]


@router.websocket("/signalling")
async def signalling(socket: WebSocket, who: Caller, room: str | None = None) -> None:
    """One page's side of a call; a kiosk's standing line."""
    await socket.accept()
    line = _Line(socket, who, room)
    if not await line.open():
        return
    try:
        await line.run()
    finally:
        line.close()


class _RefusedError(Exception):
    """Something a page sent cannot be done; the socket goes on."""


class _Line:
    """One open socket: what the page says, what it is told, and the beat between."""

    def __init__(self, socket: WebSocket, who: Who, room_id: str | None) -> None:
        self._socket = socket
        self._who = who
        self._parts: Parts = socket.app.state.parts
        self._key = browser_key(socket, who)
        self._side: Side = "staff" if who.role is Role.CARER else "citizen"
        self._wanted = room_id
        self._over = False
        self._messages = self._joins = 0
        self._heard_s = self._parts.link.monotonic_s()
        self._member: Member | None = None

    async def open(self) -> bool:
        """Find the call; whose call it is not is told so, and the socket closed."""
        found = await self._reading(self._find)
        if found is None and self._who.role is not Role.KIOSK:
            await self._socket.send_json({"type": "error", "code": "not_allowed"})
            await self._socket.close(4403, "not_allowed")
            return False
        kiosk = self._who.role is Role.KIOSK
        self._member = Member(
            conn=secrets.token_hex(8),
            browser=self._who.carer_id or self._key,
            side=self._side,
            room_id=found.room_id if found else None,
            citizen_channel=citizen_channel(self._who.citizen_id or "") if kiosk else None,
            loop=asyncio.get_running_loop(),
        )
        if not self._parts.video.hub.enter(self._member):
            self._member = None
            await self._socket.close(4429, "too_many_lines")
            return False
        if found is not None:
            ring = kiosk and found.state is CallState.RINGING
            self._member.put(Changed(found.room_id, ring=ring))
        return True

    def close(self) -> None:
        """The socket is gone."""
        if self._member is not None:
            self._parts.video.hub.exit(self._member)

    async def run(self) -> None:
        """Until the page goes or has to."""
        tasks = [asyncio.create_task(step()) for step in (self._listen, self._tell, self._beat)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, RuntimeError):
            # Starlette says RuntimeError where a socket was closed between two steps of ours.
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            text = await self._received()
            self._heard_s = self._parts.link.monotonic_s()
            self._messages += 1
            if self._messages > MAX_MESSAGES_A_BEAT:
                await self._socket.close(4429, "too_many_messages")
                return
            try:
                await self._take(_parsed(text))
            except _RefusedError as err:
                await self._socket.send_json({"type": "error", "code": str(err)})

    async def _received(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        # Bytes are none of our words: like any other nonsense they are answered, and the line goes on.
        return str(message.get("text") or "")

    async def _take(self, message: dict[str, Any]) -> None:
        member = self._own()
        kind = message.get("type")
        if kind == "ping":
            await self._socket.send_json({"type": "pong"})
        elif kind == "join":
            self._joins += 1
            if self._joins > MAX_JOINS_A_BEAT:
                await self._socket.close(4429, "too_many_joins")
                raise WebSocketDisconnect(4429)
            await self._join(member)
        elif kind == "hangup":
            await self._hang_up(member)
        elif kind in ("offer", "answer", "candidate", "restart"):
            await self._relay(member, str(kind), message)
        else:
            raise _RefusedError("unknown_type")

    async def _join(self, member: Member) -> None:
        room = await self._reading(self._find)
        if room is None or room.concluded or room.state is CallState.ENDED:
            raise _RefusedError("call_ended")
        if self._side == "citizen" and (room.state not in TALKING or room.citizen_key != self._key):
            raise _RefusedError("not_answered")
        hub = self._parts.video.hub
        if member.room_id != room.room_id:
            hub.bind(member, room.room_id)
        if self._side == "staff":
            await asyncio.to_thread(self._mark_live, room.room_id)
        self._over = False
        await self._state(room.room_id, ring=False)
        hub.join(member)

    async def _relay(self, member: Member, kind: str, message: dict[str, Any]) -> None:
        if not member.joined:
            raise _RefusedError("not_joined")
        if self._over:
            raise _RefusedError("call_ended")
        if not self._parts.video.hub.relay(member, _relayed(kind, message)):
            raise _RefusedError("nobody_there")
        if kind in ("restart", "answer"):
            await self._presence(member.room_id or "", both=kind == "answer")

    async def _hang_up(self, member: Member) -> None:
        if not member.joined or member.room_id is None:
            raise _RefusedError("not_joined")
        self._parts.video.told(await asyncio.to_thread(self._end, member.room_id))

    async def _tell(self) -> None:
        member = self._own()
        while True:
            parcel: Parcel = await member.parcels.get()
            match parcel:
                case Deliver(body):
                    await self._socket.send_json(body)
                case Changed(room_id, ring):
                    if ring and not member.joined and member.room_id != room_id:
                        # From now on the kiosk hears what becomes of this ring, and of no earlier call.
                        self._parts.video.hub.bind(member, room_id)
                    await self._state(room_id, ring=ring)
                case Met(room_id, both):
                    # A line that closes meanwhile must not say after the other side that both are there.
                    await self._presence(room_id, both=both, holds=partial(self._still, both))
                case Leave(code, reason):
                    await self._socket.send_json({"type": "error", "code": reason})
                    await self._socket.close(code, reason)
                    return

    async def _beat(self) -> None:
        member = self._own()
        while True:
            await asyncio.sleep(BEAT_S)
            self._messages = self._joins = 0
            if self._parts.link.monotonic_s() - self._heard_s > SILENT_S:
                await self._socket.close(4408, "silent")
                return
            if not await asyncio.to_thread(still_signed_in, self._socket):
                await self._socket.close(4401, "not_signed_in")
                return
            self._parts.video.hub.beat(member)

    async def _state(self, room_id: str, *, ring: bool) -> None:
        def read(session: Session) -> tuple[Room, dict[str, Any]] | None:
            room = store.room_of(session, room_id)
            return None if room is None else (room, room_state(session, self._parts, room, self._side))

        found = await self._reading(read)
        if found is None:
            return
        room, state = found
        self._over = room.concluded or room.state is CallState.ENDED
        if self._side == "citizen" and room.citizen_key != self._key:
            member = self._own()
            if member.joined and room.citizen_key is not None and self._who.role is Role.LINK:
                # Another browser answered in its place, by a link made during the call: camera and line are let go of.
                member.put(Leave(4409, "joined_elsewhere"))
            self._parts.video.hub.part(member)
            if room.state in TALKING and self._who.role is Role.KIOSK:
                # Somebody answered by the link: what goes on there is not this screen's.
                state = {**state, "state": CallState.ENDED.value}
        kind = "ring" if ring and room.state is CallState.RINGING else "state"
        await self._socket.send_json({"type": kind, **state})

    async def _presence(self, room_id: str, *, both: bool, holds: Callable[[], bool] = lambda: True) -> None:
        changed = await asyncio.to_thread(self._write_presence, room_id, both, holds)
        if changed is not None:
            self._parts.video.told(changed)

    def _still(self, both: bool) -> bool:
        return self._own().has_company is both

    def _write_presence(self, room_id: str, both: bool, holds: Callable[[], bool]) -> Room | None:
        with self._parts.units.begin() as work:
            return service.presence(work, room_id, both=both, holds=holds)

    def _mark_live(self, room_id: str) -> None:
        with self._parts.units.begin() as work:
            service.mark_live(work, room_id)

    def _end(self, room_id: str) -> Room:
        with self._parts.units.begin() as work:
            return service.hang_up(work, room_id)

    def _find(self, session: Session) -> Room | None:
        if self._side == "citizen":
            return call_here(session, self._who, self._key)
        room = store.room_of(session, self._wanted or "")
        return room if room is not None and room.carer_id == self._who.carer_id else None

    async def _reading(self, read: Callable[[Session], Any]) -> Any:
        def run() -> Any:
            with self._parts.database.reading() as session:
                return read(session)

        return await asyncio.to_thread(run)

    def _own(self) -> Member:
        assert self._member is not None  # noqa: S101 - set by open() before anything runs
        return self._member


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_CHARS:
        raise _RefusedError("too_large")
    message: Any = None
    with suppress(ValueError, RecursionError):
        read = json.loads(text)
        # NaN and half a character can be read but not said again: the other side's line must not break on them.
        json.dumps(read, allow_nan=False, ensure_ascii=False).encode()
        message = read
    if not isinstance(message, dict):
        raise _RefusedError("wrong_json")
    return message


def _relayed(kind: str, message: dict[str, Any]) -> dict[str, Any]:
    """What goes to the other side: the fields of its kind and no others."""
    if kind in ("offer", "answer"):
        if not isinstance(message.get("sdp"), str):
            raise _RefusedError("wrong_json")
        return {"type": kind, "sdp": message["sdp"]}
    if kind == "candidate":
        candidate = message.get("candidate")
        if candidate is not None and not isinstance(candidate, dict):
            raise _RefusedError("wrong_json")
        if candidate is not None:
            candidate = {name: value for name, value in candidate.items() if name in _CANDIDATE}
            if not all(value is None or isinstance(value, str | int) for value in candidate.values()):
                raise _RefusedError("wrong_json")
        return {"type": kind, "candidate": candidate}
    return {"type": kind}


def _from_our_own_page(socket: WebSocket) -> bool:
    """A page of another origin has no business here, whatever cookies its browser sends along."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
