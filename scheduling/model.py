"""What a day of home care is and what a plan of it says: frozen facts, no behaviour but lookups.

A :class:`Visit` is one carer's stop. A double visit is two visits tied by a :class:`Pair`. A :class:`Plan` is
an order of all visits and a carer for each; start times follow from these two (see ``scheduling.timing``).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling.shift_terms import Break as Break  # noqa: PLC0414  one place to import a day from
from scheduling.shift_terms import Place as Place  # noqa: PLC0414  one place to import a day from
from scheduling.shift_terms import ShiftEnd as ShiftEnd  # noqa: PLC0414  one place to import a day from
from scheduling.shift_terms import Transport as Transport  # noqa: PLC0414  one place to import a day from
from scheduling.shift_terms import Vehicle as Vehicle  # noqa: PLC0414  one place to import a day from


class UnitKind(StrEnum):
    """A home-care centre has routes and doors; a residence has a rota and residents."""

    HOME_CARE = "home_care"
    RESIDENCE = "residence"


class VisitMode(StrEnum):
    """A screen visit has no door and no travel."""

    PHYSICAL = "physical"
    SCREEN = "screen"


class Objective(StrEnum):
    """Which terms the cost of a plan has (``scheduling.cost``)."""

    CARE = "care"
    HHCRSP = "hhcrsp"


@dataclass(frozen=True, slots=True)
class Unit:
    """An organisation unit. ``valid_to_on`` is its last day: centres merge in the middle of a year.

    From the day after, ``merged_into_id`` has its carers and visits; ``None``: nobody has.
    """

    id: UnitId
    name: str
    kind: UnitKind
    base: Place
    valid_from_on: date | None = None
    valid_to_on: date | None = None
    merged_into_id: UnitId | None = None


@dataclass(frozen=True, slots=True)
class Competence:
    """A documented competence; ``valid_until_on`` is the last day it counts (``None``: no end)."""

    code: str
    valid_until_on: date | None = None


@dataclass(frozen=True, slots=True)
class Carer:
    """One carer's shift on the day.

    ``previous_shift_ended_at`` and ``next_shift_starts_at`` feed the rule on daily rest; ``None`` means that
    nothing lies near enough to matter. ``rest_agreement_ref`` names the agreement that allows a shorter rest.
    ``norm_balance_s`` is the work planned in her norm period, this shift included, less what the norm asks for
    (negative: below it); ``None`` where nobody knows.
    """

    id: CarerId
    unit_id: UnitId
    name: str
    skills: frozenset[str]
    shift_starts_at: datetime
    shift_ends_at: datetime
    transport: Transport
    starts_from: ShiftEnd
    ends_at: ShiftEnd
    start_place: Place | None = None
    end_place: Place | None = None
    competences: tuple[Competence, ...] = ()
    previous_shift_ended_at: datetime | None = None
    next_shift_starts_at: datetime | None = None
    rest_agreement_ref: str | None = None
    breaks: tuple[Break, ...] = ()
    vehicle: Vehicle | None = None
    norm_balance_s: float | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A citizen's door; ``device_id`` is the electronic lock on it, ``None`` where a key is still needed.

    ``key_at_base``: its key hangs at the base. ``key_carer_ids``: the carers who have one. Neither: whoever
    comes is let in.
    """

    id: DoorId
    device_id: str | None = None
    key_at_base: bool = False
    key_carer_ids: frozenset[CarerId] = frozenset()


@dataclass(frozen=True, slots=True)
class Device:
    """Any other device at the citizen, such as a lift, a turning system or a kiosk."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class AidState:
    """A lift or turning system at a citizen, as the day knows it.

    ``problem`` is why one carer may not use it alone (a code: ``inspection_overdue``, ``inspection_failed``,
    ``fault_open``), absent where she may; ``due_on`` is the last day of its next inspection.
    """

    device_id: str
    kind: str
    problem: str | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent and its dates; withdrawn consents are kept because the day must be explainable later."""

    kind: str
    given_on: date
    withdrawn_on: date | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """The citizen's wishes about who comes. ``avoided`` binds; ``regular`` has a price when it is not met."""

    regular_carer_ids: frozenset[CarerId] = frozenset()
    avoided_carer_ids: frozenset[CarerId] = frozenset()
    screen_ok: bool = False


