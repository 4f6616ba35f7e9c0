"""The two sides of a screen visit: signalling over real WebSockets, without pictures.

The browsers' media never passes through the platform, so a load on it is the ring, the link and the signalling.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import websocket

from gateway.demo.http_client import RefusedError
from loadtests.client import Note, TimedClient, TimedTablet, Unreachable

_WAIT_S = 15.0
#: a page says something at least every 20 s
_PING_S = 5.0
_CANDIDATES = 8
#: as long as a browser's description of one picture and one sound
_SDP = "v=0\r\n" + "a=x-load:" + "0" * 3000
_CANDIDATE = {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
#: what a line can fail with
LINE_ERRORS = (OSError, websocket.WebSocketException)


class Line:
    """One side's socket."""

    def __init__(self, url: str, query: str, cookie: str) -> None:
        address = url.replace("http", "ws", 1) + "/api/v1/signalling" + query
        self._socket = websocket.create_connection(address, timeout=_PING_S, cookie=cookie)
        self.say({"type": "join"})

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self._socket.send(json.dumps(message))

    def hear(self, fits: Callable[[dict[str, Any]], bool], wait_s: float = _WAIT_S) -> dict[str, Any]:
        """The next message that fits; meanwhile the line is kept open as a page does.

        Raises
        ------
        TimeoutError
            If none came in time, or the other side cannot be reached.
        """
        deadline_s = time.monotonic() + wait_s
        while time.monotonic() < deadline_s:
            try:
                message: dict[str, Any] = json.loads(self._socket.recv())
            except websocket.WebSocketTimeoutException:
                self.say({"type": "ping"})
                continue
            if fits(message):
                return message
            if message.get("type") == "error":
                raise TimeoutError(f"Expected the call to go on, got {message.get('code')}.")
        raise TimeoutError("Expected a message of the other side, got none.")

    def close(self) -> None:
        """Hang up the line."""
        self._socket.close()

    def stay(self, seconds: float) -> None:
        """Talk for a while: nothing is said here but that the page is still there."""
        with suppress(TimeoutError):
            self.hear(lambda _message: False, seconds)

    def candidates(self) -> None:
        """Name as many ways as a browser does."""
        for _ in range(_CANDIDATES):
            self.say({"type": "candidate", "candidate": _CANDIDATE})


def carer_calls(tablet: TimedTablet, visit_id: str, ring_out: Callable[[str], None], call_s: float) -> None:
    """The carer's side, from the ring to the outcome.

    Raises
    ------
    RefusedError, Unreachable, OSError, websocket.WebSocketException
        Where the call did not come about.
    """
    path = f"/api/v1/me/visits/{visit_id}/screen"
    rung = tablet.call("POST", path)
    # A tablet's session names no surface here, and needs none: it is the only one it holds.
    line = Line(tablet.url, f"?room={rung['room_id']}", tablet.cookie)
    try:
        ring_out(rung["link"].partition("#")[2])
        line.hear(lambda m: m["type"] == "peer" and m["present"])
        line.say({"type": "offer", "sdp": _SDP})
        line.candidates()
        line.hear(lambda m: m["type"] == "answer")
        line.stay(call_s)
        line.say({"type": "hangup"})
    finally:
        line.close()
    tablet.call("POST", f"{path}/outcome", {"outcome": "completed"})


def citizen_answers(url: str, token: str, call_s: float, note: Note) -> None:
    """The citizen's side: redeem the link, answer, talk until the other side hangs up."""
    began_s, error = time.monotonic(), ""
    client = TimedClient(url, note)
    try:
        client.call("POST", "/api/v1/screen/redemption", {"token": token})
        client.call("GET", "/api/v1/screen/room")
        began_s = time.monotonic()
        client.call("POST", "/api/v1/screen/answer", {"action": "answer"})
        line = Line(url, "?surface=call", client.cookie)
        try:
            line.hear(lambda m: m["type"] == "offer")
            note("screen_meet", began_s, (time.monotonic() - began_s) * 1000, "")
            line.say({"type": "answer", "sdp": _SDP})
            line.candidates()
            line.hear(lambda m: m["type"] == "state" and m["state"] == "ended", call_s + _WAIT_S)
        finally:
            line.close()
    except (RefusedError, Unreachable):
        # Noted with its request.
        return
    except LINE_ERRORS as err:
        error = f"screen_meet: {type(err).__name__}"
        note("screen_meet", began_s, (time.monotonic() - began_s) * 1000, error)
    finally:
        client.close()
