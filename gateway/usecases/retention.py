"""Erasing what has been kept long enough: a limited number of rows in one transaction, each with its receipt.

Rows are looked for in a reading session and erased in a writing one that looks again: of two processes that find the
same rows one erases them and both receipts are right. A crash leaves whole steps behind and none half done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Protocol

from sqlalchemy import ColumnElement, Date, Float, Table, and_, delete, tuple_, update
from sqlmodel import Session, SQLModel, col, func, select

from kernel.events import registered_events
from kernel.ids import new_id
from kernel.localtime import at_local, local_day
from kernel.receipts import DataErased, NewReceipt, write_receipt
from kernel.seals import erase_events, latest_seal
from kernel.tables import EventRow
from kernel.work import UnitsOfWork, Work
from metrics.events import BaselineFrozen, MonthClosed, RuleChosen
from metrics.sums.tables import SubjectSumRow
from metrics.tables import BaselineSampleRow, EntryRow

AT_MOST = 500
"""Rows of one step: writers on SQLite wait for each other."""

KEPT_EVENTS = frozenset(
    {DataErased.event_type, BaselineFrozen.event_type, MonthClosed.event_type, RuleChosen.event_type}
)
"""Events that tell of no person, and without which receipts and closed months could not be explained."""

#: begins a pseudonym that leads to nobody; the others are hexadecimal
UNLINKED = "x"

Column = ColumnElement[Any]


class Rule(Protocol):
    """Says what of one data type is due, and erases some of it."""

    @property
    def data_type(self) -> str:
        """The data type's name in receipts and in docs/audit.md."""
        ...

    @property
    def setting(self) -> str:
        """The setting that says how many days."""
        ...

    @property
    def clock(self) -> Literal["world", "machine"]:
        """The clock its rows are dated by."""
        ...

    def due(self, session: Session, before: datetime, at_most: int) -> Sequence[Any]:
        """Keys of rows that are older; at most so many."""
        ...

    def erase(self, work: Work, keys: Sequence[Any], before: datetime, rule_text: str) -> int:
        """Erase those that are still due, and write the receipt. Returns how many."""
        ...


@dataclass(frozen=True, slots=True)
class RowsRule:
    """Rows of one table, older than an instant, are deleted or lose what is personal.

    Parameters
    ----------
    when
        The column they are dated by (an instant, a day, or epoch seconds), or the whole condition.
    only
        A further condition, for example that they are settled.
    emptied
        Columns and what they become; the rows are deleted where there is none.
    children
        Tables whose rows go with them, and their column that names the first key.
    """

    data_type: str
    setting: str
    row: type[SQLModel]
    when: str | Callable[[Table, datetime], Column]
    clock: Literal["world", "machine"] = "world"
    only: Callable[[Table], Column] | None = None
    emptied: Callable[[Table], dict[str, Any]] | None = None
    children: tuple[tuple[type[SQLModel], str], ...] = ()

    @property
    def table(self) -> Table:
        """The table it is about."""
        return SQLModel.metadata.tables[str(self.row.__tablename__)]

    def due(self, session: Session, before: datetime, at_most: int) -> Sequence[Any]:
        """Primary keys, as tuples."""
        query = select(*self._key()).where(self._is_due(before)).limit(at_most)
        return [tuple(key) for key in session.execute(query)]

    def erase(self, work: Work, keys: Sequence[Any], before: datetime, rule_text: str) -> int:
        """Erase those of the keys that are still due."""
        key, connection = self._key(), work.session.connection()
        still = and_(tuple_(*key).in_(list(keys)), self._is_due(before))
        if self.emptied is None:
            gone = connection.execute(delete(self.table).where(still).returning(*key)).all()
        else:
            gone = connection.execute(
                update(self.table).where(still).values(**self.emptied(self.table)).returning(*key)
            ).all()
        if not gone:
            return 0
        for child, column in self.children:
            table = SQLModel.metadata.tables[str(child.__tablename__)]
            connection.execute(delete(table).where(table.c[column].in_([row[0] for row in gone])))
        ids = [":".join(part.hex() if isinstance(part, bytes) else str(part) for part in row) for row in gone]
        write_receipt(work, NewReceipt(self.data_type, rule_text, None, before, len(gone), ids=ids))
        return len(gone)

    def _key(self) -> tuple[Column, ...]:
        return tuple(self.table.primary_key.columns)

    def _is_due(self, before: datetime) -> Column:
        due = self.when(self.table, before) if callable(self.when) else self._is_older(self.when, before)
        return due if self.only is None else and_(due, self.only(self.table))

    def _is_older(self, name: str, before: datetime) -> Column:
        column = self.table.c[name]
        limit: Any = before
        if isinstance(column.type, Float):
            limit = before.timestamp()
        elif isinstance(column.type, Date):
            limit = local_day(before)
        older: Column = column < limit
        return older


