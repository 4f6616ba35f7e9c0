"""The signer's own reading of the event log: read-only, by position, with the rows that have none yet.

An event is in the log from its commit on, its position is given a moment later. A grant asked for in that
moment must not be refused, so every look reads the unsequenced rows first and then what was sequenced since
the last look: what is committed before the look is in one of the two, whatever the sequencer does meanwhile.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import case, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from devices.events import (
    DeviceEnrolled,
    DoorHoldersChanged,
    DoorStairwellChanged,
    EmergencyRequested,
    OfflineAccessPrepared,
    OfflineTabletDesignated,
)
from devices.keys.rules import EMERGENCY
from devices.keys.signer.facts import Facts, RouteFact, ShiftFact, StopFact, UnplannedFact
from devices.keys.signer.model import Basis
from devices.keys.tables import LockRow
from kernel.database import Database
from kernel.events import UnknownEventError
from kernel.log import latest_at, latest_position
from kernel.tables import EventRow

log = structlog.get_logger(__name__)

_SHIFT_STARTED, _SHIFT_ENDED = "shift.started", "shift.ended"
_LOST, _REPLACED = "tablet.lost", "shift.key_replaced"
_ROUTE, _ENROLLED, _LEFT = "route.published", DeviceEnrolled.event_type, "carer.left"
_EMERGENCY, _PREPARED = EmergencyRequested.event_type, OfflineAccessPrepared.event_type
_HOLDERS, _STAIRWELL = DoorHoldersChanged.event_type, DoorStairwellChanged.event_type
_DESIGNATED = OfflineTabletDesignated.event_type
_TYPES = (
    *(_SHIFT_STARTED, _SHIFT_ENDED, _LOST, _REPLACED, _LEFT),
    *(_ROUTE, _EMERGENCY, _PREPARED, _ENROLLED, _HOLDERS, _STAIRWELL, _DESIGNATED),
)
#: a lock stays where it was mounted, a door what it was made and a tablet designated, however long ago
_LASTING = frozenset({_ENROLLED, _HOLDERS, _STAIRWELL, _DESIGNATED})
_OF_SHIFTS = frozenset({_SHIFT_STARTED, _SHIFT_ENDED, _LOST, _REPLACED, _LEFT})

#: Newest version of each event this reader understands. A newer one stops the signer: upgrade it first.
VERSIONS: Mapping[str, int] = dict.fromkeys(_TYPES, 1)

_READ_BACK = timedelta(days=35)
"""Shifts and routes are read back this far at the start: nobody publishes a route a month ahead."""
_KEEP = timedelta(days=2)
_BATCH = 5_000
_ASK_EVERY_S = 0.5


def read_only(database_url: str) -> Database:
    """The database, opened so that not even a mistake could write to it.

    In operation the signer also has an account that may only select; this does not rest on it.
    """
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ValueError(f"Expected a database file that two processes can share, got {database_url!r}.")
        path = url.database.removeprefix("file:")
        url = url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    else:
        given = url.query.get("options", "")
        options = given if isinstance(given, str) else " ".join(given)
        read_only_option = f"{options} -c default_transaction_read_only=on".strip()
        url = url.update_query_dict({"options": read_only_option})
    return Database(url.render_as_string(hide_password=False), pool_size=2)


def wait_for_log(database_url: str, timeout_s: float) -> bool:
    """Wait until somebody else has made the tables the signer reads: it may only read, so it cannot itself.

    The two tables are all that is asked for; the signer's account may not be let at any other.

    Parameters
    ----------
    timeout_s
        Longest wait, seconds of link time.

    Returns
    -------
    bool
        Whether both are there.
    """
    deadline_s = time.monotonic() + timeout_s
    database = read_only(database_url)
    told = False
    try:
        while True:
            try:
                with database.reading() as session:
                    session.execute(select(*_COLUMNS).limit(1)).first()
                    session.execute(select(col(LockRow.epoch)).limit(1)).first()
            except SQLAlchemyError as err:
                if time.monotonic() >= deadline_s:
                    return False
                if not told:
                    log.warning("signer_waits_for_migration", error=type(err).__name__, timeout_s=timeout_s)
                    told = True
            else:
                return True
            time.sleep(_ASK_EVERY_S)
    finally:
        database.dispose()


class LogBook:
    """What the event log says of shifts, routes and locks, kept up to date by looking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = -1
        self._latest_at = datetime.fromtimestamp(0, UTC)
        self.facts = Facts()

    @property
    def position(self) -> int:
        """The last position taken in."""
        return max(self._position, 0)

    @property
    def latest_at(self) -> datetime:
        """The latest instant of the log: now, in a simulated world."""
        return self._latest_at

    def look(self) -> None:
        """Take in everything that is committed by now.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError, UnknownEventError
            If the log cannot be read or understood; nothing is minted then.
        """
        with self._database.reading_long() as session:
            if self._position < 0:
                self._read_back(session)
            self._take_in(session.execute(_unsequenced()))
            while self._take_in(session.execute(_sequenced(self._position))) == _BATCH:
                pass
            self._latest_at = max(self._latest_at, latest_at(session) or self._latest_at)
        self.facts.forget_before(self._latest_at - _KEEP)

    def epochs(self, lock_ids: Iterable[str]) -> dict[str, int]:
        """Present epoch of every mounted lock among these."""
        with self._database.reading() as session:
            rows = session.execute(
                select(col(LockRow.lock_id), col(LockRow.epoch)).where(
                    col(LockRow.lock_id).in_(sorted(set(lock_ids))), col(LockRow.retired_at).is_(None)
                )
            )
            return {str(lock_id): int(epoch) for lock_id, epoch in rows}

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def _read_back(self, session: Session) -> None:
        """Start with the recent past by type, instead of the whole log by position."""
        head = latest_position(session)
        since = (latest_at(session) or datetime.now(UTC)) - _READ_BACK
        for event_type in _TYPES:
            query = select(*_COLUMNS).where(col(EventRow.event_type) == event_type)
            if event_type not in _LASTING:
                query = query.where(col(EventRow.at) >= since)
            self._take_in(session.execute(query.execution_options(yield_per=1_000)))
        self._position = head

    def _take_in(self, rows: Iterable[Any]) -> int:
        count = 0
        for position, event_type, version, at, data in rows:
            count += 1
            if position is not None:
                self._position = max(self._position, position)
            self._latest_at = max(self._latest_at, at)
            if data is None:
                continue
            if version > VERSIONS[event_type]:
                # Passing over it could leave a superseded route in force.
                raise UnknownEventError(f"Expected version <= {VERSIONS[event_type]} of {event_type!r}, got {version}.")
            _fold(self.facts, event_type, at, data)
        return count


