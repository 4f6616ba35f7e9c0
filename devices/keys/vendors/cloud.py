"""Adapter *vendor cloud*: locks that only their maker's servers reach, as such products are sold today.

A REST API with a bearer token that is renewed all the time; accesses are set for a person and a lock; the log comes by
webhook, and is read here where webhooks stay away. The cloud decides: what it withdraws holds up to 30 s later.
"""

import http.client
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

from devices.keys.vendors.cloud_wire import entries_in, entry_of, json_of
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import (
    CLOUD,
    AccessWindow,
    Capabilities,
    LockHealth,
    LogPage,
    OpenOrder,
    OpenReply,
    ReplyState,
    capabilities_of,
)
from kernel.clock import LinkClock

CONNECT_WITHIN_S = 3.0
ANSWER_WITHIN_S = 8.0
_MAX_BODY = 1_000_000
_UNAUTHORISED = 401
_NOT_FOUND = 404
_SERVER_ERRORS = 500
#: what the vendor answers before it does anything: full, unknown, not allowed, not understood
_REFUSED = {http.client.TOO_MANY_REQUESTS: "vendor_busy", http.client.CONFLICT: "vendor_lock_away"}
_WORDS: dict[str, ReplyState] = {"opened": "opened", "denied": "denied", "jammed": "jammed"}


@dataclass(frozen=True, slots=True)
class CloudAddress:
    """Where a vendor's cloud is and how we prove who we are. ``url`` is ``https://host[:port][/path]``."""

    url: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class _NothingSentError(Exception):
    """The connection was not there: no byte of the request has left."""


class _NoAnswerError(Exception):
    """The request may have been heard, and no whole answer came."""


