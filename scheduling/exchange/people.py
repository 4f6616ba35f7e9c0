"""Who the rows of a file are about: citizens by number or id, carers by id, of some units only."""

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

    def service(self, name: str) -> str:
        """The code of a service; one without a name of ours is its own code."""
        return self.services.get(name.casefold(), name)

    def problems(self, sheet: Sheet) -> Iterator[CellProblem]:
        """Rows that name somebody who is not there."""
        for line in sheet.lines:
            citizen, carer = line.text("citizen"), line.text("carer") or line.text("fixed_carer")
            if citizen and citizen not in self.citizens:
                yield CellProblem(line.row, sheet.headings["citizen"], "en borger i dine enheder", shown(citizen))
            if carer and carer not in self.carers:
                heading = sheet.headings["carer" if "carer" in sheet.headings else "fixed_carer"]
                yield CellProblem(line.row, heading, "en medarbejder i dine enheder", shown(carer))


def read_people(
    session: Session, lines: Sequence[SheetLine], unit_ids: Collection[str], services: Mapping[str, str]
) -> People:
    """Everybody the rows name who belongs to one of the units."""
    names = {line.text("citizen") for line in lines} - {""}
    staff = {line.text("carer") or line.text("fixed_carer") for line in lines} - {""}
    numbers = {int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 9}
    citizens: dict[str, CitizenRow] = {}
    for part in _chunks(sorted(numbers)):
        for row in session.exec(select(CitizenRow).where(col(CitizenRow.short).in_(part))):
            citizens[str(row.short)] = row
    for ids in _chunks(sorted(names)):
        citizens |= {row.id: row for row in session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(ids)))}
    carers: dict[str, CarerRow] = {}
    for ids in _chunks(sorted(staff)):
        carers |= {row.id: row for row in session.exec(select(CarerRow).where(col(CarerRow.id).in_(ids)))}
    units = session.exec(select(UnitRow).where(col(UnitRow.id).in_(sorted(unit_ids)))).all()
    return People(
        {name: row for name, row in citizens.items() if row.unit_id in unit_ids},
        {name: row for name, row in carers.items() if row.unit_id in unit_ids},
        {row.id: row for row in units},
        services,
    )


def _chunks(ids: Sequence[Key]) -> Iterator[Sequence[Key]]:
    yield from (ids[start : start + _IN_CHUNK] for start in range(0, len(ids), _IN_CHUNK))
