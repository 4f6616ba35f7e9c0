"""What the benefits rest on, as gauges: read from the stores, the same on both databases."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from devices.inbox.tables import QuarantineRow
from devices.keys.tables import LockRow
from devices.registry.tables import DeviceRow
from gateway.operation_gauges import OperationCollector
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from metrics.catalogue import OPERATIONS
from video.events import CallOutcome, ScreenVisitEnded

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


def samples(collector: OperationCollector) -> dict[tuple[str, tuple[str, ...]], float]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def device(number: int, kind: str, *, online: bool = True, state: str = "enrolled", minutes_ago: int = 60) -> DeviceRow:
    return DeviceRow(
        device_id=f"{kind}-{number}",
        kind=kind,
        tenant="t",
        state=state,
        enrolled_at=NOW,
        online=online,
        last_seen_at=NOW - timedelta(minutes=minutes_ago),
    )


def lock(number: int, battery_mv: int | None, *, retired: bool = False) -> LockRow:
    return LockRow(
        lock_id=f"lock-{number}",
        door_id=f"door-{number}",
        public_key=b"k",
        chain_head=b"h",
        battery_mv=battery_mv,
        enrolled_at=NOW,
        retired_at=NOW if retired else None,
    )


def set_aside(number: int, state: str = "open") -> QuarantineRow:
    return QuarantineRow(
        digest=bytes([number]),
        received_at=NOW,
        last_received_at=NOW,
        tenant="t",
        kind="lock",
        device_id="lock-1",
        name="evt",
        reason="bad_signature",
        expected="",
        found="",
        payload=b"",
        state=state,
    )


def screen_visit(outcome: CallOutcome, ended_at: datetime) -> ScreenVisitEnded:
    return ScreenVisitEnded(
        at=ended_at,
        room_id="r",
        visit_id="v",
        citizen_id="c",
        carer_id="m",
        unit_id="nord",
        outcome=outcome,
        attempts=1,
        begun_at=ended_at,
        talk_s=0,
    )


def collector_of(database: Database) -> OperationCollector:
    return OperationCollector(database, SimulatedWorldClock(NOW))


def store(database: Database, *rows: object) -> None:
    with database.writing() as session:
        session.add_all(rows)


def record(database: Database, visits: Sequence[ScreenVisitEnded]) -> None:
    with UnitsOfWork(database, SimulatedWorldClock(NOW)).begin() as work:
        work.record(*visits)


def test_devices_batteries_and_messages_set_aside_are_counted_by_kind_never_by_device(database: Database) -> None:
    store(
        database,
        device(1, "lock", minutes_ago=3),
        device(2, "lock", online=False),
        device(3, "lock", online=False, state="retired", minutes_ago=0),
        device(4, "vehicle"),
        device(5, "kiosk", online=False),
        lock(1, 5_900),
        lock(2, 4_700),
        lock(3, 4_000),
        lock(4, None),
        lock(5, 4_000, retired=True),
        set_aside(1),
        set_aside(2),
        set_aside(3, "replayed"),
    )
    collector = collector_of(database)
    assert collector.refresh()

    found = samples(collector)

    assert found["omsorgstid_devices_enrolled", ("lock",)] == 2
    assert found["omsorgstid_devices_offline", ("lock",)] == 1
    assert found["omsorgstid_devices_offline", ("vehicle",)] == 0
    # A kiosk keeps no connection, so it cannot have lost one.
    assert ("omsorgstid_devices_offline", ("kiosk",)) not in found
    assert found["omsorgstid_ingest_last_message_timestamp_seconds", ()] == (NOW - timedelta(minutes=3)).timestamp()
    levels = ("ok", "low", "empty", "unknown")
    assert [found["omsorgstid_lock_batteries", (level,)] for level in levels] == [1, 1, 1, 1]
    assert found["omsorgstid_quarantine_open_messages", ()] == 2


def test_screen_visits_of_the_last_day_are_counted_by_outcome_and_older_ones_are_not(database: Database) -> None:
    yesterday = NOW - timedelta(hours=25)
    record(
        database,
        [
            screen_visit("completed", NOW - timedelta(hours=2)),
            screen_visit("completed", NOW - timedelta(hours=23)),
            screen_visit("no_answer", NOW - timedelta(hours=1)),
            screen_visit("technical_failure", yesterday),
        ],
    )
    collector = collector_of(database)
    collector.refresh()

    found = samples(collector)

    assert found["omsorgstid_screen_visits_last_day", ("completed",)] == 2
    assert found["omsorgstid_screen_visits_last_day", ("no_answer",)] == 1
    assert found["omsorgstid_screen_visits_last_day", ("technical_failure",)] == 0


def test_a_scrape_shows_what_was_read_last_and_a_reading_says_whether_it_changed(database: Database) -> None:
    collector = collector_of(database)
    assert samples(collector) == {}
    assert collector.refresh()
    assert not collector.refresh()
    store(database, set_aside(1))
    assert samples(collector)["omsorgstid_quarantine_open_messages", ()] == 0
    assert collector.refresh()
    assert samples(collector)["omsorgstid_quarantine_open_messages", ()] == 1


def test_every_gauge_served_is_in_the_catalogue_with_its_labels(database: Database) -> None:
    store(database, device(1, "lock"))
    collector = collector_of(database)
    collector.refresh()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    served = {family.name: family for family in registry.collect()}
    assert set(served) == {spec.name for spec in OPERATIONS}
    for spec in OPERATIONS:
        assert all(tuple(sample.labels) == spec.labels for sample in served[spec.name].samples)
