"""The day file: a day of home care as JSON (schema ``omsorgstid-day-1``), in and out without loss.

``scheduling.day_schema`` is the wire, ``scheduling.model`` what it becomes. See docs/day-file.md.
"""

from __future__ import annotations

import json
import math
from array import array
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling import day_references
from scheduling.day_errors import DayFileError, Problem, parse_json, schema_problems, shown
from scheduling.day_schema import (
    SCHEMA,
    CarerEntry,
    CitizenEntry,
    CoordinatesEntry,
    DayEntry,
    DoorEntry,
    MatrixEntry,
    PlaceEntry,
    UnitEntry,
    VisitEntry,
)
from scheduling.hhcrsp import day_from_instance, is_hhcrsp
from scheduling.model import (
    Break,
    Carer,
    Citizen,
    Competence,
    Consent,
    Day,
    Device,
    Door,
    ModeSpeed,
    Pair,
    Place,
    Preferences,
    ShiftEnd,
    TravelBySpeed,
    TravelMatrix,
    Unit,
    Vehicle,
    Visit,
)

UNKNOWN_MIN = math.inf
"""A way the file has no number for, as the model keeps it."""

EMPTY: tuple[object, ...] = (None, (), [], frozenset(), {})
"""Values a day file leaves out, because they are the defaults of its schema."""


def load_day(source: bytes | Path, *, hhcrsp_on: date | None = None) -> Day:
    """The day a file describes: a day file, or an HHCRSP instance where ``hhcrsp_on`` names its date.

    Raises
    ------
    DayFileError
        With every problem of the file; nothing is half built.
    OSError
        If a path cannot be read.
    """
    raw = source if isinstance(source, bytes) else source.read_bytes()
    value = parse_json(raw)
    if is_hhcrsp(value):
        if hhcrsp_on is None:
            raise DayFileError([Problem("$", f"a day file ({SCHEMA})", "an HHCRSP instance without a date")])
        return day_from_instance(value, on=hhcrsp_on)
    if not isinstance(value, dict):
        raise DayFileError([Problem("$", "an object", shown(value))])
    dangling = list(day_references.problems(value))
    try:
        entry = DayEntry.model_validate_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as err:
        raise DayFileError([*schema_problems(err, value), *dangling]) from err
    if dangling:
        raise DayFileError(dangling)
    return _day(entry)


def dump_day(day: Day) -> bytes:
    """The day file of a day; ``load_day`` of it gives an equal day. Keys with their defaults are left out."""
    return json.dumps(_entry(day), ensure_ascii=False, indent=1).encode()


