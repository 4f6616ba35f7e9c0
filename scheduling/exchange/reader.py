"""Reads a CSV file as Danish spreadsheets write it: every problem at once, with its row and column. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduling.exchange.cells import CPR, WrongCell
from scheduling.exchange.sheets import SHEETS, Column, SheetKind, SheetLine, kind_of, normal

MAX_BYTES, MAX_ROWS, MAX_PROBLEMS = 8_000_000, 50_000, 200
_DELIMITERS = (";", "\t", ",")
_SHOWN = 60
_KINDS = "kolonnen Dato (besøg), Ugedage (grundplan), Vagt fra (vagter) eller Medarbejdernummer (medarbejdere)"
_NO_CPR = "noget, der ligner et CPR-nummer; fjern kolonnen, filen gemmes ikke"


@dataclass(frozen=True, slots=True, order=True)
class CellProblem:
    """One thing that is wrong: row of the file (the headings are row 1), column as headed, expected and found."""

    row: int
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"række {self.row}, kolonne {self.column}: forventede {self.expected}, fandt {self.found}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it was read. With problems nothing of it may be used."""

    kind: SheetKind | None
    lines: tuple[SheetLine, ...]
    problems: tuple[CellProblem, ...]
    #: column name to the heading it has in this file
    headings: Mapping[str, str]
    #: something in it looks like a CPR number: the content must not be kept
    holds_cpr: bool = False


def read_sheet(raw: bytes) -> Sheet:
    """The rows of a file, in UTF-8 or Windows-1252, or what is wrong with it."""
    rows = _table(raw)
    if isinstance(rows, CellProblem):
        return _refused(rows)
    if _has_cpr(rows):
        return Sheet(None, (), (CellProblem(1, "-", "borgernumre", _NO_CPR),), {}, holds_cpr=True)
    places = {normal(heading): index for index, heading in reversed(list(enumerate(rows[0][1]))) if normal(heading)}
    kind = kind_of(places)
    if kind is None:
        return _refused(CellProblem(1, "-", _KINDS, shown(", ".join(rows[0][1]))))
    return _read(kind, rows, places)


def _table(raw: bytes) -> "list[tuple[int, list[str]]] | CellProblem":
    if len(raw) > MAX_BYTES:
        return CellProblem(1, "-", f"højst {MAX_BYTES // 1_000_000} MB", f"{len(raw) / 1_000_000:.1f} MB")
    text = decoded(raw)
    if text is None or "\x00" in text:
        return CellProblem(1, "-", "tekst i UTF-8 eller Windows-1252", "en fil, der ikke er tekst")
    try:
        rows = _rows(text)
    except csv.Error as err:
        return CellProblem(1, "-", "en CSV-fil", str(err))
    return rows or CellProblem(1, "-", "overskrifter i første række", "en tom fil")


def decoded(raw: bytes) -> str | None:
    """The text of a file: UTF-8 where it is that, else Windows-1252; ``None`` where it is neither."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def shown(cell: str) -> str:
    """A cell as a person finds it, cut at 60 characters."""
    if not cell:
        return "ingenting"
    return cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…"


def _rows(text: str) -> list[tuple[int, list[str]]]:
    first = text.split("\n", maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    for number, cells in enumerate(reader, start=1):
        bare = [cell.strip().strip("\u00a0") for cell in cells]
        if any(bare):
            rows.append((number, bare))
    return rows


def _has_cpr(rows: Sequence[tuple[int, list[str]]]) -> bool:
    return any(normal(h).startswith("cpr") for h in rows[0][1]) or any(
        CPR.search(c) for _, cells in rows for c in cells
    )


def _read(kind: SheetKind, rows: Sequence[tuple[int, list[str]]], places: Mapping[str, int]) -> Sheet:
    columns = SHEETS[kind]
    at = {c.name: next((places[normal(h)] for h in c.headings if normal(h) in places), None) for c in columns}
    headings = {c.name: c.headings[0] if (i := at[c.name]) is None else rows[0][1][i] for c in columns}
    problems = [
        CellProblem(1, c.headings[0], "en kolonne med den overskrift", "ingenting")
        for c in columns
        if c.required and at[c.name] is None
    ]
    if len(rows) - 1 > MAX_ROWS:
        problems.append(CellProblem(MAX_ROWS + 2, "-", f"højst {MAX_ROWS} rækker", f"{len(rows) - 1} rækker"))
    if len(rows) == 1:
        problems.append(CellProblem(2, "-", "mindst én række under overskrifterne", "ingenting"))
    lines: list[SheetLine] = []
    if not problems:
        for row, cells in rows[1:]:
            values: dict[str, object] = {}
            problems += _line(row, cells, columns, at, headings, values, len(rows[0][1]))
            lines.append(SheetLine(row, values))
            if len(problems) >= MAX_PROBLEMS:
                break
    return Sheet(kind, () if problems else tuple(lines), tuple(problems[:MAX_PROBLEMS]), headings)


def _line(
    row: int,
    cells: Sequence[str],
    columns: Sequence[Column],
    at: Mapping[str, int | None],
    headings: Mapping[str, str],
    values: dict[str, object],
    width: int,
) -> Iterator[CellProblem]:
    if len(cells) > width:
        yield CellProblem(row, "-", f"{width} celler", f"{len(cells)} celler")
    for column in columns:
        place = at[column.name]
        cell = cells[place] if place is not None and place < len(cells) else ""
        if not cell and not column.required:
            values[column.name] = column.default
            continue
        try:
            values[column.name] = column.read(cell)
        except WrongCell as wrong:
            yield CellProblem(row, headings[column.name], wrong.expected, shown(cell))


def _refused(problem: CellProblem) -> Sheet:
    return Sheet(None, (), (problem,), {})
