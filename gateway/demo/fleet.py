"""The simulated locks of a municipality, each with its own key and its own random stream."""

from collections.abc import Iterable

from devices.keys.cose import Trust
from devices.simulator.behaviour import LockBehaviour
from devices.simulator.lock import SimulatedLock
from kernel.clock import LinkClock, WorldClock

MODEL = "simulated-1"


def make_locks(
    lock_ids: Iterable[str],
    trust: Trust,
    *,
    seed: int,
    world: WorldClock,
    link: LinkClock,
    behaviour: LockBehaviour | None = None,
) -> dict[str, SimulatedLock]:
    """Locks by id. The same seed and ids make the same locks."""
    return {
        lock_id: SimulatedLock(lock_id, trust, world=world, link=link, seed=seed, behaviour=behaviour)
        for lock_id in sorted(lock_ids)
    }
