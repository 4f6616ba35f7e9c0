"""A door and the locks on it: which one acts, and what its vendor can keep, in plain words."""

from collections.abc import Collection
from typing import Any

from sqlmodel import Session, col, select

from devices.keys import store as keys
from devices.keys.tables import DoorRow, LockRow
from devices.keys.vendors.model import CAPABILITIES, NATIVE, Capabilities, capabilities_of
from devices.keys.vendors.store import acting_locks, vendor_locks
from devices.keys.vendors.tables import VendorLockRow
from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CitizenRow, UnitRow

_YES_NO = (("ja", "nej"), ("yes", "no"))
#: the sentences of a door, in their order; a question is answered by yes or no
_QUESTIONS = (
    ("offline", ("Kan åbnes uden net", "Opens without network")),
    ("withdrawal", ("Adgang kan trækkes tilbage", "Access can be taken back")),
    ("signed_log", ("Loggen er underskrevet af låsen", "The log is signed by the lock")),
    ("expiry_by_lock", ("Låsen slutter selv adgangen til tiden", "The lock itself ends access in time")),
    ("dual", ("Kan kræve to medarbejdere", "Can ask for two carers")),
    ("emergency", ("Kan åbnes ved nødkald", "Opens in an emergency")),
    ("stairwell", ("Åbner sammen med opgangen i ét tryk", "Opens together with the stairwell in one tap")),
    ("own_key_events", ("Melder, når borgerens egen nøgle bruges", "Tells when the citizen's own key is used")),
)
_AT_ONCE = (
    "straks, når låsen har net; ellers når adgangen udløber",
    "at once where the lock has network; else when the access ends",
)
MOST_COMMON = 500
_WITHIN = ("inden for {n} s", "within {n} s")
VENDORS = {NATIVE: ("Vores egen lås", "Our own lock"), "cloud": ("Leverandørens sky", "The vendor's cloud")}


def keeps_json(keeps: Capabilities, language: str) -> list[dict[str, str]]:
    """What a vendor can keep, a line each: what is asked, and the answer."""
    pick = 0 if language == "da" else 1
    return [{"name": name, "question": words[pick], "answer": _answer(keeps, name, pick)} for name, words in _QUESTIONS]


def door_json(session: Session, door: DoorRow, language: str) -> dict[str, Any]:
    """A door, every lock that hangs or hung on it, and what the one that acts can keep. No citizen, no address."""
    pick = 0 if language == "da" else 1
    acting = acting_locks(session, [door.door_id]).get(door.door_id)
    unit = session.get(UnitRow, door.unit_id)
    native = [
        {"lock_id": lock_id, "vendor": NATIVE, "vendor_name": VENDORS[NATIVE][pick], "lock_ref": None}
        | {"acts": acting is not None and acting.lock_id == lock_id, "online": None, "battery_percent": None}
        | {"listed_at": None, "retired_at": None}
        for lock_id in keys.locks_on_doors(session, [door.door_id]).get(door.door_id, ())
    ]
    others = [
        _lock_json(row, acts=acting is not None and acting.lock_id == row.lock_id, pick=pick)
        for row in vendor_locks(session, door.door_id, retired=True)
    ]
    locks = native + others
    return {
        "door_id": door.door_id,
        "unit_id": door.unit_id,
        "unit_name": unit.name if unit else "",
        "vendor": door.vendor if acting is not None else None,
        "vendor_name": VENDORS[door.vendor][pick] if acting is not None else None,
        "keeps": keeps_json(acting.keeps, language) if acting is not None else [],
        "locks": locks,
        "could_act": [
            {"vendor": name, "vendor_name": words[pick], "keeps": keeps_json(CAPABILITIES[name], language)}
            for name, words in VENDORS.items()
            if (acting is None or name != acting.vendor)
            and any(lock["vendor"] == name and lock["retired_at"] is None for lock in locks)
        ],
        "holders": door.holders,
        "could_need_two": capabilities_of(door.vendor).dual,
    } | _way(session, door)


def common_doors(session: Session, unit_ids: Collection[str]) -> list[DoorRow]:
    """Doors of some units with a lock of our own that are nobody's home: what a stairwell can be. By unit and id."""
    homes = select(CitizenRow.door_id).where(col(CitizenRow.door_id).is_not(None))
    locked = select(LockRow.door_id).where(col(LockRow.retired_at).is_(None))
    query = select(DoorRow).where(
        col(DoorRow.unit_id).in_(sorted(unit_ids)),
        col(DoorRow.door_id).not_in(homes),
        col(DoorRow.door_id).in_(locked),
    )
    return list(session.exec(query.order_by(col(DoorRow.unit_id), col(DoorRow.door_id)).limit(MOST_COMMON)).all())


def _way(session: Session, door: DoorRow) -> dict[str, Any]:
    """What lies before and behind a door, by door and citizen number."""
    behind = keys.doors_behind(session, [door.door_id]).get(door.door_id, [])
    homes = session.exec(select(CitizenRow).where(col(CitizenRow.door_id).in_([door.door_id, *behind]))).all()
    numbers = {row.door_id: row.short for row in homes}
    return {
        "is_home": door.door_id in numbers,
        "stairwell_id": door.stairwell_id,
        "behind": [{"door_id": each, "citizen_number": numbers.get(each)} for each in behind],
    }


def home_of_door(session: Session, door_id: str) -> CitizenRow | None:
    """Whose door it is, if it is anybody's."""
    return session.exec(select(CitizenRow).where(col(CitizenRow.door_id) == door_id)).first()


def _lock_json(row: VendorLockRow, *, acts: bool, pick: int) -> dict[str, Any]:
    return {
        "lock_id": row.lock_id,
        "vendor": row.vendor,
        "vendor_name": VENDORS[row.vendor][pick],
        "lock_ref": row.lock_ref,
        "acts": acts,
        "online": row.online,
        "battery_percent": row.battery_percent,
        "listed_at": iso(row.listed_at),
        "retired_at": iso_or_none(row.retired_at),
    }


def _answer(keeps: Capabilities, name: str, pick: int) -> str:
    if name == "withdrawal":
        delay_s = keeps.revocation_delay_s
        return _WITHIN[pick].format(n=delay_s) if delay_s else _AT_ONCE[pick]
    return _YES_NO[pick][0 if getattr(keeps, name) else 1]
