"""The consumer that keeps a ledger of weeks or days: entered once they are over, corrected by what comes late.

A period is over when the log has reached a world time: the first event the ledger reads at or after it enters
the period. What is read later of a closed period corrects at once. Both depend on the log alone, so the entries
are the same however it was cut into batches.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from kernel.events import Event, StoredEvent
from kernel.work import Work
from metrics import store
from metrics.events import BaselineFrozen
from metrics.period_batch import PeriodBatch
from metrics.period_rule import PeriodRule
from metrics.pseudonyms import Pseudonyms
from metrics.rules_beside.choice import rules_beside
from metrics.tables import PeriodProgressRow
from scheduling.events import CitizenEnrolled, CitizenLeft

_ENROLMENTS = frozenset({CitizenEnrolled.event_type, CitizenLeft.event_type})


class PeriodLedger:
    """Reads what one rule wants of the log and writes one entry per subject and period."""

    def __init__(self, rule: PeriodRule[Any], pseudonyms: Pseudonyms) -> None:
        self._rule = rule
        self._pseudonyms = pseudonyms
        self._measured: frozenset[str] = frozenset()
        self._measured_at: int | None = None
        self.name = f"benefit-ledger-{rule.identity.technology}"
        wanted = {*rule.folded, *rule.clocked, *_ENROLMENTS, BaselineFrozen.event_type}
        self.event_types: Collection[str] | None = frozenset(wanted)

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Take in a batch; everything it leaves behind is in this one transaction."""
        named = [(stored, self._subject(stored)) for stored in events]
        subjects = {subject for _stored, subject in named if subject}
        measured = self._measured_subjects(work.session)
        batch = PeriodBatch(work.session, self._rule, subjects, measured, self._writes_both(work.session))
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
        self, batch: PeriodBatch, named: Iterable[tuple[StoredEvent, str]]
    ) -> Iterable[tuple[StoredEvent, Event | None, str, date | None]]:
        """Each event with its subject and period; what is read for its time only is not even parsed."""
        enrolled = set(batch.enrolments) | batch.measured
        for stored, subject in named:
            if stored.event_type == BaselineFrozen.event_type:
                enrolled |= self._subjects_of(batch.session, stored)
                yield stored, stored.event(), "", None
            elif subject and stored.event_type in _ENROLMENTS:
                enrolled.add(subject)
                yield stored, stored.event(), subject, None
            elif subject and (subject in enrolled or not self._rule.enrolled_only):
                event = stored.event()
                yield stored, event, subject, self._rule.last_on(event)
            else:
                yield stored, None, "", None

    def _writes_both(self, session: Session) -> bool:
        beside = self._rule.beside
        if beside is None:
            return False
        return bool(rules_beside(session) & {self._rule.identity.version, beside.identity.version})

    def _measured_subjects(self, session: Session) -> set[str]:
        """Whom a baseline that was read is of, where those who have not begun count; asked for once a baseline."""
        if self._rule.untouched is None:
            return set()
        newest = store.newest_baseline(session, self._rule.identity.technology)
        if newest != self._measured_at:
            self._measured = store.measured_subjects(session, self._rule.identity.technology)
            self._measured_at = newest
        return set(self._measured)

    def _subjects_of(self, session: Session, stored: StoredEvent) -> set[str]:
        of_it = stored.data.get("technology") == self._rule.identity.technology
        if self._rule.untouched is None or not of_it:
            return set()
        return store.subjects_of_baseline(session, stored.data["baseline_id"])


def judge_stored_periods(work: Work, rule: PeriodRule[Any], from_on: date, to_on: date) -> int:
    """Enter what the versions that are written say of periods judged before, from the ledger's own memory of them.

    What stands is left alone, so that only a version that was not written then gets new entries: as of the event that
    made the first version's. Returns how many periods were looked at.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; a period belongs to its last one. What was erased in time cannot be judged anew.
    """
    row, technology = PeriodProgressRow, rule.identity.technology
    query = select(col(row.subject), col(row.last_on)).where(
        row.technology == technology, row.last_on >= from_on, row.last_on <= to_on
    )
    periods = list(work.session.exec(query.order_by(col(row.last_on), col(row.subject))))
    batch = PeriodBatch(work.session, rule, {subject for subject, _on in periods}, both=True)
    batch.judge_anew(periods)
    return len(periods)
