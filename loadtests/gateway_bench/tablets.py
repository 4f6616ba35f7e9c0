"""Tablets that cost little: the same requests as any, over a socket, without a client library.

Forty tablets are one process here, and what it uses up the platform on the same two cores does not get.
"""

import json
import socket
import time
from typing import Any

from devices.simulator.holder import HolderKey
from gateway.demo.http_client import IDLE_S
from gateway.demo.tablets import Tablet

_WAIT_S = 30.0
_READ = 65_536


class QuickTablet(Tablet):
    """A tablet whose answers are read by their length and nothing else. One thread at a time."""

    def __init__(self, host: str, port: int, carer_id: str, key: HolderKey) -> None:
        super().__init__(host, port, carer_id, key)
        self._where = (host, port)
        self._socket: socket.socket | None = None
        self._session = ""
        self._asked_s = 0.0
        #: by the last word of their path: when the last such request began and was answered (performance counter)
        self.took: dict[str, tuple[float, float]] = {}

    def close(self) -> None:
        """Hang up."""
        super().close()
        if self._socket is not None:
            self._socket.close()

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request; the JSON of its answer. Raises :class:`TabletError` for anything but success."""
        content = b"" if body is None else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._where[0]}:{self._where[1]}\r\nX-Tablet: 1\r\n{more}"
            f"{self._session}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        if self._socket is not None and time.monotonic() - self._asked_s > IDLE_S:
            self._socket.close()
            self._socket = None
        self._asked_s = time.monotonic()
        if self._socket is None:
            self._socket = socket.create_connection(self._where, _WAIT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began_s = time.perf_counter()
        self._socket.sendall(head.encode() + content)
        status, told, answer = _answer(self._socket)
        self.took[path.rpartition("/")[2]] = began_s, time.perf_counter()
        decoded = json.loads(answer) if answer else None
        if status >= 300:
            raise self.refused(status, decoded)
        if "set-cookie" in told:
            self._session = f"Cookie: {told['set-cookie'].partition(';')[0]}\r\n"
        return decoded


def _answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their lower-case name, and body of the next answer."""
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += _some(connection)
    first, *lines = got[:end].decode("latin-1").split("\r\n")
    told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    until = end + 4 + int(told.get("content-length", "0"))
    while len(got) < until:
        got += _some(connection)
    return int(first.split(" ")[1]), told, bytes(got[end + 4 : until])


def _some(connection: socket.socket) -> bytes:
    got = connection.recv(_READ)
    if not got:
        raise ConnectionError("Expected an answer, got the end of the connection.")
    return got
