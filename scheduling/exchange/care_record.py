"""The care record (omsorgsjournal) as this platform meets it: a port, and the adapter every such system can serve.

KMD Nexus, Columna Cura and the others differ in their interfaces and agree in one thing: they can put an export into a
folder. Another adapter is a class with the same two methods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scheduling.exchange.reader import MAX_BYTES, CellProblem

IN, DONE, REFUSED = "ind", "indlaest", "afvist"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something the care record has for us: its name there, and the CSV it is."""

    name: str
    content: bytes


class CareRecord(Protocol):
    """Where visits, weekly plans and shifts are handed over."""

    def waiting(self) -> Sequence[Delivery]:
        """What has been handed over and not been settled, the oldest first."""
        ...

    def settle(self, delivery: Delivery, problems: Sequence[CellProblem]) -> None:
        """Say what became of it: it took effect, or it did not and why. Settling again changes nothing."""
        ...


class FileDrop:
    """A folder with three in it: ``ind`` for whoever delivers, ``indlaest`` and ``afvist`` for what became of it.

    A file is taken when its name ends in ``.csv``: who writes slowly writes another name and renames. Refused ones get
    a text beside them with every problem.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waiting(self) -> Sequence[Delivery]:
        """Files in ``ind``, by time and name. One that is too large is cut just above the bound and then refused."""
        place = self._folder / IN
        if not place.is_dir():
            return []
        files = [p for p in place.iterdir() if p.is_file() and p.suffix.casefold() == ".csv"]
        found = []
        for path in sorted(files, key=lambda p: (p.stat().st_mtime_ns, p.name)):
            with path.open("rb") as file:
                found.append(Delivery(path.name, file.read(MAX_BYTES + 1)))
        return found

    def settle(self, delivery: Delivery, problems: Sequence[CellProblem]) -> None:
        """Move the file, and say what is wrong with it."""
        place = self._folder / (REFUSED if problems else DONE)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if problems:
            said = "\n".join(["Intet er indlæst.", *(str(problem) for problem in problems)])
            (place / f"{delivery.name}.fejl.txt").write_text(said + "\n", encoding="utf-8")
        source = self._folder / IN / delivery.name
        if source.exists():
            source.replace(place / delivery.name)
