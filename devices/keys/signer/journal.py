"""The signer's own log file: one JSON line per decision, appended and on disk before the grant leaves.

It is nobody else's to write, so what a compromised gateway asked for cannot be hidden: the lines are compared
with the event log by whoever audits. No names; ids are opaque.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_READ_BACK_BYTES = 8 * 1024 * 1024
_MAX_CLAIM = 64


@dataclass(frozen=True, slots=True)
class Decision:
    """One request and what became of it. ``reason`` is empty for a minted grant; ``cti`` for a refused one.

    ``door``, ``visit``, ``shift``, ``carer`` and ``unit`` are as *claimed* in a refused request.
    """

    at: datetime
    decision: str
    cti: str
    door: str
    visit: str
    shift: str
    carer: str
    unit: str
    reason: str = ""
    basis: str = "route"


class Journal:
    """Append-only decisions in a file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._end_half_line()

    def append(self, decisions: Sequence[Decision]) -> None:
        """Write lines and wait until they are on disk.

        Raises
        ------
        OSError
            If they cannot be written; then no grant may leave.
        """
        text = "".join(json.dumps(_line(decision), ensure_ascii=True) + "\n" for decision in decisions)
        data = text.encode("ascii")
        written = os.write(self._file, data)
        if written != len(data):
            raise OSError(f"Expected to append {len(data)} bytes to {self.path}, wrote {written}.")
        os.fdatasync(self._file)

    def minted_since(self, instant_at: datetime) -> Iterator[Decision]:
        """Grants minted since, as the file tells: a restart must not reset a quota."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _READ_BACK_BYTES))
            if size > _READ_BACK_BYTES:
                file.readline()
            for line in file:
                decision = _parsed(line)
                if decision is not None and decision.decision == "minted" and decision.at > instant_at:
                    yield decision

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _end_half_line(self) -> None:
        """A line cut by a power failure must not swallow the next one."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                os.write(self._file, b"\n")


def _line(decision: Decision) -> dict[str, str]:
    values = {
        "time": decision.at.isoformat(timespec="milliseconds"),
        "decision": decision.decision,
        "cti": decision.cti,
        "door": decision.door,
        "visit": decision.visit,
        "shift": decision.shift,
        "carer": decision.carer,
        "unit": decision.unit,
        "reason": decision.reason,
        "basis": decision.basis,
    }
    return {name: value[:_MAX_CLAIM] for name, value in values.items()}


def _parsed(line: bytes) -> Decision | None:
    try:
        values = json.loads(line)
        at = datetime.fromisoformat(values.pop("time"))
        return Decision(at=at, **values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # half a line, ended at the next start
