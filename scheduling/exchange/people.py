"""Who the rows of a file are about: citizens by number or id, carers by employee number or id, of some units only."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlmodel import Session, col, select

from scheduling.exchange.reader import CellProblem, Sheet, shown
from scheduling.exchange.sheets import SheetLine
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow

_IN_CHUNK = 500
Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class People:
    """Citizens and carers by what the file calls them, and the units they belong to."""

    citizens: Mapping[str, CitizenRow]
    carers: Mapping[str, CarerRow]
    units: Mapping[str, UnitRow]
    #: codes of services by what people call them, in small letters
    services: Mapping[str, str] = field(default_factory=dict)
    #: how many carers a name in the file stands for, where it is more than one
    ambiguous: Mapping[str, int] = field(default_factory=dict)
    #: every carer of the units
    staff: Sequence[CarerRow] = ()

    def service(self, name: str) -> str:
        """The code of a service; one without a name of ours is its own code."""
        return self.services.get(name.casefold(), name)

    def carer_id(self, name: str) -> str | None:
        """The id of a carer the file names; ``None`` where it names nobody."""
        return self.carers[name].id if name else None

    def problems(self, sheet: Sheet) -> Iterator[CellProblem]:
        """Rows that name somebody who is not there, or could be several."""
        for line in sheet.lines:
            citizen, carer = line.text("citizen"), _carer_named(line)
            if citizen and citizen not in self.citizens:
                yield CellProblem(line.row, sheet.headings["citizen"], "en borger i dine enheder", shown(citizen))
            if carer and carer not in self.carers:
                heading = sheet.headings["carer" if "carer" in sheet.headings else "fixed_carer"]
                yield self._carer_problem(line.row, heading, carer)

    def _carer_problem(self, row: int, heading: str, carer: str) -> CellProblem:
        count = self.ambiguous.get(carer, 0)
        if count:
            found = f"{shown(carer)}, som {count} medarbejdere har"
            return CellProblem(row, heading, "et medarbejdernummer, kun én i dine enheder har", found)
        return CellProblem(row, heading, "medarbejdernummer eller id på en medarbejder i dine enheder", shown(carer))


def bare_number(number: str) -> str:
    """An employee number without what systems and spreadsheets vary: case, blanks, zeros in front."""
    bare = "".join(number.casefold().split())
    return bare.lstrip("0") or "0" if bare.isdigit() else bare


def read_people(
    session: Session, lines: Sequence[SheetLine], unit_ids: Collection[str], services: Mapping[str, str]
) -> People:
    """Everybody the rows name who belongs to one of the units."""
    names = {line.text("citizen") for line in lines} - {""}
    numbers = {int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 9}
    citizens: dict[str, CitizenRow] = {}
    for part in _chunks(sorted(numbers)):
        for row in session.exec(select(CitizenRow).where(col(CitizenRow.short).in_(part))):
            citizens[str(row.short)] = row
    for ids in _chunks(sorted(names)):
        citizens |= {row.id: row for row in session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(ids)))}
    units = session.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(unit_ids)))).all()
    called = {_carer_named(line) for line in lines} - {""}
    staff = session.exec(select(CarerRow).where(col(CarerRow.unit_id).in_(sorted(unit_ids)))).all() if called else []
    meant = _meant(called, staff)
    return People(
        {name: row for name, row in citizens.items() if row.unit_id in unit_ids},
        {name: found[0] for name, found in meant.items() if len(found) == 1},
        {row.id: row for row in units},
        services,
        {name: len(found) for name, found in meant.items() if len(found) > 1},
        staff,
    )


def _meant(names: Collection[str], staff: Sequence[CarerRow]) -> dict[str, list[CarerRow]]:
    """Who each name stands for: our own id, else the number as it is written, else but for zeros in front."""
    by_id = {row.id: [row] for row in staff}
    exact: dict[str, list[CarerRow]] = {}
    bare: dict[str, list[CarerRow]] = {}
    for row in staff:
        if row.employee_no is not None:
            exact.setdefault(row.employee_no, []).append(row)
            bare.setdefault(bare_number(row.employee_no), []).append(row)
    found = {name: by_id.get(name) or exact.get(name) or bare.get(bare_number(name)) for name in names}
    return {name: rows for name, rows in found.items() if rows}


def _carer_named(line: SheetLine) -> str:
    return line.text("carer") or line.text("fixed_carer")


def _chunks(ids: Sequence[Key]) -> Iterator[Sequence[Key]]:
    yield from (ids[start : start + _IN_CHUNK] for start in range(0, len(ids), _IN_CHUNK))
