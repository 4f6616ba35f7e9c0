"""A screen visit is a call and a visit: both domains in one act, with what a planner has to know of it."""

import time
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from gateway.parts import Parts
from gateway.settings import VideoSettings
from gateway.tables import SessionRow
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import shifts, tasks, visits
from scheduling.consents import consent_holds
from scheduling.events import Outcome, TaskKind
from scheduling.tables import VisitRow
from video import interruptions, rules, service, store
from video.errors import CallError
from video.events import CallOutcome
from video.model import TALKING, TRIES, AnsweredBy, CallFacts, CallState, CallTimes, Room
from video.service import Rung

CONSENT = "screen"
AUTO_ANSWER_CONSENT = "auto_answer"
#: a page whose call has ended may still say so for this long
LINGER_S = 600.0
#: a visit that is late by less than this is still the one to come
STILL_NEXT = timedelta(hours=1)

_OUTCOMES: dict[CallOutcome, Outcome] = {
    "completed": "done",
    "completed_audio": "done",
    "converted_phone": "done",
    "converted_physical": "partly",
    "no_answer": "no_answer",
    "declined": "declined",
    "technical_failure": "technical_failure",
    "cancelled": "cancelled_at_door",
}


def times(settings: VideoSettings) -> CallTimes:
    """How long calls ring and links live here."""
    return CallTimes(settings.ring_s, settings.second_try_s, settings.link_life_s)


def ring(work: Work, settings: VideoSettings, carer_id: str, visit_id: str) -> Rung:
    """Ring the citizen of a visit; the visit begins with the first ring of each try.

    Raises
    ------
    CallError
        A rule of ``video.rules.may_call``, or ``call_concluded``.
    SchedulingError
        ``another_visit_open`` and what else keeps a visit from beginning.
    """
    visit = visits.visit(work.session, visit_id)
    rung = service.ring(work, _facts(work.session, carer_id, visit), times(settings), time.time())
    visits.begin_visits(work, [visits.VisitBegin(visit_id, carer_id, work.now, "manual")])
    return rung


def answer(work: Work, room_id: str, by: AnsweredBy, key: str) -> Room:
    """The citizen's side answers; a task that said nobody does is settled by it.

    Raises
    ------
    CallError
        ``auto_answer_not_allowed`` and those of ``video.service.answer``.
    """
    before = service.room(work.session, room_id)
    if by == "auto" and not auto_answer_allowed(work.session, before.citizen_id, work.now):
        raise CallError("auto_answer_not_allowed")
    room = service.answer(work, room_id, by, key)
    tasks.settle_for_visit(work, room.visit_id, "screen_unanswered", "answered")
    return room


def not_now(work: Work, settings: VideoSettings, room_id: str) -> Room:
    """The citizen cannot just now: with a try left the carer is free until then."""
    room = service.not_now(work, room_id, times(settings))
    if room.next_try_at is not None:
        visits.put_back(work, room.visit_id)
    return room


def conclude(
    work: Work,
    settings: VideoSettings,
    room: Room,
    carer_id: str,
    outcome: CallOutcome,
    note: str | None = None,
    at: datetime | None = None,
) -> Room:
    """The carer says how it went: call and visit end in this one act.

    *No answer* with a try left ends neither: the visit waits for its second try.

    Raises
    ------
    CallError, SchedulingError
        Where the outcome contradicts what happened, or the visit is another's.
    """
    if outcome == "no_answer" and room.attempt < TRIES and not room.concluded:
        waiting = service.give_up(work, room.room_id, times(settings))
        visits.put_back(work, room.visit_id)
        return waiting
    ended_at = at or work.now
    # Call before visit, as everywhere: two tablets that tell at once wait here, and nowhere for each other.
    store.held_room(work.session, room.room_id)
    visit = visits.visit(work.session, room.visit_id)
    if visit.state == "planned":
        # It was put back when nobody answered; what came of it began when the ring was over, or with the shift of
        # the carer who has it now.
        shift = shifts.shift_of(work.session, carer_id, visit.day)
        begun_at = min(room.ring_until_at, ended_at)
        if shift is not None and shift.started_at is not None:
            begun_at = max(begun_at, shift.started_at)
        visits.begin_visits(work, [visits.VisitBegin(visit.id, carer_id, begun_at, "manual")])
    ended = service.conclude(work, room.room_id, outcome, ended_at)
    visits.end_visits(work, [visits.VisitEnd(visit.id, carer_id, ended_at, _OUTCOMES[outcome], note)])
    if outcome == "no_answer":
        _raise_unanswered(work, ended)
    elif outcome == "converted_physical":
        tasks.raise_task(work, _task(ended, "screen_needs_physical"))
    _close_links(work, room.room_id)
    return ended


