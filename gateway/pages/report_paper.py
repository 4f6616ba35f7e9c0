"""A month's benefit report as a paper: each case with its centres, the owner's words, losses, screen weeks."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from gateway.pages.manager_quality import Quality
from gateway.pages.report_facts import MonthReport, ReportLine
from gateway.pages.report_files import screen_values
from gateway.views.paper_ranges import Range, draw_ranges
from gateway.web.catalogue import catalogue
from kernel.localtime import clock_text, local_day, number_text
from metrics.benefit_row import BenefitRow
from metrics.report_formats import interval_text, percent_text, technology_name, whole_minutes
from metrics.report_words import USED_NOTE
from metrics.technologies import TECHNOLOGIES, Technology

if TYPE_CHECKING:
    from gateway.views.paper import Paper

_HEADINGS = (
    "Center",
    "Realiseret min (P10 · P50 · P90)",
    "Anvendt min",
    "Måltal min",
    "Chance",
    "Evidens",
    "Realiseret kr.",
)
_HEADINGS_END = ("Budget kr.", "Bemærkning")
_WIDTHS = (28, 42, 20, 20, 14, 14, 24, 24, 91)
_NUMBERS = frozenset({1, 2, 3, 4, 6, 7})
_SCREEN_HEADINGS = (
    "Center",
    "Uge",
    "Besvaret",
    "Ubesvaret",
    "Gns. min",
    "Aktive\nborgere",
    "Anvendelses-\ngrad",
    "Omlægnings-\ngrad",
    "Måltal",
    "Planlagte\nbesøg",
    "Timer",
    "Planlagt\npå skærm",
    "Timer\npå skærm",
)
_SCREEN_WIDTHS = (36, 20, 18, 18, 16, 20, 24, 24, 16, 20, 16, 24, 22)
_SCREEN_NUMBERS = frozenset(range(2, len(_SCREEN_WIDTHS)))
_DRAWING = "Tegningen, i minutter: kassen går fra P10 til P90, stregen er P50, ruden måltallet."
_DEFINITIONS = (
    "Realiseret er nulpunkt minus faktisk tid minus tab, på teknologiens eget ur, for de dage der er gjort op."
    " Mellem P10 og P90 ligger det sande tal i 8 af 10 tilfælde. Chance er sandsynligheden for, at måltallet som"
    " skrevet er nået. Evidens: A før og efter med enheder og samtidig sammenligning, B en del ved tryk, C uden"
    " sammenligning eller færre end 15, D antaget tid. Kroner er minutter gange sagens egen timesats; satser lægges"
    " aldrig sammen. Tal, som færre end fem personer står bag, vises ikke."
)
_SCREEN_DEFINITIONS = (
    "Besvaret: borgeren tog opkaldet. Aktiv: mindst ét opkald i ugen. Anvendelsesgrad: besvarede / aktive / 7."
    " Omlægningsgrad: aktive / alle borgere i centret, som registret er nu. Måltal: omlægningsgrad i procent x"
    " anvendelsesgrad (Randers Kommunes definitioner)."
)


def month_paper(report: MonthReport, now: datetime) -> bytes:
    """The report as PDF."""
    title = f"Gevinster, {catalogue().text('da', f'claims.month.{report.from_on.month}')} {report.from_on.year}"
    from gateway.views.paper import Paper  # noqa: PLC0415 - heavy: imported where it is used

    made = f"Udskrevet {local_day(now):%d.%m.%Y} kl. {clock_text(now)}, tal fra kl. {clock_text(report.computed_at)}"
    paper = Paper(title, now, made)
    if not report.over:
        paper.line_of(f"Måneden er ikke slut: tallene går til og med {report.settled_to_on:%d.%m.%Y}.")
    for technology in TECHNOLOGIES:
        lines = [line for line in report.lines if line.row.technology == technology]
        if lines:
            quality = next((q for q in report.qualities if q.technology == technology), None)
            paper.together(partial(_technology, paper, technology, lines, quality))
    if report.weeks:
        paper.together(partial(_screen_weeks, paper, report))
    paper.together(partial(paper.line_of, f"{_DRAWING} {_DEFINITIONS} {USED_NOTE[0]}"))
    return paper.content()


def _screen_weeks(paper: "Paper", report: MonthReport) -> None:
    paper.line_of("Brug af skærmbesøg pr. uge og center", bold=True)
    weeks = [_week(cells) for cells in screen_values(report)]
    paper.rows(_SCREEN_HEADINGS, _SCREEN_WIDTHS, weeks, _SCREEN_NUMBERS)
    paper.line_of(_SCREEN_DEFINITIONS)


def _technology(paper: "Paper", technology: Technology, lines: list[ReportLine], quality: Quality | None) -> None:
    row = lines[-1].row
    owner = next((line.row.owner for line in lines if line.row.owner), None)
    about = technology_name(technology) + (f" - gevinstejer: {owner}" if owner else "")
    paper.line_of(about, bold=True)
    if row.covered_from_on is not None and row.covered_to_on is not None:
        paper.line_of(f"Tallene gælder {row.covered_from_on:%d.%m.%Y} til {row.covered_to_on:%d.%m.%Y}.")
    paper.rows((*_HEADINGS, *_HEADINGS_END), _WIDTHS, [_cells(line) for line in lines], _NUMBERS)
    _drawing(paper, [line.row for line in lines])
    reasons = dict.fromkeys(line.row.reason_text() for line in lines if line.row.reason)
    threats = dict.fromkeys(line.row.threats_text() for line in lines if line.row.threats)
    whole = [line.row for line in lines if line.row.compared is not None] or [row]
    beside = dict.fromkeys(_compared(one) for one in whole)
    for said in (*reasons, *threats, *(said for said in beside if said)):
        paper.line_of(said)
    if quality is not None:
        paper.line_of(_losses(quality))


def _compared(row: BenefitRow) -> str:
    """A figure beside those who have not begun, with its unit where there is one."""
    said = row.compared_text()
    return f"{row.unit_name}: {said}" if said and row.unit_name and row.compared is not None else said


def _drawing(paper: "Paper", rows: list[BenefitRow]) -> None:
    """The intervals below each other, where there are any."""
    ranges = [
        Range(
            row.unit_name or "Alle",
            row.p10_s / 60,
            row.p50_s / 60,
            row.p90_s / 60,
            row.target_s / 60 if row.has_target else None,
        )
        for row in rows
        if row.p10_s is not None and row.p50_s is not None and row.p90_s is not None
    ]
    if ranges:
        draw_ranges(paper, ranges, "min")


def _losses(quality: Quality) -> str:
    failed = "" if quality.failure_count is None else f" Mislykkedes eller uden svar: {quality.failure_count}."
    return (
        f"Tab, der er trukket fra: {number_text(whole_minutes(quality.loss_s))} min."
        f" {number_text(quality.negative_count)} af {number_text(quality.counted_count)} gange kostede mere end"
        f" nulpunktet.{failed}"
    )


def _cells(line: ReportLine) -> list[str]:
    row = line.row
    chance = row.target_probability_ratio
    return [
        row.unit_name or "Alle",
        # The paper's fonts have neither dash nor minus: with dots between the figures a hyphen is a minus.
        interval_text(row, "da").replace("\N{EN DASH}", " · ").replace("\N{MINUS SIGN}", "-"),
        "-" if row.used_s is None else number_text(whole_minutes(row.used_s)),
        number_text(whole_minutes(row.target_s)) if row.has_target else "-",
        "-" if chance is None else f"{percent_text(chance)} %",
        row.grade or "-",
        "-" if line.realised_ore is None else number_text(line.realised_ore / 100),
        "-" if line.budget_ore is None else number_text(line.budget_ore / 100),
        line.comment,
    ]


def _week(cells: list[object]) -> list[str]:
    shown = [cells[1], cells[2], *cells[3:14]]
    if cells[-1] == "withheld":
        return [str(cells[1]), str(cells[2]), "vises ikke", *([""] * 10)]
    return [_text(value) for value in shown]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return number_text(value, 2)
    return number_text(value) if isinstance(value, int) else str(value)