def schema_json() -> bytes:
    """The published JSON schema of the day file (docs/day-file.schema.json)."""
    schema = DayEntry.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = SCHEMA
    return (json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _day(entry: DayEntry) -> Day:
    base_of = {unit.id: _place(unit.base) for unit in entry.units}
    return Day(
        on=entry.on,
        name=entry.name,
        zero_at=entry.zero_at,
        objective=entry.objective,
        units=tuple(_unit(u) for u in entry.units),
        carers=tuple(_carer(c, base_of[c.unit_id]) for c in entry.carers),
        citizens=tuple(_citizen(c) for c in entry.citizens),
        visits=tuple(_visit(v) for v in entry.visits),
        pairs=tuple(Pair(VisitId(p.first_id), VisitId(p.second_id), p.min_gap_s, p.max_gap_s) for p in entry.pairs),
        travel=_travel(entry.travel),
    )


def _unit(entry: UnitEntry) -> Unit:
    merged = UnitId(entry.merged_into_id) if entry.merged_into_id is not None else None
    base = _place(entry.base)
    return Unit(UnitId(entry.id), entry.name, entry.kind, base, entry.valid_from_on, entry.valid_to_on, merged)


def _place(entry: PlaceEntry) -> Place:
    return Place(**entry.model_dump())


def _carer(entry: CarerEntry, base: Place) -> Carer:
    place_of = {
        ShiftEnd.HOME: _place(entry.home) if entry.home is not None else None,
        ShiftEnd.BASE: base,
        ShiftEnd.CITIZEN: None,
    }
    return Carer(
        id=CarerId(entry.id),
        unit_id=UnitId(entry.unit_id),
        name=entry.name,
        skills=frozenset(entry.skills),
        shift_starts_at=entry.shift_starts_at,
        shift_ends_at=entry.shift_ends_at,
        transport=entry.transport,
        starts_from=entry.starts_from,
        ends_at=entry.ends_at,
        start_place=place_of[entry.starts_from],
        end_place=place_of[entry.ends_at],
        competences=tuple(Competence(c.code, c.valid_until_on) for c in entry.competences),
        previous_shift_ended_at=entry.previous_shift_ended_at,
        next_shift_starts_at=entry.next_shift_starts_at,
        rest_agreement_ref=entry.rest_agreement_ref,
        breaks=tuple(Break(b.earliest_at, b.latest_at, b.duration_s) for b in entry.breaks),
        vehicle=Vehicle(_place(entry.vehicle.place), entry.vehicle.reached_by) if entry.vehicle is not None else None,
        norm_balance_s=entry.norm_balance_s,
    )


def _door(entry: DoorEntry) -> Door:
    held_by = frozenset(CarerId(c) for c in entry.key_carer_ids)
    return Door(DoorId(entry.id), entry.device_id, entry.key_at_base, held_by)


def _citizen(entry: CitizenEntry) -> Citizen:
    wishes = entry.preferences
    return Citizen(
        id=CitizenId(entry.id),
        unit_id=UnitId(entry.unit_id),
        display_name=entry.display_name,
        address=entry.address,
        place=_place(entry.place),
        door=_door(entry.door) if entry.door is not None else None,
        devices=tuple(Device(d.id, d.kind) for d in entry.devices),
        consents=tuple(Consent(c.kind, c.given_on, c.withdrawn_on) for c in entry.consents),
        preferences=Preferences(
            regular_carer_ids=frozenset(CarerId(c) for c in wishes.regular_carer_ids),
            avoided_carer_ids=frozenset(CarerId(c) for c in wishes.avoided_carer_ids),
            screen_ok=wishes.screen_ok,
        ),
        formerly_key_fetched=entry.formerly_key_fetched,
    )


def _visit(entry: VisitEntry) -> Visit:
    return Visit(
        id=VisitId(entry.id),
        citizen_id=CitizenId(entry.citizen_id),
        unit_id=UnitId(entry.unit_id),
        service=entry.service,
        window_open_at=entry.window_open_at,
        window_close_at=entry.window_close_at,
        duration_s=entry.duration_s,
        mode=entry.mode,
        door_id=DoorId(entry.door_id) if entry.door_id is not None else None,
        required_skills=frozenset(entry.required_skills),
        required_competences=frozenset(entry.required_competences),
        priority=entry.priority,
        pinned_carer_id=CarerId(entry.pinned_carer_id) if entry.pinned_carer_id is not None else None,
        pinned_start_at=entry.pinned_start_at,
        begun=entry.begun,
    )


def _travel(entry: MatrixEntry | CoordinatesEntry) -> TravelMatrix | TravelBySpeed:
    if isinstance(entry, MatrixEntry):
        rows = (array("d", (UNKNOWN_MIN if minutes is None else minutes for minutes in row)) for row in entry.minutes)
        return TravelMatrix(tuple(rows))
    return TravelBySpeed(tuple(ModeSpeed(**mode.model_dump()) for mode in entry.modes))


def _entry(day: Day) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "on": day.on.isoformat(),
        "name": day.name,
        "zero_at": _wire(day.zero_at),
        "objective": day.objective.value,
        "units": [_plain(u, kind=u.kind.value, base=_plain(u.base)) for u in day.units],
        "carers": [_carer_entry(c) for c in day.carers],
        "citizens": [_citizen_entry(c) for c in day.citizens],
        "visits": [_plain(v) for v in day.visits],
        "pairs": [_plain(p) for p in day.pairs],
        "travel": _travel_entry(day.travel),
    }


def _carer_entry(carer: Carer) -> dict[str, Any]:
    vehicle = carer.vehicle
    entry = _plain(
        carer,
        competences=[_plain(c) for c in carer.competences],
        breaks=[_plain(b) for b in carer.breaks],
        vehicle=_plain(vehicle, place=_plain(vehicle.place)) if vehicle is not None else None,
    )
    at_home = [
        place
        for kind, place in ((carer.starts_from, carer.start_place), (carer.ends_at, carer.end_place))
        if kind is ShiftEnd.HOME and place is not None
    ]
    entry.pop("start_place", None)
    entry.pop("end_place", None)
    return entry | ({"home": _plain(at_home[0])} if at_home else {})


def _citizen_entry(citizen: Citizen) -> dict[str, Any]:
    return _plain(
        citizen,
        place=_plain(citizen.place),
        door=_door_entry(citizen.door) if citizen.door is not None else None,
        devices=[_plain(d) for d in citizen.devices],
        consents=[_plain(c) for c in citizen.consents],
        preferences=_plain(citizen.preferences),
    )


def _door_entry(door: Door) -> dict[str, Any]:
    entry = _plain(door)
    if not door.key_at_base:
        del entry["key_at_base"]
    return entry


def _travel_entry(travel: TravelMatrix | TravelBySpeed) -> dict[str, Any]:
    if isinstance(travel, TravelMatrix):
        rows = [[None if minutes == UNKNOWN_MIN else minutes for minutes in row] for row in travel.minutes]
        return {"kind": "matrix", "minutes": rows}
    return {"kind": "coordinates", "modes": [_plain(mode) for mode in travel.modes]}


def _plain(record: Any, **replaced: Any) -> dict[str, Any]:
    """A record's fields as JSON values; what is empty is left out, the reader knows the default."""
    values = {name: replaced.get(name, getattr(record, name)) for name in record.__slots__}
    return {name: _wire(value) for name, value in values.items() if value not in (None, (), [], frozenset(), {})}


def _wire(value: Any) -> Any:
    """Instants in UTC, dates, enumerations and sets as JSON has them; sets sorted, so that files compare."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    return value
