"""The lived weeks of screen visits: second tries where they belong, follow-ups on the route, calls told in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from gateway.demo.behaviour import RING, LivedShift, LivedStop, second_try_from
from gateway.demo.follow_ups import NOTICE, TRAVEL_MIN, FollowUp
from gateway.demo.municipality import Municipality
from gateway.demo.screen import FOLLOWED_UP, AnsweredBy, LivedCall
from kernel.ids import DoorId, VisitId
from kernel.work import Work
from scheduling.model import Day, Visit, VisitMode
from video.model import LivedCall as PastCall
from video.service import record_calls


def with_second_tries(lived: LivedShift) -> tuple[LivedShift, dict[str, datetime]]:
    """Move screen visits nobody answered to where the carer rings again; what comes later moves on.

    Returns
    -------
    tuple
        The shift with each visit where it was held in the end, and when it was first rung.
    """
    behind, waiting, stops = timedelta(), list[LivedStop](), list[LivedStop]()
    first_rung: dict[str, datetime] = {}

    def ring_again(due_by: datetime | None) -> timedelta:
        taken = timedelta()
        while waiting:
            stop, call = waiting[0], _call(waiting[0])
            due_at = second_try_from(call, first_rung[stop.visit_id])
            if due_by is not None and due_at > due_by:
                break
            waiting.pop(0)
            rung_at = max(due_at, stops[-1].ends_at) if stops else due_at
            length = timedelta(seconds=call.answer_s + call.talk_s) if call.answered else RING
            stops.append(replace(stop, arrives_at=rung_at, ends_at=rung_at + length))
            taken += length
        return taken

    for stop in lived.stops:
        behind += ring_again(stop.arrives_at + behind)
        moved = replace(stop, arrives_at=stop.arrives_at + behind, ends_at=stop.ends_at + behind)
        if stop.call is not None:
            first_rung[stop.visit_id] = moved.arrives_at
            if stop.call.attempts == 2:
                waiting.append(moved)
                continue
        stops.append(moved)
    ring_again(None)
    over_at = max([lived.ends_at + behind, *(s.ends_at for s in stops)])
    return replace(lived, stops=tuple(stops), ends_at=over_at), first_rung


def wanted_follow_ups(
    municipality: Municipality, day: Day, lived: Mapping[str, LivedShift], minutes_of: Mapping[str, float]
) -> list[FollowUp]:
    """The physical visits that failed screen visits of a day ask for."""
    return [
        FollowUp(
            stop.visit_id,
            follow_up_id(municipality, day.on, stop.visit_id),
            carer_id,
            minutes_of[stop.visit_id] * 60,
            stop.ends_at + NOTICE,
            _door_of(day, stop.visit_id),
        )
        for carer_id, shift in sorted(lived.items())
        for stop in shift.stops
        if stop.call is not None and stop.call.outcome in FOLLOWED_UP
    ]


def with_follow_ups(
    lived: LivedShift,
    wanted: Sequence[FollowUp],
    planned: Mapping[str, tuple[datetime | None, datetime | None]],
) -> LivedShift:
    """The shift with its follow-ups at the end, each as planned but not before the carer is free."""
    stops = list(lived.stops)
    for follow_up in sorted(wanted, key=lambda w: (w.from_at, w.new_id)):
        starts_at, ends_at = planned[follow_up.new_id]
        if starts_at is None or ends_at is None:
            raise ValueError(f"Expected a planned follow-up, got {follow_up.new_id} without a time.")
        arrives_at = max(starts_at, stops[-1].ends_at + timedelta(minutes=TRAVEL_MIN))
        stops.append(
            LivedStop(follow_up.new_id, follow_up.door_id, arrives_at, arrives_at + (ends_at - starts_at), "done")
        )
    later = stops[-1].ends_at - lived.stops[-1].ends_at
    return replace(lived, stops=tuple(stops), ends_at=max(lived.ends_at, stops[-1].ends_at, lived.ends_at + later))


def with_new_visits(day: Day, wanted: Sequence[FollowUp]) -> Day:
    """The day with its follow-ups."""
    new = tuple(
        replace(
            day.visit_by_id[VisitId(w.visit_id)],
            id=VisitId(w.new_id),
            mode=VisitMode.PHYSICAL,
            door_id=DoorId(w.door_id) if w.door_id is not None else None,
            duration_s=w.duration_s,
        )
        for w in wanted
    )
    return replace(day, visits=(*day.visits, *new))


def follow_up_id(municipality: Municipality, on: date, visit_id: str) -> str:
    """Id of the visit that follows a screen visit."""
    return f"{on:%y%m%d}{municipality.identifier('follow_up', visit_id)[:18]}"


def _door_of(day: Day, visit_id: str) -> str | None:
    door = day.citizen_by_id[day.visit_by_id[VisitId(visit_id)].citizen_id].door
    return door.id if door is not None else None


def physical_minutes(municipality: Municipality, visits: Sequence[Visit]) -> dict[str, float]:
    """How long each visit of a weekday, as the municipality drew it, takes when it is physical."""
    return {str(v.id): w.duration_min for v, (_, w) in zip(visits, municipality.weekday_wishes, strict=True)}


def tell_calls(
    work: Work,
    day: Day,
    lived: Mapping[str, LivedShift],
    first_rung: Mapping[str, datetime],
    kiosk_of: Mapping[str, str],
) -> None:
    """Write the calls of a day, each with its rings, its answer and its outcome."""
    calls = [
        _past_call(day, carer_id, stop, first_rung[stop.visit_id], "kiosk" if stop.visit_id in kiosk_of else "link")
        for carer_id, shift in sorted(lived.items())
        for stop in shift.stops
        if stop.call is not None
    ]
    record_calls(work, calls)


def _past_call(day: Day, carer_id: str, stop: LivedStop, first_rung_at: datetime, by: AnsweredBy) -> PastCall:
    call, visit = _call(stop), day.visit_by_id[VisitId(stop.visit_id)]
    rung_at = first_rung_at if call.attempts == 1 else stop.arrives_at
    return PastCall(
        visit_id=stop.visit_id,
        citizen_id=visit.citizen_id,
        carer_id=carer_id,
        unit_id=visit.unit_id,
        first_rung_at=first_rung_at,
        rung_at=rung_at,
        answered_at=rung_at + timedelta(seconds=call.answer_s) if call.answered else None,
        ended_at=stop.ends_at,
        outcome=call.outcome,
        attempts=call.attempts,
        answered_by=by,
        windows=call.windows,
        good_windows=call.good_windows,
        setup_ms=call.setup_ms if call.windows else None,
    )


def _call(stop: LivedStop) -> LivedCall:
    if stop.call is None:
        raise ValueError(f"Expected a stop by screen, got {stop.visit_id}.")
    return stop.call
