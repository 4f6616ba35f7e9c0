"""One cell of a Danish CSV file as a value: dates, times, decimal commas, yes and no. Pure.

Each reader returns the value, or raises :class:`WrongCell` with what was expected.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Final

_DATE = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})|(\d{4})-(\d{2})-(\d{2})")
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.]00)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_DAYS: Final[Mapping[str, str]] = {
    "ma": "1",
    "ti": "2",
    "on": "3",
    "to": "4",
    "fr": "5",
    "lø": "6",
    "sø": "7",
    "lo": "6",
    "so": "7",
}
_WORDS_FOR_DAYS: Final[Mapping[str, str]] = {
    "alle": "1234567",
    "alle dage": "1234567",
    "dagligt": "1234567",
    "hverdage": "12345",
    "weekend": "67",
}
_YES, _NO = {"ja", "j", "1", "x", "sand", "true", "yes"}, {"", "nej", "n", "0", "falsk", "false", "no"}
CPR = re.compile(r"(?<!\d)(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])\d\d-?\d{4}(?!\d)")
"""Looks like a CPR number: six digits that are a day, and four more."""


class WrongCell(ValueError):  # noqa: N818 - it is the cell that is wrong, and the reader says so
    """What a cell should have held."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def text(cell: str, longest: int = 64) -> str:
    """Text that is not empty."""
    if not cell or len(cell) > longest:
        raise WrongCell(f"tekst, højst {longest} tegn")
    return cell


def day(cell: str) -> date:
    """``25-11-2026``, ``25.11.2026``, ``25/11/2026`` or ``2026-11-25``."""
    found = _DATE.fullmatch(cell)
    if found is None:
        raise WrongCell("en dato som 25-11-2026")
    parts = [int(p) for p in found.groups() if p is not None]
    try:
        return date(*parts) if found[4] else date(parts[2], parts[1], parts[0])
    except ValueError as err:
        raise WrongCell("en dato, der findes i kalenderen") from err


def clock(cell: str) -> time:
    """``7:30``, ``07.30`` or ``07:30:00``, Danish wall-clock time."""
    found = _CLOCK.fullmatch(cell)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise WrongCell("et klokkeslæt som 07:30")
    return time(int(found[1]), int(found[2]))


def number(cell: str, least: float, most: float) -> float:
    """``12``, ``12,5`` or ``12.5``, between two bounds."""
    if not _NUMBER.fullmatch(cell) or not least <= (value := float(cell.replace(",", "."))) <= most:
        raise WrongCell(f"et tal fra {least:g} til {most:g}, fx 12,5")
    return value


def whole(cell: str, least: int, most: int) -> int:
    """A whole number between two bounds."""
    if not cell.isascii() or not cell.isdigit() or len(cell) > 9 or not least <= int(cell) <= most:
        raise WrongCell(f"et helt tal fra {least} til {most}")
    return int(cell)


def yes(cell: str) -> bool:
    """``ja`` or ``nej``; an empty cell is a no."""
    word = cell.casefold()
    if word not in _YES | _NO:
        raise WrongCell("ja eller nej")
    return word in _YES


def weekdays(cell: str) -> str:
    """``man, ons, fre``, ``1-5``, ``135``, ``hverdage``, ``alle``: ISO weekdays as digits."""
    word = cell.casefold().strip()
    if word in _WORDS_FOR_DAYS:
        return _WORDS_FOR_DAYS[word]
    found = "".join(_weekday(part) for part in re.split(r"[,;+ /]+", word) if part)
    if not found:
        raise WrongCell("ugedage som man, ons, fre eller 1-5")
    return "".join(sorted(set(found)))


def _weekday(part: str) -> str:
    ends = re.fullmatch(r"(.+?)[-–](.+)", part)
    if ends is not None:
        first, last = _weekday(ends[1]), _weekday(ends[2])
        if first <= last:
            return "1234567"[int(first) - 1 : int(last)]
    elif re.fullmatch(r"[1-7]+", part):
        return part
    elif part[:2] in _DAYS and len(part) > 1:
        return _DAYS[part[:2]]
    raise WrongCell("ugedage som man, ons, fre eller 1-5")
