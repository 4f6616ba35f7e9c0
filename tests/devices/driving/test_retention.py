"""Where cars were is forgotten; what was driven is not, and late data cannot undo it. On both databases."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from devices.driving.logs import close_logs
from devices.driving.messages import read_ack
from devices.driving.retention import forget_positions
from devices.driving.tables import DeletionReceiptRow, DrivingLogRow, VehicleFixRow
from devices.inbox.tables import QuarantineRow, ReportRow
from kernel.database import Database
from tests.devices.driving.garage import DAY, LAST_AT, Garage
from tests.devices.driving.roads import ODOMETER_M, SEVEN, driven, legs

LATER = timedelta(days=31)
BEFORE = SEVEN + timedelta(days=1)


@pytest.fixture
def garage(database: Database) -> Garage:
    """A day that was driven, told twice, and closed; a month later."""
    made = Garage(database)
    planned = legs([800, 500, 300])
    made.day_of(planned, ended_at=SEVEN + timedelta(hours=1), end_place="citizen")
    made.hear_all(driven(planned, until=SEVEN + timedelta(hours=1)))
    made.hear(driven(planned, until=SEVEN + timedelta(hours=1))[:30])
    with made.units.begin() as work:
        close_logs(work, DAY, ["anna"], made.facts_of)
    made.clock.advance_to(LAST_AT + LATER)
    return made


def forget(garage: Garage, at_most: int = 50) -> int:
    count, done = 0, False
    while not done:
        with garage.units.begin() as work:
            step = forget_positions(work, BEFORE, at_most)
        count, done = count + step.count, step.done
    return count


def receipts(garage: Garage) -> list[DeletionReceiptRow]:
    with garage.database.reading() as session:
        return list(session.exec(select(DeletionReceiptRow)).all())


def told(garage: Garage) -> list[tuple[object, ...]]:
    return [
        (t.id, t.revision, t.state, t.distance_m, t.purpose, t.visit_id, t.carer_id, t.started_at, t.ended_at)
        for t in garage.trips()
    ]


def test_no_place_is_left_anywhere_and_the_receipt_says_how_many_fixes_went(garage: Garage) -> None:
    trips = told(garage)

    count = forget(garage)

    with garage.database.reading() as session:
        assert session.exec(select(VehicleFixRow)).all() == []
        assert {bytes(p) for p in session.exec(select(ReportRow.payload))} == {b""}
        assert {(bytes(q.payload), q.state) for q in session.exec(select(QuarantineRow))} == {(b"", "dismissed")}
    assert {(t.start_lat_deg, t.start_lon_deg, t.end_lat_deg, t.end_lon_deg) for t in garage.trips()} == {(None,) * 4}
    assert told(garage) == trips
    (receipt,) = receipts(garage)
    assert (receipt.what, receipt.before_at, receipt.deleted_count) == ("vehicle_positions", BEFORE, count)
    assert receipt.finished_at == garage.clock.now()
    assert count > 100


def test_forgetting_again_deletes_nothing_and_leaves_the_receipt(garage: Garage) -> None:
    forget(garage)
    before = receipts(garage)
    garage.clock.advance_to(garage.clock.now() + timedelta(hours=3))

    assert forget(garage) == 0
    assert [r.model_dump() for r in receipts(garage)] == [r.model_dump() for r in before]


def test_what_is_younger_stays(garage: Garage) -> None:
    young = driven(legs([700], start_at=BEFORE), odometer_m=ODOMETER_M + 2_080, first_seq=5_000)
    garage.hear_all(young)

    forget(garage)

    with garage.database.reading() as session:
        kept = session.exec(select(VehicleFixRow.seq).order_by(col(VehicleFixRow.seq))).all()
        reports = session.exec(select(ReportRow).where(ReportRow.seq >= 5_000)).all()
    assert list(kept) == [fix.seq for fix in young]
    assert all(bytes(report.payload) for report in reports)
    assert garage.trips()[-1].end_lat_deg is not None


@pytest.mark.parametrize("steps", [1, 100], ids=["half way", "all gone"])
def test_a_tracker_that_tells_the_old_time_once_more_is_answered_and_changes_nothing(
    garage: Garage, steps: int
) -> None:
    trips = told(garage)
    for _ in range(steps):
        with garage.units.begin() as work:
            forget_positions(work, BEFORE, 50)
    known = driven(legs([800, 500, 300]), until=SEVEN + timedelta(hours=1))
    late = driven(legs([2_000], start_at=SEVEN + timedelta(hours=3)), first_seq=known[-1].seq + 1)

    garage.hear(known[:20])
    accepted = garage.hear([*known[-3:], *late])

    assert told(garage) == trips
    assert read_ack(accepted.outgoing[0].payload).upto_seq == late[-1].seq
    with garage.database.reading() as session:
        assert not [p for p in session.exec(select(ReportRow.payload).where(ReportRow.seq >= late[0].seq)) if bytes(p)]


def test_a_late_fix_just_after_the_deletion_leaves_the_trips_before_it_alone(garage: Garage) -> None:
    trips = told(garage)
    forget(garage)
    young = driven(legs([700], start_at=BEFORE), odometer_m=ODOMETER_M + 2_080, first_seq=5_000)

    garage.hear_all(young)

    assert told(garage)[: len(trips)] == trips
    assert [t.state for t in garage.trips()] == ["closed"] * 4


def test_a_log_that_is_closed_again_keeps_what_its_trips_were_for(garage: Garage) -> None:
    trips = told(garage)
    forget(garage)

    with garage.units.begin() as work:
        assert close_logs(work, DAY, ["anna"], garage.facts_of) == 0

    assert told(garage) == trips
    with garage.database.reading() as session:
        assert session.exec(select(DrivingLogRow.revision)).one() == 1
