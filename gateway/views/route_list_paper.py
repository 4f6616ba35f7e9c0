"""The emergency list as PDF: a front page with the routes, then each carer's route on a page of her own.

Drawn cell by cell: a centre with a hundred routes is written again after every change.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from gateway.views.letters import letters
from gateway.views.route_list import ListedRoute, ListedStop, UnitList, way_in
from kernel.localtime import clock_text, day_text, local_day

if TYPE_CHECKING:
    from gateway.views.paper import Paper

_LINE_MM, _FOOT_MM = 4.2, 16.0
_COLUMNS = (("Tid", 24), ("Tidsrum", 24), ("Borger", 54), ("Adresse", 70), ("Hjælp", 42), ("Adgang", 63))
_TRANSPORT = {"bike": "cykel", "e_bike": "elcykel", "car": "bil"}


class Edition(NamedTuple):
    """Which edition of a day's list it is, and when it was written (aware UTC)."""

    number: int
    made_at: datetime


def unit_paper(content: UnitList, edition: Edition, duty_phone: str) -> bytes:
    """Every route of the unit: to be printed whole, a page or more a carer."""
    paper = _paper(content, edition, content.unit_name)
    paper.line_of(f"Vagttelefon {duty_phone}. Ruterne står efter navn, hver på sin egen side.")
    paper.ln(2)
    for route in content.routes:
        paper.line_of(f"{route.carer_name}   {_shift(route)}   {_count(len(route.stops))}")
    if not content.routes:
        paper.line_of("Der er ingen ruter den dag.")
    if content.waiting:
        paper.ln(3)
        paper.line_of(f"Besøg uden medarbejder ({len(content.waiting)}): fordel dem først.", bold=True)
        _table(paper, content.waiting)
    for route in content.routes:
        paper.add_page()
        _route(paper, route, duty_phone)
    return paper.content()


def carer_paper(content: UnitList, carer_id: str, edition: Edition, duty_phone: str) -> bytes:
    """One carer's route.

    Raises
    ------
    KeyError
        If she has none on the list.
    """
    route = next((r for r in content.routes if r.carer_id == carer_id), None)
    if route is None:
        raise KeyError(carer_id)
    paper = _paper(content, edition, content.unit_name)
    _route(paper, route, duty_phone)
    return paper.content()


def day_line(day: date) -> str:
    """``ons. 25. nov. 2026``."""
    return f"{day_text(day)} {day.year}"


def _paper(content: UnitList, edition: Edition, name: str) -> "Paper":
    written = f"{local_day(edition.made_at):%d.%m.%Y} kl. {clock_text(edition.made_at)}"
    title = f"Nødliste   {name}   {day_line(content.day)}   udgave {edition.number}, skrevet {written}"
    from gateway.views.paper import Paper  # noqa: PLC0415 - heavy: imported where it is used

    paper = Paper(title, edition.made_at, "Fortroligt: makuleres, når vagten er slut.")
    # Left readable: the list of a small centre is a few hundred kilobytes either way.
    paper.set_compression(False)
    return paper


def _route(paper: "Paper", route: ListedRoute, duty_phone: str) -> None:
    transport = _TRANSPORT.get(route.transport, route.transport)
    paper.set_font("Helvetica", "B", 14)
    paper.cell(0, 8, letters(route.carer_name), new_x="LMARGIN", new_y="NEXT")
    paper.line_of(f"{_shift(route)}   {transport}   {_count(len(route.stops))}   Vagttelefon {duty_phone}")
    paper.ln(1)
    _table(paper, route.stops)


def _count(stops: int) -> str:
    return "1 besøg" if stops == 1 else f"{stops} besøg"


def _shift(route: ListedRoute) -> str:
    if route.shift_start_at is None or route.shift_end_at is None:
        return "ingen vagt"
    return f"vagt {clock_text(route.shift_start_at)}-{clock_text(route.shift_end_at)}"


def _table(paper: "Paper", stops: Sequence[ListedStop]) -> None:
    _head(paper)
    for stop in stops:
        how = way_in(stop.how_in) + (f". Sammen med {stop.together_with}" if stop.together_with else "")
        _row(
            paper,
            (
                f"{clock_text(stop.start_at)}-{clock_text(stop.end_at)}",
                f"{clock_text(stop.window_open_at)}-{clock_text(stop.window_close_at)}",
                stop.citizen_name,
                stop.address,
                stop.service,
                how,
            ),
        )


def _head(paper: "Paper") -> None:
    paper.set_font("Helvetica", "B", 9)
    paper.set_fill_color(235, 235, 235)
    for name, width in _COLUMNS:
        paper.cell(width, _LINE_MM + 1, name, fill=True)
    paper.ln(_LINE_MM + 1)
    paper.set_font("Helvetica", "", 9)


def _row(paper: "Paper", cells: Sequence[str]) -> None:
    lines = [_wrapped(paper, letters(text), width - 2) for text, (_, width) in zip(cells, _COLUMNS, strict=True)]
    height = _LINE_MM * max(len(one) for one in lines) + 1.4
    if paper.get_y() + height > paper.h - _FOOT_MM:
        paper.add_page()
        _head(paper)
    top, left = paper.get_y(), paper.l_margin
    for text, (_, width) in zip(lines, _COLUMNS, strict=True):
        for number, line in enumerate(text):
            paper.set_xy(left, top + 0.7 + number * _LINE_MM)
            paper.cell(width, _LINE_MM, line)
        left += width
    paper.set_xy(paper.l_margin, top + height)
    paper.line(paper.l_margin, top + height, left, top + height)


def _wrapped(paper: "Paper", text: str, width_mm: float) -> list[str]:
    """Lines of at most a width, broken between words; a word that is wider is broken where it has to be."""
    if paper.get_string_width(text) <= width_mm:
        return [text]
    lines: list[str] = []
    line = ""
    for whole in text.split():
        word = whole
        while paper.get_string_width(word) > width_mm:
            fits = next(n for n in range(len(word), 0, -1) if paper.get_string_width(word[:n]) <= width_mm)
            lines, line = [*lines, *([line] if line else []), word[:fits]], ""
            word = word[fits:]
        longer = f"{line} {word}".strip()
        if paper.get_string_width(longer) > width_mm:
            lines, line = [*lines, line], word
        else:
            line = longer
    return [*lines, line] if line else lines
