"""A file that came in: all of it takes effect, or nothing does and it is kept with every problem it has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from sqlmodel import Session, col, select

from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.work import Work
from scheduling.events_ahead import VisitsImported
from scheduling.exchange import shift_lines, staff_lines, visit_lines
from scheduling.exchange.people import People, read_people
from scheduling.exchange.reader import MAX_BYTES, CellProblem, Sheet, read_sheet
from scheduling.exchange.sheets import SheetKind
from scheduling.exchange.tables import VisitImportRow
from scheduling.patterns.days import TakeOff


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a file. ``counts`` is empty where there are problems."""

    import_id: str
    kind: SheetKind | None
    row_count: int
    counts: Mapping[str, int]
    problems: Sequence[CellProblem]
    days: Sequence[date] = ()

    @property
    def applied(self) -> bool:
        """Whether it took effect."""
        return not self.problems


def receive(
    work: Work,
    raw: bytes,
    unit_ids: Collection[str],
    by_role: str,
    take_off: TakeOff,
    services: Mapping[str, str],
) -> Arrival:
    """Take a file in for some units.

    Parameters
    ----------
    unit_ids
        Citizens and carers of other units are unknown to whoever brings it.
    services
        Codes of services by what people call them, in small letters.
    """
    sheet = read_sheet(raw)
    people = read_people(work.session, sheet.lines, unit_ids, services)
    problems = [*sheet.problems, *people.problems(sheet)]
    counts: dict[str, int] = {}
    days: list[date] = []
    if not problems:
        found, counts, days = _apply(work, sheet, people, by_role, take_off)
        problems += found
    row = VisitImportRow(
        import_id=new_id(),
        at=work.now,
        by_role=by_role,
        unit_ids=sorted(unit_ids),
        kind=sheet.kind or "",
        state="refused" if problems else "applied",
        row_count=len(sheet.lines),
        counts=dict(counts),
        problems=[asdict(p) for p in problems],
        content=raw if problems and not sheet.holds_cpr and len(raw) <= MAX_BYTES else b"",
    )
    work.session.add(row)
    work.record(
        VisitsImported(
            at=work.now,
            import_id=row.import_id,
            kind=row.kind,
            row_count=row.row_count,
            problem_count=len(problems),
            by_role=by_role,
        )
    )
    work.session.flush()
    return Arrival(row.import_id, sheet.kind, row.row_count, counts, problems, days)


def arrivals(session: Session, unit_ids: Collection[str], limit: int = 50) -> list[VisitImportRow]:
    """Files that came in, the newest first, of those who see no unit that these do not."""
    rows = session.exec(select(VisitImportRow).order_by(col(VisitImportRow.at).desc()).limit(limit)).all()
    return [row for row in rows if set(row.unit_ids) <= set(unit_ids)]


def arrival(session: Session, import_id: str, unit_ids: Collection[str]) -> VisitImportRow:
    """One of them.

    Raises
    ------
    KernelError
        ``not_found``, also where another unit's people brought it.
    """
    row = session.get(VisitImportRow, import_id)
    if row is None or not set(row.unit_ids) <= set(unit_ids):
        raise KernelError("not_found", what="Filen")
    return row


def _apply(
    work: Work, sheet: Sheet, people: People, by_role: str, take_off: TakeOff
) -> tuple[list[CellProblem], dict[str, int], list[date]]:
    if sheet.kind is SheetKind.SHIFTS:
        return shift_lines.apply(work, sheet, people)
    if sheet.kind is SheetKind.STAFF:
        return staff_lines.apply(work, sheet, people)
    if sheet.kind is SheetKind.PATTERNS:
        return visit_lines.apply_patterns(work, sheet, people, by_role)
    return visit_lines.apply_visits(work, sheet, people, take_off)
