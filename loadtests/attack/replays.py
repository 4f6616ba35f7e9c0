"""Messages that were good once: said again, held back, carried to another door, over another way, after a start."""

from dataclasses import replace

from loadtests.attack.attempt import Attack, Held, Tried, let_in, shut
from loadtests.attack.knock import WAYS, command_of, lock_again, near, way
from loadtests.attack.stage import Stage, require


def _same_session(stage: Stage) -> Tried:
    target = stage.target()
    carrier = way(stage, target.lock_id, "online")
    recorded = command_of(target, carrier.challenge())
    if not let_in(stage, target, carrier.send(recorded.encode(), recorded.request)):
        return _no_stage()
    lock_again(stage, target)
    # The same bytes get the same signed answer, and nothing moves; under a new request the nonce is used up.
    carrier.send(recorded.encode(), recorded.request)
    again = Held(stage.locks[target.lock_id].bolt.value == "locked", "the first answer again, nothing moved")
    anew = replace(recorded, request=carrier.challenge().request)
    online = again & shut(stage, target.lock_id, carrier.send(anew.encode(), anew.request))
    beside = near(stage, target.lock_id)
    beside.challenge()
    beside.send(recorded.encode(), recorded.request)
    ferried = Held(stage.locks[target.lock_id].bolt.value == "locked", "nothing moved")
    return Tried(online, ferried & shut(stage, target.lock_id, beside.send(anew.encode(), anew.request)))


def _other_session(stage: Stage) -> Tried:
    target = stage.target()
    broker, first, second = (
        way(stage, target.lock_id, "online"),
        near(stage, target.lock_id),
        near(stage, target.lock_id),
    )
    for_near = command_of(target, broker.challenge())
    for_other = command_of(target, first.challenge())
    for_broker = command_of(target, first.challenge())
    online = shut(stage, target.lock_id, broker.send(for_broker.encode(), for_broker.request))
    ferried = shut(stage, target.lock_id, second.send(for_other.encode(), for_other.request))
    return Tried(online, ferried & shut(stage, target.lock_id, first.send(for_near.encode(), for_near.request)))


def _other_lock(stage: Stage) -> Tried:
    target, other = stage.target(), stage.target()
    tried = []
    for by in WAYS:
        here, there = way(stage, target.lock_id, by), way(stage, other.lock_id, by)
        command = command_of(target, here.challenge())
        redirected = shut(stage, other.lock_id, there.send(command.encode(), command.request))
        # With a fresh challenge of the other lock the grant still names the first one.
        fresh = command_of(target, there.challenge())
        tried.append(redirected & shut(stage, other.lock_id, there.send(fresh.encode(), fresh.request)))
    online, ferried = tried
    return Tried(online, ferried)


def _after_a_start(stage: Stage) -> Tried:
    target = stage.target()
    broker = way(stage, target.lock_id, "online")
    held = command_of(target, broker.challenge())
    beside = near(stage, target.lock_id)
    held_beside = command_of(target, beside.challenge())
    boot = stage.locks[target.lock_id].boot
    stage.beside(target.lock_id, lambda lock: lock.power_on())
    require(lambda: stage.locks[target.lock_id].boot > boot, "the lock to start")
    online = shut(stage, target.lock_id, broker.send(held.encode(), held.request))
    return Tried(online, shut(stage, target.lock_id, beside.send(held_beside.encode(), held_beside.request)))


def _held_message(stage: Stage) -> Tried:
    target = stage.target()
    broker, beside = way(stage, target.lock_id, "online"), near(stage, target.lock_id)
    held, held_beside = command_of(target, broker.challenge()), command_of(target, beside.challenge())
    stage.lock_link.pass_s(10.5)
    online = shut(stage, target.lock_id, broker.send(held.encode(), held.request))
    ferried = shut(stage, target.lock_id, beside.send(held_beside.encode(), held_beside.request))
    return Tried(online, ferried, "10 s, then never")


def _no_stage() -> Tried:
    nothing = Held(False, "NOTHING TO SAY: the carer herself did not get in")
    return Tried(nothing, nothing)


def _double_use(stage: Stage) -> Tried:
    """One challenge, two commands: whoever is second has nothing."""
    target = stage.target()
    tried = []
    for by in WAYS:
        carrier = way(stage, target.lock_id, by)
        command = command_of(target, carrier.challenge())
        if not let_in(stage, target, carrier.send(command.encode(), command.request)):
            return _no_stage()
        lock_again(stage, target)
        second = replace(command, request=bytes(reversed(command.request)))
        tried.append(shut(stage, target.lock_id, carrier.send(second.encode(), second.request)))
    online, ferried = tried
    return Tried(online, ferried)


ATTACKS = (
    Attack("replay, same session", _same_session),
    Attack("replay, other session", _other_session),
    Attack("replay, other lock", _other_lock),
    Attack("replay, after reboot", _after_a_start),
    Attack("one challenge used twice", _double_use),
    Attack("held message", _held_message),
)
