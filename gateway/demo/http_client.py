"""One simulated client of the platform over HTTP: a connection that stays open, and the cookie of its session."""

import http.client
import json
from time import monotonic
from typing import Any

#: half of what the gateway keeps a silent connection for: one that is older is opened anew before anything is sent
IDLE_S = 60.0


class RefusedError(Exception):
    """The gateway did not accept what a client sent: status, code and sentence."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.code = body.get("code", "") if isinstance(body, dict) else ""
        super().__init__(f"HTTP {status} {self.code}: {body}")


class HttpClient:
    """A connection and a session.

    Parameters
    ----------
    headers
        What this kind of client sends with every request, besides its session.
    idle_s
        After so long a silence, in seconds of the link, the connection is opened anew. Nothing is ever sent twice.
    """

    refused: type[RefusedError] = RefusedError

    def __init__(self, host: str, port: int, headers: dict[str, str] | None = None, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._used_s = monotonic()
        self._connection = http.client.HTTPConnection(host, port, timeout=30)
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._cookie = ""

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def sign_in(self, identity: str, pin: str) -> Any:
        """Sign in with a PIN."""
        return self.call("POST", "/api/v1/session", {"identity": identity, "pin": pin})

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request; the JSON of its answer. Raises :class:`RefusedError` for anything but success."""
        sent = {**self._headers, **({"Cookie": self._cookie} if self._cookie else {}), **(headers or {})}
        if monotonic() - self._used_s > self._idle_s:
            self._connection.close()
        self._connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = self._connection.getresponse()
        content = answer.read()
        self._used_s = monotonic()
        decoded = json.loads(content) if content else None
        if answer.status >= 300:
            raise self.refused(answer.status, decoded)
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self._cookie = cookie.split(";")[0]
        return decoded
