"""What a schema cannot say of a day file: ids, references and numbers that must agree with each other.

Everything is read from the raw JSON, so that a wrong field elsewhere hides none of it; values of the wrong
type are passed over here, the schema tells of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from scheduling.day_errors import Problem, duplicate_ids, items_of, matrix_problems, path_of, shown

Json = Mapping[str, Any]


def problems(value: Json) -> Iterator[Problem]:
    """Every disagreement inside a day file."""
    for collection in ("units", "carers", "citizens", "visits"):
        yield from duplicate_ids(value, collection)
    yield from _doors(value)
    yield from _references(value)
    for index, carer in _objects(value, "carers"):
        yield from _carer(carer, index)
    citizens = {str(citizen.get("id")): citizen for _, citizen in _objects(value, "citizens")}
    for index, visit in _objects(value, "visits"):
        yield from _visit(visit, index, citizens)
    yield from _pairs(value)
    yield from _travel(value)


def _references(value: Json) -> Iterator[Problem]:
    units, carers, citizens = (_ids(value, name) for name in ("units", "carers", "citizens"))
    for collection in ("carers", "citizens", "visits"):
        for index, item in _objects(value, collection):
            yield from _known(item.get("unit_id"), units, "a unit", collection, index, "unit_id")
    for index, unit in _objects(value, "units"):
        yield from _known(
            unit.get("merged_into_id"), units - {unit.get("id")}, "another unit", "units", index, "merged_into_id"
        )
        if unit.get("merged_into_id") is not None and unit.get("valid_to_on") is None:
            path = path_of("units", index, "valid_to_on")
            yield Problem(path, "the last day of the unit, as it merges into another", "nothing")
    for index, citizen in _objects(value, "citizens"):
        door = citizen.get("door")
        held_by = door.get("key_carer_ids") if isinstance(door, dict) else None
        for number, carer_id in enumerate(held_by if isinstance(held_by, list) else []):
            yield from _known(carer_id, carers, "a carer", "citizens", index, "door", "key_carer_ids", number)
        wishes = citizen.get("preferences")
        for field in ("regular_carer_ids", "avoided_carer_ids"):
            named = wishes.get(field) if isinstance(wishes, dict) else None
            for number, carer_id in enumerate(named if isinstance(named, list) else []):
                steps = ("citizens", index, "preferences", field, number)
                yield from _known(carer_id, carers, "a carer", *steps)
    for index, visit in _objects(value, "visits"):
        yield from _known(visit.get("citizen_id"), citizens, "a citizen", "visits", index, "citizen_id")
        yield from _known(visit.get("pinned_carer_id"), carers, "a carer", "visits", index, "pinned_carer_id")


def _doors(value: Json) -> Iterator[Problem]:
    """A lock is on one door. Citizens who live together share a door by sharing its id."""
    door_of_device: dict[str, object] = {}
    for index, citizen in _objects(value, "citizens"):
        door = citizen.get("door")
        if not isinstance(door, dict) or not isinstance(door.get("device_id"), str):
            continue
        owner = door_of_device.setdefault(door["device_id"], door.get("id"))
        if owner != door.get("id"):
            path = path_of("citizens", index, "door", "device_id")
            yield Problem(path, "a lock that is on no other door", shown(door["device_id"]))


def _carer(carer: Json, index: int) -> Iterator[Problem]:
    yield from _ordered(carer, "shift_starts_at", "shift_ends_at", "carers", index, strictly=True)
    yield from _ordered(carer, "previous_shift_ended_at", "shift_starts_at", "carers", index)
    yield from _ordered(carer, "shift_ends_at", "next_shift_starts_at", "carers", index)
    yield from _breaks(carer, index)
    at_home = "home" in (carer.get("starts_from"), carer.get("ends_at"))
    if at_home and carer.get("home") is None:
        yield Problem(path_of("carers", index, "home"), "a place, as the shift starts or ends there", "nothing")
    if not at_home and carer.get("home") is not None:
        found = shown(carer["home"])
        yield Problem(path_of("carers", index, "home"), "no place, as the shift is not from or to home", found)


def _breaks(carer: Json, index: int) -> Iterator[Problem]:
    """Breaks follow each other and lie inside the shift."""
    before: datetime | None = _instant(carer.get("shift_starts_at"))
    ends_at = _instant(carer.get("shift_ends_at"))
    for number, entry in enumerate(items_of(carer, "breaks")):
        if not isinstance(entry, dict):
            continue
        steps = ("carers", index, "breaks", number)
        yield from _ordered(entry, "earliest_at", "latest_at", *steps)
        earliest, latest, lasts_s = (
            _instant(entry.get("earliest_at")),
            _instant(entry.get("latest_at")),
            entry.get("duration_s"),
        )
        if earliest is not None and before is not None and earliest < before:
            expected = "an instant inside the shift and behind the break before"
            yield Problem(path_of(*steps, "earliest_at"), expected, shown(entry["earliest_at"]))
        if latest is None or not isinstance(lasts_s, int | float):
            continue
        before = latest + timedelta(seconds=min(max(lasts_s, 0), 86_400))
        if ends_at is not None and before > ends_at:
            expected = f"an instant that leaves the break inside the shift (to {carer['shift_ends_at']})"
            yield Problem(path_of(*steps, "latest_at"), expected, shown(entry["latest_at"]))


def _visit(visit: Json, index: int, citizens: Mapping[str, Json]) -> Iterator[Problem]:
    yield from _ordered(visit, "window_open_at", "window_close_at", "visits", index)
    citizen = citizens.get(str(visit.get("citizen_id")))
    door_id = visit.get("door_id")
    path = path_of("visits", index, "door_id")
    if door_id is not None and visit.get("mode") == "screen":
        yield Problem(path, "no door, as a screen visit has none", shown(door_id))
    elif door_id is not None and citizen is not None:
        door = citizen.get("door")
        own = door.get("id") if isinstance(door, dict) else None
        if own != door_id:
            yield Problem(path, f"the citizen's door ({shown(own)})", shown(door_id))
    if visit.get("begun") is True:
        for field in ("pinned_carer_id", "pinned_start_at"):
            if visit.get(field) is None:
                yield Problem(path_of("visits", index, field), "a value, as the visit has begun", "nothing")


def _pairs(value: Json) -> Iterator[Problem]:
    visits = {v["id"]: v for _, v in _objects(value, "visits") if isinstance(v.get("id"), str)}
    paired: dict[str, str] = {}
    for index, pair in _objects(value, "pairs"):
        low, high = pair.get("min_gap_s", 0.0), pair.get("max_gap_s", 0.0)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield Problem(path_of("pairs", index, "max_gap_s"), f"a number >= min_gap_s ({low})", shown(high))
        for field in ("first_id", "second_id"):
            visit_id = pair.get(field)
            path = path_of("pairs", index, field)
            yield from _known(visit_id, visits.keys(), "a visit", "pairs", index, field)
            if isinstance(visit_id, str) and visit_id in paired:
                yield Problem(path, f"a visit of one pair only, not also of {paired[visit_id]}", shown(visit_id))
            elif isinstance(visit_id, str):
                paired[visit_id] = path
        yield from _same_unit_and_citizen(pair, index, visits)


def _same_unit_and_citizen(pair: Json, index: int, visits: Mapping[str, Json]) -> Iterator[Problem]:
    first, second = (visits.get(str(pair.get(f))) for f in ("first_id", "second_id"))
    if first is None or second is None:
        return
    for field in ("citizen_id", "unit_id"):
        if first.get(field) != second.get(field):
            expected = f"a visit with the {field} of the first ({shown(first.get(field))})"
            yield Problem(path_of("pairs", index, "second_id"), expected, shown(second.get(field)))


def _travel(value: Json) -> Iterator[Problem]:
    travel = value.get("travel")
    if not isinstance(travel, dict):
        return
    if travel.get("kind") == "matrix":
        matrix = travel.get("minutes")
        yield from matrix_problems(matrix, None, "travel", "minutes")
        size = len(matrix) if isinstance(matrix, list) else 0
        for place, *steps in _places(value):
            row = place.get("matrix_row")
            if not isinstance(row, int) or not 0 <= row < size:
                expected = f"a row of the travel matrix (0 to {size - 1})"
                yield Problem(path_of(*steps, "matrix_row"), expected, _found(row))
    elif travel.get("kind") == "coordinates":
        for place, *steps in _places(value):
            for field in ("lat_deg", "lon_deg"):
                if place.get(field) is None:
                    yield Problem(path_of(*steps, field), "degrees, as travel is by coordinates", "nothing")
        yield from _modes(value, travel)


def _modes(value: Json, travel: Json) -> Iterator[Problem]:
    known: set[object] = set()
    for index, mode in _objects(travel, "modes"):
        transport = mode.get("transport")
        if isinstance(transport, str) and transport in known:
            path = path_of("travel", "modes", index, "transport")
            yield Problem(path, "a transport that is not there yet", shown(transport))
        if isinstance(transport, str):
            known.add(transport)
    for index, carer in _objects(value, "carers"):
        vehicle = carer.get("vehicle")
        reached_by = vehicle.get("reached_by", "bike") if isinstance(vehicle, dict) else None
        for transport, steps in ((carer.get("transport"), ("transport",)), (reached_by, ("vehicle", "reached_by"))):
            if isinstance(transport, str) and transport not in known:
                path = path_of("carers", index, *steps)
                yield Problem(path, "a transport with a speed in $.travel.modes", shown(transport))


def _places(value: Json) -> Iterator[tuple[Any, ...]]:
    """Every place of the file with the steps to it."""
    for collection, field in (("units", "base"), ("carers", "home"), ("citizens", "place")):
        for index, item in _objects(value, collection):
            if isinstance(item.get(field), dict):
                yield item[field], collection, index, field
    for index, carer in _objects(value, "carers"):
        vehicle = carer.get("vehicle")
        if isinstance(vehicle, dict) and isinstance(vehicle.get("place"), dict):
            yield vehicle["place"], "carers", index, "vehicle", "place"


def _ordered(item: Json, first: str, second: str, *steps: str | int, strictly: bool = False) -> Iterator[Problem]:
    start, end = _instant(item.get(first)), _instant(item.get(second))
    if start is None or end is None or start < end or (start == end and not strictly):
        return
    expected = f"an instant {'after' if strictly else 'not before'} {first} ({item[first]})"
    yield Problem(path_of(*steps, second), expected, shown(item[second]))


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _known(value: object, ids: Any, what: str, *steps: str | int) -> Iterator[Problem]:
    if isinstance(value, str) and value not in ids:
        yield Problem(path_of(*steps), f"the id of {what} in the file", shown(value))


def _ids(value: Json, collection: str) -> frozenset[str]:
    return frozenset(i["id"] for _, i in _objects(value, collection) if isinstance(i.get("id"), str))


def _objects(value: Json, collection: str) -> Iterator[tuple[int, Json]]:
    for index, item in enumerate(items_of(value, collection)):
        if isinstance(item, dict):
            yield index, item


def _found(value: object) -> str:
    return "nothing" if value is None else shown(value)
