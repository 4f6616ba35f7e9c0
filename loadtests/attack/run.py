"""Runs every named attack and says, a line each, whether it was refused.

    python -m loadtests.attack

Columns: the attack; what came of it over broker and HTTP; what came of it beside the lock after a tablet had brought
the server's lists; how long it works where neither reaches the lock; the result. Ends with 1 if any attack succeeds.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from devices.simulator.lock import SimulatedLock
from loadtests.attack import forgeries, lists, logs, people, replays, servers, vendors
from loadtests.attack.attempt import Attack, Held, Tried
from loadtests.attack.stage import LockMaker, Stage, stage

ATTACKS: tuple[Attack, ...] = (
    *replays.ATTACKS,
    *forgeries.ATTACKS,
    *lists.ATTACKS,
    *logs.ATTACKS,
    *people.ATTACKS,
    *servers.ATTACKS,
    *vendors.ATTACKS,
)
#: past the end of every window granted this morning
_LATER = timedelta(hours=3)


@dataclass(frozen=True)
class Line:
    """One attack, tried."""

    name: str
    online: Held
    ferried: Held
    bound: str
    #: what came of it after the bound, where there is one to wait for
    later: Held | None

    @property
    def refused(self) -> bool:
        """Whether every part of the defence held."""
        return self.online.ok and self.ferried.ok and (self.later is None or self.later.ok)

    def cells(self) -> tuple[str, str, str, str, str]:
        """The five columns."""
        after = "" if self.later is None else f", then {self.later.said}"
        result = "refused" if self.refused else "SUCCEEDED"
        return self.name, self.online.said, self.ferried.said, f"{self.bound}{after}", result


def run_attacks(
    attacks: Sequence[Attack] = ATTACKS,
    make_lock: LockMaker = SimulatedLock,
    tell: Callable[[str], None] = lambda _name: None,
) -> list[Line]:
    """Start a platform, try every attack, wait the windows out, try what was bounded once more."""
    with tempfile.TemporaryDirectory(prefix="omsorgstid-attack-") as name, stage(Path(name), make_lock) as on:
        tried: list[tuple[Attack, Tried]] = []
        for attack in attacks:
            tell(attack.name)
            tried.append((attack, _try(attack, on)))
        on.world.advance_to(on.world.now() + _LATER)
        return [Line(a.name, t.online, t.ferried, t.bound, _later(t, on)) for a, t in tried]


def _try(attack: Attack, on: Stage) -> Tried:
    """An attack whose stage falls down has shown nothing, and that is not a success."""
    try:
        return attack.run(on)
    except Exception as error:  # noqa: BLE001 - the others are still to be tried
        nothing = Held(False, f"NOT TRIED: {type(error).__name__}: {error}"[:120])
        return Tried(nothing, nothing, "-")


def _later(tried: Tried, on: Stage) -> Held | None:
    found: Held | None = None
    for later in tried.later:
        held = later(on)
        found = held if found is None else found & held
    return found


def table(lines: Sequence[Line]) -> str:
    """The lines as a table with aligned columns."""
    rows = [("attack", "online", "after ferry", "offline bound", "result"), *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
