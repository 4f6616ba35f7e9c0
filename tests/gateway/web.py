"""People in front of the pages: signed in, asking over real HTTP, each on a connection of their own."""

import http.client
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The problem's code, empty where the body is none."""
        return str(self.json.get("code", "")) if self.is_problem else ""

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem document."""
        return self.headers.get("content-type", "").startswith("application/problem+json")


class Person:
    """One browser."""

    def __init__(self, port: int, surface: str = "planner") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookies: dict[str, str] = {}
        self._surface = {"X-Surface": surface} if surface else {}

    def sign_in(self, identity: str, pin: str = "1234") -> Answer:
        """Sign in; the cookie is kept."""
        return self.call("POST", "/api/v1/session", {"identity": identity, "pin": pin})

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for something."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Do something."""
        return self.call("POST", path, {} if body is None else body, **headers)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request. Header names are written with underscores."""
        sent = self._surface | {name.replace("_", "-"): value for name, value in headers.items()}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        self._connection.request(method, path, content, sent)
        answer = self._connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            self._keep(cookie)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())

    def peek(self, path: str) -> Answer:
        """Ask for something that never ends; only what is said before its first byte."""
        headers = self._surface | {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        ends = "content-length" in found
        content = answer.read() if ends else b""
        if not ends:
            # The rest would come for ever: hang up, the next request opens a connection of its own.
            answer.close()
            self._connection.close()
        return Answer(answer.status, found, content)

    def close(self) -> None:
        """Close the browser."""
        self._connection.close()

    @property
    def surface(self) -> str:
        """The part of the system it shows."""
        return self._surface.get("X-Surface", "")

    def hold(self, name: str, value: str) -> None:
        """Hold a cookie that was given elsewhere."""
        self._cookies[name] = value

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser holds."""
        return dict(self._cookies)

    def _keep(self, cookie: str) -> None:
        name, _, value = cookie.split(";", maxsplit=1)[0].partition("=")
        if value.strip('"'):
            self._cookies[name] = value
        else:
            self._cookies.pop(name, None)