@dataclass(frozen=True, slots=True)
class Citizen:
    """A citizen as far as planning needs one. ``formerly_key_fetched``: a key had to be fetched before."""

    id: CitizenId
    unit_id: UnitId
    display_name: str
    address: str
    place: Place
    door: Door | None = None
    devices: tuple[Device, ...] = ()
    consents: tuple[Consent, ...] = ()
    preferences: Preferences = field(default_factory=Preferences)
    formerly_key_fetched: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One carer's stop. The window bounds the START of the visit; lateness is counted from its close.

    ``priority`` 1 is the most important of 1 to 5. ``pinned_start_at`` fixes the start; together with
    ``begun`` it is a fact that already happened and that no plan can move.
    """

    id: VisitId
    citizen_id: CitizenId
    unit_id: UnitId
    service: str
    window_open_at: datetime
    window_close_at: datetime
    duration_s: float
    mode: VisitMode = VisitMode.PHYSICAL
    door_id: DoorId | None = None
    required_skills: frozenset[str] = frozenset()
    required_competences: frozenset[str] = frozenset()
    priority: int = 3
    pinned_carer_id: CarerId | None = None
    pinned_start_at: datetime | None = None
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A double visit: the second starts ``min_gap_s`` to ``max_gap_s`` after the first, by another carer.

    Both gaps zero means that the two start together.
    """

    first_id: VisitId
    second_id: VisitId
    min_gap_s: float = 0.0
    max_gap_s: float = 0.0

    @property
    def simultaneous(self) -> bool:
        """Whether both carers must start at the same moment."""
        return self.min_gap_s == self.max_gap_s == 0.0


@dataclass(frozen=True, slots=True)
class TravelMatrix:
    """Travel minutes from row to column for every transport; shape ``(n, n)``, may be asymmetric."""

    minutes: tuple[array[float], ...]


@dataclass(frozen=True, slots=True)
class ModeSpeed:
    """How fast one transport is, door to door. Dated: the numbers are assumptions to be replaced."""

    transport: Transport
    speed_km_h: float
    detour_ratio: float
    stop_min: float
    valid_from_on: date
    source: str


@dataclass(frozen=True, slots=True)
class TravelBySpeed:
    """Travel from coordinates: great circle x detour / speed, plus minutes per stop (parking)."""

    modes: tuple[ModeSpeed, ...]


