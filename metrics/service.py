"""The consumer that keeps the ledger of carers' shifts up to date with the log: keys and routing.

Both rules are about the same shift, so the log is read and folded once for the two of them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlmodel import Session

from devices.events import DoorOpened, OpeningSettled
from kernel.events import Event, StoredEvent
from kernel.work import Work
from metrics import enrolment_store, keys_entries, routing_shifts, store
from metrics.baselines import as_baseline, known_baselines
from metrics.comparison import untouched
from metrics.enrolments import Enrolment
from metrics.entry_book import EntryBook, kept_baseline
from metrics.events import BaselineFrozen
from metrics.judgement import Judgement, RuleIdentity
from metrics.keys_entries import SHIFT_KIND
from metrics.ledger import (
    Baseline,
    RouteProgress,
    ShiftProgress,
    baseline_for,
    epoch_ms,
    fold_route,
    fold_shift,
    route_key,
)
from metrics.pseudonyms import Pseudonyms
from metrics.rules_beside import door_begun
from metrics.rules_beside.choice import rules_beside
from metrics.tables import BaselineRow
from scheduling.events import (
    CitizenEnrolled,
    CitizenLeft,
    RouteDelivered,
    RoutePublished,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)

CONSUMER_NAME = "benefit-ledger-keys"
KEYS = RuleIdentity(keys_entries.TECHNOLOGY, keys_entries.RULE_VERSION)
STRICT = RuleIdentity(door_begun.TECHNOLOGY, door_begun.RULE_VERSION)
ROUTING = RuleIdentity(routing_shifts.TECHNOLOGY, routing_shifts.RULE_VERSION)
_KINDS = {
    KEYS: keys_entries.SHIFT_KIND,
    STRICT: keys_entries.SHIFT_KIND,
    ROUTING: routing_shifts.BASELINE_KIND,
    untouched.KEYS: keys_entries.SHIFT_KIND,
}
#: This ledger's own memory of who uses screen visits.
_ENROLMENT_LEDGER = KEYS.technology
_KNOWN = tuple(dict.fromkeys(rule.technology for rule in _KINDS))
_RouteEvent = RoutePublished | RouteDelivered
_EnrolmentEvent = CitizenEnrolled | CitizenLeft
#: a tuple made once: it is asked of every event of a year
_OF_A_SHIFT = (ShiftStarted, ShiftEnded, VisitBegun, VisitEnded, OpeningSettled, DoorOpened)
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
        CitizenEnrolled,
        CitizenLeft,
    )
)


class KeysLedger:
    """Reads shifts, routes, visits and doors; writes one entry per day shift and rule, and corrections after it.

    Keys and routing (:mod:`metrics.keys_entries`, :mod:`metrics.routing_shifts`).

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
        if isinstance(event, _EnrolmentEvent):
            self._enrolment(batch, position, event)
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
        uses_screen = isinstance(event, VisitBegun) and batch.uses_screen(
            self._pseudonyms.subject(event.citizen_id), epoch_ms(event.at)
        )
        if not fold_shift(shift, position, event, subject, screen_citizen=uses_screen):
            return
        batch.touched_shifts.add(owner_id)
        if isinstance(event, ShiftStarted):
            route = batch.route(shift.route_key)
            route.shift_ids.add(owner_id)
            batch.touched_routes.add(route.route_key)
        batch.judge(shift, position, event.at)

    def _enrolment(self, batch: "_Batch", position: int, event: _EnrolmentEvent) -> None:
        if event.technology != "screen":
            return
        subject = self._pseudonyms.subject(event.citizen_id)
        enrolment = batch.enrolments.setdefault(subject, Enrolment(subject))
        if isinstance(event, CitizenEnrolled):
            enrolment.enrol(position, event.unit_id, epoch_ms(event.at))
        else:
            enrolment.leave(position, epoch_ms(event.at))
        batch.touched_enrolments.add(subject)

    def _baseline(self, batch: "_Batch", position: int, event: BaselineFrozen) -> None:
        """A baseline is known from its event on; shifts that waited for one are judged again."""
        row = batch.session.get(BaselineRow, event.baseline_id)
        kinds = {rule.technology: kind for rule, kind in _KINDS.items()}
        if row is None or row.technology not in kinds or row.known_position is not None:
            return
        row.known_position = position
        batch.session.add(row)
        batch.flush()
        batch.baselines.append(as_baseline(row))
        if row.kind != kinds[row.technology]:
            return
        waiting = [
            entry.occasion_id
            for entry in store.occasions_without_baseline(
                batch.session, row.technology, row.last_on, row.valid_until_on, row.unit_id
            )
        ]
        batch.load_shifts(waiting)
        for shift_id in waiting:
            batch.judge(batch.shift(shift_id), position, event.at)


