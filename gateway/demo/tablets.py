"""Simulated tablets: they sign in, hold the shift's key, and do everything over HTTP like a real one."""

from typing import Any
from urllib.parse import quote

from devices.keys.model import Operation
from devices.simulator.holder import HolderKey
from gateway.demo.http_client import HttpClient, RefusedError
from gateway.demo.identities import DEMO_PIN
from gateway.wire import b64u, from_b64u

#: another maker's lock takes no grants; the field has to hold something
_NO_GRANT = b"\0"


class TabletError(RefusedError):
    """The gateway did not accept what a tablet sent: status, code and sentence."""


class Tablet(HttpClient):
    """One carer's tablet on one connection that stays open."""

    refused = TabletError

    def __init__(self, host: str, port: int, carer_id: str, key: HolderKey) -> None:
        super().__init__(host, port, {"X-Tablet": "1"})
        self.carer_id = carer_id
        self.key = key
        self._grants: dict[str, tuple[bytes, bytes]] = {}

    def sign_in(self, identity: str | None = None, pin: str = DEMO_PIN) -> Any:
        """Sign in with the demo PIN."""
        return super().sign_in(identity or self.carer_id, pin)

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
        tap = {"visit_id": visit_id, "hands_back": True}
        opening = self.call("POST", f"/api/v1/doors/{quote(door_id)}/openings", tap)["opening"]
        if opening["state"] == "challenged" and opening["by_vendor"]:
            return self._prove(opening, from_b64u(opening["cti"]), _NO_GRANT)
        if opening["state"] != "challenged" or visit_id not in self._grants:
            return opening
        try:
            return self._prove(opening, *self._grants[visit_id])
        except TabletError as err:
            # The lock's epoch was raised since the grant was fetched: there is a new one to be had.
            if err.code != "grant_not_for_opening":
                raise
            held = self._grants[visit_id]
            self._fetch_grants()
            if self._grants.get(visit_id, held) == held:
                raise
            return self._prove(opening, *self._grants[visit_id])

    def emergency(self, citizen_id: str, reason: str) -> Any:
        """Nødkald: say whose door and why, sign each lock's challenge. Returns the answer and the openings at last."""
        body = {"citizen_id": citizen_id, "reason": reason}
        answer = self.call("POST", "/api/v1/me/emergencies", body)
        cti, token = from_b64u(answer["grant"]["cti"]), from_b64u(answer["grant"]["token"])
        opening, *way = [
            self._prove(each, cti, token) if each["state"] == "challenged" else each
            for each in (answer["opening"], *answer["way"])
        ]
        return answer | {"opening": opening, "way": way}

    def opening(self, opening_id: str) -> Any:
        """How an opening stands."""
        return self.call("GET", f"/api/v1/openings/{opening_id}")["opening"]

    def forget_grants(self) -> None:
        """Drop what is held, as after a route change."""
        self._grants.clear()

    def _prove(self, opening: Any, cti: bytes, token: bytes) -> Any:
        proof = self.key.prove(opening["lock_id"], Operation.OPEN, cti, from_b64u(opening["nonce"]))
        body = {"token": b64u(token), "public_key": b64u(self.key.public_key), "signature": b64u(proof)}
        if "seal" in opening:
            body |= {"nonce": opening["nonce"], "seal": opening["seal"]}
        return self.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)["opening"]

    def _fetch_grants(self) -> None:
        for grant in self.call("GET", "/api/v1/me/grants")["grants"]:
            self._grants[grant["visit_id"]] = (from_b64u(grant["cti"]), from_b64u(grant["token"]))