_COLUMNS = (
    col(EventRow.position),
    col(EventRow.event_type),
    col(EventRow.version),
    col(EventRow.at),
    # Most of the log is none of the signer's business: its data is not even fetched.
    case((col(EventRow.event_type).in_(_TYPES), col(EventRow.data))).label("data"),
)


def _unsequenced() -> Any:
    return select(*_COLUMNS).where(col(EventRow.position).is_(None)).order_by(col(EventRow.id))


def _sequenced(position: int) -> Any:
    return select(*_COLUMNS).where(col(EventRow.position) > position).order_by(col(EventRow.position)).limit(_BATCH)


def _fold(facts: Facts, event_type: str, at: datetime, data: Mapping[str, Any]) -> None:
    # Read by field and not by class: the domains never import each other, and the signer would rather see
    # the log as it is stored than through a program that others change.
    if event_type in _OF_SHIFTS:
        _fold_shift(facts, event_type, at, data)
    elif event_type == _ROUTE:
        facts.route_published(data["route_id"], _route(data, at))
    elif event_type == _EMERGENCY:
        fact = _unplanned(data, frozenset({data["door_id"]}), at, at + EMERGENCY)
        facts.stated(Basis.EMERGENCY, data["emergency_id"], fact)
    elif event_type == _PREPARED:
        opens_at, closes_at = _instant(data["opens_at"]), _instant(data["closes_at"])
        fact = _unplanned(data, frozenset(data["door_ids"]), opens_at, closes_at)
        facts.stated(Basis.PREPARED, data["preparation_id"], fact)
    elif event_type == _HOLDERS:
        facts.door_holders(data["door_id"], at, int(data["holders"]))
    elif event_type == _STAIRWELL:
        facts.stairwell(data["door_id"], at, data["stairwell_id"] or "")
    elif event_type == _DESIGNATED:
        facts.designated(data["carer_id"], at, on=bool(data["on"]))
    elif data["kind"] == "lock" and data.get("door_id"):
        facts.lock_enrolled(data["device_id"], data["door_id"], data.get("unit_id"))


def _fold_shift(facts: Facts, event_type: str, at: datetime, data: Mapping[str, Any]) -> None:
    if event_type == _SHIFT_STARTED:
        fact = ShiftFact(
            carer_id=data["carer_id"],
            unit_id=data["unit_id"],
            holder=bytes.fromhex(data.get("holder_thumbprint") or ""),
            planned_end_at=_instant(data["planned_end_at"]),
        )
        facts.shift_started(data["shift_id"], fact)
    elif event_type == _SHIFT_ENDED:
        facts.shift_ended(data["shift_id"], at)
    elif event_type == _LOST:
        facts.key_lost(data["shift_id"], bytes.fromhex(data["holder_thumbprint"]))
    elif event_type == _REPLACED:
        facts.key_replaced(data["shift_id"], bytes.fromhex(data["replaces"]), bytes.fromhex(data["holder_thumbprint"]))
    else:
        facts.carer_left(data["carer_id"], _instant(data["from_at"]))


def _unplanned(
    data: Mapping[str, Any], door_ids: frozenset[str], opens_at: datetime, closes_at: datetime
) -> UnplannedFact:
    return UnplannedFact(
        carer_id=data["carer_id"] or "",
        shift_id=data["shift_id"],
        unit_id=data["unit_id"] or "",
        door_ids=door_ids,
        opens_at=opens_at,
        closes_at=closes_at,
        holder=bytes.fromhex(data.get("holder_thumbprint") or ""),
    )


def _route(data: Mapping[str, Any], at: datetime) -> RouteFact:
    stops = {
        stop["visit_id"]: StopFact(stop["door_id"], _instant(stop["start_at"]), _instant(stop["end_at"]))
        for stop in data["stops"]
        if stop.get("door_id") and stop["mode"] == "physical"
    }
    # A route without a door is remembered too: it is what makes the version before it void.
    day_over_at = datetime.fromisoformat(data["day"]).replace(tzinfo=UTC) + timedelta(days=2)
    over_at = max([at, day_over_at, *(stop.end_at for stop in stops.values())])
    return RouteFact(data["carer_id"], data["unit_id"], int(data["route_version"]), stops, over_at)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
