"""Home healthcare benchmark instances (HHCRSP) as days, and plans in the benchmark's solution format.

Format: github.com/iolab-uniud/hhcrsp (MIT licence). Minute 0 is 07:00 in Copenhagen on the given date; every
patient has a door with a simulated lock and has consented to it, and there are no baselines. Travel is always
the file's matrix, in minutes.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling.day_errors import (
    DayFileError,
    Problem,
    duplicate_ids,
    matrix_problems,
    path_of,
    schema_problems,
    shown,
)
from scheduling.day_schema import CarerKey, Code, Name
from scheduling.model import (
    Carer,
    Citizen,
    Consent,
    Day,
    Door,
    Objective,
    Pair,
    Place,
    Plan,
    ShiftEnd,
    Transport,
    TravelMatrix,
    Unit,
    UnitKind,
    Visit,
)

UNIT_ID = UnitId("hhcrsp")
FIRST_MINUTE = time(7, 0)
TIMEZONE = ZoneInfo("Europe/Copenhagen")

SHIFT_SLACK_MIN = 720.0
"""Shifts outlast the last window by this much: the benchmark has no shift limits, lateness only costs."""

PLANE_TOLERANCE = 0.01
"""Largest gap between matrix and straight line for a plane; the files have three decimals."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


# With a service behind it, it is the id of a visit; with "lock-" before it, that of a device in a topic.
_PatientKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,31}$")]
_ServiceKey = Annotated[str, Field(pattern=r"^[^/?#%\\\x00-\x1f]{1,32}$")]
_Minute = Annotated[float, Field(ge=-100_000, le=100_000)]
_Minutes = Annotated[float, Field(ge=0, le=100_000)]


class _Asked(_Strict):
    service: _ServiceKey
    duration: float | None = Field(default=None, gt=0, le=2_880)


class _Together(_Strict):
    type: Literal["simultaneous"]


class _InSequence(_Strict):
    type: Literal["sequential"]
    distance: tuple[_Minutes, _Minutes]


class _Patient(_Strict):
    id: _PatientKey
    location: tuple[float, float]
    time_window: tuple[_Minute, _Minute]
    required_caregivers: Annotated[list[_Asked], Field(min_length=1, max_length=2)]
    synchronization: Annotated[_Together | _InSequence, Field(discriminator="type")] | None = None


class _Service(_Strict):
    id: _ServiceKey
    default_duration: float | None = Field(default=None, gt=0, le=2_880)


class _Caregiver(_Strict):
    id: CarerKey
    abilities: list[Code]


class _Office(_Strict):
    id: str
    location: tuple[float, float]


class _Instance(_Strict):
    name: Name | None = None
    area: Any = None
    patients: list[_Patient]
    services: list[_Service]
    caregivers: list[_Caregiver]
    central_offices: Annotated[list[_Office], Field(min_length=1, max_length=1)]
    distances: list[list[_Minutes]]


def is_hhcrsp(value: object) -> bool:
    """Whether a JSON value is a benchmark instance rather than a day file."""
    return isinstance(value, dict) and "schema" not in value and {"patients", "caregivers"} <= value.keys()


def day_from_instance(value: object, *, on: date, name: str = "HHCRSP") -> Day:
    """The day an instance describes.

    Parameters
    ----------
    value
        The parsed JSON of the instance.
    on
        The date whose 07:00 (Copenhagen) is minute 0.
    name
        Name of the day where the instance has none of its own.

    Raises
    ------
    DayFileError
        With every problem found, if the instance is broken.
    """
    problems = list(_reference_problems(value))
    try:
        instance = _Instance.model_validate_json(json.dumps(value))
    except ValidationError as err:
        raise DayFileError([*schema_problems(err, value), *problems]) from err
    if problems:
        raise DayFileError(problems)
    zero_at = datetime.combine(on, FIRST_MINUTE, TIMEZONE).astimezone(ZoneInfo("UTC"))
    places = _places(instance)
    visits, pairs = _visits(instance, zero_at)
    # Pydantic has turned every whole number into a float, so the matrix is lossless.
    rows = tuple(array("d", row) for row in instance.distances)
    return Day(
        on=on,
        name=instance.name or name,
        zero_at=zero_at,
        objective=Objective.HHCRSP,
        units=(Unit(id=UNIT_ID, name=instance.name or name, kind=UnitKind.HOME_CARE, base=places[0]),),
        carers=tuple(_carers(instance, places[0], zero_at)),
        citizens=tuple(_citizens(instance, places, on)),
        visits=tuple(visits),
        pairs=tuple(pairs),
        travel=TravelMatrix(rows),
    )


