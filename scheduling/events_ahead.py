"""Events of what is known ahead: weekly plans, files that came in, absences, emergency lists. Facts only, no names."""

from typing import ClassVar, Literal

from kernel.events import Event


class AbsencePlanned(Event):
    """A carer's absence was planned ahead, both days included. A kind, never a diagnosis."""

    event_type: ClassVar[str] = "absence.planned"

    carer_id: str
    kind: Literal["sick", "child_sick", "holiday", "course"]
    from_on: str
    to_on: str


class AbsenceCancelled(Event):
    """Days of a planned absence were taken back."""

    event_type: ClassVar[str] = "absence.cancelled"

    carer_id: str
    from_on: str
    to_on: str


class VisitPatternChanged(Event):
    """A weekly pattern holds from a day on, or ends with ``to_on`` (then both days are its last one)."""

    event_type: ClassVar[str] = "visit_pattern.changed"

    series_id: str
    citizen_id: str
    from_on: str
    to_on: str | None = None
    by_role: str


class DayGenerated(Event):
    """A unit's visits of a day were made out of its weekly patterns, or brought to what those say now."""

    event_type: ClassVar[str] = "day.generated"

    day: str
    made: int
    changed: int
    cancelled: int
    #: made, and cancelled at once because the citizen is not at home
    away: int


class VisitsImported(Event):
    """A file with visits, patterns or shifts came in: applied whole, or refused whole and kept."""

    event_type: ClassVar[str] = "visits.imported"

    import_id: str
    #: visits, patterns or shifts; empty where the file did not say
    kind: str
    row_count: int
    #: more than none: nothing of it took effect
    problem_count: int
    by_role: str


class RouteListOpened(Event):
    """Somebody opened a unit's emergency list of a day: a role, never a name."""

    event_type: ClassVar[str] = "route_list.opened"

    day: str
    by_role: str
    form: Literal["page", "pdf"]
    #: citizens whose name and address were on it
    citizen_count: int
