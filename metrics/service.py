"""The consumer that keeps the ledger of keys up to date with the log."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from devices.events import DoorOpened, OpeningSettled
from kernel.events import Event, StoredEvent
from kernel.work import Work
from metrics import store
from metrics.baselines import as_baseline, known_baselines
from metrics.events import BaselineFrozen
from metrics.keys_entries import (
    CLOCK,
    COMPONENT,
    RULE_VERSION,
    SHIFT_KIND,
    TECHNOLOGY,
    Judgement,
    judge,
)
from metrics.ledger import (
    Baseline,
    RouteProgress,
    ShiftProgress,
    baseline_for,
    fold_route,
    fold_shift,
    route_key,
)
from metrics.pseudonyms import Pseudonyms
from metrics.tables import BaselineRow, EntryRow
from scheduling.events import (
    RouteDelivered,
    RoutePublished,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)

CONSUMER_NAME = "benefit-ledger-keys"
_RouteEvent = RoutePublished | RouteDelivered
_WANTED = frozenset(
    cls.event_type
    for cls in (
        ShiftStarted,
        ShiftEnded,
        RoutePublished,
        RouteDelivered,
        VisitBegun,
        VisitEnded,
        OpeningSettled,
        DoorOpened,
        BaselineFrozen,
    )
)
_FIGURES = (
    "outcome",
    "eligible",
    "reason",
    "evidence_class",
    "baseline_id",
    "baseline_s",
    "actual_s",
    "overhead_s",
    "net_s",
)


class KeysLedger:
    """Reads shifts, routes, visits and doors; writes one entry per day shift and corrections after it.

    An entry is written by the event that closes its shift, a correction by the later event that changes its
    figures, so the ledger does not depend on how the log was cut into batches.
    """

    name = CONSUMER_NAME
    #: All: most of the log is wanted, and reading by position alone costs the same for every batch.
    event_types: Collection[str] | None = None

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Take in a batch; everything it leaves behind is in this one transaction."""
        read = [(stored.position, stored.event()) for stored in events if stored.event_type in _WANTED]
        batch = _load(work.session, read, self._pseudonyms)
        for position, event in read:
            self._fold(batch, position, event)
        batch.flush()

    def _fold(self, batch: "_Batch", position: int, event: Event) -> None:
        if isinstance(event, BaselineFrozen):
            self._baseline(batch, position, event)
            return
        if isinstance(event, _RouteEvent):
            route = batch.route(route_key(self._pseudonyms.subject(event.carer_id), event.day))
            if fold_route(route, position, event):
                batch.touched_routes.add(route.route_key)
                for shift_id in sorted(route.shift_ids):
                    batch.judge(batch.shift(shift_id), position, event.at)
            return
        if (owner_id := _shift_id(event)) is None:
            return
        shift = batch.shift(owner_id)
        subject = self._pseudonyms.subject(event.carer_id) if event.carer_id is not None else ""
        if not fold_shift(shift, position, event, subject):
            return
        batch.touched_shifts.add(owner_id)
        if isinstance(event, ShiftStarted):
            route = batch.route(shift.route_key)
            route.shift_ids.add(owner_id)
            batch.touched_routes.add(route.route_key)
        batch.judge(shift, position, event.at)

    def _baseline(self, batch: "_Batch", position: int, event: BaselineFrozen) -> None:
        """A baseline is known from its event on; shifts that waited for one are judged again."""
        row = batch.session.get(BaselineRow, event.baseline_id)
        if row is None or row.technology != TECHNOLOGY or row.known_position is not None:
            return
        row.known_position = position
        batch.session.add(row)
        batch.flush()
        batch.baselines.append(as_baseline(row))
        if row.shift_kind != SHIFT_KIND:
            return
        waiting = store.shifts_without_baseline(batch.session, row.unit_id, row.last_on, row.valid_until_on)
        batch.load_shifts(waiting)
        for shift_id in waiting:
            batch.judge(batch.shift(shift_id), position, event.at)


