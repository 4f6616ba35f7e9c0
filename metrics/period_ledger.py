"""The consumer that keeps a ledger of weeks or days: entered once they are over, corrected by what comes late.

A period is over when the log has reached a world time: the first event the ledger reads at or after it enters
the period. What is read later of a closed period corrects at once. Both depend on the log alone, so the entries
are the same however it was cut into batches.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from kernel.events import Event, StoredEvent
from kernel.work import Work
from metrics import enrolment_store, store
from metrics.baselines import subject_baselines
from metrics.enrolments import Enrolment
from metrics.entry_book import EntryBook, kept_baseline
from metrics.events import BaselineFrozen
from metrics.ledger import day_of_ms, epoch_ms
from metrics.period_rule import PeriodRule
from metrics.pseudonyms import Pseudonyms
from metrics.subject_baselines import SubjectBaseline, subject_baseline_for
from metrics.tables import BaselineRow, PeriodClockRow, PeriodProgressRow
from scheduling.events import CitizenEnrolled, CitizenLeft

#: Stays below the number of bound values either database takes in one statement.
_FEW = 500
_ENROLMENTS = frozenset({CitizenEnrolled.event_type, CitizenLeft.event_type})


class PeriodLedger:
    """Reads what one rule wants of the log and writes one entry per subject and period."""

    def __init__(self, rule: PeriodRule[Any], pseudonyms: Pseudonyms) -> None:
        self._rule = rule
        self._pseudonyms = pseudonyms
        self.name = f"benefit-ledger-{rule.identity.technology}"
        wanted = {*rule.folded, *rule.clocked, *_ENROLMENTS, BaselineFrozen.event_type}
        self.event_types: Collection[str] | None = frozenset(wanted)

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Take in a batch; everything it leaves behind is in this one transaction."""
        named = [(stored, self._subject(stored)) for stored in events]
        batch = _Batch(work.session, self._rule, {subject for _stored, subject in named if subject})
        read = list(self._read(batch, named))
        batch.load({(subject, last_on) for _stored, _event, subject, last_on in read if last_on is not None})
        for stored, event, subject, last_on in read:
            if isinstance(event, BaselineFrozen):
                batch.baseline(stored.position, event)
            elif isinstance(event, CitizenEnrolled | CitizenLeft):
                batch.enrol(stored.position, event, subject)
            elif event is not None and last_on is not None:
                batch.fold(stored.position, event, subject, last_on)
            batch.reach(stored.position, stored.at)
        batch.flush()

    def _subject(self, stored: StoredEvent) -> str:
        """Whom an event is about, as a pseudonym; empty where it is read for its time only."""
        citizen_id = stored.data.get("citizen_id")
        if citizen_id is None:
            return ""
        enrols = stored.event_type in _ENROLMENTS and stored.data.get("technology") == self._rule.identity.technology
        return self._pseudonyms.subject(citizen_id) if enrols or stored.event_type in self._rule.folded else ""

    def _read(
        self, batch: "_Batch", named: Iterable[tuple[StoredEvent, str]]
    ) -> Iterable[tuple[StoredEvent, Event | None, str, date | None]]:
        """Each event with its subject and period; what is read for its time only is not even parsed."""
        enrolled = set(batch.enrolments)
        for stored, subject in named:
            if stored.event_type == BaselineFrozen.event_type:
                yield stored, stored.event(), "", None
            elif subject and stored.event_type in _ENROLMENTS:
                enrolled.add(subject)
                yield stored, stored.event(), subject, None
            elif subject and (subject in enrolled or not self._rule.enrolled_only):
                event = stored.event()
                yield stored, event, subject, self._rule.last_on(event)
            else:
                yield stored, None, "", None


