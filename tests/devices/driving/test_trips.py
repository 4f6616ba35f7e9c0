"""Fixes through the inbox: trips, drivers, late data, watermarks, what is set aside. On both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from devices.driving.logs import close_logs
from devices.driving.messages import read_ack
from devices.driving.model import Doubt, Fix, Mode, Position
from devices.driving.tables import DrivingLogLegRow, DrivingLogRow, VehicleFixRow, VehicleTripRow
from devices.driving.vehicles import Assignment, assign_vehicles
from devices.events import DrivingLogClosed, TripRecorded
from devices.inbox.model import Reason
from devices.inbox.tables import ReportRow
from devices.simulator.vehicle import DriveLeg, Fault
from kernel.database import Database
from tests.devices.driving.garage import CAR, DAY, LAST_AT, Garage
from tests.devices.driving.roads import ODOMETER_M, SEVEN, driven, legs, north_of


@pytest.fixture
def garage(database: Database) -> Garage:
    return Garage(database)


def shown(garage: Garage) -> list[tuple[object, ...]]:
    """What a trip is, but for its id and revision."""
    return [
        (t.started_at, t.ended_at, t.start_odometer_m, t.end_odometer_m, t.distance_m, t.state, t.purpose, t.visit_id)
        for t in garage.trips()
    ]


def test_trips_are_recorded_with_driver_purpose_and_visit(garage: Garage) -> None:
    planned = legs([800, 500, 300])
    garage.day_of(planned)

    garage.hear_all(driven(planned, until=SEVEN + timedelta(hours=1)))

    trips = garage.trips()
    assert [(t.carer_id, t.purpose, t.visit_id, t.state) for t in trips] == [
        ("anna", "business", f"visit-{i}", "closed") for i in range(3)
    ]
    told = garage.events(TripRecorded)
    assert [e["visit_id"] for e in told] == ["visit-0", "visit-1", "visit-2"]
    assert [e["distance_m"] for e in told] == [t.distance_m for t in trips]
    assert {e["revision"] for e in told} == {1}


def test_batches_give_the_same_trips_as_one_whole_day(garage: Garage) -> None:
    planned = legs([800, 300, 450, 2_000], [8.0, 3.0, 12.0, 6.0])
    garage.day_of(planned)
    fixes = driven(planned, until=SEVEN + timedelta(hours=1, minutes=30))

    garage.hear_all(fixes, size=7)
    in_batches = shown(garage)
    with garage.units.begin() as work:
        for row in work.session.exec(select(VehicleTripRow)).all():
            work.session.delete(row)
        for fix in work.session.exec(select(VehicleFixRow)).all():
            work.session.delete(fix)
        for report in work.session.exec(select(ReportRow)).all():
            work.session.delete(report)
    garage.hear_all(fixes, size=240)

    assert shown(garage) == in_batches
    assert len(in_batches) == 4


def test_the_same_fixes_again_change_nothing_and_are_answered_again(garage: Garage) -> None:
    fixes = driven(legs([800]))
    first, again = garage.hear(fixes), garage.hear(fixes)

    assert (first.accepted, again.duplicates) == (1, 1)
    assert read_ack(again.outgoing[0].payload).upto_seq == fixes[-1].seq
    assert len(garage.events(TripRecorded)) == 1


def test_the_watermark_waits_for_what_is_missing_but_not_for_what_the_tracker_no_longer_holds(garage: Garage) -> None:
    fixes = driven(legs([800]))

    later = garage.hear(fixes[10:20])
    gone = garage.hear(fixes[20:], oldest=11)

    assert read_ack(later.outgoing[0].payload).upto_seq == 0
    assert read_ack(gone.outgoing[0].payload).upto_seq == fixes[-1].seq


def test_late_fixes_give_the_trip_its_true_kilometres_under_a_new_revision(garage: Garage) -> None:
    planned = legs([800, 4_000, 600], drive_min=6.0)
    garage.day_of(planned)
    fixes = driven(planned, until=SEVEN + timedelta(hours=1))
    late = [f for f in fixes if planned[1].departs_at + timedelta(seconds=30) < f.ts_at <= planned[1].arrives_at]
    garage.hear_all([f for f in fixes if f not in late])
    before = garage.trips()

    garage.hear(late)

    after = garage.trips()
    assert [t.visit_id for t in after] == ["visit-0", "visit-1", "visit-2"]
    changed = next(t for t in after if t.visit_id == "visit-1")
    assert (changed.revision > 1, changed.corrected) == (True, True)
    assert changed.distance_m == pytest.approx(5_200, abs=20)
    assert shown(garage)[0] == (
        before[0].started_at,
        before[0].ended_at,
        before[0].start_odometer_m,
        before[0].end_odometer_m,
        before[0].distance_m,
        "closed",
        "business",
        "visit-0",
    )
    assert after[0].revision == 1
    assert not [t for t in after if t.state == "missing"]


def test_a_late_trip_belongs_to_who_had_the_car_then(garage: Garage) -> None:
    evening = legs([700], start_at=SEVEN + timedelta(hours=9))
    with garage.units.begin() as work:
        assign_vehicles(work, [Assignment(CAR, "bo", SEVEN + timedelta(hours=8))])
    morning = legs([800])
    all_fixes = driven([*morning, *evening])
    split = next(i for i, f in enumerate(all_fixes) if f.ts_at >= evening[0].departs_at - timedelta(minutes=2))

    garage.hear(all_fixes[split:])
    garage.hear_all(all_fixes[:split], size=240)

    assert [t.carer_id for t in garage.trips()] == ["anna", "bo"]


@pytest.mark.parametrize("kind", [Doubt.JUMP, Doubt.ODOMETER_BACKWARDS])
def test_what_contradicts_is_kept_with_its_reason_and_counts_for_nothing(garage: Garage, kind: Doubt) -> None:
    planned = legs([2_000], drive_min=6.0)

    garage.hear_all(driven(planned, faults=[Fault(SEVEN + timedelta(minutes=3), kind, 2)]))

    with garage.database.reading() as session:
        reasons = session.exec(select(VehicleFixRow.set_aside).where(col(VehicleFixRow.set_aside).is_not(None))).all()
    (trip,) = garage.trips()
    assert list(reasons) == [kind.value, kind.value]
    assert (trip.doubts, trip.distance_m) == (kind.value, pytest.approx(2_600, abs=10))


def test_kilometres_nobody_recorded_become_a_missing_trip(garage: Garage) -> None:
    garage.hear_all(driven(legs([800])))
    again = driven(legs([800], start_at=SEVEN + timedelta(hours=2)), odometer_m=ODOMETER_M + 31_040, first_seq=1_000)

    garage.hear_all(again)

    assert [t.state for t in garage.trips()] == ["closed", "missing", "closed"]
    missing = garage.trips("missing")[0]
    assert (missing.distance_m, missing.carer_id) == (pytest.approx(30_000, abs=2), "anna")


def test_of_private_driving_the_kilometres_are_kept_and_no_place_anywhere(garage: Garage) -> None:
    planned = legs([800, 900], modes=[Mode.BUSINESS, Mode.PRIVATE])
    garage.day_of(planned)
    fixes = driven(planned)
    # A tracker that does not know what it should leave out.
    telling = [f if f.position else replace(f, position=Position(55.71234, 12.54321)) for f in fixes]

    garage.hear_all(telling)

    private = garage.trips()[1]
    assert (private.purpose, private.visit_id) == ("private", None)
    assert (private.start_lat_deg, private.end_lat_deg, private.distance_m > 900) == (None, None, True)
    with garage.database.reading() as session:
        rows = session.exec(select(VehicleFixRow).where(col(VehicleFixRow.private).is_(True))).all()
        assert rows
        assert {(row.lat_deg, row.lon_deg) for row in rows} == {(None, None)}
        assert not [r for r in session.exec(select(ReportRow.payload)) if b"55.71234" in bytes(r)]
    assert "lat" not in str(garage.events(TripRecorded))


@pytest.mark.parametrize(
    ("fixes", "device", "reason"),
    [
        pytest.param(
            driven(legs([800], start_at=LAST_AT + timedelta(hours=1))), CAR, Reason.FUTURE_TIMESTAMP, id="tomorrow"
        ),
        pytest.param(driven(legs([800])), "another", Reason.BROKEN_PAYLOAD, id="another car's"),
        pytest.param(
            driven(legs([800], start_at=SEVEN - timedelta(days=400))), CAR, Reason.BROKEN_PAYLOAD, id="lost clock"
        ),
    ],
)
def test_what_cannot_be_is_quarantined_and_nothing_of_it_is_taken(
    garage: Garage, fixes: list[Fix], device: str, reason: Reason
) -> None:
    accepted = garage.hear(fixes, device=device)

    assert [q.reason for q in accepted.quarantined] == [reason]
    assert (garage.trips(), list(accepted.outgoing)) == ([], [])


def test_a_late_fix_moves_a_closed_log_but_never_an_approved_one(garage: Garage) -> None:
    planned = legs([800, 900])
    garage.day_of(planned, ended_at=SEVEN + timedelta(hours=1), end_place="citizen")
    fixes = driven(planned, until=SEVEN + timedelta(minutes=40))
    half = next(i for i, f in enumerate(fixes) if f.ts_at >= planned[1].departs_at)
    garage.hear_all(fixes[:half])
    with garage.units.begin() as work:
        assert close_logs(work, DAY, ["anna"], garage.facts_of) == 1
        assert close_logs(work, DAY, ["anna"], garage.facts_of) == 0

    garage.hear_all(fixes[half:-2])
    with garage.units.begin() as work:
        log = work.session.exec(select(DrivingLogRow)).one()
        assert (log.state, log.revision > 1, log.driven_m) == ("closed", True, pytest.approx(2_210, abs=10))
        legs_of = work.session.exec(select(DrivingLogLegRow).order_by(col(DrivingLogLegRow.rank))).all()
        assert [leg.visit_id for leg in legs_of] == ["visit-0", "visit-1"]
        log.state = "approved"
        work.session.add(log)
    told = len(garage.events(DrivingLogClosed))
    garage.hear_all(
        driven(
            [
                DriveLeg(
                    planned[1].end,
                    north_of(planned[1].end, 3_000),
                    SEVEN + timedelta(minutes=50),
                    SEVEN + timedelta(minutes=57),
                )
            ],
            odometer_m=ODOMETER_M + 2_300,
            first_seq=5_000,
        )
    )

    with garage.database.reading() as session:
        log = session.exec(select(DrivingLogRow)).one()
    assert (log.state, log.late_data, log.driven_m) == ("approved", True, pytest.approx(2_210, abs=10))
    assert len(garage.events(DrivingLogClosed)) == told