@dataclass(slots=True)
class _Batch:
    """The state a batch works on, and the entries it has yet to write."""

    session: Session
    baselines: list[Baseline]
    enrolments: dict[str, Enrolment]
    book: EntryBook
    #: whether both versions of the rule of keys are written
    both: bool = False
    shifts: dict[str, ShiftProgress] = field(default_factory=dict)
    routes: dict[str, RouteProgress] = field(default_factory=dict)
    stored_shifts: set[str] = field(default_factory=set)
    stored_routes: set[str] = field(default_factory=set)
    touched_shifts: set[str] = field(default_factory=set)
    touched_routes: set[str] = field(default_factory=set)
    touched_enrolments: set[str] = field(default_factory=set)

    def uses_screen(self, subject: str, at_ms: int) -> bool:
        """Whether a citizen used screen visits at an instant, as far as was read."""
        enrolment = self.enrolments.get(subject)
        return enrolment is not None and enrolment.covers(at_ms, at_ms)

    def shift(self, shift_id: str) -> ShiftProgress:
        """The progress of a shift, begun empty at its first mention."""
        found = self.shifts.get(shift_id)
        if found is None:
            found = self.shifts[shift_id] = ShiftProgress(shift_id)
        return found

    def route(self, key: str) -> RouteProgress:
        """The progress of a route, begun empty at its first mention."""
        found = self.routes.get(key)
        if found is None:
            found = self.routes[key] = RouteProgress(key)
        return found

    def load_shifts(self, shift_ids: Iterable[str]) -> None:
        """Fetch shifts, their routes and their current entries."""
        wanted = set(shift_ids) - set(self.shifts)
        shifts = store.load_shifts(self.session, wanted)
        self.shifts.update(shifts)
        self.stored_shifts.update(shifts)
        self.load_routes(s.route_key for s in shifts.values() if s.subject)
        self.book.load(wanted)

    def load_routes(self, keys: Iterable[str]) -> None:
        """Fetch routes."""
        routes = store.load_routes(self.session, set(keys) - set(self.routes))
        self.routes.update(routes)
        self.stored_routes.update(routes)

    def judge(self, shift: ShiftProgress, position: int, at: datetime) -> None:
        """Enter what each rule says if the shift is closed and the figures are new or have changed."""
        if not shift.closed or shift.kind != SHIFT_KIND:
            return
        route = self.route(shift.route_key)
        judgements = [
            (KEYS, keys_entries.judge(shift, route, self._baseline(KEYS, shift, position))),
            (ROUTING, routing_shifts.judge(shift, self._baseline(ROUTING, shift, position))),
        ]
        if self.both:
            judgements.append((STRICT, door_begun.judge(shift, route, self._baseline(STRICT, shift, position))))
        judgements += self._untouched(shift, route, judgements[0][1], position)
        for rule, judgement in judgements:
            self.book.enter(
                rule,
                shift.shift_id,
                kept_baseline(judgement, self.book.current(rule, shift.shift_id)),
                unit_id=shift.unit_id,
                day_on=date.fromisoformat(shift.day),
                subject=shift.subject,
                position=position,
                at=at,
            )

    def _untouched(
        self, shift: ShiftProgress, route: RouteProgress, keys: Judgement, position: int
    ) -> list[tuple[RuleIdentity, Judgement]]:
        """What the shift is to those it may be compared with, where it was worked as before or was taken to be."""
        known = self.book.current(untouched.KEYS, shift.shift_id) is not None
        if not known and keys.reason != "route_not_delivered":
            return []
        judgement = untouched.judge_ends(shift, route, self._baseline(untouched.KEYS, shift, position))
        return [(untouched.KEYS, judgement)] if known or judgement.outcome == "counted" else []

    def _baseline(self, rule: RuleIdentity, shift: ShiftProgress, position: int) -> Baseline | None:
        former = self.book.current(rule, shift.shift_id)
        if former is None and rule == STRICT:
            # Two versions differ by their rule, not by what they measure against.
            former = self.book.current(KEYS, shift.shift_id)
        if former is not None and former.baseline_id is not None:
            # Frozen: an entry keeps the baseline it was measured against.
            return next(b for b in self.baselines if b.baseline_id == former.baseline_id)
        day = date.fromisoformat(shift.day)
        return baseline_for(self.baselines, rule.technology, shift.unit_id, _KINDS[rule], day, position)

    def flush(self) -> None:
        """Write everything."""
        store.save_shifts(self.session, (self.shifts[i] for i in sorted(self.touched_shifts)), self.stored_shifts)
        store.save_routes(self.session, (self.routes[k] for k in sorted(self.touched_routes)), self.stored_routes)
        self.stored_shifts |= self.touched_shifts
        self.stored_routes |= self.touched_routes
        self.touched_shifts.clear()
        self.touched_routes.clear()
        enrolments = [self.enrolments[s] for s in sorted(self.touched_enrolments)]
        enrolment_store.save_enrolments(self.session, _ENROLMENT_LEDGER, enrolments)
        self.touched_enrolments.clear()
        self.book.write()


