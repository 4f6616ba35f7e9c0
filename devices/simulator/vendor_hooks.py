"""The vendor's webhooks: signed, sent again until taken, and as untidy as real ones where a test asks for it."""

import http.client
import json
import secrets
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from urllib.parse import urlsplit

from devices.keys.vendors.cloud_wire import entry_json, sign_webhook
from devices.keys.vendors.model import LogEntry

TRIES = 4
_TIMEOUT_S = 5.0
_TAKEN = range(200, 300)


@dataclass
class HookManners:
    """How the webhooks behave. ``backwards``: entries that wait together arrive the newest first."""

    silent: bool = False
    twice: bool = False
    backwards: bool = False


@dataclass(frozen=True)
class Delivery:
    """One webhook as it went out, for whoever wants to send it again."""

    headers: dict[str, str]
    body: bytes


class WebhookSender:
    """Sends the log of one vendor to one address."""

    def __init__(self, url: str, secret: bytes, manners: HookManners) -> None:
        self._url = urlsplit(url)
        self._secret = secret
        self._manners = manners
        self._entries: SimpleQueue[LogEntry] = SimpleQueue()
        self._stop = Event()
        #: what went out, and the status it was answered with (0: no answer)
        self.sent: list[tuple[Delivery, int]] = []
        self._thread = Thread(target=self._run, name="vendor-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End; what waits is not sent."""
        self._stop.set()
        self._thread.join(timeout=10)

    def tell(self, entry: LogEntry) -> None:
        """Something was logged."""
        if not self._manners.silent:
            self._entries.put(entry)

    def send(self, delivery: Delivery) -> int:
        """Send one delivery as it is. Returns the status, 0 without an answer."""
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self._url.path, delivery.body, delivery.headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.sent.append((delivery, status))
        return status

    def signed(self, entries: list[LogEntry], timestamp_s: float | None = None) -> Delivery:
        """A fresh delivery of these entries."""
        body = json.dumps({"entries": [entry_json(entry) for entry in entries]}).encode()
        at_s, delivery = int(time.time() if timestamp_s is None else timestamp_s), secrets.token_hex(16)
        return Delivery(
            {
                "Content-Type": "application/json",
                "X-Vendor-Timestamp": str(at_s),
                "X-Vendor-Delivery": delivery,
                "X-Vendor-Signature": sign_webhook(self._secret, at_s, delivery, body),
            },
            body,
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            waiting = self._waiting()
            for entry in reversed(waiting) if self._manners.backwards else waiting:
                for _ in range(2 if self._manners.twice else 1):
                    self._deliver(entry)

    def _waiting(self) -> list[LogEntry]:
        try:
            found = [self._entries.get(timeout=0.1)]
        except Empty:
            return []
        while not self._entries.empty():
            found.append(self._entries.get())
        return found

    def _deliver(self, entry: LogEntry) -> None:
        for wait_s in range(TRIES):
            if self.send(self.signed([entry])) in _TAKEN or self._stop.wait(0.2 * (wait_s + 1)):
                return
