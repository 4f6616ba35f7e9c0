"""What a ledger of weeks or days works on while it takes in a batch, and the entries it has yet to write."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from kernel.events import Event
from metrics import enrolment_store, store
from metrics.baselines import subject_baselines
from metrics.enrolments import Enrolment
from metrics.entry_book import EntryBook, kept_baseline
from metrics.events import BaselineFrozen
from metrics.judgement import Judgement
from metrics.ledger import day_of_ms, epoch_ms
from metrics.period_rule import PeriodRule, Version
from metrics.subject_baselines import SubjectBaseline, subject_baseline_for
from metrics.tables import BaselineRow, EntryRow, PeriodClockRow, PeriodProgressRow
from metrics.visit_types import means as visit_means
from metrics.visit_types.means import VisitMeans, means_for
from metrics.visit_types.store import known_visit_means
from scheduling.events import CitizenEnrolled, CitizenLeft

#: Stays below the number of bound values either database takes in one statement.
_FEW = 500


@dataclass(slots=True)
class PeriodBatch:
    """The state of one batch."""

    session: Session
    rule: PeriodRule[Any]
    #: whom the events of the batch are about
    subjects: Collection[str]
    #: whom a frozen baseline was measured of, where the rule counts those who have not begun
    measured: set[str] = field(default_factory=set)
    #: whether the version beside the first is written too
    both: bool = False
    enrolments: dict[str, Enrolment] = field(init=False)
    all_enrolments: bool = False
    #: read when the first period is judged
    baselines: dict[str, list[SubjectBaseline]] | None = None
    visit_means: list[VisitMeans] | None = None
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
        if row.kind == visit_means.BASELINE_KIND:
            self.visit_means = None
        else:
            self.baselines = subject_baselines(self.session, technology)
            self.measured |= store.subjects_of_baseline(self.session, row.id) if self.rule.untouched else set()
        self._load_all_enrolments()
        for subject, day_on in store.periods_without_baseline(
            self.session, technology, row.last_on, row.valid_until_on
        ):
            self._fetch(day_on, {subject})
            self._judge(self._progress(subject, day_on), position, event.at)

    def judge_anew(self, periods: Collection[tuple[str, date]]) -> None:
        """Judge stored periods once more, as of the event that made the first version's entry, and write."""
        self.load(periods)
        self.book.load(self._occasion_id(subject, last_on) for subject, last_on in periods)
        for subject, last_on in periods:
            first = self.book.current(self.rule.identity, self._occasion_id(subject, last_on))
            if first is not None:
                self._judge(self._progress(subject, last_on), first.cause_position, first.recorded_at)
        self.flush()

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
        self._fetch(last_on, subjects | self.measured if self.rule.enrolled_only else None)
        for subject, on in self.progress:
            if on == last_on and (not self.rule.enrolled_only or subject in self.measured):
                subjects.add(subject)
        self.book.load(self._occasion_id(subject, last_on) for subject in subjects)
        for subject in sorted(subjects):
            self._judge(self._progress(subject, last_on), position, at)

    def _judge(self, progress: Any, position: int, at: datetime) -> None:
        occasion_id = self._occasion_id(progress.subject, progress.last_on)
        if not self.book.known(occasion_id):
            self.book.load([occasion_id])
        enrolment = self.enrolments.get(progress.subject)
        for version in self._versions(progress.subject, enrolment, occasion_id):
            former = self.book.current(version.identity, occasion_id)
            unit_id = self._unit_of(version, progress, enrolment) or ("" if former is None else former.unit_id)
            own, of_visits = self._baselines_for(former, progress, unit_id, position)
            judgement = version.judge(progress, enrolment, own, of_visits)
            if former is None and (not unit_id or self._says_nothing(version, judgement)):
                continue
            self.book.enter(
                version.identity,
                occasion_id,
                kept_baseline(judgement, former),
                unit_id=unit_id,
                day_on=progress.last_on,
                subject=progress.subject,
                position=position,
                at=at,
            )

    def _versions(self, subject: str, enrolment: Enrolment | None, occasion_id: str) -> Iterator[Version]:
        """The versions a period is judged by."""
        yield Version(self.rule.identity, lambda progress, enrolled, own, _m: self.rule.judge(progress, enrolled, own))
        if self.both and self.rule.beside is not None:
            yield self.rule.beside
        untouched = self.rule.untouched
        if untouched is None or subject not in self.measured:
            return
        # Who has begun has no untouched period any more, but may have had one.
        if enrolment is None or self.book.current(untouched.identity, occasion_id) is not None:
            yield untouched

    def _says_nothing(self, version: Version, judgement: Judgement) -> bool:
        """Whether a period without an entry needs none."""
        if version is self.rule.untouched:
            return judgement.outcome != "counted"
        return judgement.reason == "not_enrolled"

    def _unit_of(self, version: Version, progress: Any, enrolment: Enrolment | None) -> str:
        return self.rule.unit_id(progress, enrolment) if version.unit_of is None else version.unit_of(progress)

    def _baselines_for(
        self, former: EntryRow | None, progress: Any, unit_id: str, position: int
    ) -> tuple[SubjectBaseline | None, VisitMeans | None]:
        """The subject's own baseline and the unit's of visits; frozen where an entry was measured against one."""
        if self.baselines is None:
            self.baselines = subject_baselines(self.session, self.rule.identity.technology)
        if self.visit_means is None:
            self.visit_means = known_visit_means(self.session) if self.both else []
        baselines = self.baselines.get(progress.subject, [])
        if former is not None and former.baseline_id is not None:
            own = next((b for b in baselines if b.baseline_id == former.baseline_id), None)
            return own, next((m for m in self.visit_means if m.baseline_id == former.baseline_id), None)
        own = subject_baseline_for(baselines, progress.last_on, position)
        return own, means_for(self.visit_means, unit_id, progress.last_on, position)

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
