"""How a simulated lock takes a command: challenge, decision, motor, signed answer."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from devices.keys.cbor import Cbor
from devices.keys.grant import Grant
from devices.keys.messages import CHALLENGE_VALID_MS, Challenge, ChallengeRequest, OpenCommand
from devices.keys.model import Bolt, DenialCode, LockResult, Operation
from devices.keys.proof import NONCE_BYTES
from devices.simulator.admission import Denial, believe, refusal
from devices.simulator.body import LockBody, Outgoing
from devices.simulator.challenges import Challenges
from devices.simulator.issuers import IssuerBook
from devices.simulator.patience import Patience
from kernel.clock import LinkClock

SECOND_HOLDER_S = 60.0
"""At a door that needs two: from the first holder's accepted proof to the second's."""

_ANSWERS_KEPT = 64


@dataclass(frozen=True, slots=True)
class _FirstHolder:
    grant: Grant
    request: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class _Act:
    """What was done and where it is recorded."""

    result: LockResult
    seq: int
    motor_ms: int


class CommandDesk:
    """Challenges handed out, the first of two holders, and the answers given: all gone after a start."""

    def __init__(self, body: LockBody, issuers: IssuerBook, link: LinkClock) -> None:
        self._body = body
        self._issuers = issuers
        self._link = link
        self._challenges = Challenges(link)
        self._patience = Patience(link)
        self._first: _FirstHolder | None = None
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    def restart(self) -> None:
        """The lock starts: nothing handed out before counts any more."""
        self._challenges.clear()
        self._first = None
        self._answers.clear()

    def gone(self, source: str) -> None:
        """A near-link connection has ended."""
        self._challenges.forget(source)
        self._patience.forget(source)

    def revocations_changed(self) -> None:
        """A first holder who is revoked while waiting does not wait any more."""
        if self._first is not None and self._body.access.revoked(self._first.grant):
            self._first = None

    def first_holder_leaves(self) -> None:
        """Whose grants are believed has changed: nobody's half of an opening outlives that."""
        self._first = None

    def challenge(self, asked: ChallengeRequest, source: str) -> list[Outgoing]:
        """Hand out a nonce."""
        body = self._body
        nonce = body.streams.octets(NONCE_BYTES)
        self._challenges.issue(nonce, asked.request, source)
        challenge = Challenge(
            lock=body.lock_id,
            request=asked.request,
            nonce=nonce,
            valid_ms=CHALLENGE_VALID_MS,
            boot=body.boot,
            epoch=body.access.epoch,
            crl_version=body.access.crl_version,
            clock=body.clock.state,
            battery_mv=body.battery_mv,
        )
        return [Outgoing("challenge", challenge.encode(), 0.0)]

    def answer_again(self, request: bytes) -> list[Outgoing]:
        """What was said to a command, or that none is known; either with the bolt's present state."""
        said = self._answers.get(request) or self._body.answer(request, LockResult.NONE)
        return [Outgoing("answer", said, 0.0)]

    def command(self, command: OpenCommand, source: str) -> list[Outgoing]:
        """Decide and act."""
        if command.request in self._answers:
            # Delivered twice: say again what was done, and do nothing. A denial here could overtake the
            # first answer and tell the server that an open door is locked.
            return self.answer_again(command.request)
        asking = self._who(command, source)
        if isinstance(asking, Denial):
            return self._deny_stranger(command, asking, source)
        self._patience.good_attempt(source)
        code = self._refusal(asking, command)
        if code is not None:
            return self._deny_holder(command, asking, code, source)
        return self._act(command, asking, source)

    def _who(self, command: OpenCommand, source: str) -> Grant | Denial:
        if not self._challenges.redeem(command.nonce, command.request, source):
            return Denial(DenialCode.STALE_CHALLENGE)
        return believe(self._body.lock_id, command, self._issuers)

    def _act(self, command: OpenCommand, grant: Grant, source: str) -> list[Outgoing]:
        if command.op is Operation.READ_LOG:
            return self._hand_out_log(command, grant, source)
        if command.op is Operation.OPEN and grant.dual:
            return self._open_by_two(command, grant, source)
        return self._say(command, grant, self._move(command, grant, source))

    def _refusal(self, grant: Grant, command: OpenCommand) -> DenialCode | None:
        body = self._body
        code = refusal(grant, command, body.access, body.clock.interval())
        if code is None and body.battery_mv <= body.behaviour.battery_empty_mv:
            return DenialCode.BATTERY_LOW
        return code

    def _open_by_two(self, command: OpenCommand, grant: Grant, source: str) -> list[Outgoing]:
        now_s, first = self._link.monotonic_s(), self._first
        if (
            first is None
            or now_s - first.at_s > SECOND_HOLDER_S
            or first.grant.cti == grant.cti
            or first.grant.cnf == grant.cnf
        ):
            self._first = _FirstHolder(grant, command.request, now_s)
            seq = self._record(LockResult.PENDING, command, grant, source, 0)
            return self._say(command, grant, _Act(LockResult.PENDING, seq, 0))
        self._first = None
        self._body.access.count_use(first.grant)
        act = self._move(command, grant, source, {"with_cti": first.grant.cti})
        # Both holders asked, so both requests get a signed answer about the same motor run.
        answer = self._keep(first.request, first.grant, act)
        return [Outgoing("answer", answer, act.motor_ms / 1000), *self._say(command, grant, act)]

    def _move(
        self,
        command: OpenCommand,
        grant: Grant,
        source: str,
        more: Mapping[str, Cbor] | None = None,
    ) -> _Act:
        # Counted before the motor turns: losing power half way must not give the use back.
        self._body.access.count_use(grant)
        opening = command.op is Operation.OPEN
        motor_ms, there = self._body.run_motor(Bolt.UNLOCKED if opening else Bolt.LOCKED)
        done = LockResult.OPENED if opening else LockResult.LOCKED
        result = done if there else LockResult.JAMMED
        return _Act(result, self._record(result, command, grant, source, motor_ms, more), motor_ms)

    def _hand_out_log(self, command: OpenCommand, grant: Grant, source: str) -> list[Outgoing]:
        seq = self._record(LockResult.READ, command, grant, source, 0)
        answer = self._keep(command.request, grant, _Act(LockResult.READ, seq, 0))
        return [Outgoing("answer", answer, 0.0), *self._body.events(self._body.log.last_ack + 1)]

    def _record(
        self,
        result: LockResult,
        command: OpenCommand,
        grant: Grant,
        source: str,
        motor_ms: int,
        more: Mapping[str, Cbor] | None = None,
    ) -> int:
        payload: dict[str, Cbor] = {
            "op": command.op.value,
            "holder": grant.cnf,
            "request": command.request,
            "source": source,
            "motor_ms": motor_ms,
            "emergency": grant.emergency,
            **(more or {}),
        }
        return self._body.record(result.value, grant.cti, payload=payload)

    def _say(self, command: OpenCommand, grant: Grant, act: _Act) -> list[Outgoing]:
        delay_s = act.motor_ms / 1000
        answer = self._keep(command.request, grant, act)
        return [Outgoing("answer", answer, delay_s), *self._body.events(act.seq, delay_s)]

    def _keep(self, request: bytes, grant: Grant, act: _Act) -> bytes:
        answer = self._body.answer(request, act.result, None, grant.cti, act.seq, act.motor_ms)
        self._answers[request] = answer
        while len(self._answers) > _ANSWERS_KEPT:
            self._answers.popitem(last=False)
        return answer

    def _deny_stranger(self, command: OpenCommand, denial: Denial, source: str) -> list[Outgoing]:
        """Who did not prove anything waits longer each time and cannot fill the log."""
        delay_s, logged = self._patience.bad_attempt(source)
        return self._denied(command, denial, source, delay_s, logged=logged)

    def _deny_holder(self, command: OpenCommand, grant: Grant, code: DenialCode, source: str) -> list[Outgoing]:
        """A proven holder who may not now is told at once."""
        return self._denied(command, Denial(code, grant.cti), source, 0.0, logged=True)

    def _denied(
        self, command: OpenCommand, denial: Denial, source: str, delay_s: float, *, logged: bool
    ) -> list[Outgoing]:
        seq: int | None = None
        events: list[Outgoing] = []
        if logged:
            payload: dict[str, Cbor] = {"op": command.op.value, "request": command.request, "source": source}
            denied = LockResult.DENIED.value
            seq = self._body.record(denied, denial.cti, denial.code.value, payload)
            events = self._body.events(seq, delay_s)
        answer = self._body.answer(command.request, LockResult.DENIED, denial.code, denial.cti, seq)
        return [Outgoing("answer", answer, delay_s), *events]