@dataclass(slots=True)
class _Batch:
    """The state a batch works on, and the entries it has yet to write."""

    session: Session
    rule: PeriodRule[Any]
    #: whom the events of the batch are about
    subjects: Collection[str]
    enrolments: dict[str, Enrolment] = field(init=False)
    all_enrolments: bool = False
    #: read when the first period is judged
    baselines: dict[str, list[SubjectBaseline]] | None = None
    book: EntryBook = field(init=False)
    clock: PeriodClockRow = field(init=False)
    progress: dict[tuple[str, date], Any] = field(default_factory=dict)
    touched: set[tuple[str, date]] = field(default_factory=set)
    touched_enrolments: set[str] = field(default_factory=set)
    #: when the oldest open period is due; ``None`` before anybody is known
    due_ms: int | None = None

    def __post_init__(self) -> None:
        technology = self.rule.identity.technology
        self.enrolments = enrolment_store.load_enrolments(self.session, technology, self.subjects)
        self.book = EntryBook(self.session)
        clock = self.session.get(PeriodClockRow, technology)
        if clock is None:
            clock = PeriodClockRow(technology=technology, reached_ms=0)
            self.session.add(clock)
        self.clock = clock
        self._set_due()

    def load(self, keys: Collection[tuple[str, date]]) -> None:
        """Fetch stored progress; periods never read before are left out."""
        for last_on in sorted({last_on for _subject, last_on in keys}):
            wanted = {subject for subject, on in keys if on == last_on}
            self._fetch(last_on, wanted)

    def fold(self, position: int, event: Event, subject: str, last_on: date) -> None:
        """Take an event into its period; correct the period if it was closed."""
        progress = self._progress(subject, last_on)
        if not self.rule.fold(progress, position, event):
            return
        self.touched.add((subject, last_on))
        self._begin_with(last_on)
        if self._closed(last_on):
            self._judge(progress, position, event.at)

    def enrol(self, position: int, event: CitizenEnrolled | CitizenLeft, subject: str) -> None:
        """Take in that a subject begins or stops; correct the closed periods this changes."""
        enrolment = self.enrolments.setdefault(subject, Enrolment(subject))
        at_ms = epoch_ms(event.at)
        if isinstance(event, CitizenEnrolled):
            # Known from now on: what was read before of a citizen nobody had enrolled is not kept.
            at_ms = max(at_ms, self.clock.reached_ms)
            changed = enrolment.enrol(position, event.unit_id, at_ms)
            self._begin_with(self.rule.period_of(day_of_ms(at_ms)))
        else:
            changed = enrolment.leave(position, at_ms)
        self.touched_enrolments.add(subject)
        if not changed or self.clock.closed_until_on is None:
            return
        last_on = self.rule.period_of(day_of_ms(at_ms))
        while self._closed(last_on):
            self._fetch(last_on, {subject})
            self._judge(self._progress(subject, last_on), position, event.at)
            last_on += timedelta(days=self.rule.length_days)

    def baseline(self, position: int, event: BaselineFrozen) -> None:
        """A baseline is known from its event on; periods that waited for one are judged again."""
        row = self.session.get(BaselineRow, event.baseline_id)
        technology = self.rule.identity.technology
        if row is None or row.technology != technology or row.known_position is not None:
            return
        row.known_position = position
        self.session.add(row)
        self.flush()
        self.baselines = subject_baselines(self.session, technology)
        self._load_all_enrolments()
        for entry in store.occasions_without_baseline(self.session, technology, row.last_on, row.valid_until_on):
            if entry.subject in self.baselines:
                self._fetch(entry.day_on, {entry.subject})
                self._judge(self._progress(entry.subject, entry.day_on), position, event.at)

    def reach(self, position: int, at: datetime) -> None:
        """The log has reached a world time: enter every period that is over by then."""
        at_ms = epoch_ms(at)
        if at_ms <= self.clock.reached_ms:
            return
        self.clock.reached_ms = at_ms
        while self.due_ms is not None and self.due_ms <= at_ms and self.clock.closed_until_on is not None:
            last_on = self.clock.closed_until_on + timedelta(days=self.rule.length_days)
            self._close(last_on, position, at)
            self.clock.closed_until_on = last_on
            self._set_due()

    def flush(self) -> None:
        """Write everything."""
        technology = self.rule.identity.technology
        enrolments = [self.enrolments[subject] for subject in sorted(self.touched_enrolments)]
        enrolment_store.save_enrolments(self.session, technology, enrolments)
        self._save()
        self.touched.clear()
        self.touched_enrolments.clear()
        self.session.add(self.clock)
        self.book.write()

    def _close(self, last_on: date, position: int, at: datetime) -> None:
        self._load_all_enrolments()
        from_ms, until_ms = self.rule.bounds_ms(last_on)
        subjects = {s for s, e in self.enrolments.items() if e.overlapping(from_ms, until_ms) is not None}
        self._fetch(last_on, subjects if self.rule.enrolled_only else None)
        if not self.rule.enrolled_only:
            subjects |= {subject for subject, on in self.progress if on == last_on}
        self.book.load(self._occasion_id(subject, last_on) for subject in subjects)
        for subject in sorted(subjects):
            self._judge(self._progress(subject, last_on), position, at)

    def _judge(self, progress: Any, position: int, at: datetime) -> None:
        occasion_id = self._occasion_id(progress.subject, progress.last_on)
        if not self.book.known(occasion_id):
            self.book.load([occasion_id])
        enrolment = self.enrolments.get(progress.subject)
        former = self.book.current(self.rule.identity, occasion_id)
        unit_id = self.rule.unit_id(progress, enrolment) or ("" if former is None else former.unit_id)
        if self.baselines is None:
            self.baselines = subject_baselines(self.session, self.rule.identity.technology)
        baselines = self.baselines.get(progress.subject, [])
        if former is not None and former.baseline_id is not None:
            # Frozen: an entry keeps the baseline it was measured against.
            baseline = next((b for b in baselines if b.baseline_id == former.baseline_id), None)
        else:
            baseline = subject_baseline_for(baselines, progress.last_on, position)
        judgement = self.rule.judge(progress, enrolment, baseline)
        if former is None and (not unit_id or judgement.reason == "not_enrolled"):
            return
        self.book.enter(
            self.rule.identity,
            occasion_id,
            kept_baseline(judgement, former),
            unit_id=unit_id,
            day_on=progress.last_on,
            subject=progress.subject,
            position=position,
            at=at,
        )

    def _load_all_enrolments(self) -> None:
        if not self.all_enrolments:
            everybody = enrolment_store.load_enrolments(self.session, self.rule.identity.technology)
            self.enrolments = everybody | self.enrolments
            self.all_enrolments = True

    def _progress(self, subject: str, last_on: date) -> Any:
        key = (subject, last_on)
        if key not in self.progress:
            self.progress[key] = self.rule.new(subject, last_on)
        return self.progress[key]

    def _occasion_id(self, subject: str, last_on: date) -> str:
        return f"{subject}:{self.rule.name(last_on)}"

    def _closed(self, last_on: date) -> bool:
        return self.clock.closed_until_on is not None and last_on <= self.clock.closed_until_on

    def _begin_with(self, last_on: date) -> None:
        """The first period anything is known of is the first to be closed."""
        if self.clock.closed_until_on is None:
            self.clock.closed_until_on = last_on - timedelta(days=self.rule.length_days)
            self._set_due()

    def _set_due(self) -> None:
        if self.clock.closed_until_on is not None:
            next_on = self.clock.closed_until_on + timedelta(days=self.rule.length_days)
            self.due_ms = epoch_ms(self.rule.due_at(next_on))

    def _fetch(self, last_on: date, subjects: Collection[str] | None) -> None:
        """Stored progress of a period, of some subjects or of all; what is in memory is newer and stays."""
        columns = (PeriodProgressRow.subject, PeriodProgressRow.last_position, PeriodProgressRow.state)
        query = select(*columns).where(
            PeriodProgressRow.technology == self.rule.identity.technology, PeriodProgressRow.last_on == last_on
        )
        if subjects is not None and len(subjects) <= _FEW:
            query = query.where(col(PeriodProgressRow.subject).in_(sorted(subjects)))
        for subject, last_position, state in self.session.exec(query):
            if (subjects is None or subject in subjects) and (subject, last_on) not in self.progress:
                self.progress[subject, last_on] = self.rule.stored(subject, last_on, last_position, dict(state))

    def _save(self) -> None:
        technology = self.rule.identity.technology
        by_period: dict[date, list[str]] = {}
        for subject, last_on in sorted(self.touched):
            by_period.setdefault(last_on, []).append(subject)
        for last_on, subjects in by_period.items():
            for start in range(0, len(subjects), _FEW):
                self.session.execute(
                    delete(PeriodProgressRow).where(
                        col(PeriodProgressRow.technology) == technology,
                        col(PeriodProgressRow.last_on) == last_on,
                        col(PeriodProgressRow.subject).in_(subjects[start : start + _FEW]),
                    )
                )
        if self.touched:
            self.session.execute(insert(PeriodProgressRow), [self._row(key) for key in sorted(self.touched)])

    def _row(self, key: tuple[str, date]) -> dict[str, Any]:
        progress = self.progress[key]
        return {
            "technology": self.rule.identity.technology,
            "subject": progress.subject,
            "last_on": progress.last_on,
            "last_position": progress.last_position,
            "state": progress.as_json(),
        }
