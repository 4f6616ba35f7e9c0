"""Keeping the sums: an entry moves the sum of its subject's week in the transaction that writes it.

A ledger that was written before sums were kept has none of a technology until its next entry; then they are built
from every entry there is. Until then figures are read from the entries themselves.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, case, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from metrics import store
from metrics.covered_days import Days
from metrics.sums.pieces import piece_of, pieces_between
from metrics.sums.tables import SubjectSumRow, SumsBuiltRow
from metrics.tables import EntryRow

#: The derived input of an entry that counts what went wrong on its occasion.
FAILURES: Mapping[str, str] = {
    "keys": "failed_doors",
    "screen": "failed_screen_visits",
    "transfers": "unanswered",
}
#: What is added up, by the name of its column.
FIGURES = (
    "occasion_count",
    "baseline_count",
    "overhead_s",
    "spent_s",
    "net_s",
    "used_s",
    "negative_count",
    "failure_count",
    "device_count",
    "evidence_count",
)
#: What a sum is of.
KEYS = ("technology", "unit_id", "first_on", "subject", "rule_version", "baseline_id", "outcome", "reason")
_Key = tuple[Any, ...]


def is_built(session: Session, technology: str) -> bool:
    """Whether the sums of a technology are kept."""
    return session.get(SumsBuiltRow, technology) is not None


def add_entries(session: Session, written: Iterable[tuple[Mapping[str, Any], EntryRow | None]]) -> None:
    """Move the sums by entries that were just inserted, each with the one it replaces.

    Two who write entries of one technology at once both count: the database adds. Where both would build the sums,
    the second one's transaction fails and is repeated, as any other that lost a race for a key.
    """
    built: dict[str, bool] = {}
    moved: dict[_Key, list[int]] = {}
    for entry, former in written:
        technology = entry["technology"]
        if technology not in built:
            built[technology] = is_built(session, technology)
        if not built[technology]:
            continue
        _move(moved, entry, 1, entry["cause_position"])
        if former is not None:
            _move(moved, former.model_dump(), -1, entry["cause_position"])
    for technology in sorted(t for t, is_it in built.items() if not is_it):
        build(session, technology)
    if moved:
        rows = [dict(zip((*KEYS, *FIGURES, "newest_position"), (*key, *moved[key]), strict=True)) for key in moved]
        rows.sort(key=lambda row: [row[name] for name in KEYS])
        session.connection().execute(_adding(session), rows)


def build(session: Session, technology: str) -> None:
    """Work the sums of a technology out from all of its entries; from now on they are kept."""
    ends = select(func.min(EntryRow.day_on), func.max(EntryRow.day_on)).where(col(EntryRow.technology) == technology)
    first_on, last_on = session.execute(ends).one()
    if first_on is not None:
        for piece in pieces_between(first_on, last_on):
            columns = [*KEYS, *FIGURES, "newest_position"]
            session.execute(insert(_table()).from_select(columns, sums_of_entries(technology, piece)))
    session.add(SumsBuiltRow(technology=technology))
    session.flush()


def sums_of_entries(technology: str, piece: Days) -> Select[Any]:
    """The sums of one piece as the entries tell them, in the order of the columns of a kept sum."""
    row: Any = EntryRow
    told = (row.subject, row.rule_version)
    without = (func.coalesce(row.baseline_id, ""), row.outcome, func.coalesce(row.reason, ""))
    figures = [func.sum(figure) for figure in figures_of_entry(technology).values()]
    query: Select[Any] = select(
        row.technology, row.unit_id, literal(piece[0]), *told, *without, *figures, func.max(row.cause_position)
    )
    wanted = (row.technology == technology, row.day_on >= piece[0], row.day_on <= piece[1])
    keys = (row.technology, row.unit_id, *told, row.baseline_id, row.outcome, row.reason)
    return query.where(store.is_unreplaced(), *wanted).group_by(*keys)


@cache
def figures_of_entry(technology: str) -> Mapping[str, Any]:
    """Each of :data:`FIGURES` of a single entry, as the database works it out."""
    net_s, counted = col(EntryRow.net_s), col(EntryRow.outcome) == "counted"
    name = FAILURES.get(technology)
    failures = literal(0) if name is None else func.coalesce(col(EntryRow.inputs)[name].as_integer(), 0)
    return {
        "occasion_count": literal(1),
        "baseline_count": _of_counted(counted, EntryRow.baseline_count),
        "overhead_s": _of_counted(counted, EntryRow.overhead_s),
        "spent_s": _of_counted(counted, col(EntryRow.actual_s) + col(EntryRow.overhead_s)),
        "net_s": _of_counted(counted, net_s),
        "used_s": case((counted, store.used_seconds()), else_=0),
        "negative_count": case((counted & (net_s < 0), 1), else_=0),
        "failure_count": failures,
        "device_count": case((col(EntryRow.evidence_class) == "device", 1), else_=0),
        "evidence_count": col(EntryRow.evidence_count),
    }


def _of_counted(counted: Any, seconds: Any) -> Any:
    return case((counted, func.coalesce(seconds, 0)), else_=0)


def _move(moved: dict[_Key, list[int]], entry: Mapping[str, Any], sign: int, position: int) -> None:
    day_on: date = entry["day_on"]
    key = (
        entry["technology"],
        entry["unit_id"],
        piece_of(day_on)[0],
        entry["subject"],
        entry["rule_version"],
        entry["baseline_id"] or "",
        entry["outcome"],
        entry["reason"] or "",
    )
    sums = moved.setdefault(key, [0] * (len(FIGURES) + 1))
    for index, figure in enumerate(_figures(entry)):
        sums[index] += sign * figure
    sums[-1] = max(sums[-1], position)


def _figures(entry: Mapping[str, Any]) -> tuple[int, ...]:
    """The same as :func:`figures_of_entry` of an entry in memory."""
    counted = entry["outcome"] == "counted"
    net_s, overhead_s = (entry["net_s"] or 0, entry["overhead_s"] or 0) if counted else (0, 0)
    name = FAILURES.get(entry["technology"])
    return (
        1,
        (entry["baseline_count"] or 0) if counted else 0,
        overhead_s,
        (entry["actual_s"] or 0) + overhead_s if counted else 0,
        net_s,
        net_s if net_s >= store.USED_BLOCK_S or net_s < 0 else 0,
        int(net_s < 0),
        0 if name is None else int(entry["inputs"].get(name) or 0),
        int(entry["evidence_class"] == "device"),
        entry["evidence_count"],
    )


def _adding(session: Session) -> Any:
    table = _table()
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    told = statement.excluded
    changes: dict[str, Any] = {name: table.c[name] + told[name] for name in FIGURES}
    newer = told.newest_position > table.c.newest_position
    changes["newest_position"] = case((newer, told.newest_position), else_=table.c.newest_position)
    return statement.on_conflict_do_update(index_elements=list(KEYS), set_=changes)


def _table() -> Table:
    return SQLModel.metadata.tables[str(SubjectSumRow.__tablename__)]
