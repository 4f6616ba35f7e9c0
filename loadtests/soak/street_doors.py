"""The other half of the street: routes, grants, taps and a tablet that carries, through a gateway that can die."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TypeVar

from devices.inbox.model import Incoming
from devices.keys import openings, release, revocations, rights, service, store
from devices.keys.grant import Grant, mint_grant
from devices.keys.messages import Challenge, ChallengeRequest, decode_message
from devices.keys.model import Operation, VisitFacts
from devices.keys.rules import visit_window
from devices.keys.schemas import GrantIssued, OpeningIds, RightWanted
from devices.keys.signer.model import Minted, MintResult
from devices.keys.topics import Direction
from devices.simulator.body import Outgoing
from devices.simulator.holder import HolderKey
from devices.simulator.lock import BROKER
from loadtests.soak.fuse import blown_by
from loadtests.soak.model_broker import Down
from loadtests.soak.oracle import TrueGrant
from loadtests.soak.street import ISSUER, LOCKS, SERVICE, START_AT, TENANT, UNIT, Process, Street

CARERS = ("anna", "bo")
NEAR = "near-1"
_BATTERY_EMPTY_MV = 4_400
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Held:
    """What a tablet holds for one visit, withdrawn or over or not."""

    visit: RightWanted
    lock_id: str
    carer: str
    grant: GrantIssued


@dataclass
class Doors:
    """Who may open what, and how she tries."""

    street: Street
    held: list[Held] = field(default_factory=list)
    routes: dict[str, list[RightWanted]] = field(default_factory=lambda: {carer: [] for carer in CARERS})
    deaths: list[str] = field(default_factory=list)
    """The steps the gateway ended at."""

    def __post_init__(self) -> None:
        self.gateway: Process = self.street.start_process()
        self.keys = {carer: HolderKey.seeded(carer) for carer in CARERS}
        self._version = 0
        self._number = 0

    def plan(self, carer: str, lock_id: str, begins_min: int, steps: int | None = None) -> None:
        """One more visit on a carer's route, so many minutes from now."""
        self._number += 1
        begins = self.street.world.now() + timedelta(minutes=begins_min)
        visit = RightWanted(f"door-{lock_id}", f"visit-{self._number}", UNIT, begins, begins + timedelta(minutes=20))
        self._publish(carer, [*self.routes[carer], visit], steps)

    def take_away(self, carer: str, number: int, steps: int | None = None) -> None:
        """One visit less; what was granted for it is worth nothing from when its lock hears of it."""
        route = self.routes[carer]
        if route:
            self._publish(carer, [v for at, v in enumerate(route) if at != number % len(route)], steps)

    def fetch(self, carer: str, steps: int | None = None) -> None:
        """Her tablet asks for the grants it lacks."""
        self._does(steps, lambda: self._mint(carer))

    def tap(self, number: int, steps: int | None = None) -> None:
        """Lås op, online, with a grant some tablet holds."""
        if self.held:
            held = self.held[number % len(self.held)]
            self._does(steps, lambda: self._open_online(held))

    def open_near(self, number: int, wait_s: float) -> None:
        """Lås op at the door with every server dead; the tablet dawdles between challenge and proof."""
        if not self.held:
            return
        held = self.held[number % len(self.held)]
        request = sha256(f"{self.street.link.monotonic_s()} {number}".encode()).digest()[:16]
        challenge = _challenge_in(self.street.tell(held.lock_id, "challenge", ChallengeRequest(request).encode(), NEAR))
        if challenge is not None:
            self.street.link.advance(wait_s)
            command = self.keys[held.carer].command(challenge, held.grant.token, held.grant.cti)
            self.street.tell(held.lock_id, "open", command.encode(), NEAR)

    def ferry(self, lock_id: str, steps: int | None = None, *, carried_back: bool = True) -> None:
        """A tablet takes a lock's log home, and what the server says to it back."""
        log = self.street.locks[lock_id].log
        payloads = [batch.encode() for batch in log.batches(log.last_ack + 1)]
        now = self.street.world.now()
        batch = [Incoming(TENANT, "lock", lock_id, "evt", payload, now) for payload in payloads]
        accepted = self._does(steps, lambda: self.gateway.inbox.accept(batch))
        for message in accepted.outgoing if accepted is not None and carried_back else ():
            self.street.tell(message.device_id, message.name, message.payload, NEAR)

    def _does(self, steps: int | None, act: Callable[[], _Result]) -> _Result | None:
        """The gateway does something; it may die of it, and the next one is there at once."""
        results: list[_Result] = []
        self.gateway.fuse.arm(steps)
        if blown_by(self.gateway.fuse, lambda: results.append(act())):
            self.deaths.append(self.gateway.fuse.blown)
            self.gateway = self.street.start_process()
        return results[0] if results else None

    def _publish(self, carer: str, visits: list[RightWanted], steps: int | None) -> None:
        self._version += 1
        day, route = START_AT.date(), f"route-{carer}"

        def set_rights() -> frozenset[str]:
            with self.gateway.units.begin() as work:
                change = rights.set_rights(work, carer, day, route, self._version, visits)
            return change.locks_to_tell

        told: list[frozenset[str]] = []
        self._does(steps, lambda: told.append(set_rights()))
        # Whether it committed before it died is the database's word.
        with self.street.database.reading() as session:
            kept = store.active_rights(session, day, {carer})
        self.routes[carer] = [v for v in [*visits, *self.routes[carer]] if v.visit_id in {r.visit_id for r in kept}]
        self.routes[carer] = list({v.visit_id: v for v in self.routes[carer]}.values())
        if told:
            self._does(steps, lambda: self._tell_locks(told[0]))

    def _tell_locks(self, lock_ids: frozenset[str]) -> None:
        with self.gateway.units.begin() as work:
            lists = revocations.revocation_lists(work, lock_ids, SERVICE)
        for message in lists:
            self.gateway.fuse.step("between two lists")
            self.street.broker.publish_down(Down(message.device_id, message.name, message.payload), retain=True)
            self.street.hear(message.device_id)

    def _mint(self, carer: str) -> None:
        now, key = self.street.world.now(), self.keys[carer]
        with self.street.database.reading() as session:
            wanted = service.wanted_grants(
                session,
                carer_id=carer,
                day=START_AT.date(),
                shift_id=f"shift-{carer}",
                holder_thumbprint=key.thumbprint,
                now=now,
            )
        visits = {v.visit_id: v for v in self.routes[carer]}
        results: list[MintResult] = []
        for want in wanted:
            visit, lock_ids = visits[want.request.visit_id], want.request.lock_ids
            opens_at, closes_at = visit_window(visit.planned_start_at, visit.planned_end_at)
            self._number += 1
            cti = sha256(f"cti {self._number}".encode()).digest()[:16]
            scope = frozenset({Operation.OPEN, Operation.LOCK})
            grant = Grant("omsorgstid", lock_ids, opens_at, closes_at, cti, key.thumbprint, scope, want.request.epoch)
            self.street.oracle.grants[cti] = TrueGrant(lock_ids[0], opens_at, closes_at)
            results.append(Minted(cti, mint_grant(grant, ISSUER), opens_at, closes_at, now, UNIT))
        self.gateway.fuse.step("the signer has signed")
        with self.gateway.units.begin() as work:
            kept = service.keep_grants(work, wanted, results)
        self.gateway.fuse.step("the grants are stored")
        self.held += [Held(visits[g.visit_id], g.door_id.removeprefix("door-"), carer, g) for g in kept.issued]

    def _open_online(self, held: Held) -> None:
        street, gateway = self.street, self.gateway
        opening_id = self._requested(held)
        if opening_id is None or not self._reachable(held.lock_id):
            return
        question = ChallengeRequest(openings.request_id(opening_id)).encode()
        street.broker.publish_down(Down(held.lock_id, "challenge", question))
        challenge = _challenge_in(street.tell(held.lock_id, "challenge", question, BROKER))
        gateway.fuse.step("the challenge is here")
        if challenge is None:
            return
        with gateway.units.begin() as work:
            openings.challenged(work, opening_id, challenge, street.link.monotonic_s())
        key, cti = self.keys[held.carer], held.grant.cti
        with gateway.units.begin() as work:
            outcome = release.proof_given(
                work,
                opening_id,
                cti=cti,
                holder_key=key.public_key,
                proof=key.prove(held.lock_id, Operation.OPEN, cti, challenge.nonce),
                wall_s=street.link.monotonic_s(),
            )
        gateway.fuse.step("before the command")
        if outcome.command is not None:
            street.broker.publish_down(Down(held.lock_id, "open", outcome.command.payload))
            street.hear(held.lock_id)

    def _requested(self, held: Held) -> str | None:
        street, visit = self.street, held.visit
        shift_id = f"shift-{held.carer}"
        with self.gateway.units.begin() as work:
            door = service.door_facts(work.session, held.lock_id, _BATTERY_EMPTY_MV)
            right = service.right_facts(
                work.session,
                carer_id=held.carer,
                visit_id=visit.visit_id,
                door_id=visit.door_id,
                shift_id=shift_id,
                epoch=door.epoch,
            )
            facts = VisitFacts(
                now_at=work.now,
                carer=held.carer,
                planned_carer=held.carer,
                planned_start_at=visit.planned_start_at,
                planned_end_at=visit.planned_end_at,
                consent_active=True,
                right=right,
                door=door,
            )
            ids = OpeningIds(visit.door_id, held.lock_id, visit.visit_id, shift_id, held.carer, UNIT)
            opening = openings.request_opening(work, facts=facts, ids=ids, wall_s=street.link.monotonic_s())
        return opening.opening_id if opening.state == "requested" else None

    def _reachable(self, lock_id: str) -> bool:
        wire = self.street.wires[lock_id]
        return wire.up and not wire.half_open and self.street.broker.running


def any_lock(number: int) -> str:
    """One of the street's locks."""
    return LOCKS[number % len(LOCKS)]


def _challenge_in(out: list[Outgoing]) -> Challenge | None:
    found = [decode_message(Direction.UP, "challenge", said.payload) for said in out if said.name == "challenge"]
    return next((challenge for challenge in found if isinstance(challenge, Challenge)), None)
