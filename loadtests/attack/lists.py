"""What the server tells a lock, turned against it: old lists, old times, acknowledgements nobody gave."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlmodel import select

from devices.keys.control import Ack, SignedTime, sign_ack, sign_time
from devices.keys.cose import SigningKey
from devices.keys.grant import mint_grant, read_grant
from devices.keys.messages import OpenCommand, TimeRequest, decode_message
from devices.keys.model import ClockState
from devices.keys.signing import load_or_create_key
from devices.keys.tables import LockRow
from devices.keys.topics import Direction
from devices.simulator.lock import SimulatedLock
from loadtests.attack.attempt import NOTHING, Attack, Held, Tried, bring_lists, shut
from loadtests.attack.knock import WAYS, knock, near, way
from loadtests.attack.stage import Stage, Target, require


def report_lost(stage: Stage, target: Target) -> None:
    """A planner reports the tablet lost."""
    body = {"reason": "glemt i bussen"}
    stage.person("planner").call("POST", f"/api/v1/carers/{target.tablet.carer_id}/tablet-lost", body)


def _rolled_back(stage: Stage) -> Tried:
    target = stage.target()
    lock = stage.locks[target.lock_id]
    report_lost(stage, target)
    require(lambda: target.cti in lock.access.ctis or lock.access.epoch > 0, "the lock to hear of the lost tablet")
    held = lock.access.crl_version, lock.access.epoch
    for carrier in (way(stage, target.lock_id, "online"), near(stage, target.lock_id)):
        # Every list ever sent to this lock, the emptiest first; retained, so that it comes again at each start.
        for old in stage.tap.heard_down(target.lock_id, "crl")[:-1]:
            carrier.tell("crl", old)
        carrier.challenge()
    kept = Held((lock.access.crl_version, lock.access.epoch) == held, "old lists ignored")
    online = shut(stage, target.lock_id, knock(stage, target, "online"))
    beside = near(stage, target.lock_id)
    bring_lists(stage, beside)
    ferried = shut(stage, target.lock_id, knock(stage, target, "near"))
    return Tried(kept & online, kept & ferried, f"a lock no list reaches: end of window, {_clock(target)}")


def _time_backwards(stage: Stage) -> Tried:
    """A grant that was over an hour ago, and every way to make the lock believe it is earlier."""
    target = stage.target()
    lock = stage.locks[target.lock_id]
    real = read_grant(target.token, stage.trust)
    # The issuer's own key, as if the grant had been given in the morning: only the lock's clock is in the way.
    over = replace(real, nbf_at=real.nbf_at - timedelta(hours=4), exp_at=stage.world.now() - timedelta(hours=1))
    token = mint_grant(over, _issuer(stage))

    def old_grant(command: OpenCommand) -> OpenCommand:
        return replace(command, grant=token)

    early = stage.world.now() - timedelta(hours=3)
    tried = []
    for by in WAYS:
        carrier, nonces = way(stage, lock.lock_id, by), list[bytes]()
        stage.beside(lock.lock_id, partial(_asks, nonces))
        lies = [
            sign_time(SignedTime(lock.lock_id, nonces[0], early), stage.runtime.service_key),
            sign_time(SignedTime(lock.lock_id, nonces[0], early), SigningKey.generate()),
            sign_time(SignedTime(lock.lock_id, bytes(16), early), stage.runtime.service_key),
            *stage.tap.heard_down(lock.lock_id, "time"),
        ]
        for lie in lies:
            carrier.tell("time", lie)
        carrier.challenge()
        forward = Held(lock.clock.state is ClockState.OK and not _is_early(stage, lock), "clock kept")
        answer = knock(stage, target, by, old_grant)
        tried.append(forward & shut(stage, lock.lock_id, answer))
    online, ferried = tried
    return Tried(online, ferried)


def _lost_clock(stage: Stage) -> Tried:
    """After a battery change the lock knows no time: an answer it did not ask for does not give it one."""
    target = stage.target()
    lock = stage.locks[target.lock_id]
    stage.fleet.lose(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to lose its network")
    stage.beside(target.lock_id, SimulatedLock.change_battery)
    beside = near(stage, target.lock_id)
    beside.tell("time", sign_time(SignedTime(lock.lock_id, bytes(16), stage.world.now()), stage.runtime.service_key))
    for old in stage.tap.heard_down(lock.lock_id, "time"):
        beside.tell("time", old)
    beside.challenge()
    ferried = shut(stage, target.lock_id, knock(stage, target, "near"))
    lost = Held(lock.clock.state is ClockState.LOST, "clock lost")
    return Tried(Held(True, "-"), lost & ferried, "stays shut until a server answers its nonce")


def _forged_acknowledgement(stage: Stage) -> Tried:
    target, other = stage.target(), stage.target()
    lock = stage.locks[target.lock_id]
    stage.fleet.lose(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to lose its network")
    for _ in range(3):
        stage.beside(target.lock_id, lambda it: it.observe("door_ajar"))
    held = lock.log.held, lock.log.last_ack
    upto = lock.log.next_seq - 1
    forged = [
        sign_ack(Ack(lock.lock_id, lock.boot, upto, bytes(32)), SigningKey.generate()),
        sign_ack(Ack(lock.lock_id, lock.boot, upto, bytes(32)), stage.runtime.service_key),
        sign_ack(Ack(lock.lock_id, lock.boot, upto + 9, bytes(32)), stage.runtime.service_key),
        sign_ack(Ack(other.lock_id, lock.boot, upto, bytes(32)), stage.runtime.service_key),
        *stage.tap.heard_down(lock.lock_id, "ack"),
        *stage.tap.heard_down(other.lock_id, "ack"),
    ]
    beside = near(stage, target.lock_id)
    for ack in forged:
        beside.tell("ack", ack)
    beside.challenge()
    ferried = Held((lock.log.held, lock.log.last_ack) == held, "log kept")
    for ack in forged:
        stage.tap.say(target.lock_id, Direction.DOWN, "ack", ack)
    stage.fleet.restore(target.lock_id)
    require(lambda: lock.log.last_ack >= upto, "the lock's events to come home")
    online = Held(chain_seq(stage, lock.lock_id) >= upto, "log kept until committed")
    return Tried(online, ferried, NOTHING)


def chain_seq(stage: Stage, lock_id: str) -> int:
    """How far the server has a lock's log."""
    with stage.runtime.database.reading() as session:
        return int(session.exec(select(LockRow.chain_seq).where(LockRow.lock_id == lock_id)).one())


def _asks(nonces: list[bytes], lock: SimulatedLock) -> None:
    """The lock asks for the time, and a liar gets to answer: the nonce goes among ``nonces``."""
    asked = decode_message(Direction.UP, "time", lock.ask_time().payload)
    nonces.append(asked.nonce if isinstance(asked, TimeRequest) else b"")


def _is_early(stage: Stage, lock: SimulatedLock) -> bool:
    now_at = lock.clock.now_at()
    return now_at is None or now_at < stage.world.now() - timedelta(minutes=1)


def _issuer(stage: Stage) -> SigningKey:
    return load_or_create_key(stage.runtime.settings.work_dir / "issuer.key")


def _clock(target: Target) -> str:
    return f"{target.closes_at:%H:%M} UTC"


ATTACKS = (
    Attack("rolled-back revocation or epoch", _rolled_back),
    Attack("time walked backwards", _time_backwards),
    Attack("time given to a lost clock", _lost_clock),
    Attack("forged acknowledgement", _forged_acknowledgement),
)
