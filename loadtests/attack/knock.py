"""Knocking at a door, over the broker or beside the lock: one challenge, one command, the lock's signed answer."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from devices.keys.answer import Answer, read_answer
from devices.keys.cose import VerifyingKey, lock_trust
from devices.keys.messages import Challenge, ChallengeRequest, OpenCommand, decode_message
from devices.keys.model import Bolt, LockResult, Operation
from devices.keys.topics import Direction
from devices.simulator.near_client import NearClient
from loadtests.attack.stage import Stage, Target

Way = Literal["online", "near"]
WAYS: tuple[Way, Way] = ("online", "near")
Bend = Callable[[OpenCommand], OpenCommand]


class Carrier(Protocol):
    """A way to a lock."""

    def challenge(self) -> Challenge:
        """A fresh challenge for a request of our own."""
        ...

    def send(self, command: bytes, request: bytes) -> Answer | None:
        """Send a command as it is; the lock's answer to that request, ``None`` where it says nothing."""
        ...

    def tell(self, name: str, payload: bytes) -> None:
        """Say something else to the lock."""
        ...


@dataclass
class OverTheBroker:
    """As whoever owns the broker."""

    stage: Stage
    lock_id: str

    def challenge(self) -> Challenge:
        """Ask for a nonce as the gateway does."""
        request, since = secrets.token_bytes(16), self.stage.tap.count
        self.stage.tap.say(self.lock_id, Direction.DOWN, "challenge", ChallengeRequest(request).encode())
        payload = self.stage.tap.wait_for(self.lock_id, "challenge", since, lambda raw: request in raw)
        return _challenge(payload)

    def send(self, command: bytes, request: bytes) -> Answer | None:
        """Send it below ``dn/open``."""
        since = self.stage.tap.count
        self.stage.tap.say(self.lock_id, Direction.DOWN, "open", command)
        payload = self.stage.tap.wait_for(self.lock_id, "answer", since, lambda raw: request in raw)
        return None if payload is None else _answer(self.stage, self.lock_id, payload)

    def tell(self, name: str, payload: bytes) -> None:
        """Publish it below ``dn``."""
        self.stage.tap.say(self.lock_id, Direction.DOWN, name, payload)


@dataclass
class BesideTheLock:
    """As whoever stands at the door, with no network anywhere."""

    stage: Stage
    lock_id: str
    client: NearClient

    def challenge(self) -> Challenge:
        """Ask for a nonce over the near link."""
        self.client.send("challenge", ChallengeRequest(secrets.token_bytes(16)).encode())
        return _challenge(self.client.next("challenge"))

    def send(self, command: bytes, request: bytes) -> Answer | None:
        """Send it over the near link."""
        self.client.send("open", command)
        with suppress(TimeoutError):
            while True:
                answer = _answer(self.stage, self.lock_id, self.client.next("answer"))
                if answer.request == request:
                    return answer
        return None

    def tell(self, name: str, payload: bytes) -> None:
        """Hand it over."""
        self.client.send(name, payload)


def near(stage: Stage, lock_id: str) -> BesideTheLock:
    """A connection to the lock; it is a source of its own."""
    return BesideTheLock(stage, lock_id, stage.near_client(lock_id))


def way(stage: Stage, lock_id: str, by: Way) -> Carrier:
    """One of the two."""
    return OverTheBroker(stage, lock_id) if by == "online" else near(stage, lock_id)


def command_of(target: Target, challenge: Challenge, op: Operation = Operation.OPEN) -> OpenCommand:
    """What the target's own tablet would send."""
    return target.key.command(challenge, target.token, target.cti, op)


def knock(
    stage: Stage, target: Target, by: Way, bend: Bend = lambda command: command, op: Operation = Operation.OPEN
) -> Answer | None:
    """Challenge, a command that may be bent, the answer."""
    carrier = way(stage, target.lock_id, by)
    command = bend(command_of(target, carrier.challenge(), op))
    return carrier.send(command.encode(), command.request)


def lock_again(stage: Stage, target: Target) -> None:
    """The carer locks her door again, so that a second opening can be told from the first.

    Raises
    ------
    TimeoutError
        If the lock does not do what its holder asks: then nothing can be said of the attack.
    """
    answer = knock(stage, target, "online", op=Operation.LOCK)
    if answer is None or answer.result is not LockResult.LOCKED or stage.locks[target.lock_id].bolt is not Bolt.LOCKED:
        raise TimeoutError("Expected the carer to be able to lock her own door.")


def _challenge(payload: bytes | None) -> Challenge:
    message = None if payload is None else decode_message(Direction.UP, "challenge", payload)
    if not isinstance(message, Challenge):
        raise TimeoutError("Expected the lock to give a challenge to whoever asks.")
    return message


def _answer(stage: Stage, lock_id: str, payload: bytes) -> Answer:
    return read_answer(payload, lock_trust(VerifyingKey(stage.locks[lock_id].public_key)))
