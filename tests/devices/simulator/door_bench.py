"""A door to try: one simulated lock, its issuer, two holders, and clocks that stand still until moved."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devices.keys.answer import Answer, read_answer
from devices.keys.chain import ChainState, SignedEvent, Verdict, verify_links
from devices.keys.control import SignedTime, ack_of, sign_ack, sign_time
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust, server_trust
from devices.keys.grant import Grant, mint_grant
from devices.keys.messages import (
    Challenge,
    ChallengeRequest,
    EventBatch,
    OpenCommand,
    TimeRequest,
    decode_message,
)
from devices.keys.model import Operation
from devices.keys.topics import Direction
from devices.simulator.behaviour import FAULTLESS, LockBehaviour
from devices.simulator.body import Outgoing
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from kernel.clock import ManualLinkClock, SimulatedWorldClock

LOCK_ID = "5f0c9a7be1d24c3f8a6b7c8d9e0f1a2b"
NOW_AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


class DoorBench:
    """Everything needed to knock at one door."""

    def __init__(self, behaviour: LockBehaviour = FAULTLESS, seed: int = 1) -> None:
        self.world = SimulatedWorldClock(NOW_AT)
        self.link = ManualLinkClock(1_000.0)
        self.issuer = SigningKey(bytes(range(32)))
        self.service = SigningKey(bytes(range(1, 33)))
        self.stranger = SigningKey(bytes(range(2, 34)))
        self.root = SigningKey(bytes(range(3, 35)))
        trust = server_trust([self.issuer.verifying_key], [self.service.verifying_key], [self.root.verifying_key])
        self.lock = SimulatedLock(LOCK_ID, trust, world=self.world, link=self.link, behaviour=behaviour, seed=seed)
        self.trust = lock_trust(VerifyingKey(self.lock.public_key))
        self.state = ChainState.start(LOCK_ID)
        self.mette, self.ali = HolderKey.seeded("mette"), HolderKey.seeded("ali")
        self.take(self.lock.power_on())
        self._request = 0

    def grant(self, holder: HolderKey | None = None, number: int = 1, **changes: Any) -> Grant:
        """A grant for this door and this hour."""
        grant = Grant(
            iss="omsorgstid",
            aud=(LOCK_ID,),
            nbf_at=NOW_AT - timedelta(minutes=30),
            exp_at=NOW_AT + timedelta(minutes=60),
            cti=number.to_bytes(16, "big"),
            cnf=(holder or self.mette).thumbprint,
            scope=frozenset(Operation),
            epoch=0,
        )
        return replace(grant, **changes)

    def challenge(self, source: str = "broker") -> Challenge:
        """A fresh challenge for a new request."""
        self._request += 1
        asked = ChallengeRequest(self._request.to_bytes(16, "big"))
        (out,) = self.lock.on_message("challenge", asked.encode(), source)
        message = decode_message(Direction.UP, out.name, out.payload)
        assert isinstance(message, Challenge)
        return message

    def command(
        self,
        grant: Grant | None = None,
        holder: HolderKey | None = None,
        op: Operation = Operation.OPEN,
        challenge: Challenge | None = None,
    ) -> OpenCommand:
        """A command with everything right, unless said otherwise."""
        used = grant or self.grant(holder)
        by = holder or self.mette
        return by.command(challenge or self.challenge(), mint_grant(used, self.issuer), used.cti, op)

    def send(self, command: OpenCommand, source: str = "broker") -> Answer:
        """Send a command; the lock's answer to it. Its events are read as the server reads them."""
        out = self.lock.on_message("open", command.encode(), source)
        self.take(out)
        answers = [read_answer(each.payload, self.trust) for each in out if each.name == "answer"]
        return next(answer for answer in answers if answer.request == command.request)

    def take(self, out: Iterable[Outgoing]) -> list[SignedEvent]:
        """Read events as the server does; every batch must continue the chain."""
        fresh: list[SignedEvent] = []
        for each in out:
            if each.name == "evt":
                batch = decode_message(Direction.UP, "evt", each.payload)
                assert isinstance(batch, EventBatch)
                report = verify_links(self.state, [logged.raw for logged in batch.events], self.trust)
                assert report.verdict in (Verdict.OK, Verdict.DUPLICATE), report.detail
                self.state = report.state
                fresh.extend(report.fresh)
        return fresh

    def acknowledge(self) -> None:
        """Acknowledge everything read so far."""
        self.lock.on_message("ack", sign_ack(ack_of(self.state), self.service))

    def tell_time(self, request: Outgoing, at: datetime) -> None:
        """Answer the lock's question for the time."""
        asked = decode_message(Direction.UP, request.name, request.payload)
        assert isinstance(asked, TimeRequest)
        told = SignedTime(LOCK_ID, asked.nonce, at)
        self.lock.on_message("time", sign_time(told, self.service))

    def pass_world(self, **amount: float) -> None:
        """Let world time pass."""
        self.world.advance_to(self.world.now() + timedelta(**amount))
