"""A path between two browsers that a test can cut: their packets go through sockets of ours."""

import json
import socket
from contextlib import suppress
from select import select
from threading import Lock, Thread
from types import TracebackType

from playwright.sync_api import BrowserContext, WebSocketRoute

_PACKET_BYTES = 65_536
_LOOK_EVERY_S = 0.05


class MediaWire:
    """Stands between one browser and the other, like a translating router.

    Each candidate that passes on the signalling line is told with an address of ours; what comes there goes on to
    the real one, from a socket made for that sender. So no packet finds another way. :meth:`cut` kills every path
    there is, for good: only paths that are looked for afterwards will carry.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        #: our socket to where its packets go on; a sender's own socket goes back to the sender
        self._doors: dict[socket.socket, tuple[str, int]] = {}
        self._senders: dict[tuple[socket.socket, tuple[str, int]], socket.socket] = {}
        self._back: dict[socket.socket, tuple[socket.socket, tuple[str, int]]] = {}
        self._dead: set[socket.socket] = set()
        self._ended = False
        self._thread = Thread(target=self._carry, daemon=True)

    def between(self, context: BrowserContext) -> None:
        """Let the calls of this browser go through here."""
        context.route_web_socket("**/api/v1/signalling**", self._pass)

    def cut(self) -> None:
        """Every path of now is dead from now on."""
        with self._lock:
            self._dead |= {*self._doors, *self._back}

    def __enter__(self) -> "MediaWire":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended = True
        self._thread.join(timeout=5)
        for end in (*self._doors, *self._back):
            end.close()

    def _pass(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(lambda text: server.send(self._moved(str(text))))
        server.on_message(lambda text: page.send(self._moved(str(text))))

    def _moved(self, text: str) -> str:
        message = json.loads(text)
        if "sdp" in message:
            kept = [line for line in message["sdp"].split("\r\n") if not line.startswith("a=candidate")]
            message["sdp"] = "\r\n".join(kept)
        elif message.get("type") == "candidate" and message["candidate"]:
            words = message["candidate"]["candidate"].split(" ")
            if len(words) > 5 and words[2].lower() == "udp":
                words[4], words[5] = "127.0.0.1", str(self._door(words[4], int(words[5])))
            message["candidate"]["candidate"] = " ".join(words)
        return json.dumps(message)

    def _door(self, host: str, port: int) -> int:
        with self._lock:
            if self._ended:
                return port
            door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            door.bind(("127.0.0.1", 0))
            self._doors[door] = (host, port)
            return int(door.getsockname()[1])

    def _carry(self) -> None:
        while not self._ended:
            with self._lock:
                ends = [*self._doors, *self._back]
            ready, _, _ = select(ends, [], [], _LOOK_EVERY_S)
            for end in ready:
                with suppress(OSError):
                    packet, sender = end.recvfrom(_PACKET_BYTES)
                    self._forward(end, packet, sender)

    def _forward(self, end: socket.socket, packet: bytes, sender: tuple[str, int]) -> None:
        with self._lock:
            if end in self._dead:
                return
            if end in self._back:
                door, to = self._back[end]
                door.sendto(packet, to)
                return
            own = self._senders.get((end, sender))
            if own is None:
                own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                own.bind(("127.0.0.1", 0))
                self._senders[end, sender] = own
                self._back[own] = (end, sender)
            own.sendto(packet, self._doors[end])
