"""The manager's pages without waiting: their figures are computed by the worker's round and kept.

Reading a municipality's year and drawing its intervals takes seconds. So the round (:mod:`gateway.figures_round`)
computes what the managers who sign in here see first and what was asked for lately; a question nobody computed is
answered while the page waits, and kept. The first page and those of each technology are computed and kept together:
their figures are of one instant. A small ledger is read anew each time: that costs less than keeping, and nothing of
it is old.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

import structlog
from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.auth import Role
from gateway.errors import EdgeError
from gateway.pages import overview_figures, technology_figures
from gateway.pages.manager_choice import Choice, choice_for, seen_rows
from gateway.pages.overview_figures import OverviewFigures
from gateway.pages.technology_figures import TechnologyFigures
from gateway.parts import Benefits, Parts
from gateway.tables import IdentityRow
from kernel import log as kernel_log
from metrics.kept import store
from metrics.tables import EntryRow
from metrics.technologies import Technology

log = structlog.get_logger(__name__)

#: The round renews what is older; the rest until :data:`metrics.kept.store.OLDEST` is for the computing itself.
RENEWED_AFTER = timedelta(minutes=10)
#: So many questions are kept up to date besides what managers see first.
RENEWED_AT_MOST = 20
#: Two who ask the same at once do not compute it twice.
_one_at_a_time = Lock()
_Figures = TypeVar("_Figures", OverviewFigures, TechnologyFigures)


def overview_of(parts: Parts, session: Session, choice: Choice, now: datetime) -> OverviewFigures:
    """The figures of the first page: kept ones of at most 15 minutes, else computed now and kept."""
    if not is_large(session, parts.live_up_to_entries):
        return overview_figures.overview_figures(session, choice, now)
    return _page(parts, session, choice, now, store.FIRST, overview_figures.from_text)


def technology_of_choice(
    parts: Parts, session: Session, choice: Choice, technology: Technology, now: datetime
) -> TechnologyFigures:
    """The figures of a technology's page, kept or computed with those of the first page."""
    if not is_large(session, parts.live_up_to_entries):
        seen = seen_rows(session, choice, now)
        latest_at = kernel_log.latest_at(session)
        return technology_figures.technology_figures(session, choice, technology, seen, now, latest_at)
    return _page(parts, session, choice, now, technology, technology_figures.from_text)


def _page(
    parts: Parts, session: Session, choice: Choice, now: datetime, page: str, read: Callable[[str], _Figures]
) -> _Figures:
    question = question_of(choice)
    found = _kept(session, question, now, store.OLDEST, page, read)
    if found is not None:
        if store.is_note_due(session, question, now):
            with parts.units.begin() as work:
                store.note_asked(work.session, question, now)
        return found
    with _one_at_a_time:
        # A session of its own: what somebody else kept while this one waited is not in an older reading.
        with parts.database.reading() as fresh:
            found = _kept(fresh, question, now, store.OLDEST, page, read)
        return read(_answer(parts, choice, now, asked_at=now)[page]) if found is None else found


def renew(parts: Parts) -> int:
    """Answer anew what is about to be too old; returns how many questions were computed."""
    benefits, now = parts.benefits, parts.clock.now()
    with parts.database.reading() as session:
        if benefits is None or not is_large(session, parts.live_up_to_entries):
            return 0
        wanted = list(_wanted(session, benefits, now))
    computed = 0
    for choice in wanted:
        now, question = parts.clock.now(), question_of(choice)
        with _one_at_a_time:
            with parts.database.reading() as session:
                first = _kept(session, question, now, RENEWED_AFTER, store.FIRST, overview_figures.from_text)
            if first is not None:
                continue
            _answer(parts, choice, now, asked_at=None)
        computed += 1
    with parts.units.begin() as work:
        store.forget(work.session, now)
    return computed


def question_of(choice: Choice) -> dict[str, Any]:
    """What a page asks, whoever asks it: units, period, reading, and what the figures are compared with."""
    period = choice.period
    return {
        "period": period.key,
        "from_on": None if period.key else period.from_on.isoformat(),
        "to_on": None if period.key else period.to_on.isoformat(),
        "reading": choice.reading,
        "unit_id": choice.unit_id,
        "unit_ids": sorted(unit.unit_id for unit in choice.mine),
        "compared_with": _fingerprint(choice.benefits),
    }


def is_large(session: Session, live_up_to_entries: int) -> bool:
    """Whether the ledger has more entries than are read while a page waits."""
    return (session.exec(select(func.max(EntryRow.id))).one() or 0) > live_up_to_entries


def _answer(parts: Parts, choice: Choice, now: datetime, asked_at: datetime | None) -> dict[str, str]:
    """Compute every page of an answer and keep it; returns the pages as they were stored."""
    with parts.database.reading() as session:
        first = overview_figures.overview_figures(session, choice, now)
        pages = {store.FIRST: overview_figures.as_text(first)}
        for technology in choice.subjects:
            if choice.shown(technology):
                figures = technology_figures.technology_figures(
                    session, choice, technology, first.seen, first.computed_at, first.latest_at
                )
                pages[technology] = technology_figures.as_text(figures)
    with parts.units.begin() as work:
        store.keep(work.session, question_of(choice), pages, computed_at=now, asked_at=asked_at)
    return pages


def _kept(
    session: Session,
    question: Mapping[str, Any],
    now: datetime,
    oldest: timedelta,
    page: str,
    read: Callable[[str], _Figures],
) -> _Figures | None:
    text = store.kept_figures(session, question, now, oldest, page)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        # Kept by another version of this program.
        log.warning("kept_figures_unreadable")
        return None


def _wanted(session: Session, benefits: Benefits, now: datetime) -> Iterator[Choice]:
    """What each manager and auditor sees first, then what was asked for lately; each question once."""
    query = select(IdentityRow.unit_ids).where(col(IdentityRow.role).in_([Role.MANAGER, Role.AUDITOR]))
    first = [{"period": "golive", "unit_ids": unit_ids} for unit_ids in session.exec(query)]
    # Days named by a link are looked at once or twice, and are computed then.
    asked = [question for question in store.asked_questions(session, RENEWED_AT_MOST) if question["period"]]
    seen: set[str] = set()
    for choice in _choices([*first, *asked], benefits, now):
        name = store.question_id(question_of(choice))
        if name not in seen:
            seen.add(name)
            yield choice


def _choices(questions: Iterable[Mapping[str, Any]], benefits: Benefits, now: datetime) -> Iterator[Choice]:
    for question in questions:
        try:
            yield choice_for(
                benefits,
                question["unit_ids"],
                now,
                key=question["period"],
                reading=question.get("reading", "stated"),
                unit_id=question.get("unit_id"),
            )
        except EdgeError:
            # Somebody without a unit in which anything was adopted.
            continue


def _fingerprint(benefits: Benefits) -> str:
    """Cases and adoptions are files: with other ones, kept figures answer another question."""
    known = _fingerprints.get(id(benefits))
    if known is not None and known[0] is benefits:
        return known[1]
    told = [*sorted(benefits.cases.items()), *sorted(benefits.adoptions.items())]
    text = "\n".join(f"{name} {what.model_dump_json()}" for name, what in told)
    found = hashlib.sha256(text.encode()).hexdigest()[:16]
    _fingerprints[id(benefits)] = (benefits, found)
    return found


#: by the object itself, which is kept: five files are not written down for every page
_fingerprints: dict[int, tuple[Benefits, str]] = {}
