"""The board's day in columns: what 6,000 visits weigh on the way to a planner is mostly what is said again and again.

The words of :mod:`gateway.views.board`, each once. Lanes are rows of :data:`LANE`; the visits of all lanes follow one
another in ``visits``, one list a column, and a lane says how many of them are its own. Times are whole seconds, more
than a bar can show: a visit's ``gap`` is from the planned end of the lane's visit before it, for the first from the
answer's ``from_at``; ``length`` is its planned length; ``begun`` and ``ended`` count from the planned start and end.
What is not known is null. ``asides`` are rows of :data:`ASIDE`. Ids and the columns of numbers are packed
(:mod:`gateway.views.packing`).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from sqlmodel import Session

from gateway.views.board import (
    Shown,
    attention,
    delay_min,
    on_duty,
    to_the_second,
    unallocated,
    units_of,
    visit_state,
)
from gateway.views.packing import packed_ids, packed_numbers
from gateway.views.services import service_name
from gateway.wire import iso
from kernel.log import latest_position
from scheduling.board.store import visits_on

#: a visit that has a place on the time axis, with its planned start and end
Placed = tuple[Shown, datetime, datetime]
#: a lane's fields; ``unit`` and ``skills`` are places in the answer's lists, shifts are minutes after ``from_at``
LANE = (
    *("name", "unit", "shift_state", "shift_start_min", "shift_end_min", "transport"),
    *("version", "delivered_version", "acknowledged_version", "offline_tablet", "skills", "visits"),
)
#: a break or the way to the car: the lane's place, the kind's in :data:`KINDS`, from when to when in seconds after
#: ``from_at``
ASIDE = ("lane", "kind", "start", "end", "fits")
KINDS = ("break", "fetch", "bring")
#: a visit's flags, added up
SCREEN, DOUBLE, PINNED, DOOR = 1, 2, 4, 8
STATES = ("planned", "begun", "ended", "late", "not_started")

_VISIT = ("id", "short", "gap", "length", "begun", "ended", "state", "flags", "delay_min")
_S = timedelta(seconds=1)
_MIN = timedelta(minutes=1)


def board_columns(
    session: Session, day: date, unit_ids: Collection[str], now: datetime, language: str
) -> dict[str, Any]:
    """Everything the board draws, of the units its planner sees."""
    position = latest_position(session)  # read first: what is newer than it comes again, what is older is here
    visits = visits_on(session, day, unit_ids)
    people = on_duty(session, day, unit_ids, visits)
    units = units_of(session, unit_ids)
    numbers = {v.citizen_id: v.short for v in visits if v.short is not None}
    placed = [[(v, v.start_at, v.end_at) for v in one.visits if v.start_at and v.end_at] for one in people]
    instants = chain((one.shift.planned_start_at for one in people), (v.start_at for v in visits if v.start_at))
    from_at = min(instants, default=now).replace(minute=0, second=0, microsecond=0)
    skills = sorted({skill for one in people for skill in one.carer.skills})
    unit_at = {u.id: i for i, u in enumerate(units)}
    skill_at = {code: i for i, code in enumerate(skills)}
    columns = _columns(placed, numbers, from_at, now)
    states = Counter(STATES[s] for s in columns["state"])
    left_over = unallocated(visits, numbers, language)
    return {
        "form": "columns",
        "day": day.isoformat(),
        "position": position,
        "from_at": iso(from_at),
        "units": [{"id": u.id, "name": u.name} for u in units],
        "skills": [{"code": code, "name": service_name(code, language)} for code in skills],
        "attention": attention(session, day, unit_ids, states, len(left_over)),
        "carers": packed_ids([one.carer.id for one in people]),
        "shifts": packed_ids([one.shift.id for one in people]),
        "routes": packed_ids([one.route.id if one.route else f"{day.isoformat()}.{one.carer.id}" for one in people]),
        "lanes": [
            [
                one.carer.name,
                unit_at[one.shift.unit_id],
                one.shift.state,
                round((one.shift.planned_start_at - from_at) / _MIN),
                round((one.shift.planned_end_at - from_at) / _MIN),
                one.carer.transport,
                *(
                    (one.route.version, one.route.delivered_version, one.route.acknowledged_version)
                    if one.route
                    else (0,) * 3
                ),
                int(one.offline_tablet),
                sorted(skill_at[code] for code in one.carer.skills),
                len(mine),
            ]
            for one, mine in zip(people, placed, strict=True)
        ],
        "visits": {name: (packed_ids if name == "id" else packed_numbers)(values) for name, values in columns.items()},
        "asides": [
            [lane, KINDS.index(a.kind), (a.start_at - from_at) // _S, (a.end_at - from_at) // _S, int(a.fits)]
            for lane, one in enumerate(people)
            for a in one.asides
        ],
        "unallocated": left_over,
    }


def _columns(
    lanes: Sequence[Sequence[Placed]], numbers: Mapping[str, int], from_at: datetime, now: datetime
) -> dict[str, Any]:
    columns: dict[str, Any] = {name: [] for name in _VISIT}
    for lane in lanes:
        before_at = from_at
        for v, starts_at, ends_at in lane:
            start_at, end_at = to_the_second(starts_at), to_the_second(ends_at)
            values = (
                v.id,
                numbers.get(v.citizen_id, 0),
                (start_at - before_at) // _S,
                (end_at - start_at) // _S,
                None if v.begun_at is None else (v.begun_at - start_at) // _S,
                None if v.ended_at is None else (v.ended_at - end_at) // _S,
                STATES.index(visit_state(v, now)),
                _flags(v),
                delay_min(v, now),
            )
            for column, value in zip(columns.values(), values, strict=True):
                column.append(value)
            before_at = end_at
    return columns


def _flags(v: Shown) -> int:
    screen, double = v.mode == "screen", v.pair_id is not None
    return SCREEN * screen + DOUBLE * double + PINNED * (v.pinned_carer_id is not None) + DOOR * (v.door_id is not None)
