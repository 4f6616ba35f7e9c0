"""Everything personal has its time, and a receipt when that is over."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Date, Float, LargeBinary, Table, delete, func, insert, select
from sqlmodel import SQLModel

from gateway.retention import Retention
from gateway.settings import RetentionSettings
from gateway.usecases.retention import AT_MOST, RowsRule, erase_due
from gateway.usecases.retention_rules import RULES
from kernel.clock import SimulatedWorldClock
from kernel.database import Database, UtcDateTime
from kernel.receipts import hash_of_ids, latest_receipts
from kernel.seals import seal_next
from kernel.seals_check import Checked, check_receipts, check_seals, erased_positions
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork
from metrics.sums.keeping import build
from metrics.sums.pieces import piece_of
from metrics.sums.tables import SubjectSumRow
from scheduling.events import ShiftEnded

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
NOW = datetime(2032, 3, 1, 6, 0, tzinfo=UTC)
SETTINGS = RetentionSettings()
#: old enough for every rule, and for the whole year before it to be over
OLD = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
ROW_RULES = [rule for rule in RULES if isinstance(rule, RowsRule)]


def units_on(database: Database) -> UnitsOfWork:
    """Units of work on a day years later."""
    return UnitsOfWork(database, SimulatedWorldClock(NOW))


def invented(table: Table, at: datetime, number: int) -> dict[str, Any]:
    """A row of a table in which every instant, day and text is of that time."""
    values: dict[str, Any] = {}
    for column in table.columns:
        kind: type = column.type.__class__
        if issubclass(kind, UtcDateTime):
            values[column.name] = at
        elif issubclass(kind, Date):
            values[column.name] = at.date()
        elif issubclass(kind, Float):
            values[column.name] = at.timestamp()
        elif issubclass(kind, LargeBinary):
            values[column.name] = b"secret-%d" % number
        elif issubclass(kind, JSON):
            values[column.name] = []
        elif issubclass(kind, Boolean):
            values[column.name] = True
        else:
            values[column.name] = number if column.type.python_type is int else f"t{number}"
    return values


def put(database: Database, rule: RowsRule, at: datetime, number: int) -> None:
    """A row the rule is about."""
    row = invented(rule.table, at, number)
    if rule.data_type == "lock_reports":
        row["kind"] = "lock"
    if "day" in row and isinstance(row["day"], str):
        row["day"] = at.date().isoformat()
    if "route_key" in row and "last_position" in row and len(rule.table.primary_key.columns) == 1:
        row["route_key"] = f"{number:032x}:{at.date().isoformat()}"
    with database.writing() as session:
        session.execute(insert(rule.table).values(row))
        if rule.data_type == "lock_payloads":
            report = SQLModel.metadata.tables["device_report"]
            beside = invented(report, at, number)
            session.execute(
                insert(report).values(beside | {"kind": "lock", "name": "evt", "device_id": row["lock_id"]})
            )


def rows_of(database: Database, rule: RowsRule) -> list[dict[str, Any]]:
    """What is in its table now."""
    with database.reading() as session:
        ordered = select(rule.table).order_by(*rule.table.primary_key.columns)
        return [dict(row) for row in session.execute(ordered).mappings()]


def test_what_is_old_goes_with_a_receipt_and_what_is_young_stays(database: Database) -> None:
    units = units_on(database)
    for rule in ROW_RULES:
        days = int(getattr(SETTINGS, rule.setting))
        put(database, rule, OLD, 1)
        put(database, rule, NOW - timedelta(days=days - 2), 2)
        before = rows_of(database, rule)

        gone = erase_due(units, rule, days, NOW.timestamp())
        again = erase_due(units, rule, days, NOW.timestamp())

        assert (rule.data_type, gone, again) == (rule.data_type, 1, 0)
        _look(rule, before, rows_of(database, rule))
        with database.reading() as session:
            receipt = latest_receipts(session, 1)[0]
        assert (receipt.data_type, receipt.count, receipt.rule) == (rule.data_type, 1, f"{rule.setting} = {days}")
        assert receipt.ids_sha256 == hash_of_ids([_id_of(rule, before[0])])
        with database.writing() as session:
            session.execute(delete(rule.table))
            session.execute(delete(SQLModel.metadata.tables["device_report"]))


def _look(rule: RowsRule, before: list[dict[str, Any]], left: list[dict[str, Any]]) -> None:
    if rule.emptied is None:
        assert left == [before[1]], rule.data_type
        return
    assert len(left) == 2, rule.data_type
    assert left[1] == before[1], rule.data_type
    assert left[0] != before[0], rule.data_type
    assert b"secret" not in b"".join(v for v in left[0].values() if isinstance(v, bytes) and v != left[0].get("digest"))


def _id_of(rule: RowsRule, row: dict[str, Any]) -> str:
    key = [row[column.name] for column in rule.table.primary_key.columns]
    return ":".join(part.hex() if isinstance(part, bytes) else str(part) for part in key)


def end_shifts(units: UnitsOfWork, at: datetime, count: int) -> None:
    """Facts of the log about a carer."""
    with units.begin() as work:
        work.record(*[_shift_ended(at, n) for n in range(count)])
    Sequencer(units.database).run_until_empty()


def _shift_ended(at: datetime, number: int) -> ShiftEnded:
    return ShiftEnded(at=at, shift_id=f"s{number}", carer_id="c", unit_id="nord", place="base")


def test_a_restart_in_the_middle_neither_forgets_nor_erases_twice(database: Database) -> None:
    units = units_on(database)
    end_shifts(units, OLD, 2 * AT_MOST + 10)
    end_shifts(units, NOW - timedelta(days=3), 5)
    while seal_next(units):
        pass
    rule = next(r for r in RULES if r.data_type == "events")
    assert erase_due(units, rule, SETTINGS.event_days, NOW.timestamp()) == AT_MOST

    gone = Retention(units, SETTINGS, NOW.timestamp).erase()
    Sequencer(database).run_until_empty()
    after = Retention(units, SETTINGS, NOW.timestamp).erase()

    assert gone["events"] == AT_MOST + 10
    assert "events" not in after
    with database.reading() as session:
        receipts = latest_receipts(session, 10)
        erased = erased_positions(session)
        faults = [*check_seals(session, Checked(), erased), *check_receipts(session, timedelta(days=365))]
        left = session.execute(select(func.count()).select_from(SQLModel.metadata.tables["event"])).scalar_one()
    assert sum(r.count for r in receipts) == 2 * AT_MOST + 10 == len(erased)
    assert faults == []
    assert left == 5 + len(receipts)


def test_a_day_is_done_once_and_the_next_day_has_its_own(database: Database) -> None:
    units = units_on(database)
    retention = Retention(units, SETTINGS, NOW.timestamp)
    rule = next(r for r in ROW_RULES if r.data_type == "tasks")
    put(database, rule, NOW - timedelta(days=SETTINGS.task_days, hours=-1), 1)

    assert retention.erase() == {}
    assert isinstance(units.clock, SimulatedWorldClock)
    units.clock.advance_to(NOW + timedelta(days=1))
    assert retention.erase() == {"tasks": 1}


def test_old_pseudonyms_of_the_ledger_lead_to_nobody_and_every_figure_stays(database: Database) -> None:
    units = units_on(database)
    entry = SQLModel.metadata.tables["benefit_entry"]
    subject = "a" * 32
    dated = [("2025-03-01", subject), ("2025-09-09", subject), ("2025-09-09", "b" * 32), ("2031-01-01", subject)]
    with database.writing() as session:
        for number, (day, who) in enumerate(dated, 1):
            row = invented(entry, OLD, number) | {"id": number, "day_on": datetime.fromisoformat(day).date()}
            row |= {"subject": who, "occasion_id": f"{who}:{day}", "replaces_id": None, "net_s": 60 * number}
            session.execute(insert(entry).values(row | {"technology": "keys"}))
        build(session, "keys")

    gone = Retention(units, SETTINGS, NOW.timestamp).erase()

    assert gone == {"ledger_pseudonyms": 3}
    with database.reading() as session:
        named = session.execute(select(entry.c.subject, entry.c.day_on)).all()
        summed = session.execute(select(SubjectSumRow.subject, SubjectSumRow.first_on)).all()
    assert sorted(summed) == sorted((who, piece_of(on)[0]) for who, on in named)
    with database.reading() as session:
        rows = session.execute(select(entry.c.subject, entry.c.occasion_id, entry.c.net_s).order_by(entry.c.id)).all()
    first, second, other, young = rows
    assert first.subject == second.subject != other.subject
    assert subject not in {first.subject, other.subject}
    assert first.occasion_id == f"{first.subject}:2025-03-01"
    assert young.subject == subject
    assert [row.net_s for row in rows] == [60, 120, 180, 240]


def test_every_rule_and_its_default_stand_in_the_page() -> None:
    told = {m[1]: (m[2], int(m[3])) for m in re.finditer(r"^\| `(\w+)` \|[^|]*\| `(\w+)` \| (\d+) \|", PAGE, re.M)}
    rules = {rule.data_type: (rule.setting, int(getattr(SETTINGS, rule.setting))) for rule in RULES}
    rules["vehicle_positions"] = ("raw_position_days", SETTINGS.raw_position_days)

    assert told == rules


def test_every_table_has_a_rule_or_a_reason_to_stay() -> None:
    ruled = {rule.table.name for rule in ROW_RULES}
    ruled |= {str(child.__tablename__) for rule in ROW_RULES for child, _ in rule.children}
    kept = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", PAGE.split("These stay:")[1], re.M))

    assert set(SQLModel.metadata.tables) - ruled - set(kept) == set()
    assert set(kept) - set(SQLModel.metadata.tables) == set()