def _shift_id(event: Event) -> str | None:
    """The shift an event belongs to; visits outside a shift and other devices' openings have none."""
    return event.shift_id if isinstance(event, _OF_A_SHIFT) else None


def _load(session: Session, read: Sequence[tuple[int, Event]], pseudonyms: Pseudonyms) -> _Batch:
    citizens = {
        pseudonyms.subject(event.citizen_id)
        for _position, event in read
        if isinstance(event, VisitBegun | CitizenEnrolled | CitizenLeft)
    }
    enrolments = enrolment_store.load_enrolments(session, _ENROLMENT_LEDGER, citizens)
    batch = _empty_batch(session, enrolments)
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


def _empty_batch(session: Session, enrolments: dict[str, Enrolment]) -> _Batch:
    both = bool(rules_beside(session) & {KEYS.version, STRICT.version})
    return _Batch(session, known_baselines(session, _KNOWN), enrolments, EntryBook(session), both)


def judge_stored_shifts(work: Work, from_on: date, to_on: date) -> int:
    """Enter what the rules that are written say of shifts judged before, from the ledger's own memory of them.

    What stands is left alone, so that only a version that was not written then gets new entries: as of the event that
    made the first version's. Returns how many shifts were looked at.

    Parameters
    ----------
    from_on, to_on
        Local days, both included. A shift whose memory was erased in time cannot be judged anew.
    """
    batch = _empty_batch(work.session, {})
    shift_ids = store.closed_shifts(work.session, SHIFT_KIND, from_on, to_on)
    batch.load_shifts(shift_ids)
    for shift_id in shift_ids:
        first = batch.book.current(KEYS, shift_id)
        if first is not None:
            batch.judge(batch.shift(shift_id), first.cause_position, first.recorded_at)
    batch.flush()
    return len(shift_ids)