def solution_json(day: Day, plan: Plan) -> bytes:
    """A plan in the benchmark's solution format; ``arrival_time`` is the START of service.

    Raises
    ------
    ValueError
        If the day is no benchmark instance.
    """
    if day.objective is not Objective.HHCRSP:
        raise ValueError(f"Expected a day made of an HHCRSP instance, got {day.name!r}.")
    routes = [
        {
            "caregiver_id": route.carer_id,
            "locations": [
                {
                    "patient": day.visit_by_id[stop.visit_id].citizen_id,
                    "service": day.visit_by_id[stop.visit_id].service,
                    "arrival_time": stop.start_min,
                    "departure_time": stop.end_min,
                }
                for stop in route.stops
            ],
        }
        for route in plan.routes
    ]
    ordering = [day.visit_by_id[visit_id].citizen_id for visit_id in plan.order]
    return json.dumps({"routes": routes, "global_ordering": ordering}, indent=1).encode()


def _carers(instance: _Instance, office: Place, zero_at: datetime) -> Iterator[Carer]:
    last_min = max((p.time_window[1] for p in instance.patients), default=0.0)
    for caregiver in instance.caregivers:
        yield Carer(
            id=CarerId(caregiver.id),
            unit_id=UNIT_ID,
            name=caregiver.id,
            skills=frozenset(caregiver.abilities),
            shift_starts_at=zero_at,
            shift_ends_at=zero_at + timedelta(minutes=math.ceil(last_min) + SHIFT_SLACK_MIN),
            transport=Transport.CAR,
            starts_from=ShiftEnd.BASE,
            ends_at=ShiftEnd.BASE,
            start_place=office,
            end_place=office,
        )


def _citizens(instance: _Instance, places: list[Place], on: date) -> Iterator[Citizen]:
    for patient, place in zip(instance.patients, places[1:], strict=True):
        yield Citizen(
            id=CitizenId(patient.id),
            unit_id=UNIT_ID,
            display_name=patient.id,
            address=f"{patient.location[0]}, {patient.location[1]}",
            place=place,
            door=_door(patient),
            consents=(Consent("electronic_key", on),),
        )


def _door(patient: _Patient) -> Door:
    return Door(DoorId(f"door-{patient.id}"), device_id=f"lock-{patient.id}")


def _visits(instance: _Instance, zero_at: datetime) -> tuple[list[Visit], list[Pair]]:
    default_min = {service.id: service.default_duration for service in instance.services}
    visits: list[Visit] = []
    pairs: list[Pair] = []
    for patient in instance.patients:
        ids: list[VisitId] = []
        for asked in patient.required_caregivers:
            minutes = asked.duration or default_min.get(asked.service)
            ids.append(VisitId(f"{patient.id}-{asked.service}"))
            visits.append(
                Visit(
                    id=ids[-1],
                    citizen_id=CitizenId(patient.id),
                    unit_id=UNIT_ID,
                    service=asked.service,
                    window_open_at=zero_at + timedelta(minutes=patient.time_window[0]),
                    window_close_at=zero_at + timedelta(minutes=patient.time_window[1]),
                    duration_s=(minutes or 0.0) * 60.0,
                    door_id=_door(patient).id,
                    required_skills=frozenset({asked.service}),
                )
            )
        if len(ids) == 2:
            sync = patient.synchronization
            gap = sync.distance if isinstance(sync, _InSequence) else (0.0, 0.0)
            pairs.append(Pair(ids[0], ids[1], min_gap_s=gap[0] * 60.0, max_gap_s=gap[1] * 60.0))
    return visits, pairs