class CloudVendor:
    """One vendor's cloud. May be used by many threads at once."""

    def __init__(self, address: CloudAddress, link: LinkClock, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        parts = urlsplit(address.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("Expected https://host[:port][/path] as the vendor's address.")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._address = address
        self._link = link
        self._answer_within_s = answer_within_s
        self._renewing = Lock()
        self._token = ""
        self._token_until_s = 0.0

    @property
    def name(self) -> str:
        """As :class:`LockVendor`."""
        return CLOUD

    @property
    def capabilities(self) -> Capabilities:
        """As :class:`LockVendor`."""
        return capabilities_of(CLOUD)

    def issue_access(self, window: AccessWindow) -> None:
        """As :class:`LockVendor`."""
        body = {
            "user": window.user_ref,
            "opens_at": window.opens_at.isoformat(),
            "closes_at": window.closes_at.isoformat(),
        }
        self._fact("PUT", _access_path(window), body)

    def withdraw_access(self, window: AccessWindow) -> None:
        """As :class:`LockVendor`. An access the vendor does not know is withdrawn."""
        self._fact("DELETE", _access_path(window), None, (_NOT_FOUND,))

    def open_now(self, order: OpenOrder, going: Callable[[], bool]) -> OpenReply:
        """As :class:`LockVendor`.

        A token that has run out is renewed and the order given once more: the vendor looks at the token before it
        does anything.
        """
        path = f"/v1/locks/{quote(order.lock_ref, safe='')}/open"
        body = {"access": order.access_id, "request": order.request}
        asked = _Once(going)
        try:
            answer = self._authorised("POST", path, body, asked.may_go)
        except _NothingSentError:
            return OpenReply("unreachable", "vendor_unreachable")
        except _NoAnswerError:
            return OpenReply("unknown" if asked.gone else "unreachable", "vendor_unreachable")
        if answer.status >= _SERVER_ERRORS:
            return OpenReply("unknown")  # it broke, before or after the motor turned: nobody knows
        if answer.status != http.client.OK:
            return OpenReply("denied", _REFUSED.get(answer.status, "no_access"))
        return _open_reply(answer.body)

    def health(self) -> Sequence[LockHealth]:
        """As :class:`LockVendor`."""
        found = json_of(self._asked("/v1/locks"))
        locks = found.get("locks") if isinstance(found, dict) else None
        if not isinstance(locks, list):
            raise VendorError("vendor_unclear", path="locks", expected="a list", found=repr(locks)[:60])
        return [_health(each, f"locks[{at}]") for at, each in enumerate(locks)]

    def log_after(self, number: int, limit: int = 200) -> LogPage:
        """As :class:`LockVendor`."""
        found = json_of(self._asked(f"/v1/events?after={number}&limit={limit}"))
        entries = sorted(entries_in(found, "events"), key=lambda entry: entry.number)
        return LogPage(tuple(entry for entry in entries if entry.number > number), found.get("more") is True)

    def _asked(self, path: str) -> bytes:
        try:
            answer = self._authorised("GET", path, None)
        except (_NothingSentError, _NoAnswerError) as err:
            raise VendorError("vendor_unreachable", why=str(err) or "no answer") from None
        if answer.status != http.client.OK:
            raise VendorError("vendor_unreachable", why=answer.status)
        return answer.body

    def _fact(self, method: str, path: str, body: dict[str, Any] | None, good: tuple[int, ...] = ()) -> None:
        try:
            answer = self._authorised(method, path, body)
        except (_NothingSentError, _NoAnswerError) as err:
            raise VendorError("vendor_unreachable", why=str(err) or "no answer") from None
        if answer.status in (http.client.OK, http.client.CREATED, http.client.NO_CONTENT, *good):
            return
        if answer.status >= _SERVER_ERRORS or answer.status in (_UNAUTHORISED, http.client.TOO_MANY_REQUESTS):
            raise VendorError("vendor_unreachable", why=answer.status)
        raise VendorError("vendor_refuses", found=answer.status)

    def _authorised(
        self, method: str, path: str, body: dict[str, Any] | None, going: Callable[[], bool] = lambda: True
    ) -> _Answer:
        token = self._present_token("")
        answer = self._exchange(method, path, body, {"Authorization": f"Bearer {token}"}, going)
        if answer.status != _UNAUTHORISED:
            return answer
        token = self._present_token(token)
        return self._exchange(method, path, body, {"Authorization": f"Bearer {token}"}, going)

    def _present_token(self, refused: str) -> str:
        """A token that should hold; another one than the vendor has just refused."""
        with self._renewing:
            if self._token and self._token != refused and self._link.monotonic_s() < self._token_until_s:
                return self._token
            asked = {"client_id": self._address.client_id, "client_secret": self._address.client_secret}
            try:
                answer = self._exchange("POST", "/oauth/token", {"grant_type": "client_credentials"} | asked, {})
            except _NoAnswerError as err:
                raise _NothingSentError(str(err)) from None
            try:
                found = json_of(answer.body) if answer.status == http.client.OK else None
            except VendorError as err:
                raise _NothingSentError(err.code) from None
            if not isinstance(found, dict) or not isinstance(found.get("access_token"), str):
                raise _NothingSentError(f"token {answer.status}")
            life_s = found.get("expires_in")
            self._token = found["access_token"]
            # Renewed a little early: a token that runs out on the way costs a carer a second at the door.
            self._token_until_s = self._link.monotonic_s() + (life_s * 0.9 if isinstance(life_s, int | float) else 0)
            return self._token

    def _exchange(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        going: Callable[[], bool] = lambda: True,
    ) -> _Answer:
        make = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = make(self._host, self._port, timeout=CONNECT_WITHIN_S)
        sent = {"Accept": "application/json", **headers}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            try:
                connection.connect()
            except OSError as err:
                raise _NothingSentError(type(err).__name__) from None
            if not going():
                raise _NothingSentError("too late")
            if connection.sock is not None:
                connection.sock.settimeout(self._answer_within_s)
            try:
                connection.request(method, self._path + path, content, sent)
                answer = connection.getresponse()
                return _Answer(answer.status, answer.read(_MAX_BODY))
            except (OSError, http.client.HTTPException) as err:
                raise _NoAnswerError(type(err).__name__) from None
        finally:
            connection.close()


class _Once:
    """Asks whether an order may leave, once: the second try after a renewed token is the same order."""

    def __init__(self, going: Callable[[], bool]) -> None:
        self._going = going
        self.gone = False

    def may_go(self) -> bool:
        if not self.gone:
            self.gone = self._going()
        return self.gone


def _access_path(window: AccessWindow) -> str:
    return f"/v1/locks/{quote(window.lock_ref, safe='')}/accesses/{quote(window.access_id, safe='')}"


def _open_reply(body: bytes) -> OpenReply:
    try:
        found = json_of(body)
        said = found.get("result") if isinstance(found, dict) else None
        entry = entry_of(found.get("entry"), "entry") if isinstance(found, dict) and found.get("entry") else None
    except VendorError:
        return OpenReply("unknown")
    state = _WORDS.get(said) if isinstance(said, str) else None
    if state is None or (state != "denied" and entry is None):
        return OpenReply("unknown")  # it answered, and what it said cannot be taken for an opening
    return OpenReply(state, entry.code if entry is not None else None, entry)


def _health(found: Any, path: str) -> LockHealth:
    lock = found.get("id") if isinstance(found, dict) else None
    if not isinstance(lock, str):
        raise VendorError("vendor_unclear", path=f"{path}.id", expected="text", found=repr(lock)[:60])
    percent = found.get("battery_percent")
    known = percent if isinstance(percent, int) and not isinstance(percent, bool) and 0 <= percent <= 100 else None
    return LockHealth(lock, found.get("online") is True, known)
