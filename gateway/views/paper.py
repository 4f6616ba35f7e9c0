"""Papers to print and to file: a heading, lines, and tables that go on over pages.

The fonts are those every PDF reader has. What they have no letter for is written by the nearest one they have: the
CSV has it as it is.

Import this where a paper is made and not above: the library behind it takes 40 MB, which a process that prints
nothing does not need.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from gateway.views.letters import letters

_HEAD = FontFace(emphasis="BOLD", fill_color=(235, 235, 235))
#: Between what was drawn and the next part of the paper.
_APART_MM = 3.0


class Paper(FPDF):
    """One document in A4 across.

    Parameters
    ----------
    title
        Stands on every page, with its number.
    made_at
        World time: the same content at the same time is the same file.
    """

    def __init__(self, title: str, made_at: datetime, made: str) -> None:
        super().__init__(orientation="L", format="A4")
        self._title, self._made = letters(title), letters(made)
        self.set_title(self._title)
        self.set_lang("da-DK")
        self.set_creation_date(made_at)
        self.set_margins(10, 10)
        self.set_auto_page_break(True, 12)
        self.alias_nb_pages()
        self.add_page()

    def header(self) -> None:
        """The title on every page."""
        self.set_font("Helvetica", "B", 12)
        self.cell(0, 7, self._title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def footer(self) -> None:
        """When it was made, and which page it is."""
        self.set_y(-10)
        self.set_font("Helvetica", "", 8)
        self.cell(0, 5, f"{self._made}   Side {self.page_no()} af {{nb}}", align="R")

    def line_of(self, text: str, *, bold: bool = False) -> None:
        """A line of text, or as many as it takes."""
        self.set_font("Helvetica", "B" if bold else "", 9)
        self.multi_cell(0, 5, letters(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def rows(
        self,
        headings: Sequence[str],
        widths: Sequence[int],
        rows: Sequence[Sequence[str]],
        numbers: Collection[int] = (),
    ) -> None:
        """A table; its headings are repeated on every page.

        Parameters
        ----------
        numbers
            The columns that stand to the right, as figures do.
        """
        self.set_font("Helvetica", "", 7)
        align = tuple("RIGHT" if column in numbers else "LEFT" for column in range(len(headings)))
        with self.table(
            col_widths=tuple(widths), line_height=3.6, headings_style=_HEAD, text_align=align, v_align="TOP"
        ) as table:
            for cells in (headings, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(letters(cell))
        self.ln(2)

    def together(self, draw: Callable[[], None]) -> None:
        """Draw what fits on one page on one page: what the end of this page would cut begins on the next."""
        before = self.page
        with self.offset_rendering():
            draw()
            pages = self.page - before
        # What is longer than a page is cut wherever it begins.
        if pages == 1:
            self.add_page()
        draw()
        self.ln(_APART_MM)

    def content(self) -> bytes:
        """The file."""
        return bytes(self.output())
