"""Where the time of an unlock goes: its hops as they are seen from outside, and the CPU of every process.

Nothing in the platform is changed or slowed for it. A tablet says when it asked and was answered, a listener at the
broker when each message passed, the bell when the end was committed; the kernel says what each process has used.

    python -m loadtests.gateway_bench.hops --openings 200
"""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import gateway.migrations  # noqa: F401 - every table is known once its module is
from devices.broker import Delivery
from devices.connections import BrokerConnection
from loadtests.gateway_bench.doors import Doors

_WAIT_S = 30.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: processes that are no part of the platform
STANDING_IN = ("locks", "tablets")
#: what passes the broker, in order, and what it comes after
PASSING = ("dn/challenge", "up/challenge", "dn/open", "up/answer", "up/evt", "dn/ack")
HOPS = (
    ("tap", "dn/challenge", "the tap is judged and its intent committed"),
    ("dn/challenge", "up/challenge", "the lock makes its challenge"),
    ("up/challenge", "challenged", "the challenge is kept and handed to the tablet"),
    ("challenged", "proved", "the tablet signs"),
    ("proved", "dn/open", "the proof is checked and kept"),
    ("dn/open", "up/answer", "the lock checks grant and proof, and signs its answer"),
    ("up/answer", "unlocked", "the answer is checked and committed, the bell has rung"),
)


class Listener:
    """Notes when messages of one lock pass the broker."""

    def __init__(self, town: Doors, tenant: str) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self._connection = BrokerConnection(
            town.broker, "bench-listener", [f"omsorgstid/v1/{tenant}/lock/+/#"], self._heard, acknowledge=True,
            session_expiry_s=0,
        )  # fmt: skip

    def __enter__(self) -> "Listener":
        self._connection.start()
        self._connection.wait_up(_WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.stop()

    def passed(self, lock_id: str) -> dict[str, float]:
        """When each message of a lock passed last."""
        return {name: at_s for (of_lock, name), at_s in list(self._seen.items()) if of_lock == lock_id}

    def _heard(self, delivery: Delivery) -> None:
        *_, lock_id, direction, name = delivery.topic.split("/")
        self._seen[lock_id, f"{direction}/{name}"] = time.perf_counter()


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU each process has used so far, those it has started included while they live."""
    return {name: sum(_used_s(one) for one in _family(pid)) for name, pid in pids.items()}


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
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