@dataclass(frozen=True, slots=True)
class EventsRule:
    """Rows of the event log: sealed ones, and never the newest."""

    data_type: str = "events"
    setting: str = "event_days"
    clock: Literal["world", "machine"] = "world"

    def due(self, session: Session, before: datetime, at_most: int) -> Sequence[int]:
        """Positions, type by type: that is how the log is indexed by time."""
        seal = latest_seal(session)
        head = session.exec(select(func.max(EventRow.position))).one() or 0
        upto = min(0 if seal is None else seal.to_position, head - 1)
        found: list[int] = []
        for event_type in sorted(set(registered_events()) - KEPT_EVENTS):
            query = (
                select(EventRow.position)
                .where(EventRow.event_type == event_type, col(EventRow.at) < before, col(EventRow.position) <= upto)
                .limit(at_most - len(found))
            )
            found += [position for position in session.exec(query) if position is not None]
            if len(found) >= at_most:
                break
        return found

    def erase(self, work: Work, keys: Sequence[int], before: datetime, rule_text: str) -> int:
        """Erase those that are still there, and their salts."""
        query = select(EventRow.position).where(col(EventRow.position).in_(keys)).with_for_update()
        there = [position for position in work.session.exec(query) if position is not None]
        if there:
            erase_events(work, there, rule_text, before)
        return len(there)


@dataclass(frozen=True, slots=True)
class PseudonymsRule:
    """Subjects of the ledger get a pseudonym that was drawn and not derived: no key leads from it to a person.

    Whole calendar years, one subject at a time with all of its old entries, so that they stay one subject's: every
    figure of the year and its interval stay the same.
    """

    data_type: str = "ledger_pseudonyms"
    setting: str = "pseudonym_days"
    clock: Literal["world", "machine"] = "world"

    def due(self, session: Session, before: datetime, at_most: int) -> Sequence[str]:
        """Subjects with entries or measurements of years that are over."""
        year_on, found = _year_of(before), set[str]()
        for row in (EntryRow, BaselineSampleRow):
            query = select(row.subject).where(col(row.day_on) < year_on, ~col(row.subject).startswith(UNLINKED))
            found.update(session.exec(query.distinct().limit(at_most // 10)))
        return sorted(found)

    def erase(self, work: Work, keys: Sequence[str], before: datetime, rule_text: str) -> int:
        """Give each a new one, in its entries, in the names of their occasions, and in its measurements."""
        year_on, connection = _year_of(before), work.session.connection()
        ids: list[str] = []
        for subject in keys:
            fresh = UNLINKED + new_id()[1:]
            entries = update(EntryRow).where(col(EntryRow.subject) == subject, col(EntryRow.day_on) < year_on)
            named = func.replace(EntryRow.occasion_id, subject, fresh)
            changed = connection.execute(entries.values(subject=fresh, occasion_id=named).returning(col(EntryRow.id)))
            ids += [f"entry:{row[0]}" for row in changed]
            # A week's sum ends with its month: none is of two years.
            sums = update(SubjectSumRow).where(col(SubjectSumRow.subject) == subject)
            connection.execute(sums.where(col(SubjectSumRow.first_on) < year_on).values(subject=fresh))
            samples = update(BaselineSampleRow).where(
                col(BaselineSampleRow.subject) == subject, col(BaselineSampleRow.day_on) < year_on
            )
            changed = connection.execute(samples.values(subject=fresh).returning(col(BaselineSampleRow.id)))
            ids += [f"sample:{row[0]}" for row in changed]
        if ids:
            to_at = at_local(year_on, time())
            write_receipt(work, NewReceipt(self.data_type, rule_text, None, to_at, len(ids), ids=ids))
        return len(ids)


def _year_of(instant_at: datetime) -> date:
    return local_day(instant_at).replace(month=1, day=1)


def erase_due(units: UnitsOfWork, rule: Rule, days: int, machine_now_s: float, at_most: int = AT_MOST) -> int:
    """One step of one rule. Returns how many rows went; 0 when nothing is due.

    Parameters
    ----------
    days
        How long this is kept.
    machine_now_s
        Epoch seconds of the machine, for what is dated by its clock: sessions end in the machine's time.
    """
    now = units.clock.now() if rule.clock == "world" else datetime.fromtimestamp(machine_now_s, UTC)
    before = now - timedelta(days=days)
    with units.database.reading() as session:
        keys = rule.due(session, before, at_most)
    if not keys:
        return 0
    with units.begin() as work:
        return rule.erase(work, keys, before, f"{rule.setting} = {days}")
