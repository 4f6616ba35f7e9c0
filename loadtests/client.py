"""Clients whose every request is timed: one connection that stays open, a session, an event stream."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import gevent

from devices.simulator.holder import HolderKey
from gateway.demo.http_client import HttpClient, RefusedError
from gateway.demo.tablets import Tablet

#: name, instant it began, milliseconds, what went wrong (empty: nothing)
Note = Callable[[str, float, float, str], None]
#: answers that are right although they are no success: another planner was first, a rule forbids it, it has begun,
#: a route changed between two steps of a tap (whoever gets that looks whether it did)
_RIGHT = frozenset(
    {
        (412, "route_stale"),
        (422, "move_breaks_rule"),
        (409, "visit_begun"),
        (403, "grant_not_for_opening"),
        (403, "not_your_visit"),
    }
)
_RECONNECT_S = 1.0


def request_class(method: str, path: str) -> str:
    """The class of a request, as ``profiles.yaml`` names it."""
    path = path.removeprefix("/api/v1")
    if path == "/session":
        return "sign_in"
    if "/screen" in path:
        return "screen"
    if path.startswith(("/me/", "/openings/")):
        fact = method == "POST" and path.startswith("/me/")
        return "tablet_fact" if fact else "door_step" if method == "POST" else "tablet_read"
    if path.startswith("/doors/"):
        return "door_step"
    return "board" if path.startswith("/board") else "planning"


class Unreachable(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The platform did not answer."""


#: on a fact that waited for a network, as the tablet's page sends it
WAITED = "X-Waited"


class TimedClient(HttpClient):
    """A client whose requests are noted."""

    def __init__(self, url: str, note: Note, headers: dict[str, str] | None = None) -> None:
        host, port = host_and_port(url)
        super().__init__(host, port, headers)
        self.note, self.url = note, url

    @property
    def cookie(self) -> str:
        """Its session."""
        return self._cookie

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request, timed. Raises :class:`RefusedError` or :class:`Unreachable`."""
        with _timed(self.note, request_class(method, path), self.close):
            return super().call(method, path, body, headers)


class TimedTablet(Tablet):
    """A tablet whose requests are noted."""

    def __init__(self, url: str, carer_id: str, note: Note) -> None:
        host, port = host_and_port(url)
        super().__init__(host, port, carer_id, HolderKey.generate())
        self.note, self.url = note, url

    @property
    def cookie(self) -> str:
        """Its session."""
        return self._cookie

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request, timed. Raises :class:`RefusedError` or :class:`Unreachable`."""
        name = "waited_fact" if headers and WAITED in headers else request_class(method, path)
        with _timed(self.note, name, self.close):
            return super().call(method, path, body, headers)


@contextmanager
def _timed(note: Note, name: str, close: Callable[[], None]) -> Iterator[None]:
    began_s, error = time.monotonic(), ""
    try:
        yield
    except RefusedError as err:
        # The word for what was refused, and never the body: it may name somebody.
        status = str(err).split()[1] if str(err).startswith("HTTP ") else "?"
        if (int(status) if status.isdigit() else 0, err.code) not in _RIGHT:
            error = f"{name}: HTTP {status} {err.code}".strip()
        raise
    except (OSError, http.client.HTTPException) as err:
        close()
        error = f"{name}: {type(err).__name__}"
        raise Unreachable(error) from err
    finally:
        note(name, began_s, (time.monotonic() - began_s) * 1000, error)


class Stream:
    """An open event stream; what comes is handed over as (event, data, instant). It reconnects like a page."""

    def __init__(self, url: str, cookie: str, note: Note, take: Callable[[str, Any, float], None]) -> None:
        self._url, self._cookie, self._note, self._take = url, cookie, note, take
        self._position: str | None = None
        self._running = gevent.spawn(self._run)

    def close(self) -> None:
        """Hang up."""
        self._running.kill()

    def _run(self) -> None:
        while True:
            began_s, error = time.monotonic(), ""
            connection = http.client.HTTPConnection(*host_and_port(self._url), timeout=60)
            try:
                self._read(connection, began_s)
            except (OSError, http.client.HTTPException) as err:
                error = f"stream: {type(err).__name__}"
            finally:
                connection.close()
            self._note("stream", began_s, (time.monotonic() - began_s) * 1000, error)
            gevent.sleep(_RECONNECT_S)

    def _read(self, connection: http.client.HTTPConnection, began_s: float) -> None:
        headers = {"Cookie": self._cookie}
        if self._position is not None:
            headers["Last-Event-ID"] = self._position
        connection.request("GET", "/api/v1/stream", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}")
        kind = ""
        while line := answer.readline():
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                kind = text[7:]
                if kind == "hello":
                    self._note("stream_hello", began_s, (time.monotonic() - began_s) * 1000, "")
            elif text.startswith("id: "):
                self._position = text[4:]
            elif text.startswith("data: "):
                self._take(kind, json.loads(text[6:]), time.monotonic())


def host_and_port(url: str) -> tuple[str, int]:
    """Of ``http://host:port``."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
