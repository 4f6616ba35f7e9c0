"""What rows keep of a shift's terms (breaks, vehicle, norm) and of a door's key, as JSON. No queries here."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kernel.ids import CarerId, DoorId
from scheduling.model import Break, Carer, Door, Place, Transport, Vehicle
from scheduling.register.tables import CitizenRow

Row = dict[str, Any]


def place_json(place: Place | None) -> Row | None:
    """A place without its empty fields."""
    return None if place is None else {k: v for k, v in asdict(place).items() if v is not None}


def shift_terms(carer: Carer) -> Row | None:
    """What a shift row keeps of breaks, vehicle and norm; ``None`` where there is nothing to keep."""
    terms: Row = {}
    if carer.breaks:
        terms["breaks"] = [[b.earliest_at.isoformat(), b.latest_at.isoformat(), b.duration_s] for b in carer.breaks]
    if carer.vehicle is not None:
        terms["vehicle"] = {"place": place_json(carer.vehicle.place), "reached_by": carer.vehicle.reached_by.value}
    if carer.norm_balance_s is not None:
        terms["norm_balance_s"] = carer.norm_balance_s
    return terms or None


def breaks_from(terms: Mapping[str, Any]) -> tuple[Break, ...]:
    """The breaks a shift row keeps."""
    return tuple(
        Break(datetime.fromisoformat(earliest), datetime.fromisoformat(latest), duration_s)
        for earliest, latest, duration_s in terms.get("breaks", ())
    )


def vehicle_from(terms: Mapping[str, Any]) -> Vehicle | None:
    """The vehicle a shift row keeps."""
    kept = terms.get("vehicle")
    return None if kept is None else Vehicle(Place(**kept["place"]), Transport(kept["reached_by"]))


def door_key(door: Door | None) -> Row | None:
    """What a citizen row keeps of the key to a door; ``None`` where nothing is known."""
    if door is None or not (door.key_at_base or door.key_carer_ids):
        return None
    return {"at_base": door.key_at_base, "carers": sorted(door.key_carer_ids)}


def door_from(row: CitizenRow) -> Door | None:
    """The door of a citizen row."""
    if not row.door_id:
        return None
    key = row.door_key or {}
    held_by = frozenset(CarerId(c) for c in key.get("carers", ()))
    return Door(DoorId(row.door_id), row.lock_device_id, bool(key.get("at_base", False)), held_by)
