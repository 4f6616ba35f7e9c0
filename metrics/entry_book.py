"""Writing entries: appended in bulk, each correction naming the entry it replaces."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from metrics import store
from metrics.judgement import FIGURES, Judgement, RuleIdentity
from metrics.sums.keeping import add_entries
from metrics.tables import EntryRow
from metrics.technologies import CLOCKS


def kept_baseline(judgement: Judgement, former: EntryRow | None) -> Judgement:
    """The judgement with the baseline its occasion was measured against before, where it has none itself.

    An occasion that does not count for a while (a visit told late has begun and not ended) comes back to the
    baseline it had, not to the newest.
    """
    if judgement.baseline_id is not None or former is None or former.baseline_id is None:
        return judgement
    return replace(judgement, baseline_id=former.baseline_id)


class EntryBook:
    """The current entries a batch has looked at, and those it has yet to write."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looked_at: set[str] = set()
        self._current: dict[tuple[str, str], EntryRow] = {}
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}
        #: what was written here and not read back, for entries get their ids from the database
        self._unread: set[str] = set()

    def load(self, occasion_ids: Iterable[str]) -> None:
        """Fetch the current entries of these occasions, once."""
        wanted = set(occasion_ids) - self._looked_at
        self._looked_at |= wanted
        self._current.update(store.latest_entries(self._session, wanted))

    def known(self, occasion_id: str) -> bool:
        """Whether the entries of this occasion were fetched."""
        return occasion_id in self._looked_at

    def current(self, rule: RuleIdentity, occasion_id: str) -> EntryRow | None:
        """The entry in force, among those that were fetched."""
        key = (rule.version, occasion_id)
        if key in self._pending:
            # The former entry needs its id before another one can replace it.
            self.write()
        if occasion_id in self._unread:
            self._current.update(store.latest_entries(self._session, self._unread))
            self._unread.clear()
        return self._current.get(key)

    def enter(
        self,
        rule: RuleIdentity,
        occasion_id: str,
        judgement: Judgement,
        *,
        unit_id: str,
        day_on: date,
        subject: str,
        position: int,
        at: datetime,
    ) -> None:
        """Append an entry if the occasion has none or its figures have changed.

        Parameters
        ----------
        position, at
            The event that makes the entry necessary. Entries made by it or by a later one are left alone, so
            that reading the log again writes nothing twice.
        """
        former = self.current(rule, occasion_id)
        if former is not None and former.cause_position >= position:
            return
        if former is not None and all(getattr(former, f) == getattr(judgement, f) for f in FIGURES):
            return
        self._pending[rule.version, occasion_id] = {
            "technology": rule.technology,
            "clock": CLOCKS[rule.technology],
            "rule_version": rule.version,
            "occasion_id": occasion_id,
            "revision": 1 if former is None else former.revision + 1,
            "replaces_id": None if former is None else former.id,
            "unit_id": unit_id,
            "day_on": day_on,
            "subject": subject,
            "evidence": list(judgement.evidence),
            "evidence_count": len(judgement.evidence),
            "inputs": judgement.inputs,
            "cause_position": position,
            "recorded_at": at,
            **{name: getattr(judgement, name) for name in FIGURES},
        }

    def write(self) -> None:
        """Append the pending entries, move the sums by them, and remember that they are current."""
        if not self._pending:
            return
        self._session.flush()
        self._session.execute(insert(EntryRow), list(self._pending.values()))
        add_entries(self._session, ((entry, self._current.get(key)) for key, entry in self._pending.items()))
        self._unread.update(occasion_id for _version, occasion_id in self._pending)
        self._pending.clear()