@dataclass(slots=True)
class _Batch:
    """The state a batch works on, and the entries it has yet to write."""

    session: Session
    baselines: list[Baseline]
    shifts: dict[str, ShiftProgress] = field(default_factory=dict)
    routes: dict[str, RouteProgress] = field(default_factory=dict)
    stored_shifts: set[str] = field(default_factory=set)
    stored_routes: set[str] = field(default_factory=set)
    touched_shifts: set[str] = field(default_factory=set)
    touched_routes: set[str] = field(default_factory=set)
    written: dict[str, EntryRow] = field(default_factory=dict)
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)

    def shift(self, shift_id: str) -> ShiftProgress:
        """The progress of a shift, begun empty at its first mention."""
        return self.shifts.setdefault(shift_id, ShiftProgress(shift_id))

    def route(self, key: str) -> RouteProgress:
        """The progress of a route, begun empty at its first mention."""
        return self.routes.setdefault(key, RouteProgress(key))

    def load_shifts(self, shift_ids: Iterable[str]) -> None:
        """Fetch shifts, their routes and their current entries."""
        wanted = set(shift_ids) - set(self.shifts)
        shifts = store.load_shifts(self.session, wanted)
        self.shifts.update(shifts)
        self.stored_shifts.update(shifts)
        self.load_routes(s.route_key for s in shifts.values() if s.subject)
        self.written.update(store.latest_entries(self.session, wanted))

    def load_routes(self, keys: Iterable[str]) -> None:
        """Fetch routes."""
        routes = store.load_routes(self.session, set(keys) - set(self.routes))
        self.routes.update(routes)
        self.stored_routes.update(routes)

    def judge(self, shift: ShiftProgress, position: int, at: datetime) -> None:
        """Write an entry if the shift is closed and the figures are new or have changed."""
        if not shift.closed or shift.kind != SHIFT_KIND:
            return
        if shift.shift_id in self.pending:
            # The former entry needs its id before another one can replace it.
            self.write_entries()
        former = self.written.get(shift.shift_id)
        if former is not None and former.cause_position >= position:
            return
        day = date.fromisoformat(shift.day)
        baseline = baseline_for(self.baselines, shift.unit_id, shift.kind, day, position)
        if former is not None and former.baseline_id is not None:
            # Frozen: an entry keeps the baseline it was measured against.
            baseline = next(b for b in self.baselines if b.baseline_id == former.baseline_id)
        judgement = judge(shift, self.route(shift.route_key), baseline)
        if former is not None and all(getattr(former, f) == getattr(judgement, f) for f in _FIGURES):
            return
        self.pending[shift.shift_id] = _entry_values(shift, judgement, former, position, at)

    def write_entries(self) -> None:
        """Append the pending entries and remember them as current."""
        if not self.pending:
            return
        self.session.flush()
        self.session.execute(insert(EntryRow), list(self.pending.values()))
        self.written.update(store.latest_entries(self.session, self.pending))
        self.pending.clear()

    def flush(self) -> None:
        """Write everything."""
        store.save_shifts(self.session, (self.shifts[i] for i in sorted(self.touched_shifts)), self.stored_shifts)
        store.save_routes(self.session, (self.routes[k] for k in sorted(self.touched_routes)), self.stored_routes)
        self.stored_shifts |= self.touched_shifts
        self.stored_routes |= self.touched_routes
        self.touched_shifts.clear()
        self.touched_routes.clear()
        self.write_entries()


def _shift_id(event: Event) -> str | None:
    """The shift an event belongs to; visits outside a shift and other devices' openings have none."""
    if isinstance(event, ShiftStarted | ShiftEnded | VisitBegun | VisitEnded | OpeningSettled | DoorOpened):
        return event.shift_id
    return None


def _load(session: Session, read: Sequence[tuple[int, Event]], pseudonyms: Pseudonyms) -> _Batch:
    batch = _Batch(session, known_baselines(session))
    shift_ids: set[str] = set()
    keys: set[str] = set()
    for _position, event in read:
        shift_id = _shift_id(event)
        if shift_id is not None:
            shift_ids.add(shift_id)
        if isinstance(event, _RouteEvent | ShiftStarted):
            keys.add(route_key(pseudonyms.subject(event.carer_id), event.day))
    batch.load_routes(keys)
    for route in batch.routes.values():
        shift_ids |= route.shift_ids
    batch.load_shifts(shift_ids)
    return batch


def _entry_values(
    shift: ShiftProgress, judgement: Judgement, former: EntryRow | None, position: int, at: datetime
) -> dict[str, Any]:
    return {
        "technology": TECHNOLOGY,
        "component": COMPONENT,
        "clock": CLOCK,
        "rule_version": RULE_VERSION,
        "shift_id": shift.shift_id,
        "revision": 1 if former is None else former.revision + 1,
        "replaces_id": None if former is None else former.id,
        "unit_id": shift.unit_id,
        "day_on": date.fromisoformat(shift.day),
        "subject": shift.subject,
        "evidence": list(judgement.evidence),
        "evidence_count": len(judgement.evidence),
        "inputs": judgement.inputs,
        "cause_position": position,
        "recorded_at": at,
        **{name: getattr(judgement, name) for name in _FIGURES},
    }
