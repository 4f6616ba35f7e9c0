"""The manager's pages without waiting: their figures are computed by the worker's round and kept.

Reading a municipality's year and drawing its intervals takes a while. So the round (:mod:`gateway.figures_round`)
computes what the managers who sign in here see first and what was asked for lately; a question nobody computed is
answered while the page waits, and kept. The pages of one answer (:mod:`gateway.kept_answers`) are computed and kept
together: their figures are of one instant. A small ledger is read anew each time: that costs less than keeping, and
nothing of it is old.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

import structlog
from sqlalchemy import func
from sqlmodel import Session, select

from gateway.kept_answers import Asked, adapter, answer, counted, question_of, wanted
from gateway.pages import overview_figures, technology_figures
from gateway.pages.manager_choice import Choice, seen_rows
from gateway.pages.money_facts import MoneyFigures, money_figures
from gateway.pages.overview_figures import OverviewFigures
from gateway.pages.report_facts import MonthReport, month_report, report_figures
from gateway.pages.technology_figures import TechnologyFigures
from gateway.parts import Parts
from kernel import log as kernel_log
from metrics.evaluation.figures import CountedPoints
from metrics.kept import store
from metrics.one_instant import one_instant
from metrics.tables import EntryRow
from metrics.technologies import Technology

__all__ = [
    "evaluation_of",
    "is_large",
    "money_of",
    "overview_of",
    "question_of",
    "renew",
    "report_of",
    "technology_of_choice",
]

log = structlog.get_logger(__name__)

#: The round renews what is older; the rest until :data:`metrics.kept.store.OLDEST` is for the computing itself.
RENEWED_AFTER = timedelta(minutes=10)
#: Two who ask the same at once do not compute it twice.
_one_at_a_time = Lock()
_Figures = TypeVar("_Figures")


def overview_of(parts: Parts, session: Session, choice: Choice, now: datetime) -> OverviewFigures:
    """The figures of the first page: kept ones of at most 15 minutes, else computed now and kept."""
    if is_large(session, parts.live_up_to_entries):
        return _page(parts, session, Asked(choice), now, store.FIRST, overview_figures.from_text)
    _give_back(session)
    with one_instant(parts.database) as instant:
        return overview_figures.overview_figures(instant, choice, now)


def technology_of_choice(
    parts: Parts, session: Session, choice: Choice, technology: Technology, now: datetime
) -> TechnologyFigures:
    """The figures of a technology's page, kept or computed with those of the first page."""
    if is_large(session, parts.live_up_to_entries):
        return _page(parts, session, Asked(choice), now, technology, technology_figures.from_text)
    _give_back(session)
    with one_instant(parts.database) as instant:
        seen = seen_rows(instant, choice, now)
        latest_at = kernel_log.latest_at(instant)
        return technology_figures.technology_figures(instant, choice, technology, seen, now, latest_at)


def money_of(parts: Parts, session: Session, choice: Choice, now: datetime) -> MoneyFigures:
    """Kroner by case, kept or computed now."""
    return _single(parts, session, Asked(choice, "money"), now, money_figures)


def report_of(parts: Parts, session: Session, choice: Choice, month: str, now: datetime) -> MonthReport:
    """A month's report, kept or computed now; its comments are those of this moment."""

    def live(instant: Session, choice: Choice, now: datetime) -> MonthReport:
        return report_figures(instant, choice, month, now)

    figures = _single(parts, session, Asked(choice, "report", month), now, live)
    return month_report(session, choice, month, now, figures)


def evaluation_of(parts: Parts, session: Session, choice: Choice, now: datetime) -> CountedPoints:
    """What the evaluation counts, kept or computed now; what was answered is read with it."""
    return _single(parts, session, Asked(choice, "evaluation"), now, counted)


def renew(parts: Parts) -> int:
    """Answer anew what is about to be too old; returns how many questions were computed."""
    benefits, now = parts.benefits, parts.clock.now()
    with parts.database.reading() as session:
        if benefits is None or not is_large(session, parts.live_up_to_entries):
            return 0
        questions = list(wanted(session, benefits, now))
    computed = 0
    for asked in questions:
        now = parts.clock.now()
        with _one_at_a_time:
            with parts.database.reading() as session:
                first = store.kept_figures(session, asked.question, now, RENEWED_AFTER)
            if first is not None and _is_readable(asked, first):
                continue
            _answer(parts, asked, now, asked_at=None)
        computed += 1
    with parts.units.begin() as work:
        store.forget(work.session, now)
    return computed


def is_large(session: Session, live_up_to_entries: int) -> bool:
    """Whether the ledger has more entries than are read while a page waits."""
    return (session.exec(select(func.max(EntryRow.id))).one() or 0) > live_up_to_entries


def _single(
    parts: Parts,
    session: Session,
    asked: Asked,
    now: datetime,
    live: Callable[[Session, Choice, datetime], _Figures],
) -> _Figures:
    """The only page of an answer."""
    if is_large(session, parts.live_up_to_entries):
        read: Callable[[str], _Figures] = adapter(asked.about).validate_json
        return _page(parts, session, asked, now, store.FIRST, read)
    _give_back(session)
    with one_instant(parts.database) as instant:
        return live(instant, asked.choice, now)


def _page(
    parts: Parts, session: Session, asked: Asked, now: datetime, page: str, read: Callable[[str], _Figures]
) -> _Figures:
    question = asked.question
    found = _kept(session, question, now, page, read)
    is_note_due = found is not None and store.is_note_due(session, question, now)
    _give_back(session)
    if found is not None:
        if is_note_due:
            with parts.units.begin() as work:
                store.note_asked(work.session, question, now)
        return found
    with _one_at_a_time:
        # A session of its own: what somebody else kept while this one waited is not in an older reading.
        with parts.database.reading() as fresh:
            found = _kept(fresh, question, now, page, read)
        return read(_answer(parts, asked, now, asked_at=now)[page]) if found is None else found


def _give_back(session: Session) -> None:
    """What follows takes a connection of its own; nobody holds one while waiting for another."""
    session.commit()


def _answer(parts: Parts, asked: Asked, now: datetime, asked_at: datetime | None) -> dict[str, str]:
    """Compute every page of an answer and keep it; returns the pages as they were stored."""
    with one_instant(parts.database) as session:
        pages = answer(session, asked, now)
    with parts.units.begin() as work:
        store.keep(work.session, asked.question, pages, computed_at=now, asked_at=asked_at)
    return pages


def _kept(
    session: Session, question: Mapping[str, Any], now: datetime, page: str, read: Callable[[str], _Figures]
) -> _Figures | None:
    text = store.kept_figures(session, question, now, store.OLDEST, page)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        # Kept by another version of this program.
        log.warning("kept_figures_unreadable")
        return None


def _is_readable(asked: Asked, first: str) -> bool:
    try:
        adapter(asked.about).validate_json(first)
    except ValueError:
        return False
    return True
