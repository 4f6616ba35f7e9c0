"""What processes take of the machine, and how quick the machine is: read from /proc, nothing installed."""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ROUNDS = 60_000
_LOOK_S = 3.0


def calibration_ms() -> float:
    """The quickest of five runs of a fixed loop, milliseconds: what this machine can do right now."""
    return min(_loop_ms() for _ in range(5))


def _loop_ms() -> float:
    began_s = time.perf_counter()
    digest = b""
    for number in range(_ROUNDS):
        digest = hashlib.sha256(digest + number.to_bytes(4, "big")).digest()
    return (time.perf_counter() - began_s) * 1000


def busy_s() -> float:
    """CPU seconds the whole machine has spent on anything but idling and waiting for disks."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(f) for f in fields[:8])
    return (user + nice + system + irq + softirq + steal) * _TICK_S


class Meter:
    """CPU and memory of some process trees, looked at every few seconds.

    Parameters
    ----------
    roots
        Name to process id; the children of a process count with it. Several ids may share a name as ``name#2``.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._cpu_s = dict.fromkeys(roots, 0.0)
        self._first_s: dict[str, float] = {}
        self._most_mib = dict.fromkeys(roots, 0.0)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="meter", daemon=True)
        self._wall_s = self._busy_s = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._began_s, self._busy_began_s = time.monotonic(), busy_s()
        self._look()
        self._thread.start()

    def stop(self) -> None:
        """Count to the end."""
        self._stop.set()
        self._thread.join()
        self._look()
        self._wall_s, self._busy_s = time.monotonic() - self._began_s, busy_s() - self._busy_began_s

    @property
    def wall_s(self) -> float:
        """From start to stop."""
        return self._wall_s

    @property
    def busy_s(self) -> float:
        """CPU seconds of everything on the machine from start to stop."""
        return self._busy_s

    def cpu_s(self, name: str) -> float:
        """CPU seconds of a tree from start to stop; one that died counts until it was last seen."""
        return max(0.0, self._cpu_s[name] - self._first_s.get(name, 0.0))

    def memory_mib(self, name: str) -> float:
        """Most memory of a tree at any look."""
        return self._most_mib[name]

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self._look()

    def _look(self) -> None:
        children = _children()
        for name, root in self._roots.items():
            tree = _tree(root, children)
            cpu_s = sum(_cpu_s(pid) for pid in tree)
            self._first_s.setdefault(name, cpu_s)
            # A child that ended is counted with its parent once that has noticed: never let the sum fall.
            self._cpu_s[name] = max(self._cpu_s[name], cpu_s)
            self._most_mib[name] = max(self._most_mib[name], sum(_memory_mib(pid) for pid in tree))


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            found.setdefault(int(stat[1]), []).append(int(entry.name))
    return found


def _tree(root: int, children: Mapping[int, list[int]]) -> list[int]:
    tree, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        tree.append(pid)
        waiting += children.get(pid, [])
    return tree


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_s(pid: int) -> float:
    stat = _stat(pid)
    return sum(int(field) for field in stat[11:15]) * _TICK_S if stat else 0.0


def _memory_mib(pid: int) -> float:
    """Proportional share of memory where readable, else resident memory."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    return 0.0
