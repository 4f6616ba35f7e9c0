"""The manager's first page without waiting: its figures are computed by the worker's round and kept.

A municipality's year is some 300,000 entries, and reading them takes seconds. So the round
(:mod:`gateway.figures_round`) computes what the managers who sign in here see first and what was asked for lately;
a question nobody computed is answered while the page waits, and kept. A small ledger is read anew each time: that
costs less than keeping, and nothing of it is old.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import structlog
from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.auth import Role
from gateway.errors import EdgeError
from gateway.pages.manager_choice import Choice, choice_for
from gateway.pages.overview_figures import OverviewFigures, as_text, from_text, overview_figures
from gateway.parts import Benefits, Parts
from gateway.tables import IdentityRow
from metrics.kept import store
from metrics.tables import EntryRow

log = structlog.get_logger(__name__)

#: The round renews what is older; the rest until :data:`metrics.kept.store.OLDEST` is for the computing itself.
RENEWED_AFTER = timedelta(minutes=10)
#: So many questions are kept up to date besides what managers see first.
RENEWED_AT_MOST = 20
#: Two who ask the same at once do not compute it twice.
_one_at_a_time = Lock()


def overview_of(parts: Parts, session: Session, choice: Choice, now: datetime) -> OverviewFigures:
    """The figures of a page: kept ones of at most 15 minutes, else computed now and kept."""
    if not is_large(session, parts.live_up_to_entries):
        return overview_figures(session, choice, now)
    question = question_of(choice)
    found = _kept(session, question, now, store.OLDEST)
    if found is not None:
        if store.is_note_due(session, question, now):
            with parts.units.begin() as work:
                store.note_asked(work.session, question, now)
        return found
    with _one_at_a_time:
        return _answer(parts, choice, now, store.OLDEST, asked_at=now)


def renew(parts: Parts) -> int:
    """Answer anew what is about to be too old; returns how many questions were computed."""
    benefits, now = parts.benefits, parts.clock.now()
    with parts.database.reading() as session:
        if benefits is None or not is_large(session, parts.live_up_to_entries):
            return 0
        wanted = list(_wanted(session, benefits, now))
    computed = 0
    for choice in wanted:
        now = parts.clock.now()
        with parts.database.reading() as session:
            if _kept(session, question_of(choice), now, RENEWED_AFTER) is not None:
                continue
        with _one_at_a_time:
            _answer(parts, choice, now, RENEWED_AFTER, asked_at=None)
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


def _answer(
    parts: Parts, choice: Choice, now: datetime, oldest: timedelta, asked_at: datetime | None
) -> OverviewFigures:
    question = question_of(choice)
    # A session of its own: what somebody else kept while this one waited is not in an older reading.
    with parts.database.reading() as session:
        found = _kept(session, question, now, oldest)
        if found is not None:
            return found
        figures = overview_figures(session, choice, now)
    with parts.units.begin() as work:
        store.keep(work.session, question, as_text(figures), computed_at=now, asked_at=asked_at)
    return figures


def _kept(session: Session, question: Mapping[str, Any], now: datetime, oldest: timedelta) -> OverviewFigures | None:
    text = store.kept_figures(session, question, now, oldest)
    if text is None:
        return None
    try:
        return from_text(text)
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
