"""Ranges as a drawing on a paper: from zero to P50, from P10 to P90, and the target, told apart without colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from gateway.views.letters import letters
from kernel.localtime import number_text

if TYPE_CHECKING:
    from gateway.views.paper import Paper

#: A row, and what stands beside the drawing, in millimetres.
ROW_MM, LABEL_MM, PLOT_MM = 5.0, 44.0, 200.0
_BOX_MM, _LINE_MM, _MARK_MM = 2.6, 3.6, 1.5
_GREY = 200
#: With the scale below it no drawing is higher than a page.
ROWS_A_PAGE, _BELOW_MM = 30, 6.0


@dataclass(frozen=True, slots=True)
class Range:
    """One row: its name, three figures and, where there is one, a target; all in one unit."""

    name: str
    low: float
    middle: float
    high: float
    target: float | None


def draw_ranges(paper: "Paper", ranges: Sequence[Range], unit: str) -> None:
    """Draw them below each other on one scale that begins at zero, or below where a figure does."""
    values = [value for one in ranges for value in (one.low, one.high, one.target or 0)]
    scale = _Scale(min(0.0, *values), max(1.0, *values), paper.l_margin + LABEL_MM)
    for start in range(0, len(ranges), ROWS_A_PAGE):
        shown = ranges[start : start + ROWS_A_PAGE]
        if paper.will_page_break(ROW_MM * len(shown) + _BELOW_MM):
            paper.add_page()
        bottom = paper.y + 1 + ROW_MM * len(shown)
        # What is drawn with here is not what the next table is drawn with.
        with paper.local_context():
            _draw(paper, scale, shown, unit)
        paper.set_xy(paper.l_margin, bottom + 5)


def _draw(paper: "Paper", scale: "_Scale", ranges: Sequence[Range], unit: str) -> None:
    top = paper.y + 1
    bottom = top + ROW_MM * len(ranges)
    paper.set_font("Helvetica", "", 7)
    for tick in scale.ticks():
        paper.set_draw_color(_GREY)
        paper.set_line_width(0.1)
        paper.line(scale.x(tick), top, scale.x(tick), bottom)
        paper.set_xy(scale.x(tick) - 10, bottom)
        paper.cell(20, 4, number_text(tick), align="C")
    paper.set_draw_color(0)
    paper.set_line_width(0.3)
    paper.line(scale.x(0), top, scale.x(0), bottom)
    for number, one in enumerate(ranges):
        _row(paper, scale, one, top + ROW_MM * (number + 0.5))
    paper.set_xy(paper.l_margin + LABEL_MM + PLOT_MM, bottom)
    paper.cell(0, 4, letters(unit))


def _row(paper: "Paper", scale: "_Scale", one: Range, middle_y: float) -> None:
    paper.set_xy(paper.l_margin, middle_y - ROW_MM / 2)
    paper.cell(LABEL_MM - 2, ROW_MM, letters(one.name))
    paper.set_line_width(0.4)
    paper.line(scale.x(0), middle_y, scale.x(one.middle), middle_y)
    paper.set_line_width(0.2)
    paper.set_fill_color(_GREY)
    width = max(0.4, scale.x(one.high) - scale.x(one.low))
    paper.rect(scale.x(one.low), middle_y - _BOX_MM / 2, width, _BOX_MM, style="DF")
    paper.set_line_width(0.6)
    paper.line(scale.x(one.middle), middle_y - _LINE_MM / 2, scale.x(one.middle), middle_y + _LINE_MM / 2)
    if one.target is not None:
        x = scale.x(one.target)
        paper.set_line_width(0.2)
        paper.set_fill_color(255)
        corners = [
            (x, middle_y - _MARK_MM),
            (x + _MARK_MM, middle_y),
            (x, middle_y + _MARK_MM),
            (x - _MARK_MM, middle_y),
        ]
        paper.polygon(corners, style="DF")


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    left_mm: float

    def x(self, value: float) -> float:
        """Where a value lies on the page, in millimetres."""
        return self.left_mm + (value - self.low) / (self.high - self.low) * PLOT_MM

    def ticks(self) -> list[float]:
        """Round values of the scale, about six of them."""
        rough = (self.high - self.low) / 6
        size = 10.0 ** floor(log10(rough))
        step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
        first = floor(self.low / step)
        found = [step * n for n in range(first, first + 16)]
        return [tick for tick in found if self.low <= tick <= self.high]
