"""Where the time of an unlock goes: its hops as they are seen from outside, and the CPU of every process.

Nothing in the platform is changed or slowed for it. A tablet says when it asked and was answered, a listener at the
broker when each message passed, the bell when the end was committed; the kernel says what each process has used.

    python -m loadtests.gateway_bench.hops --out docs/benchmarks/unlock.md
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition

import gateway.migrations  # noqa: F401 - every table is known once its module is
from devices.broker import Delivery
from devices.connections import BrokerConnection
from loadtests.gateway_bench.doors import WAIT_S, Doors, doors
from loadtests.ingest import silence
from loadtests.machine import calibration_ms

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: in the order of the page; the last two stand in for what is outside
PROCESSES = ("serve", "ingest", "postgres", "worker", "signer", "mosquitto", "redis", "locks", "tablets")
_OUTSIDE = frozenset({"locks", "tablets"})
#: messages of one unlock, by the end of their topics
PASSING = ("dn/challenge", "up/challenge", "dn/open", "up/answer")
HOPS = (
    ("tap", "dn/challenge", "the tap is judged, its intent committed, the lock asked for a nonce"),
    ("dn/challenge", "up/challenge", "*the lock thinks of one*"),
    ("up/challenge", "challenged", "the nonce is sealed and handed to the tablet"),
    ("challenged", "proof", "*the tablet signs*"),
    ("proof", "dn/open", "the proof is checked, the command committed and sent"),
    ("dn/open", "up/answer", "*the lock checks grant and proof, and signs its answer*"),
    ("up/answer", "unlocked", "the answer is checked and committed, the bell has rung"),
)


class Listener:
    """Notes when messages pass the broker, by lock and name."""

    def __init__(self, town: Doors) -> None:
        self._passed: dict[tuple[str, str], float] = {}
        self._changed = Condition()
        self._connection = BrokerConnection(
            town.broker,
            "bench-listener",
            [f"omsorgstid/v1/{town.tenant}/lock/+/#"],
            self._heard,
            acknowledge=True,
            session_expiry_s=0,
        )

    def __enter__(self) -> "Listener":
        self._connection.start()
        self._connection.wait_up(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.stop()

    def passed(self, lock_id: str, since_s: float) -> dict[str, float]:
        """When each message of an unlock passed that began at a moment. The bell may have rung before we heard them.

        Raises
        ------
        TimeoutError
            If one of them does not pass.
        """
        wanted = [(lock_id, name) for name in PASSING]
        with self._changed:
            if not self._changed.wait_for(
                lambda: all(self._passed.get(each, 0.0) >= since_s for each in wanted), WAIT_S
            ):
                raise TimeoutError(f"Expected {PASSING} to pass the broker, got fewer.")
            return {name: self._passed[lock_id, name] for name in PASSING}

    def _heard(self, delivery: Delivery) -> None:
        *_, lock_id, direction, name = delivery.topic.split("/")
        with self._changed:
            self._passed[lock_id, f"{direction}/{name}"] = time.perf_counter()
            self._changed.notify_all()


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU each process has used so far, what it has started included while that lives."""
    own = os.getpid()
    # This process has started all the others.
    return {name: sum(map(_used_s, [pid] if pid == own else _family(pid))) for name, pid in pids.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians in seconds, and what each process used for one unlock, in milliseconds of CPU."""

    whole_s: float
    hops_s: Mapping[str, float]
    alone_ms: Mapping[str, float]
    at_once_ms: Mapping[str, float]
    noop_ms: Mapping[str, float]
    people: int


def measure(directory: Path, openings: int, seconds: float) -> Measured:
    """One after the other, then everybody at once, then no-op requests by everybody at once."""
    with doors(directory) as town:
        people = len(town.tablets)
        for number in range(2 * people):
            town.open(number % people)
        used_s = cpu_s(town.pids)
        whole_s = [town.open(number % people) for number in range(openings)]
        alone_ms = _ms_each(used_s, cpu_s(town.pids), openings)
        used_s = cpu_s(town.pids)
        at_once = _by_everybody(town, town.open, seconds)
        at_once_ms = _ms_each(used_s, cpu_s(town.pids), at_once)
        used_s = cpu_s(town.pids)
        noops = _by_everybody(town, lambda number: town.tablets[number][0].call("GET", "/healthz"), seconds / 2)
        noop_ms = _ms_each(used_s, cpu_s(town.pids), noops)
        with Listener(town) as listener:
            seen = [_hops(town, listener, number % people) for number in range(openings)]
    hops_s = {hop: statistics.median(each[hop] for each in seen) for hop, _, _ in HOPS}
    return Measured(statistics.median(whole_s), hops_s, alone_ms, at_once_ms, noop_ms, people)


def _by_everybody(town: Doors, act: Callable[[int], object], seconds: float) -> int:
    """How often everybody together does something in so many seconds."""
    until_s = time.monotonic() + seconds

    def work(number: int) -> int:
        done = 0
        while time.monotonic() < until_s:
            with suppress(TimeoutError):  # told to tap again
                act(number)
                done += 1
        return done

    with ThreadPoolExecutor(len(town.tablets)) as pool:
        return sum(pool.map(work, range(len(town.tablets))))


def _ms_each(before_s: Mapping[str, float], after_s: Mapping[str, float], times: int) -> dict[str, float]:
    return {name: 1000 * (after_s[name] - before_s[name]) / times for name in PROCESSES}


def _hops(town: Doors, listener: Listener, number: int) -> dict[str, float]:
    """Seconds from each step of one unlock to the next, by the step they begin with."""
    tablet, door_id, visit_id = town.tablets[number]
    opening = tablet.open_door(door_id, visit_id)
    unlocked_s = town.unlocked(opening)
    began_s, challenged_s = tablet.took["openings"]
    at_s = listener.passed(opening["lock_id"], began_s) | {"tap": began_s, "challenged": challenged_s}
    at_s |= {"proof": tablet.took["proof"][0], "unlocked": unlocked_s}
    return {begin: at_s[end] - at_s[begin] for begin, end, _ in HOPS}


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _used_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # Its own and that of processes it started that have ended: a database ends one with each connection.
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def _page(found: Measured) -> str:
    hops = "\n".join(f"| {begin} → {end} | {what} | {1000 * found.hops_s[begin]:.2f} |" for begin, end, what in HOPS)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    model = platform.processor() or platform.machine()
    inside = [name for name in PROCESSES if name not in _OUTSIDE]
    rows = [
        *(_row(f"*{name}*" if name in _OUTSIDE else name, [name], found) for name in PROCESSES),
        _row("**platform**", inside, found),
        _row("**everything**", PROCESSES, found),
    ]
    cpu = "\n".join(rows)
    return f"""\
# Where the milliseconds of an unlock go

Written by `python -m loadtests.gateway_bench.hops` ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC).

