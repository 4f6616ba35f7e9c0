"""A hundred sequences of faults through the crash model; and it finds what is planted."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from devices.simulator.body import Outgoing
from devices.simulator.lock import BROKER, SimulatedLock
from loadtests.soak.machine import MOMENTS, CrashModel
from loadtests.soak.oracle import BrokenPromiseError
from loadtests.soak.sequences import run_machine, run_sequences
from loadtests.soak.street import MortalCommitter

SEQUENCES, STEPS = 100, 18


@pytest.fixture(autouse=True)
def hushed() -> Iterator[None]:
    """A warning per fault that was made on purpose helps nobody; what comes after hears as before."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


def test_a_hundred_sequences_of_faults_lose_nothing_count_nothing_twice_and_open_nothing_wrongly() -> None:
    counts = run_sequences(SEQUENCES, STEPS)

    assert counts["openings"] > SEQUENCES / 4
    assert counts["events"] > SEQUENCES * 5
    for where in MOMENTS:
        assert counts[f"ingest died {where}"] > 0, counts
    assert sum(count for what, count in counts.items() if what.startswith("gateway died")) > SEQUENCES / 4


class AcksBeforeCommit(MortalCommitter):
    """Tells the broker first: what is in its hands when it dies is gone."""

    def _commit(self, batch: Any) -> Any:
        if self._inlet is not None:
            self._inlet.ack([waiting.delivery for waiting in batch])
        return super()._commit(batch)


class BelievesOldChallenges(SimulatedLock):
    """Takes a challenge for good however old it is."""

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As always, on a timer that stands still."""
        self._desk._challenges._link = _Stopped()
        return super().on_message(name, payload, source)


class _Stopped:
    def monotonic_s(self) -> float:
        return 0.0


class ForgetsRevocations(SimulatedLock):
    """Acknowledges a list and forgets it."""

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As always, and then as if nothing had been said."""
        out = super().on_message(name, payload, source)
        self.access.ctis = frozenset()
        return out


class DeletesTooMuch(SimulatedLock):
    """Takes a watermark for leave to forget everything."""

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As always, and then it lets go of the rest as well."""
        out = super().on_message(name, payload, source)
        if name == "ack":
            self.log._held.clear()
            self.log._acked = self.log.next_seq - 1
        return out


class RunsOutOfTime(SimulatedLock):
    """Its clock stands still at the moment it was made: no window ever ends."""

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As always, at the same instant."""
        self.clock._world = (
            _Still(self.clock._world.now()) if not isinstance(self.clock._world, _Still) else self.clock._world
        )
        return super().on_message(name, payload, source)


class _Still:
    def __init__(self, at: Any) -> None:
        self._at = at

    def now(self) -> Any:
        return self._at


@pytest.mark.parametrize(
    ("attribute", "planted", "says"),
    [
        pytest.param("make_committer", AcksBeforeCommit, "acknowledged before it was committed", id="acks first"),
        pytest.param("make_lock", BelievesOldChallenges, "older than 10 s", id="old challenges"),
        pytest.param("make_lock", ForgetsRevocations, "told not to accept", id="forgets revocations"),
        pytest.param("make_lock", DeletesTooMuch, "in the database 0 times", id="deletes too much"),
        pytest.param("make_lock", RunsOutOfTime, "granted from", id="no clock"),
    ],
)
def test_a_planted_weakness_is_found(attribute: str, planted: type[Any], says: str) -> None:
    weak = type("Weak", (CrashModel,), {attribute: planted})

    with pytest.raises(BrokenPromiseError, match=says):
        run_machine(weak, 4 * SEQUENCES, 30, shrink=False)
