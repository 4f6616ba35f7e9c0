"""The crash model as a state machine: any fault, in any order, at any step; the promises are looked at all the time.

    python -m loadtests.soak model --sequences 1000

A sequence that breaks a promise is shrunk to the shortest one that does and printed as the calls that make it.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import col, select

from devices.inbox.committer import QUEUE, Committer
from devices.inbox.tables import QuarantineRow
from devices.simulator.lock import SimulatedLock
from devices.simulator.log import CAPACITY
from loadtests.soak.oracle import BrokenPromiseError
from loadtests.soak.street import MortalCommitter, Street
from loadtests.soak.street_doors import CARERS, Doors, any_lock

LOCK = st.integers(0, 2)
CARER = st.sampled_from(CARERS)
NUMBER = st.integers(0, 50)
#: after how many steps the process ends; never, most of the time
STEPS = st.one_of(st.none(), st.integers(0, 8), st.integers(0, 40))
MOMENTS = ("before the commit", "after the commit", "before an acknowledgement", "before an answer")
#: the first two come once in a batch, the others once for each message
MOMENT = st.sampled_from([(where, after) for where in MOMENTS for after in ((0,) if "commit" in where else (0, 1))])
#: what a message of an honest lock is never kept for
_NEVER = ("bad_signature", "chain_fork", "not_accepted", "broken_payload", "unknown_device")


class CrashModel(RuleBasedStateMachine):
    """One street through one sequence of faults."""

    #: a subclass plants a weakness here, to show that it is found
    make_committer: type[Committer] = MortalCommitter
    make_lock: type[SimulatedLock] = SimulatedLock
    #: whether more events than a lock can hold may happen while it is cut off; slow
    floods = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="omsorgstid-street-"))
        self.street = Street(self.folder, make_committer=self.make_committer, make_lock=self.make_lock)
        self.doors = Doors(self.street)
        self.flooded = False

    @initialize(lock=LOCK, carer=CARER)
    def a_morning(self, lock: int, carer: str) -> None:
        """A route, a grant for it, and everybody home."""
        self.street.pump()
        self.doors.plan(carer, any_lock(lock), 5)
        self.doors.fetch(carer)

    @rule(lock=LOCK, count=st.integers(1, 3))
    def emit(self, lock: int, count: int) -> None:
        """Things happen at a door."""
        self.street.emit(any_lock(lock), count)

    @precondition(lambda self: self.floods and not self.flooded)
    @rule(lock=LOCK)
    def flood(self, lock: int) -> None:
        """More than a lock can hold, while nobody hears it."""
        self.flooded = True
        self.street.cut(any_lock(lock), half_open=False)
        self.street.emit(any_lock(lock), CAPACITY + 60)

    @rule(lock=LOCK, half_open=st.booleans())
    def cut(self, lock: int, half_open: bool) -> None:
        """A link breaks."""
        self.street.cut(any_lock(lock), half_open=half_open)

    @rule(lock=LOCK)
    def connect(self, lock: int) -> None:
        """A link stands again."""
        self.street.wires[any_lock(lock)].up = False
        self.street.connect(any_lock(lock))

    @rule(lock=LOCK)
    def restart_lock(self, lock: int) -> None:
        """A lock starts anew."""
        self.street.restart_lock(any_lock(lock))
        self.street.connect(any_lock(lock))

    @rule(lock=LOCK)
    def resend(self, lock: int) -> None:
        """A lock repeats itself."""
        self.street.resend(any_lock(lock))

    @rule(steps=STEPS)
    def ingest(self, steps: int | None) -> None:
        """What waits is taken in, or the process dies of it."""
        self.street.pump(steps)

    @rule(lock=LOCK, count=st.integers(1, 3), moment=MOMENT)
    def ingest_dies(self, lock: int, count: int, moment: tuple[str, int]) -> None:
        """Something is said, and the process dies at one of the moments that matter."""
        where, after = moment
        self.street.connect(any_lock(lock))
        self.street.emit(any_lock(lock), count)
        self.street.pump(after, where)

    @rule(seconds=st.sampled_from((0.0, 6.0)), steps=STEPS)
    def database_stalls(self, seconds: float, steps: int | None) -> None:
        """The database is away, shorter or longer than the inbox waits for it."""
        self.street.stall(seconds)
        self.street.pump(steps)

    @rule(forget=st.booleans())
    def broker_restarts(self, forget: bool) -> None:
        """Killed; its sessions survive, or not."""
        self.street.broker.kill(forget=forget)
        for wire in self.street.wires.values():
            wire.up = wire.half_open = False
        self.street.broker.running = True

    @rule(number=NUMBER)
    def duplicate(self, number: int) -> None:
        """A message waits twice."""
        self.street.broker.twice(number)

    @rule(seed=NUMBER)
    def interleave(self, seed: int) -> None:
        """The devices are mixed."""
        self.street.broker.interleave(seed)

    @rule(number=NUMBER)
    def say_again(self, number: int) -> None:
        """A hostile broker repeats what it once said to a lock."""
        self.street.replay(number)

    @rule(minutes=st.sampled_from((1, 20, 70, 150)))
    def time_jumps(self, minutes: int) -> None:
        """World time moves on at once."""
        self.street.world.advance_to(self.street.world.now() + timedelta(minutes=minutes))

    @rule(seconds=st.sampled_from((3.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        """Both clocks go on."""
        self.street.link.advance(seconds)
        self.street.world.advance_to(self.street.world.now() + timedelta(seconds=seconds))

    @rule(carer=CARER, lock=LOCK, begins_min=st.sampled_from((-10, 5, 45)), steps=STEPS)
    def plan(self, carer: str, lock: int, begins_min: int, steps: int | None) -> None:
        """A visit comes onto a route."""
        self.doors.plan(carer, any_lock(lock), begins_min, steps)

    @rule(carer=CARER, number=NUMBER, steps=STEPS)
    def revoke(self, carer: str, number: int, steps: int | None) -> None:
        """A visit leaves it."""
        self.doors.take_away(carer, number, steps)

    @rule(carer=CARER, steps=STEPS)
    def fetch_grants(self, carer: str, steps: int | None) -> None:
        """A tablet gets what it lacks."""
        self.doors.fetch(carer, steps)

    @rule(number=NUMBER, steps=STEPS)
    def tap(self, number: int, steps: int | None) -> None:
        """A carer opens, online."""
        self.doors.tap(number, steps)

    @rule(number=NUMBER, wait_s=st.sampled_from((0.0, 10.0, 10.5)))
    def open_near(self, number: int, wait_s: float) -> None:
        """A carer opens with every server dead."""
        self.doors.open_near(number, wait_s)

    @rule(lock=LOCK, steps=STEPS, carried_back=st.booleans())
    def ferry(self, lock: int, steps: int | None, carried_back: bool) -> None:
        """A tablet carries a log home."""
        self.doors.ferry(any_lock(lock), steps, carried_back=carried_back)

    @invariant()
    def memory_is_bounded(self) -> None:
        """No lock and no queue holds more than it may."""
        for lock in self.street.locks.values():
            if lock.log.held > CAPACITY:
                raise BrokenPromiseError(f"a lock holds {lock.log.held} events, more than {CAPACITY}")
        if self.street.longest_queue > QUEUE:
            raise BrokenPromiseError(f"the inbox held {self.street.longest_queue} messages, more than {QUEUE}")

    @invariant()
    def watermarks_never_fall(self) -> None:
        """What a lock may forget is committed."""
        for lock_id, lock in self.street.locks.items():
            self.street.oracle.deleted_up_to(lock_id, lock.log.last_ack)

    def teardown(self) -> None:
        """Everything works again: all of it is home, once."""
        try:
            self.street.heal()
            self.street.oracle.everything_is_home()
            self._nothing_honest_was_refused()
        finally:
            self.street.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _nothing_honest_was_refused(self) -> None:
        with self.street.database.reading() as session:
            found: list[Any] = list(
                session.exec(
                    select(QuarantineRow.reason, QuarantineRow.name, QuarantineRow.found).where(
                        col(QuarantineRow.reason).in_(_NEVER)
                    )
                )
            )
        if found:
            raise BrokenPromiseError(f"an honest lock's messages were refused: {found[:3]}")
