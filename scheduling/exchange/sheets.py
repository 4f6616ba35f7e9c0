"""What planning systems export, as sheets: which columns a sheet has, by the headings people use. Pure.

Four sheets are known: visits of dates, weekly patterns (grundplan), shifts (vagter), and the numbers other systems know
carers by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from functools import partial
from typing import Any

from scheduling.exchange import cells


class SheetKind(StrEnum):
    """What a file is about; told from its headings."""

    VISITS = "visits"
    PATTERNS = "patterns"
    SHIFTS = "shifts"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the name it has with us, headings people use, how its cells are read, and what an empty one is."""

    name: str
    headings: tuple[str, ...]
    read: Callable[[str], Any]
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One row as it was read: its number in the file (the headings are row 1) and its values by column name."""

    row: int
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text, empty where the file has none."""
        return str(self.values.get(name) or "")

    def day(self, name: str) -> date:
        """A date the reader has checked."""
        found: date = self.values[name]
        return found

    def clock(self, name: str) -> time:
        """A time the reader has checked."""
        found: time = self.values[name]
        return found


def _words(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(",") if part.strip())


_CITIZEN = Column("citizen", ("Borger", "Borgernummer", "Borgernr", "Borger nr", "Borger-id", "Citizen"), cells.text)
_SERVICE = Column("service", ("Ydelse", "Indsats", "Besøgstype", "Hjælp", "Service"), cells.text)
_FROM = Column("opens", ("Fra", "Tidligst", "Tidligste start", "Start fra", "Window from"), cells.clock)
_TO = Column("closes", ("Til", "Senest", "Seneste start", "Start til", "Window to"), cells.clock)
_LENGTH = Column(
    "minutes", ("Varighed", "Minutter", "Varighed min", "Tid", "Duration"), partial(cells.number, least=1, most=1440)
)
_CARERS = Column(
    "carers",
    ("Antal medarbejdere", "Medarbejdere", "Dobbeltbemanding", "Carers"),
    partial(cells.whole, least=1, most=2),
    False,
    1,
)
_SCREEN = Column("screen", ("Skærm", "Skærmbesøg", "Screen"), cells.yes, False, False)
_SKILLS = Column("skills", ("Kompetencer", "Kvalifikationer", "Skills"), _words, False, ())
_PRIORITY = Column("priority", ("Prioritet", "Priority"), partial(cells.whole, least=1, most=5), False, 3)
_REF = Column("ref", ("Besøgs-id", "Besøgsid", "Id", "Reference", "Visit id"), cells.text, False, "")
#: systems name a carer by number, and often write her name in a column called Medarbejder: the number counts first
_NUMBERS = (
    "Medarbejdernummer",
    "Medarbejdernr",
    "Tjenestenummer",
    "Tjenestenr",
    "Lønnummer",
    "Lønnr",
    "Employee number",
)
_IDS = ("Medarbejder-id", "Medarbejder", "Carer")
_CARER = Column("carer", (*_NUMBERS, *_IDS), cells.text)
_FIRST = Column("first_on", ("Gælder fra", "Fra dato", "Startdato", "Valid from"), cells.day)
_LAST = Column("last_on", ("Gælder til", "Til dato", "Slutdato", "Valid to"), cells.day, False, None)
_DAY = Column("day", ("Dato", "Dag", "Besøgsdato", "Date"), cells.day)

SHEETS: Mapping[SheetKind, tuple[Column, ...]] = {
    SheetKind.VISITS: (
        *(_DAY, _CITIZEN, _SERVICE, _FROM, _TO, _LENGTH, _CARERS, _SCREEN, _SKILLS, _PRIORITY, _REF),
        Column("fixed_carer", ("Fast medarbejder", "Låst til"), cells.text, False, ""),
    ),
    SheetKind.PATTERNS: (
        *(_CITIZEN, _SERVICE, _FROM, _TO, _LENGTH, _CARERS, _SCREEN, _SKILLS, _PRIORITY, _REF, _FIRST, _LAST),
        Column("weekdays", ("Ugedage", "Dage", "Weekdays"), cells.weekdays),
        Column(
            "weeks",
            ("Ugeinterval", "Hver n. uge", "Weeks"),
            partial(cells.whole, least=1, most=12),
            False,
            1,
        ),
    ),
    SheetKind.SHIFTS: (
        *(_DAY, _CARER),
        Column("starts", ("Vagt fra", "Mødetid", "Vagtstart", "Shift from"), cells.clock),
        Column("ends", ("Vagt til", "Gåtid", "Vagtslut", "Shift to"), cells.clock),
    ),
    SheetKind.STAFF: (
        Column("carer", (*_IDS, "Id"), cells.text),
        Column("employee_no", _NUMBERS, cells.text),
    ),
}
"""The columns of each sheet. docs/visits-in.md has the same table for people."""

#: the columns a sheet is told by, in the order they are looked for
_OWN = {
    SheetKind.PATTERNS: {"weekdays"},
    SheetKind.SHIFTS: {"starts", "ends"},
    SheetKind.VISITS: {"day"},
    SheetKind.STAFF: {"employee_no"},
}


def kind_of(headings: Mapping[str, int]) -> SheetKind | None:
    """Which sheet has these (normal) headings: the one whose own required columns are there."""
    for kind, own in _OWN.items():
        columns = [c for c in SHEETS[kind] if c.name in own]
        if all(any(normal(h) in headings for h in c.headings) for c in columns):
            return kind
    return None


def normal(heading: str) -> str:
    """A heading without what people vary: case, blanks, hyphens, full stops, units in brackets."""
    bare = heading.split("(", maxsplit=1)[0]
    return "".join(c for c in bare.casefold() if c.isalnum())
