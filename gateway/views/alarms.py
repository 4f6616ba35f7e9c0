"""Alarms in words: what happened, and what to do about it. Devices by number, homes by the planners' number."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from devices.alarms.model import Alarm
from devices.registry.tables import DeviceRow
from gateway.auth import Role, Who
from gateway.tables import IdentityRow
from gateway.wire import iso, iso_or_none
from scheduling.register.tables import CitizenRow, UnitRow

#: kind to heading and advice, in Danish and English
_WORDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "jam": (
        ("Låsen er fastklemt", "The lock is jammed"),
        (
            "Ingen kan låse op med tabletten. Brug borgerens nøgle, og send en tekniker.",
            "Nobody can unlock with a tablet. Use the citizen's key and send a technician.",
        ),
    ),
    "tamper": (
        ("Nogen har forsøgt at åbne låsens kasse", "Somebody tried to open the lock's housing"),
        ("Ring til borgeren, og send en tekniker i dag.", "Call the citizen and send a technician today."),
    ),
    "door_ajar": (
        ("Døren står åben", "The door stands open"),
        ("Ring til borgeren, eller send den nærmeste forbi.", "Call the citizen or send whoever is nearest."),
    ),
    "not_locked_after_visit": (
        ("Døren er ikke låst efter besøget", "The door was not locked after the visit"),
        ("Ring til borgeren, eller send den nærmeste forbi.", "Call the citizen or send whoever is nearest."),
    ),
    "battery_low": (
        ("Batteriet skal skiftes", "The battery has to be changed"),
        ("Der er lavet en arbejdsordre. Skift batteriet.", "A work order was made out. Change the battery."),
    ),
    "chain_fork": (
        ("Enhedens log passer ikke sammen", "The device's log does not fit together"),
        (
            "Stol ikke på det, den har meldt. Undersøg enheden på stedet, og skift den, hvis den er åbnet.",
            "Do not trust what it has told. Examine the device on site and replace it if it was opened.",
        ),
    ),
    "counter_fork": (
        ("En tilladelse er brugt to steder", "A grant was used in two places"),
        (
            "En tablet kan være kopieret. Meld den tabt, og tal med medarbejderen.",
            "A tablet may have been copied. Report it lost and talk to the carer.",
        ),
    ),
    "ingest_stale": (
        ("Beskeder fra enhederne venter", "Messages from devices are waiting"),
        ("Se dele og køer på Drift.", "See parts and queues on Drift."),
    ),
    "acl_stale": (
        ("Meglerens adgangsliste er gammel", "The broker's access list is out of date"),
        ("Lav listen igen, og genindlæs megleren.", "Generate the list again and reload the broker."),
    ),
    "vendor_silent": (
        ("Leverandørens sky er tavs", "The vendor's cloud is silent"),
        (
            "Vi henter selv dens log, hvis den svarer. Ellers kan dens døre hverken åbnes eller spærres. "
            "Ring til leverandøren.",
            "We read its log ourselves if it answers. Otherwise its doors can neither be opened nor blocked. "
            "Call the vendor.",
        ),
    ),
    "idle_lock_opened": (
        ("En lås, der ikke bruges mere, melder døren åbnet", "A lock no longer in use reports the door opened"),
        (
            "Døren er flyttet til en anden lås. Ring til borgeren, og få leverandørens lås taget ned eller spærret.",
            "The door was moved to another lock. Call the citizen, and have the vendor's lock taken down or blocked.",
        ),
    ),
    "emergency_opening": (
        ("Døren er åbnet ved nødkald", "The door was opened in an emergency"),
        ("Ring til medarbejderen, og gennemgå åbningen.", "Call the carer and review the opening."),
    ),
    "inspection_due": (
        ("Hovedeftersynet skal bestilles", "The main inspection has to be ordered"),
        (
            "Der er lavet en arbejdsordre. Efter fristen må udstyret kun bruges af to.",
            "A work order was made out. After the deadline the equipment takes two carers.",
        ),
    ),
    "device_fault": (
        ("Udstyret melder fejl", "The equipment reports a fault"),
        (
            "Brug det ikke alene, før det har kørt uden fejl. Send en tekniker.",
            "Do not use it alone before it has run without a fault. Send a technician.",
        ),
    ),
}


def alarms_json(session: Session, who: Who, alarms: Sequence[Alarm]) -> list[dict[str, Any]]:
    """Alarms for a list, with the words of their kind."""
    homes = _homes(session, {a.door_id for a in alarms if a.door_id})
    kinds = _kinds(session, {a.device_id for a in alarms if a.device_id})
    units = {u.id: u.name for u in session.exec(select(UnitRow)).all()} if alarms else {}
    owners = _owners(session, {a.owner_id for a in alarms if a.owner_id})
    place = 0 if who.language == "da" else 1
    return [
        {
            "alarm_id": a.alarm_id,
            "kind": a.kind,
            "severity": a.severity,
            "heading": _WORDS[a.kind][0][place],
            "advice": _WORDS[a.kind][1][place],
            "unit_id": a.unit_id,
            "unit_name": units.get(a.unit_id or "", ""),
            "device_id": a.device_id,
            "device_kind": kinds.get(a.device_id or ""),
            "door_id": a.door_id,
            "citizen_number": homes.get(a.door_id or ""),
            "facts": dict(a.facts),
            "times": a.times,
            "raised_at": iso(a.raised_at),
            "last_at": iso(a.last_at),
            "acknowledged_at": iso_or_none(a.acknowledged_at),
            "acknowledged_by_role": a.acknowledged_by_role,
            "owner_role": a.owner_role,
            "owner_name": owners.get(a.owner_id or ""),
            "mine": a.owner_id is not None and a.owner_id == who.identity_id,
            "cleared_at": iso_or_none(a.cleared_at),
            "cleared_by_role": a.cleared_by_role,
            "note": a.note,
        }
        for a in alarms
    ]


def sees_all(who: Who) -> bool:
    """Whether alarms of the whole installation are this person's to see."""
    return who.role is Role.OPERATIONS


def _homes(session: Session, door_ids: set[str]) -> dict[str, int]:
    query = select(CitizenRow.door_id, CitizenRow.short).where(col(CitizenRow.door_id).in_(sorted(door_ids)))
    return {door_id: short for door_id, short in session.exec(query) if door_id is not None}


def _kinds(session: Session, device_ids: set[str]) -> dict[str, str]:
    query = select(DeviceRow.device_id, DeviceRow.kind).where(col(DeviceRow.device_id).in_(sorted(device_ids)))
    return dict(session.exec(query).all())


def _owners(session: Session, identity_ids: set[str]) -> dict[str, str]:
    query = select(IdentityRow.id, IdentityRow.name).where(col(IdentityRow.id).in_(sorted(identity_ids)))
    return dict(session.exec(query).all())