- {os.cpu_count()} cores, {model}, Python {platform.python_version()}. Load averages at the end: {load}; the
  calibration loop took {calibration_ms():.0f} ms.
- On a machine that has other work the milliseconds of the first table mean little; those of the second are CPU.
- Every part of the platform is a process of its own; the lock's motor takes no time. What stands in *italics* is no
  part of it: locks and tablets are simulated on the same cores.

From the tap to the commit of *Låst op*, one after the other: **{1000 * found.whole_s:.1f} ms** (median).

| hop | what happens | ms (median) |
|---|---|---|
{hops}

A listener at the broker says when each message passed; it makes the broker send each once more.

CPU in milliseconds, *alone* being one after the other:

| process | an unlock, alone | an unlock, {found.people} at once | a no-op request, {found.people} at once |
|---|---|---|---|
{cpu}

What was tried to make it less, and why it is not: [ADR 0012](../adr/0012-what-an-unlock-costs.md).
"""


def _row(shown: str, names: Iterable[str], found: Measured) -> str:
    columns = (found.alone_ms, found.at_once_ms, found.noop_ms)
    return "| ".join((f"| {shown} ", *(f"{sum(column[name] for name in names):.2f} " for column in columns))) + "|"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="the page; standard output where absent")
    parser.add_argument("--openings", type=int, default=300, help="one after the other")
    parser.add_argument("--seconds", type=float, default=10.0, help="of everybody at once")
    chosen = parser.parse_args(arguments)
    silence()
    with tempfile.TemporaryDirectory(prefix="omsorgstid-hops-") as name:
        text = _page(measure(Path(name) / "unlock", chosen.openings, chosen.seconds))
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        chosen.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
