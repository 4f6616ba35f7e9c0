"""Visits as FHIR R4 (4.0.1): Appointment for what is planned, Encounter for what is done. Pure.

References are logical (an identifier, no name): who reads it resolves them in its own register. A screen visit is class
``VR`` as KL's common core has it, and KL's own code where KL Gateway is asked for; nothing here claims a KL profile,
because those ask for a CarePlan that the care record has and this platform has not.
Sources: hl7.org/fhir/R4/appointment.html, encounter.html, bundle.html; hl7dk/kl-gateway, GeneralEncounter.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from scheduling.tables import VisitRow

System = Literal["plain", "kl-gateway"]
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
KL_CODES = "http://fhir.kl.dk/term/CodeSystem/CareSocialCodes"
SCREEN_VISIT = ("124be95d-6924-4609-9d2a-e7c73ae3ab3d", "Skærmbesøg")
PLANNED_INTERVENTION = ("784275f1-6822-4a88-b361-d958007d5253", "udførelse af planlagt indsats")
NAMESPACE = uuid.UUID("6a3f2b52-0f0e-5d3c-9b1e-2f6f5d1c7a10")
_NOBODY_CAME_IN = frozenset({"nobody_home", "no_answer"})
_APPOINTMENT: Mapping[str, str] = {"begun": "arrived", "ended": "fulfilled", "cancelled": "cancelled"}
_ENCOUNTER: Mapping[str, str] = {"begun": "in-progress", "ended": "finished", "cancelled": "cancelled"}


def resource_id(visit_id: str) -> str:
    """The id of a visit's resources: always of FHIR's form, the same every time, and it leads to no visit by itself."""
    return str(uuid.uuid5(NAMESPACE, visit_id))


def appointment(row: VisitRow, service_name: str) -> dict[str, Any]:
    """A planned visit. Without a carer it is ``proposed``, and has the window it is wanted in instead of a time."""
    status = "noshow" if row.outcome in _NOBODY_CAME_IN else _APPOINTMENT.get(row.state, _planned(row))
    found: dict[str, Any] = {
        "resourceType": "Appointment",
        "id": resource_id(row.id),
        "identifier": [_identifier("visit", row.id)],
        "status": status,
        "serviceType": [{"text": service_name}],
        "priority": row.priority,
        "minutesDuration": max(1, round(row.duration_s / 60)),
        "requestedPeriod": [{"start": _instant(row.window_open_at), "end": _instant(row.window_close_at)}],
        "participant": [_participant("Patient", "citizen", row.citizen_id, "accepted")],
    }
    if row.start_at is not None and row.end_at is not None:
        found |= {"start": _instant(row.start_at), "end": _instant(row.end_at)}
    elif status not in ("proposed", "cancelled"):
        # R4 asks a booked, arrived or fulfilled one for its time (app-3): what was lived is one too.
        begun = row.begun_at or row.window_open_at
        found |= {"start": _instant(begun), "end": _instant(max(begun, row.ended_at or row.window_close_at))}
    if row.carer_id is not None:
        found["participant"].append(_participant("Practitioner", "carer", row.carer_id, "accepted"))
    return found


def encounter(row: VisitRow, service_name: str, system: System = "plain") -> dict[str, Any]:
    """A visit as it was or will be done; for KL Gateway without what its GeneralEncounter forbids."""
    status = _ENCOUNTER.get(row.state, "planned")
    found: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": resource_id(row.id),
        "status": status,
        "class": _class(row.mode, system),
        "subject": _reference("Patient", "citizen", row.citizen_id),
        "period": _period(row),
    }
    if system == "kl-gateway":
        code, display = PLANNED_INTERVENTION
        return found | {"type": [{"coding": [{"system": KL_CODES, "code": code, "display": display}]}]}
    found |= {
        "identifier": [_identifier("visit", row.id)],
        "serviceType": {"text": service_name},
        "appointment": [{"reference": f"Appointment/{resource_id(row.id)}"}],
        "serviceProvider": _reference("Organization", "unit", row.unit_id),
    }
    if row.carer_id is not None:
        found["participant"] = [{"individual": _reference("Practitioner", "carer", row.carer_id)}]
    return found


def bundle(resources: Sequence[dict[str, Any]], total: int, base: str, links: Mapping[str, str]) -> dict[str, Any]:
    """A page of a search.

    Parameters
    ----------
    base
        Address the resources live below, without a slash at its end.
    links
        ``self``, and ``next`` where there is more.
    """
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [
            {
                "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in resources
        ],
    }


def outcome(code: str, text: str) -> dict[str, Any]:
    """What went wrong, as FHIR says it. ``code`` is one of issue-type."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


def _planned(row: VisitRow) -> str:
    return "booked" if row.carer_id is not None and row.start_at is not None else "proposed"


def _class(mode: str, system: System) -> dict[str, str]:
    if mode != "screen":
        return {"system": ACT_CODE, "code": "HH", "display": "home health"}
    if system == "kl-gateway":
        return {"system": KL_CODES, "code": SCREEN_VISIT[0], "display": SCREEN_VISIT[1]}
    return {"system": ACT_CODE, "code": "VR", "display": "virtual"}


def _period(row: VisitRow) -> dict[str, str]:
    start = row.begun_at or row.start_at or row.window_open_at
    end = row.ended_at or (None if row.begun_at else row.end_at or row.window_close_at)
    return {"start": _instant(start)} | ({} if end is None else {"end": _instant(max(start, end))})


def _participant(kind: str, system: str, value: str, status: str) -> dict[str, Any]:
    return {"actor": _reference(kind, system, value), "status": status}


def _reference(kind: str, system: str, value: str) -> dict[str, Any]:
    return {"type": kind, "identifier": _identifier(system, value)}


def _identifier(system: str, value: str) -> dict[str, str]:
    return {"system": f"urn:omsorgstid:{system}", "value": value}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
