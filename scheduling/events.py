"""What planning and delivery of care tell the rest: shifts, routes, visits. Facts only, no names.

Stops travel inside the route events because a later reader (the benefit ledger, the grant signer) must be able
to judge a day from the log alone.
"""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

import scheduling.events_ahead  # noqa: F401 - they are read wherever these are
from kernel.events import Event

Place = Literal["home", "base", "citizen"]
Source = Literal["manual", "device"]
Mode = Literal["physical", "screen"]
Outcome = Literal["done", "partly", "nobody_home", "declined", "cancelled_at_door", "no_answer", "technical_failure"]
"""How a visit went; the last two are for screen visits only."""
TaskKind = Literal[
    "screen_unanswered",
    "screen_needs_physical",
    "call_back",
    "tablet_lost",
    "carer_left",
    "citizen_home",
    "key_needed",
    "emergency_unreviewed",
    "will_be_late",
]
CitizenAbsenceKind = Literal["hospital", "away"]
AbsenceKind = Literal["sick", "child_sick", "holiday", "course"]
ShiftKind = Literal["day", "evening", "night"]


class RouteStop(BaseModel):
    """One stop of a published route, with what a reader needs to judge it."""

    model_config = ConfigDict(frozen=True)

    visit_id: str
    citizen_id: str
    start_at: AwareDatetime
    end_at: AwareDatetime
    mode: Mode
    door_id: str | None = None
    #: before the electronic lock a key to this citizen was fetched at the base
    formerly_key: bool = False
    #: planned travel to this stop, in seconds; absent in older events
    travel_s: int | None = None


class ShiftStarted(Event):
    """A carer began a shift and said where."""

    event_type: ClassVar[str] = "shift.started"

    shift_id: str
    carer_id: str
    unit_id: str
    kind: ShiftKind
    place: Place
    day: str
    planned_start_at: AwareDatetime
    planned_end_at: AwareDatetime
    #: SHA-256 thumbprint (hex) of the key the tablet made for this shift; grants bind to it
    holder_thumbprint: str | None = None


class ShiftEnded(Event):
    """A carer ended a shift and said where. The shift's key is worthless from now on."""

    event_type: ClassVar[str] = "shift.ended"

    shift_id: str
    carer_id: str
    unit_id: str
    place: Place


class RoutePublished(Event):
    """A route got a new version. The former version is void from this event on."""

    event_type: ClassVar[str] = "route.published"

    route_id: str
    carer_id: str
    unit_id: str
    day: str
    route_version: int
    reason: str
    stops: tuple[RouteStop, ...]


class RouteDelivered(Event):
    """A route version reached the carer's tablet."""

    event_type: ClassVar[str] = "route.delivered"

    route_id: str
    carer_id: str
    unit_id: str
    day: str
    route_version: int
    stop_count: int
    #: how many of the stops once needed a key fetched at the base
    key_stop_count: int


class RouteAcknowledged(Event):
    """The carer has seen a changed route."""

    event_type: ClassVar[str] = "route.acknowledged"

    route_id: str
    carer_id: str
    unit_id: str
    day: str
    route_version: int


class VisitMoved(Event):
    """A planner moved a visit. Both carers' tablets are told why."""

    event_type: ClassVar[str] = "visit.moved"

    visit_id: str
    citizen_id: str
    unit_id: str
    day: str
    from_carer_id: str | None
    to_carer_id: str | None
    from_start_at: AwareDatetime | None
    to_start_at: AwareDatetime | None
    reason: str
    #: the identity of the planner who moved it; it is asked for to show planners who changed what
    by_id: str | None = None


class VisitBegun(Event):
    """A visit began, by the door (device) or by a tap (manual)."""

    event_type: ClassVar[str] = "visit.begun"

    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    shift_id: str | None
    mode: Mode
    source: Source
    planned_start_at: AwareDatetime
    opening_id: str | None = None


class VisitEnded(Event):
    """A visit ended with an outcome that a person gave."""

    event_type: ClassVar[str] = "visit.ended"

    visit_id: str
    citizen_id: str
    carer_id: str
    unit_id: str
    shift_id: str | None
    mode: Mode
    outcome: Outcome
    begun_at: AwareDatetime
    #: planned travel to the visit as the route stood, in seconds; 0 for a screen visit, absent in older events
    travel_s: int | None = None
    #: what was done, so that a later reader can tell a physical follow-up of the same service
    service: str | None = None


class DayPlanned(Event):
    """A plan for a whole day of a unit was made and published."""

    event_type: ClassVar[str] = "day.planned"

    unit_id: str
    day: str
    visit_count: int
    unallocated_count: int


class CitizenEnrolled(Event):
    """A citizen began to use a technology (a lock was mounted and consented to)."""

    event_type: ClassVar[str] = "citizen.enrolled"

    citizen_id: str
    unit_id: str
    technology: str


