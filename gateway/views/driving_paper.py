"""The driving book of a week as a paper: a day and a car at a time, with the odometer at its start and end."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlmodel import Session

from devices.driving.corrections import unlocks_of
from devices.driving.logs import week_text
from gateway.views.driving_csv import HEADINGS, week_rows
from kernel.localtime import clock_text, local_day

_SHOWN = (
    "Tid start",
    "Tid slut",
    "Kilometertæller start",
    "Kilometertæller slut",
    "Km",
    "Fra",
    "Til",
    "Formål",
    "Erhverv/privat",
    "Fører",
    "Fører identificeret ved",
    "Rettelse",
    "Godkendt",
)
_TITLES = (
    "Start",
    "Slut",
    "Km-tæller start",
    "Km-tæller slut",
    "Km",
    "Fra",
    "Til",
    "Formål",
    "Erhverv/ privat",
    "Fører",
    "Identificeret ved",
    "Rettelse",
    "Godkendt",
)
_WIDTHS = (11, 11, 19, 19, 13, 24, 24, 30, 16, 26, 26, 40, 18)
_AT = {name: i for i, name in enumerate(HEADINGS)}


def week_paper(session: Session, unit_ids: Collection[str], first_on: date, now: datetime) -> bytes:
    """A week of driving as PDF."""
    last_on = first_on + timedelta(days=6)
    title = f"Kørebog, uge {week_text(first_on)} ({first_on:%d.%m.%Y} til {last_on:%d.%m.%Y})"
    from gateway.views.paper import Paper  # noqa: PLC0415 - heavy: imported where it is used

    paper = Paper(title, now, f"Udskrevet {local_day(now):%d.%m.%Y} kl. {clock_text(now)}")
    rows = week_rows(session, unit_ids, first_on)
    for unlock in unlocks_of(session, unit_ids, first_on):
        paper.line_of(f"Ugen blev låst op {local_day(unlock.at):%d.%m.%Y} kl. {clock_text(unlock.at)}: {unlock.reason}")
    if not rows:
        paper.line_of("Ingen kørsel i denne uge.")
    for (day, reg_no), found in groupby(rows, key=lambda row: (row[_AT["Dato"]], row[_AT["Registreringsnummer"]])):
        own = list(found)
        heading = f"{date.fromisoformat(day):%d.%m.%Y}"
        if reg_no:
            start, end = own[0][_AT["Kilometertæller start"]], own[-1][_AT["Kilometertæller slut"]]
            heading += f"   {reg_no}   kilometertæller ved dagens start {start}, ved dagens slut {end}"
            heading += f"   erhverv {_sum(own, 'Erhverv')} km, privat {_sum(own, 'Privat')} km"
        else:
            heading += "   cykel (planlagt afstand)"
        paper.line_of(heading, bold=True)
        paper.rows(_TITLES, _WIDTHS, [[row[_AT[name]] for name in _SHOWN] for row in own])
    return paper.content()


def _sum(rows: list[list[str]], kind: str) -> str:
    """The kilometres of the day that were business or private."""
    km = sum(float(row[_AT["Km"]].replace(",", ".")) for row in rows if row[_AT["Erhverv/privat"]] == kind)
    return f"{km:.2f}".replace(".", ",")
