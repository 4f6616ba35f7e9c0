"""A maker's cloud as it is sold today, over real HTTP: bearer tokens, accesses, orders, a log, webhooks, and faults.

The wire is that of :mod:`devices.keys.vendors.cloud`. World time decides about accesses; tokens live by link time.
"""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from devices.keys.vendors.cloud_wire import entry_json
from devices.simulator.vendor_hooks import HookManners, WebhookSender
from devices.simulator.vendor_locks import REVOCATION_DELAY_S, VendorAccess, VendorLock, VendorLocks
from kernel.clock import LinkClock, WorldClock

MAX_BODY = 100_000


@dataclass
class Faults:
    """What goes wrong next. Each list is used up from its front, one for a request to the API."""

    #: statuses answered before anything is done (429, 500, 503)
    before: list[int] = field(default_factory=list)
    #: statuses answered to an order that was carried out; 0 closes the connection instead
    after_opening: list[int] = field(default_factory=list)
    #: seconds an answer to an order waits, once the motor has turned
    slow_s: float = 0.0
    #: tokens given out so far are worth nothing
    forget_tokens: bool = False


class VendorCloud:
    """A running cloud on a free port of this machine."""

    def __init__(
        self,
        world: WorldClock,
        link: LinkClock,
        lock_refs: list[str],
        *,
        client_id: str = "omsorgstid",
        client_secret: str = "",
        revocation_delay_s: int = REVOCATION_DELAY_S,
        token_life_s: float = 3_600.0,
        port: int = 0,
    ) -> None:
        self.vendor = VendorLocks(world, revocation_delay_s, {ref: VendorLock() for ref in lock_refs})
        self.faults = Faults()
        self.manners = HookManners()
        self.hooks: WebhookSender | None = None
        self.client_id, self.client_secret = client_id, client_secret or secrets.token_hex(16)
        self.token_life_s = token_life_s
        self.link = link
        self.tokens: dict[str, float] = {}
        #: every request to the API by method and path, as it came
        self.requests: list[tuple[str, str]] = []
        self.stopping = Event()
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before where it was stopped."""
        self.stopping.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="vendor-cloud", daemon=True)
        self._thread.start()

    def send_webhooks(self, url: str, secret: bytes) -> None:
        """Tell the log to an address from now on."""
        self.hooks = WebhookSender(url, secret, self.manners)
        self.hooks.start()

    def stop(self) -> None:
        """An outage: nobody listens. Locks and log stay as they are."""
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join(timeout=10)
            self._server.server_close()

    def close(self) -> None:
        """The end."""
        if self.hooks is not None:
            self.hooks.stop()
        self.stop()

    def open_by_app(self, access_id: str) -> None:
        """Somebody opens with the vendor's own app, past us; the log tells of it."""
        access = self.vendor.accesses[access_id]
        entry = self.vendor.open(access.lock_ref, access_id, None)
        if entry is not None and self.hooks is not None:
            self.hooks.tell(entry)


def _handler(cloud: VendorCloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it that
            """Say nothing: tests read what happened from the cloud itself."""

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def do_DELETE(self) -> None:
            self._serve("DELETE")

        def _serve(self, method: str) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, content = _Api(cloud, self.headers.get("Authorization", "")).answer(method, self.path, body)
            if status == 0:
                self.close_connection = True
                return
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    return Handler


class _Api:
    """One request."""

    def __init__(self, cloud: VendorCloud, authorization: str) -> None:
        self._cloud = cloud
        self._token = authorization.removeprefix("Bearer ")

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if (method, path) == ("POST", "/oauth/token"):
            return self._give_token(body)
        cloud = self._cloud
        cloud.requests.append((method, path))
        if cloud.faults.before:
            return cloud.faults.before.pop(0), {}
        if cloud.faults.forget_tokens:
            cloud.faults.forget_tokens = False
            cloud.tokens.clear()
        if cloud.tokens.get(self._token, 0.0) <= cloud.link.monotonic_s():
            return 401, {}
        parts = [unquote(part) for part in path.strip("/").split("/")]
        return self._routed(method, parts, body, query)

    def _routed(
        self, method: str, parts: list[str], body: dict[str, Any], query: dict[str, list[str]]
    ) -> tuple[int, Any]:
        match (method, *parts):
            case ("GET", "v1", "locks"):
                locks = self._cloud.vendor.locks.items()
                return 200, {
                    "locks": [
                        {"id": ref, "online": lock.online, "battery_percent": lock.battery_percent}
                        for ref, lock in sorted(locks)
                    ]
                }
            case ("PUT", "v1", "locks", lock_ref, "accesses", access_id):
                instants = [datetime.fromisoformat(body[name]) for name in ("opens_at", "closes_at")]
                known = self._cloud.vendor.issue(access_id, VendorAccess(lock_ref, body["user"], *instants))
                return (201, {}) if known else (404, {})
            case ("DELETE", "v1", "locks", _, "accesses", access_id):
                return (200, {}) if self._cloud.vendor.withdraw(access_id) else (404, {})
            case ("POST", "v1", "locks", lock_ref, "open"):
                return self._open(lock_ref, body)
            case ("GET", "v1", "events"):
                entries, more = self._cloud.vendor.after(int(query["after"][0]), int(query["limit"][0]))
                return 200, {"entries": [entry_json(entry) for entry in entries], "more": more}
        return 404, {}

    def _open(self, lock_ref: str, body: dict[str, Any]) -> tuple[int, Any]:
        entry = self._cloud.vendor.open(lock_ref, str(body.get("access")), body.get("request"))
        if entry is None:
            return 409, {}
        if self._cloud.hooks is not None:
            self._cloud.hooks.tell(entry)
        faults = self._cloud.faults
        if faults.slow_s:
            self._cloud.stopping.wait(faults.slow_s)
        if faults.after_opening:
            return faults.after_opening.pop(0), {}
        return 200, {"result": entry.kind, "entry": entry_json(entry)}

    def _give_token(self, body: dict[str, Any]) -> tuple[int, Any]:
        cloud = self._cloud
        if (body.get("client_id"), body.get("client_secret")) != (cloud.client_id, cloud.client_secret):
            return 401, {}
        token = secrets.token_hex(16)
        cloud.tokens[token] = cloud.link.monotonic_s() + cloud.token_life_s
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": cloud.token_life_s}