@dataclass(frozen=True)
class Day:
    """Everything a planner needs of one day. ``zero_at`` (aware UTC) is minute 0 of all exact minutes."""

    on: date
    name: str
    zero_at: datetime
    objective: Objective
    units: tuple[Unit, ...]
    carers: tuple[Carer, ...]
    citizens: tuple[Citizen, ...]
    visits: tuple[Visit, ...]
    pairs: tuple[Pair, ...]
    travel: TravelMatrix | TravelBySpeed
    #: by citizen, for those with a lift or turning system; not part of a day file, whose day is nobody's in particular
    aids: Mapping[CitizenId, tuple[AidState, ...]] = field(default_factory=dict)

    @cached_property
    def unit_by_id(self) -> dict[UnitId, Unit]:
        """Units by id."""
        return {unit.id: unit for unit in self.units}

    @cached_property
    def acting_unit(self) -> dict[UnitId, UnitId]:
        """For each unit the one that has its carers and visits on this day: itself, or what it merged into."""
        acting: dict[UnitId, UnitId] = {}
        for unit in self.units:
            here, seen = unit, {unit.id}
            while here.valid_to_on is not None and here.valid_to_on < self.on and here.merged_into_id is not None:
                after = self.unit_by_id.get(here.merged_into_id)
                if after is None or after.id in seen:
                    break
                here = after
                seen.add(here.id)
            acting[unit.id] = here.id
        return acting

    @cached_property
    def carer_by_id(self) -> dict[CarerId, Carer]:
        """Carers by id."""
        return {carer.id: carer for carer in self.carers}

    @cached_property
    def citizen_by_id(self) -> dict[CitizenId, Citizen]:
        """Citizens by id."""
        return {citizen.id: citizen for citizen in self.citizens}

    @cached_property
    def visit_by_id(self) -> dict[VisitId, Visit]:
        """Visits by id."""
        return {visit.id: visit for visit in self.visits}

    @cached_property
    def pair_of(self) -> dict[VisitId, Pair]:
        """The pair of each visit that is half of a double visit."""
        return {visit_id: pair for pair in self.pairs for visit_id in (pair.first_id, pair.second_id)}

    def minute(self, at: datetime) -> float:
        """Minutes from ``zero_at`` to an instant."""
        return (at - self.zero_at).total_seconds() / 60.0

    def instant(self, minute: float) -> datetime:
        """The instant of a minute, rounded to the microsecond."""
        return self.zero_at + timedelta(minutes=minute)


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit in a route with its exact times, in minutes from ``zero_at``.

    ``travel_min`` leads to this stop, ``wait_min`` passes before it may start, ``late_min`` is how long after
    its window closed it starts.
    """

    visit_id: VisitId
    zero_at: datetime
    start_min: float
    end_min: float
    travel_min: float
    wait_min: float
    late_min: float

    @property
    def starts_at(self) -> datetime:
        """Aware UTC instant of the start, to the microsecond."""
        return self.zero_at + timedelta(minutes=self.start_min)

    @property
    def ends_at(self) -> datetime:
        """Aware UTC instant of the end, to the microsecond."""
        return self.zero_at + timedelta(minutes=self.end_min)


@dataclass(frozen=True, slots=True)
class Rest:
    """A break as the plan has it: behind the first ``after_stops`` stops, minutes from ``zero_at``."""

    after_stops: int
    start_min: float
    end_min: float


@dataclass(frozen=True, slots=True)
class Route:
    """One carer's stops in order. ``back_min`` leads from the last stop to the place where the shift ends.

    ``fetch_min`` leads from the start of the shift to the vehicle, where one is fetched; a ``back_min`` then
    holds the way from the vehicle, too. Breaks behind the last stop are not listed.
    """

    carer_id: CarerId
    stops: tuple[Stop, ...]
    back_min: float
    overrun_min: float
    fetch_min: float = 0.0
    rests: tuple[Rest, ...] = ()

    @property
    def travel_min(self) -> float:
        """All travel of the route in minutes, the ways to the vehicle and back included."""
        return self.fetch_min + sum(stop.travel_min for stop in self.stops) + self.back_min


@dataclass(frozen=True, slots=True)
class Unallocated:
    """A visit nobody does and why (stable code, see ``scheduling.rules``)."""

    visit_id: VisitId
    reason: str


@dataclass(frozen=True)
class Plan:
    """Order and carers, and the routes that follow. Every carer of the day has a route, perhaps empty.

    ``order`` lists every allocated visit that is single or the first of its pair. ``cost_min`` is the value
    of ``scheduling.cost`` for this plan.
    """

    order: tuple[VisitId, ...]
    routes: tuple[Route, ...]
    unallocated: tuple[Unallocated, ...]
    cost_min: float

    @cached_property
    def carer_of(self) -> dict[VisitId, CarerId]:
        """Who does each allocated visit."""
        return {stop.visit_id: route.carer_id for route in self.routes for stop in route.stops}

    @cached_property
    def route_of(self) -> dict[CarerId, Route]:
        """Routes by carer."""
        return {route.carer_id: route for route in self.routes}