def require_outcome(session: Session, visit_id: str) -> None:
    """A visit that was rung ends with its call: how it went is said there, and never left open.

    Raises
    ------
    CallError
        ``call_outcome_missing``.
    """
    room = store.room_of_visit(session, visit_id)
    if room is not None and not room.concluded:
        raise CallError("call_outcome_missing")


def sweep(parts: Parts, wall_s: float) -> list[Room]:
    """End rings that are over, tries that were forgotten, talks nobody ended. Returns the calls that changed."""
    limits = times(parts.settings.video)
    with parts.database.reading() as session:
        waiting = store.waiting_rooms(session, wall_s)
    changed = []
    for room in waiting:
        now_at = parts.clock.now()
        due = (
            rules.ring_is_over(room, now_at, wall_s)
            or rules.second_try_forgotten(room, now_at, limits.second_try_s)
            or rules.is_abandoned(room, wall_s)
        )
        settled = _sweep_one(parts, room, limits, wall_s) if due else None
        if settled is not None:
            changed.append(settled)
    return changed


def call_back(work: Work, citizen_id: str, unit_id: str) -> None:
    """*Ring til mig*: somebody at the office is to call this citizen."""
    tasks.raise_task(work, tasks.NewTask("call_back", unit_id, citizen_id=citizen_id))


def auto_answer_allowed(session: Session, citizen_id: str, now_at: datetime) -> bool:
    """Whether the citizen's kiosk may answer by itself now: yes to screen visits, and yes to that."""
    today = local_day(now_at)
    consented = all(consent_holds(session, citizen_id, kind, today) for kind in (CONSENT, AUTO_ANSWER_CONSENT))
    return rules.may_answer_itself(consented, now_at)


def next_screen_visit(session: Session, citizen_id: str, now_at: datetime) -> VisitRow | None:
    """The citizen's next screen visit of the day that has not begun; one late by an hour is still the next."""
    query = select(VisitRow).where(
        VisitRow.citizen_id == citizen_id,
        shifts.visit_of_now(session, now_at),
        VisitRow.mode == "screen",
        VisitRow.state == "planned",
    )
    starts = [(v.start_at, v.id, v) for v in session.exec(query) if v.start_at is not None]
    return min((s for s in starts if now_at - s[0] < STILL_NEXT), default=(None, None, None))[2]


def _sweep_one(parts: Parts, room: Room, limits: CallTimes, wall_s: float) -> Room | None:
    with parts.units.begin() as work:
        if room.state in TALKING:
            return interruptions.end_abandoned(work, room.room_id, wall_s)
        if room.state is CallState.RINGING:
            lapsed = interruptions.lapse(work, room.room_id, limits, wall_s)
        else:
            lapsed = interruptions.give_to_planner(work, room.room_id, limits)
        if lapsed is None:
            return None
        if lapsed.next_try_at is not None:
            visits.put_back(work, lapsed.visit_id)
        else:
            _raise_unanswered(work, lapsed)
    return lapsed


def _raise_unanswered(work: Work, room: Room) -> None:
    tasks.raise_task(work, _task(room, "screen_unanswered"))


def _task(room: Room, kind: TaskKind) -> tasks.NewTask:
    return tasks.NewTask(kind, room.unit_id, room.visit_id, room.citizen_id, room.carer_id, {"attempts": room.attempt})


def _facts(session: Session, carer_id: str, visit: VisitRow) -> CallFacts:
    shift = shifts.shift_of(session, carer_id, visit.day)
    return CallFacts(
        visit_id=visit.id,
        citizen_id=visit.citizen_id,
        carer_id=carer_id,
        unit_id=visit.unit_id,
        planned_carer_id=visit.carer_id,
        mode=visit.mode,
        consent_active=consent_holds(session, visit.citizen_id, CONSENT, visit.day),
        shift_begun=shift is not None and shift.state == "begun",
        visit_ended=visit.state == "ended",
    )


def _close_links(work: Work, room_id: str) -> None:
    soon_s = time.time() + LINGER_S
    work.session.execute(
        update(SessionRow)
        .where(col(SessionRow.room_id) == room_id, col(SessionRow.expires_s) > soon_s)
        .values(expires_s=soon_s)
    )