class CarerAbsent(Event):
    """A carer cannot come. Why is no more than a kind; no diagnosis is ever stored."""

    event_type: ClassVar[str] = "carer.absent"

    carer_id: str
    unit_id: str
    day: str
    kind: AbsenceKind
    visits_left: int


class CarerReturned(Event):
    """An absence was taken back: the carer comes after all, and her shift stands as it was planned."""

    event_type: ClassVar[str] = "carer.returned"

    carer_id: str
    unit_id: str
    day: str


class DayReassigned(Event):
    """A planner answered something that happened: routes of a running day were changed in one act."""

    event_type: ClassVar[str] = "day.reassigned"

    reassignment_id: str
    unit_id: str
    day: str
    #: what had happened: carer_away, carer_late, visit_longer, door_shut, urgent, swap, lend, to_screen, to_physical
    kind: str
    #: visits that got another carer, and visits nobody does any more
    handed_count: int
    left_count: int


class ReassignmentUndone(Event):
    """Such an act was taken back: its routes are as they were, in new versions."""

    event_type: ClassVar[str] = "reassignment.undone"

    reassignment_id: str
    unit_id: str
    kind: str


class VisitOffered(Event):
    """A visit was offered to a carer, and to others at the same time."""

    event_type: ClassVar[str] = "visit.offered"

    offer_id: str
    visit_id: str
    carer_id: str
    unit_id: str


class OfferSettled(Event):
    """An offer is over for a carer: she took the visit, somebody else did, or the planner withdrew it."""

    event_type: ClassVar[str] = "offer.settled"

    offer_id: str
    visit_id: str
    carer_id: str
    unit_id: str
    outcome: Literal["won", "lost", "withdrawn"]


class TaskRaised(Event):
    """Something a planner has to deal with."""

    event_type: ClassVar[str] = "task.raised"

    task_id: str
    unit_id: str
    kind: TaskKind
    visit_id: str | None = None
    citizen_id: str | None = None
    carer_id: str | None = None


class TaskSettled(Event):
    """A planner dealt with it."""

    event_type: ClassVar[str] = "task.settled"

    task_id: str
    unit_id: str
    kind: TaskKind
    how: str


class TabletLost(Event):
    """A carer's tablet was reported lost: the key it held for the shift is void from this event on."""

    event_type: ClassVar[str] = "tablet.lost"

    shift_id: str
    carer_id: str
    unit_id: str
    reason: str
    #: the void key (hex thumbprint)
    holder_thumbprint: str


class ShiftKeyReplaced(Event):
    """A shift goes on with another tablet's key, after the one before was reported lost."""

    event_type: ClassVar[str] = "shift.key_replaced"

    shift_id: str
    carer_id: str
    unit_id: str
    replaces: str
    holder_thumbprint: str


class CarerLeft(Event):
    """A carer stops working here. From ``from_at`` on she opens no door and is on no route."""

    event_type: ClassVar[str] = "carer.left"

    from_at: AwareDatetime
    reason: str


class CitizenAway(Event):
    """A citizen is not at home: admitted to hospital, or away for another reason. No diagnosis is ever stored."""

    event_type: ClassVar[str] = "citizen.away"

    absence_id: str
    citizen_id: str
    kind: CitizenAbsenceKind
    from_at: AwareDatetime
    #: absent while nobody knows
    until_at: AwareDatetime | None = None


class CitizenHome(Event):
    """A citizen is home again."""

    event_type: ClassVar[str] = "citizen.home"

    absence_id: str
    citizen_id: str
    kind: CitizenAbsenceKind


class VisitCancelled(Event):
    """A planned visit is not needed: its citizen is not at home."""

    event_type: ClassVar[str] = "visit.cancelled"

    visit_id: str
    citizen_id: str
    day: str
    reason: CitizenAbsenceKind


class VisitRestored(Event):
    """A cancelled visit is wanted again; somebody has to be found for it."""

    event_type: ClassVar[str] = "visit.restored"

    visit_id: str
    citizen_id: str
    day: str


class CitizenLeft(Event):
    """A citizen stopped using a technology (consent withdrawn, device taken down)."""

    event_type: ClassVar[str] = "citizen.left"

    citizen_id: str
    unit_id: str
    technology: str


class CompetenceRecorded(Event):
    """A carer's course or role was entered, prolonged or ended; ``valid_until_on`` is the last day it counts."""

    event_type: ClassVar[str] = "competence.recorded"

    carer_id: str
    code: str
    valid_until_on: str | None = None
    by_role: str


class TransferPlanned(Event):
    """A kind of transfer was put into the inventory, converted to one carer, or given back to two."""

    event_type: ClassVar[str] = "transfer.planned"

    plan_id: str
    citizen_id: str
    unit_id: str
    situation: Literal["bed_chair", "toilet", "bath", "turning", "other"]
    times_per_day: int
    carers_before: Literal[1, 2]
    carers: Literal[1, 2]
