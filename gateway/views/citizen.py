"""A citizen's own pages in words: who comes, who came through the door, who looked, what was agreed to."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from devices.keys.door_log import DoorLogEntry, openings_of_door
from devices.keys.vendors.store import acting_locks
from gateway.tables import CitizenAccessRow
from gateway.views.services import service_name
from gateway.wire import iso
from kernel.localtime import COPENHAGEN, local_day
from scheduling.consents import consent_holds, consents_of, holds_on
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import RouteRow, VisitRow

DAYS_AHEAD = 7
DAYS_BACK = 90
PAGE = 200
#: a visit is promised within this of its planned start, never outside the window it was granted in
_EARLY, _LATE = timedelta(minutes=15), timedelta(minutes=45)
_QUARTER_MIN = 15
_STATES = {"planned": "coming", "begun": "here", "ended": "been", "cancelled": "cancelled"}


def visits_json(session: Session, citizen: CitizenRow, now: datetime, language: str) -> list[dict[str, Any]]:
    """Visits of today and the coming days: a span of time, a first name and a role, how they get in."""
    today = local_day(now)
    # What comes after midnight is on the routes of the evening before.
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD)]
    rows = session.exec(
        select(VisitRow).where(
            col(VisitRow.day).in_(days), VisitRow.unit_id == citizen.unit_id, VisitRow.citizen_id == citizen.id
        )
    ).all()
    names = _first_names(session, {r.carer_id for r in rows if r.carer_id is not None})
    locked = bool(citizen.door_id and acting_locks(session, [citizen.door_id]))
    shown = []
    for row in rows:
        from_at, to_at = expected_span(row.start_at, row.window_open_at, row.window_close_at)
        on = local_day(row.begun_at or row.start_at or row.window_open_at)
        if local_day(row.ended_at or to_at) < today or on >= today + timedelta(days=DAYS_AHEAD):
            continue
        shown.append(
            {
                "day": max(on, today).isoformat(),
                "from_at": iso(row.begun_at or from_at),
                "to_at": iso(row.ended_at or to_at),
                "state": _STATES.get(row.state, "coming"),
                "mode": row.mode,
                "first_name": names.get(row.carer_id or ""),
                "role": role_of(row.service),
                "service_name": service_name(row.service, language),
                "enters": _enters(session, citizen, row, locked),
            }
        )
    return sorted(shown, key=lambda v: (v["from_at"], v["to_at"], v["service_name"]))


def openings_json(session: Session, citizen: CitizenRow, now: datetime, language: str) -> list[dict[str, Any]]:
    """Openings of the citizen's door, newest first: time, role, reason. No name."""
    if citizen.door_id is None:
        return []
    entries = openings_of_door(session, citizen.door_id, now - timedelta(days=DAYS_BACK), PAGE)
    services = _services(session, {e.visit_id for e in entries if e.visit_id is not None})
    return [_opening(e, services.get(e.visit_id or ""), language) for e in entries]


def access_json(session: Session, citizen: CitizenRow, now: datetime) -> list[dict[str, Any]]:
    """Who has looked at the citizen's data, newest first: time, role, what, why. No name.

    A route on a carer's tablet is a look at everybody on it; it is told from the delivery of the route itself.
    """
    since_at = now - timedelta(days=DAYS_BACK)
    rows = session.exec(
        select(CitizenAccessRow)
        .where(CitizenAccessRow.citizen_id == citizen.id, col(CitizenAccessRow.at) >= since_at)
        .order_by(col(CitizenAccessRow.at).desc(), col(CitizenAccessRow.id).desc())
        .limit(PAGE)
    ).all()
    looks = [{"at": iso(r.at), "role": r.role, "what": r.what, "purpose": r.purpose} for r in rows]
    looks += [
        {"at": iso(at), "role": "carer", "what": "route", "purpose": "visit"}
        for at in _deliveries(session, citizen, since_at, now)
    ]
    return sorted(looks, key=lambda look: look["at"], reverse=True)[:PAGE]