def _places(instance: _Instance) -> list[Place]:
    """The office and the patients, in matrix order, as a plane or on earth.

    The plane's coordinates are those whose straight lines are the matrix (Mankowska et al. 2014). Instances
    that name their area are Italian towns with longitude first (ITOR 2024); the others come from Porto Alegre
    with latitude first (Kummer 2021).
    """
    points = [instance.central_offices[0].location, *(p.location for p in instance.patients)]
    if _is_plane(points, instance.distances):
        return [Place(x=a, y=b, matrix_row=row) for row, (a, b) in enumerate(points)]
    if instance.area is not None:
        return [Place(lat_deg=b, lon_deg=a, matrix_row=row) for row, (a, b) in enumerate(points)]
    return [Place(lat_deg=a, lon_deg=b, matrix_row=row) for row, (a, b) in enumerate(points)]


def _is_plane(points: list[tuple[float, float]], matrix: list[list[float]]) -> bool:
    return all(
        abs(math.dist(points[0], point) - matrix[0][column]) <= PLANE_TOLERANCE for column, point in enumerate(points)
    )


def _reference_problems(value: object) -> Iterator[Problem]:
    """Duplicates, dangling references and sizes, read from the raw value so that none hides another."""
    if not isinstance(value, dict):
        return
    for collection in ("patients", "services", "caregivers"):
        yield from duplicate_ids(value, collection)
    services = {s["id"]: s for s in _objects(value, "services") if isinstance(s.get("id"), str)}
    for number, patient in enumerate(_objects(value, "patients")):
        asked = [a for a in _list(patient, "required_caregivers") if isinstance(a, dict)]
        for index, item in enumerate(asked):
            steps = ("patients", number, "required_caregivers", index)
            yield from _service_problems(item, steps, services)
        if len(asked) == 2 and asked[0].get("service") == asked[1].get("service"):
            yield Problem(
                path_of("patients", number, "required_caregivers", 1, "service"),
                "another service than the first",
                shown(asked[1].get("service")),
            )
        if len(asked) == 2 and not patient.get("synchronization"):
            path = path_of("patients", number, "synchronization")
            yield Problem(path, "simultaneous or sequential", shown(patient.get("synchronization")))
        yield from _range_problems(patient, number)
    for number, caregiver in enumerate(_objects(value, "caregivers")):
        for index, ability in enumerate(_list(caregiver, "abilities")):
            if isinstance(ability, str) and ability not in services:
                path = path_of("caregivers", number, "abilities", index)
                yield Problem(path, "the id of a service in the file", shown(ability))
    yield from matrix_problems(value.get("distances"), len(_list(value, "patients")) + 1, "distances")


def _service_problems(
    item: dict[str, Any], steps: tuple[str | int, ...], services: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    service = item.get("service")
    if not isinstance(service, str):
        return
    if service not in services:
        yield Problem(path_of(*steps, "service"), "the id of a service in the file", shown(service))
    elif item.get("duration") is None and services[service].get("default_duration") is None:
        yield Problem(path_of(*steps, "duration"), "minutes here or as the service's default", "nothing")


def _range_problems(patient: dict[str, Any], number: int) -> Iterator[Problem]:
    sync = patient.get("synchronization")
    gap = sync.get("distance") if isinstance(sync, dict) else None
    for steps, pair in (
        (("time_window",), patient.get("time_window")),
        (("synchronization", "distance"), gap),
    ):
        numbers = isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, int | float) for x in pair)
        if numbers and pair is not None and pair[0] > pair[1]:
            path = path_of("patients", number, *steps)
            yield Problem(path, "the smaller number first", shown(pair))


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Objects under a key; other entries become empty ones, so that indices stay true."""
    return [item if isinstance(item, dict) else {} for item in _list(value, key)]


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []
