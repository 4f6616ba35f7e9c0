"""Settings that hold from a day on: rows, of which a day has one."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar


class Dated(Protocol):
    """A row of settings and the day from which it holds."""

    @property
    def valid_from_on(self) -> date:
        """The first day."""
        ...


Row = TypeVar("Row", bound=Dated)


def row_on(on: date, rows: Sequence[Row]) -> Row:
    """The row that holds on a day; before the first row, the first."""
    held = [row for row in rows if row.valid_from_on <= on]
    return max(held, key=lambda row: row.valid_from_on) if held else min(rows, key=lambda row: row.valid_from_on)