def consents_json(session: Session, citizen: CitizenRow, today: date) -> list[dict[str, Any]]:
    """The citizen's consents, those that hold first."""
    shown = [
        {
            "kind": row.kind,
            "given_on": row.given_on.isoformat(),
            "withdrawn_on": None if row.withdrawn_on is None else row.withdrawn_on.isoformat(),
            "holds": holds_on(row, today),
        }
        for row in consents_of(session, citizen.id)
    ]
    return sorted(shown, key=lambda c: (not c["holds"], c["kind"], c["given_on"]))


def expected_span(start_at: datetime | None, opens_at: datetime, closes_at: datetime) -> tuple[datetime, datetime]:
    """When a citizen may expect somebody: quarters of an hour around the plan, the window where there is none.

    Parameters
    ----------
    start_at
        Planned start, if somebody is planned.
    opens_at, closes_at
        The window the start was granted in.
    """
    if start_at is None:
        return _down(opens_at), _up(closes_at)
    return _down(max(start_at - _EARLY, min(opens_at, start_at))), _up(min(start_at + _LATE, max(closes_at, start_at)))


def role_of(service: str) -> str:
    """What somebody is to the citizen: ``nurse`` for what only a nurse does, else ``carer``."""
    return "nurse" if service == "nursing" else "carer"


def _down(at: datetime) -> datetime:
    local = at.astimezone(COPENHAGEN).replace(second=0, microsecond=0)
    return at.replace(second=0, microsecond=0) - timedelta(minutes=local.minute % _QUARTER_MIN)


def _up(at: datetime) -> datetime:
    floor = _down(at)
    return floor if floor == at else floor + timedelta(minutes=_QUARTER_MIN)


def _enters(session: Session, citizen: CitizenRow, row: VisitRow, locked: bool) -> str:
    if row.mode == "screen":
        return "screen"
    if locked and row.door_id is not None and consent_holds(session, citizen.id, "electronic_key", row.day):
        return "electronic_key"
    return "key" if citizen.formerly_key else "rings"


def _opening(entry: DoorLogEntry, service: str | None, language: str) -> dict[str, Any]:
    return {
        "at": iso(entry.at),
        "role": role_of(service or "") if entry.by == "visit" else entry.by,
        "service_name": service_name(service, language) if service else None,
        "sureness": entry.sureness,
        "offline": entry.offline,
    }


def instant(text: str) -> datetime:
    """An instant as these lists write it."""
    return datetime.fromisoformat(text)


def reason_key(entry: Mapping[str, Any]) -> str:
    """The message key of why somebody came in, where no service says it."""
    return f"citizen.reason.{entry['role']}" if entry["role"] in ("emergency", "own_key") else "citizen.reason_unknown"


def _first_names(session: Session, carer_ids: set[str]) -> dict[str, str]:
    rows = session.exec(select(CarerRow).where(col(CarerRow.id).in_(sorted(carer_ids)))).all()
    return {r.id: r.name.split()[0] for r in rows if r.name.strip()}


def _services(session: Session, visit_ids: set[str]) -> dict[str, str]:
    rows = session.exec(select(VisitRow.id, VisitRow.service).where(col(VisitRow.id).in_(sorted(visit_ids)))).all()
    return dict(rows)


def _deliveries(session: Session, citizen: CitizenRow, since_at: datetime, now: datetime) -> list[datetime]:
    rows = session.exec(
        select(RouteRow.delivered_at)
        .join(VisitRow, (col(VisitRow.carer_id) == col(RouteRow.carer_id)) & (col(VisitRow.day) == col(RouteRow.day)))
        .where(
            VisitRow.citizen_id == citizen.id,
            VisitRow.unit_id == citizen.unit_id,
            col(VisitRow.day) >= local_day(since_at),
            col(RouteRow.delivered_at).is_not(None),
        )
        .distinct()
    ).all()
    return [at for at in rows if at is not None and since_at <= at <= now]
