"""Simulated tablets: they sign in, hold the shift's key, and do everything over HTTP like a real one."""

import http.client
import json
from typing import Any
from urllib.parse import quote

from devices.keys.model import Operation
from devices.simulator.holder import HolderKey
from gateway.demo.identities import DEMO_PIN
from gateway.wire import b64u, from_b64u


class TabletError(Exception):
    """The gateway did not accept what a tablet sent: status, code and sentence."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.code = body.get("code", "") if isinstance(body, dict) else ""
        super().__init__(f"HTTP {status} {self.code}: {body}")


class Tablet:
    """One carer's tablet on one connection that stays open."""

    def __init__(self, host: str, port: int, carer_id: str, key: HolderKey) -> None:
        self.carer_id = carer_id
        self.key = key
        self._connection = http.client.HTTPConnection(host, port, timeout=30)
        self._cookie = ""
        self._grants: dict[str, tuple[bytes, bytes]] = {}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def sign_in(self) -> None:
        """Sign in with the demo PIN."""
        self._connection.request(
            "POST",
            "/api/v1/session",
            json.dumps({"identity": self.carer_id, "pin": DEMO_PIN}),
            {"Content-Type": "application/json"},
        )
        answer = self._connection.getresponse()
        cookie = answer.getheader("Set-Cookie") or ""
        body = answer.read()
        if answer.status != 200:
            raise TabletError(answer.status, json.loads(body))
        self._cookie = cookie.split(";")[0]

    def day(self) -> Any:
        """Fetch the day; the gateway counts it as delivery."""
        return self.call("GET", "/api/v1/me/day")

    def start_shift(self, place: str) -> Any:
        """Start vagt with the shift's own key."""
        return self.call("POST", "/api/v1/me/shift/start", {"place": place, "holder_key": b64u(self.key.public_key)})

    def end_shift(self, place: str) -> Any:
        """Slut vagt."""
        return self.call("POST", "/api/v1/me/shift/end", {"place": place})

    def begin_visit(self, visit_id: str) -> Any:
        """Start besøg by a tap."""
        return self.call("POST", f"/api/v1/me/visits/{quote(visit_id)}/begin", {})

    def end_visit(self, visit_id: str, outcome: str) -> Any:
        """Afslut besøg."""
        return self.call("POST", f"/api/v1/me/visits/{quote(visit_id)}/end", {"outcome": outcome})

    def open_door(self, door_id: str, visit_id: str) -> Any:
        """Lås op: tap, sign the lock's challenge, send the proof. Returns the opening as last heard."""
        if visit_id not in self._grants:
            self._fetch_grants()
        opening = self.call("POST", f"/api/v1/doors/{quote(door_id)}/openings", {"visit_id": visit_id})["opening"]
        if opening["state"] != "challenged" or visit_id not in self._grants:
            return opening
        cti, token = self._grants[visit_id]
        proof = self.key.prove(opening["lock_id"], Operation.OPEN, cti, from_b64u(opening["nonce"]))
        body = {"token": b64u(token), "public_key": b64u(self.key.public_key), "signature": b64u(proof)}
        return self.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)["opening"]

    def opening(self, opening_id: str) -> Any:
        """How an opening stands."""
        return self.call("GET", f"/api/v1/openings/{opening_id}")["opening"]

    def forget_grants(self) -> None:
        """Drop what is held, as after a route change."""
        self._grants.clear()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request. Raises :class:`TabletError` for anything but success."""
        headers = {"Cookie": self._cookie, "X-Tablet": "1", "Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        decoded = json.loads(content) if content else None
        if answer.status >= 300:
            raise TabletError(answer.status, decoded)
        return decoded

    def _fetch_grants(self) -> None:
        for grant in self.call("GET", "/api/v1/me/grants")["grants"]:
            self._grants[grant["visit_id"]] = (from_b64u(grant["cti"]), from_b64u(grant["token"]))
