"""What happens today, one act after the other in the order of world time (ties by who acts).

World time moves only when fleets, inbox, sequencer and open requests are empty (design §6). So the same seed gives
the same day, however slow the machine is.
"""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Protocol

from gateway.demo.running import RunningDay
from gateway.runtime import Runtime
from kernel.events import StoredEvent
from kernel.log import latest_position, read_after
from kernel.sequencer import Sequencer

QUIET_TIMEOUT_S = 60.0
#: acts after which a day nobody watches lets the ledgers catch up
CATCH_UP_EVERY = 512
MOST_AT_ONCE = 1_000


class Simulated(Protocol):
    """A fleet of simulated devices on the broker."""

    @property
    def idle(self) -> bool:
        """Whether nothing of it is under way."""
        ...

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is under way. Returns whether that was reached."""
        ...


@dataclass(order=True)
class _Act:
    at: datetime
    who: str
    number: int
    run: Callable[[], None] = field(compare=False)


class Agenda:
    """Everybody's acts of the day.

    Parameters
    ----------
    fleets
        The simulated devices that have to come to rest between the acts.
    clocked
        Told what time it is before each act.
    hurried
        Nobody watches: what follows the log (the ledgers) may follow it a few acts behind.
    progress
        Called after each act with its time and what has been counted so far.
    """

    def __init__(
        self,
        runtime: Runtime,
        running: RunningDay,
        fleets: Sequence[Simulated],
        clocked: Sequence[Callable[[datetime], object]],
        *,
        hurried: bool = False,
        progress: Callable[[datetime, Counter[str]], None] = lambda _at, _counts: None,
    ) -> None:
        self.runtime = runtime
        self._running = running
        self._fleets = tuple(fleets)
        self._clocked = tuple(clocked)
        self._hurried = hurried
        self._progress = progress
        self._sequencer = Sequencer(runtime.database)
        self._watched: dict[str, Callable[[StoredEvent], None]] = {}
        with runtime.database.reading() as session:
            self._seen = latest_position(session)
        self._acts: list[_Act] = []
        self._number = 0
        self.counts: Counter[str] = Counter()

    @property
    def now(self) -> datetime:
        """World time."""
        return self.runtime.clock.now()

    def at(self, at: datetime, who: str, run: Callable[[], None]) -> None:
        """Put an act on the agenda; one in the past comes next."""
        self._number += 1
        heapq.heappush(self._acts, _Act(at, who, self._number, run))

    def watch(self, event_type: str, heard: Callable[[StoredEvent], None]) -> None:
        """Have somebody hear of every event of a type, between the acts."""
        self._watched[event_type] = heard

    def live(self) -> None:
        """Do everything on the agenda to its end, or until somebody ends the day."""
        pipeline = self.runtime.pipeline
        self._running.running = True
        try:
            with pipeline.paused() if self._hurried else nullcontext():
                for number in count(1):
                    if not self._acts or self._running.stopped or not self._one():
                        break
                    if self._hurried and number % CATCH_UP_EVERY == 0:
                        pipeline.run_until_empty()
                if self._hurried:
                    pipeline.run_until_empty()
        finally:
            self._running.running = False

    def _one(self) -> bool:
        act = heapq.heappop(self._acts)
        if not self._running.reach(act.at):
            return False
        for told in self._clocked:
            told(act.at)
        act.run()
        self.quiet()
        self._progress(act.at, self.counts)
        return True

    def quiet(self) -> None:
        """Wait until nothing is under way anywhere.

        Raises
        ------
        TimeoutError
            If something does not come to rest; it says what.
        """
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        ingest, pipeline = self.runtime.ingest, self.runtime.pipeline
        if ingest is None:
            raise ValueError("Expected a runtime that ingests, got one that does not.")
        while True:
            # Asked once more after the waiting: what one part finishes may give work to the one asked before it.
            still = all(f.wait_idle(5.0) for f in self._fleets) and ingest.wait_idle(5.0)
            still = still and (self._sequenced() if self._hurried else pipeline.wait_idle(5.0))
            if still and all(f.idle for f in self._fleets) and ingest.idle and (self._hurried or pipeline.idle()):
                self._hear()
                return
            if time.monotonic() > deadline_s:
                raise TimeoutError(
                    "Expected everything to come to rest, got "
                    f"fleets idle={[f.idle for f in self._fleets]}, inbox idle={ingest.idle}, "
                    f"pipeline idle={pipeline.idle()}."
                )

    def _sequenced(self) -> bool:
        """Give what happened its positions: the signer and everybody else reads by them."""
        self._sequencer.run_until_empty()
        return True

    def _hear(self) -> None:
        if not self._watched:
            return
        with self.runtime.database.reading() as session:
            events = read_after(session, self._seen, MOST_AT_ONCE, self._watched)
        for event in events:
            self._seen = event.position
            self._watched[event.event_type](event)
