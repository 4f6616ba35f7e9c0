"""The lock's log on its way home: events left out, swapped, changed, invented; by a lying broker and by a tablet."""

from collections.abc import Callable, Sequence

from devices.inbox import counter_store
from devices.keys.messages import EventBatch, LoggedEvent
from devices.keys.topics import Direction
from gateway.wire import b64u
from loadtests.attack.attempt import NOTHING, Attack, Held, Tried
from loadtests.attack.lists import chain_seq
from loadtests.attack.stage import Stage, require

Tamper = Callable[[list[LoggedEvent]], list[LoggedEvent]]


def _tampered(tamper: Tamper) -> Callable[[Stage], Tried]:
    """The lock records out of reach, its log is tampered with on the way, and at last it comes home itself."""

    def run(stage: Stage) -> Tried:
        target, carrier = stage.target(), stage.common()
        lock = stage.locks[target.lock_id]
        stage.fleet.lose(target.lock_id)
        require(lambda: stage.fleet.wait_up(0.1), "the lock to lose its network")
        for _ in range(4):
            stage.beside(target.lock_id, lambda it: it.observe("door_ajar"))
        known = chain_seq(stage, target.lock_id)
        log = [logged for batch in lock.log.batches(lock.log.last_ack + 1) for logged in batch.events]
        payload = EventBatch(tuple(tamper(log))).encode()
        before = _kept(stage)
        stage.tap.say(target.lock_id, Direction.UP, "evt", payload)
        require(lambda: _kept(stage) > before, "the inbox to judge the batch")
        online = _unmoved(stage, target.lock_id, known)
        load = {"lock_id": target.lock_id, "messages": [{"name": "evt", "payload": b64u(payload)}]}
        brought = carrier.tablet.call("POST", "/api/v1/me/ferry", load)
        ferried = Held(brought["set_aside"] == 1 and not brought["accepted"], "set aside")
        ferried = ferried & _unmoved(stage, target.lock_id, known)
        stage.fleet.restore(target.lock_id)
        end = lock.log.next_seq - 1
        require(lambda: lock.log.last_ack >= end, "the true log to come home")
        whole = Held(chain_seq(stage, target.lock_id) >= end, "chain whole in the end")
        return Tried(online & whole, ferried & whole, NOTHING)

    return run


def _unmoved(stage: Stage, lock_id: str, known: int) -> Held:
    return Held(chain_seq(stage, lock_id) == known, "kept in quarantine")


def _kept(stage: Stage) -> int:
    """How many messages have met an end that is not acceptance."""
    with stage.runtime.database.reading() as session:
        counts = counter_store.counts(session)
    return sum(count for outcome, count in counts.items() if outcome != "accepted")


def _cut(log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    return [*log[:1], *log[2:]]


def _first_cut(log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    return list(log[1:])


def _swapped(log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    return [log[1], log[0], *log[2:]]


def _changed(log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    raw = log[0].raw
    return [LoggedEvent(raw[:-1] + bytes([raw[-1] ^ 1]), log[0].salt, log[0].payload), *log[1:]]


ATTACKS = (
    Attack("cut chain", _tampered(_cut)),
    Attack("cut chain, at its beginning", _tampered(_first_cut)),
    Attack("swapped sequence", _tampered(_swapped)),
    Attack("changed event", _tampered(_changed)),
)
