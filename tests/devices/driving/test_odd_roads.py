"""What real cars do between the trips: nights, borrowed cars, lost kilometres, instruments replaced, long silences."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from threading import Thread

import pytest
from sqlalchemy import func, insert
from sqlmodel import Session, select
from structlog.testing import capture_logs

from devices.driving import store
from devices.driving.errors import DrivingError
from devices.driving.intake import FixIntake
from devices.driving.logs import approve_week, close_logs
from devices.driving.messages import FixBatch, read_fixes
from devices.driving.model import CarerDay, Fix, Mode, Position
from devices.driving.tables import DrivingLogRow, VehicleFixRow, VehicleTripRow
from devices.driving.vehicles import Assignment, assign_vehicles, choose_vehicle, hold_vehicles
from devices.events import DrivingLogApproved
from devices.inbox.model import Incoming, Outgoing
from devices.inbox.service import Inbox
from devices.inbox.tables import QuarantineRow, ReportRow
from devices.registry.store import known_devices
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import Work
from tests.devices.driving.garage import CAR, DAY, LAST_AT, Garage
from tests.devices.driving.roads import ODOMETER_M, SEVEN, driven, legs

NEXT_DAY = timedelta(days=1)


@pytest.fixture
def garage(database: Database) -> Garage:
    return Garage(database)


def tomorrow(garage: Garage, odometer_m: int, first_seq: int = 5_000) -> list[Fix]:
    garage.clock.advance_to(LAST_AT + NEXT_DAY)
    return driven(legs([800], start_at=SEVEN + NEXT_DAY), odometer_m=odometer_m, first_seq=first_seq)


def test_kilometres_lost_overnight_are_nobodys_and_of_the_day_they_were_found(garage: Garage) -> None:
    with garage.units.begin() as work:
        assign_vehicles(work, [Assignment(CAR, "bo", SEVEN + NEXT_DAY - timedelta(minutes=5))])
    garage.hear_all(driven(legs([800])))

    garage.hear_all(tomorrow(garage, ODOMETER_M + 31_040))

    (missing,) = garage.trips("missing")
    assert (missing.carer_id, missing.day) == (None, DAY + NEXT_DAY)
    assert [t.carer_id for t in garage.trips("closed")] == ["anna", "bo"]


class NightGarage(Garage):
    """Anna's shifts by the day they begin on: a night from eleven to seven, not ended yet, and the evening after."""

    def facts_of(self, _session: Session, day: date, carer_ids: Collection[str]) -> dict[str, CarerDay]:
        begins_at = {DAY: SEVEN + timedelta(hours=16), DAY + NEXT_DAY: SEVEN + timedelta(hours=38)}.get(day)
        if begins_at is None or "anna" not in carer_ids:
            return {}
        over_at = begins_at + timedelta(hours=12)
        return {"anna": CarerDay("anna", "nord", day, "car", 1, begins_at, None, "base", None, None, over_at=over_at)}


@pytest.mark.parametrize(
    ("hours_after_seven", "day"),
    [
        pytest.param(16.5, DAY, id="before midnight"),
        pytest.param(17.5, DAY, id="after midnight"),
        pytest.param(23.9, DAY, id="before her shift ends"),
        pytest.param(30, DAY + NEXT_DAY, id="long after it"),
        pytest.param(38.5, DAY + NEXT_DAY, id="in the next night"),
    ],
)
def test_a_trip_in_the_night_is_of_the_day_its_shift_begins_on(
    database: Database, hours_after_seven: float, day: date
) -> None:
    garage = NightGarage(database)
    start_at = SEVEN + timedelta(hours=hours_after_seven)
    with garage.units.begin() as work:
        assign_vehicles(work, [Assignment(CAR, "anna", start_at - timedelta(minutes=1))])
    garage.clock.advance_to(start_at + timedelta(hours=1))

    garage.hear_all(driven(legs([800], start_at=start_at)))

    (trip,) = garage.trips("closed")
    assert (trip.carer_id, trip.day) == ("anna", day)


@pytest.mark.parametrize("in_night_shift", [True, False])
def test_a_car_taken_before_midnight_is_kept_by_who_is_in_a_night_shift_only(
    garage: Garage, in_night_shift: bool
) -> None:
    garage.clock.advance_to(SEVEN + timedelta(hours=16))
    with garage.units.begin() as work:
        choose_vehicle(work, "anna", ["nord"], CAR, ODOMETER_M, confirmed=False)
    garage.clock.advance_to(SEVEN + timedelta(hours=18))

    def day_now(_carer_id: str) -> date:
        return DAY if in_night_shift else DAY + NEXT_DAY

    def take(carer_id: str) -> str:
        with garage.units.begin() as work:
            row = choose_vehicle(work, carer_id, ["nord"], CAR, ODOMETER_M, confirmed=False, day_now=day_now)
            return str(row.device_id)

    if in_night_shift:
        assert take("anna") == CAR
        with pytest.raises(DrivingError) as refused:
            take("bo")
        assert refused.value.code == "vehicle_taken"
        with garage.database.reading() as session:
            assert len(store.open_assignments(session, carer_ids=["anna"])) == 1
    else:
        assert take("bo") == CAR


def test_after_an_instrument_was_replaced_the_new_one_is_what_the_carer_is_asked_to_match(garage: Garage) -> None:
    garage.hear_all(driven(legs([800])))
    garage.hear_all(tomorrow(garage, 12_000))

    with garage.units.begin() as work:
        (latest_m,) = store.latest_odometers(work.session, [CAR]).values()
        assert latest_m == pytest.approx(13_040, abs=5)
        assert choose_vehicle(work, "bo", ["nord"], CAR, 13_000, confirmed=False).device_id == CAR


def _heard_within(garage: Garage, work: Work, fixes: list[Fix]) -> bytes:
    payload = FixBatch(CAR, 1, tuple(fixes)).encode()
    incoming = Incoming("demo", "vehicle", CAR, "fix", payload, work.now)
    (outgoing,) = FixIntake(garage.facts_of).fixes(work, incoming)
    return outgoing.payload


def test_what_a_tracker_sends_and_says_it_no_longer_holds_is_set_aside(garage: Garage) -> None:
    fixes = driven(legs([800]))

    accepted = garage.hear(fixes[:10], oldest=fixes[5].seq)

    (setback,) = accepted.quarantined
    assert setback.reason.value == "broken_payload"
    assert [f.seq for f in read_fixes(setback.incoming.payload).fixes] == [f.seq for f in fixes[:5]]
    with garage.database.reading() as session:
        assert session.exec(select(func.count()).select_from(VehicleFixRow)).one() == 5


@pytest.mark.parametrize("wrong", ["twice", "future", "no such mode", "cut off"])
def test_what_is_set_aside_has_no_place_of_private_driving_either(garage: Garage, wrong: str) -> None:
    private = [replace(f, position=Position(55.71234, 12.54321)) for f in driven(legs([900], modes=[Mode.PRIVATE]))]
    payload = telling(private, later=timedelta(days=3) if wrong == "future" else timedelta())
    if wrong == "no such mode":
        payload = payload.replace(b'"private"', b'"PRIVATE"')
    if wrong == "cut off":
        payload = payload[:-30]

    for _ in range(2):
        garage.inbox.accept([Incoming("demo", "vehicle", CAR, "fix", payload, garage.clock.now())])

    with garage.database.reading() as session:
        (kept,) = session.exec(select(QuarantineRow)).all()
        everything = bytes(kept.payload) + kept.found.encode() + kept.expected.encode()
        everything += b"".join(bytes(r) for r in session.exec(select(ReportRow.payload)))
    assert b'"device"' in kept.payload
    assert b"55.71234" not in everything
    assert b"12.54321" not in everything
    assert b"Strandvejen" not in everything


def telling(fixes: list[Fix], later: timedelta) -> bytes:
    """A tracker that does not know what it should leave out, in its own words too."""
    body = json.loads(FixBatch(CAR, 1, tuple(replace(f, ts_at=f.ts_at + later) for f in fixes)).encode())
    for fix in body["fixes"]:
        fix |= {"lat": 55.71234, "lon": 12.54321, "address": "Strandvejen 1", "speed_kmh": 30.0}
    return json.dumps(body).encode()


def test_a_row_the_database_refuses_is_not_repeated_in_the_log(garage: Garage) -> None:
    def handler(work: Work, _incoming: Incoming) -> list[Outgoing]:
        fix = {"boot": 1, "seq": 1, "odometer_m": 1, "ignition": True, "private": False, "lat_deg": 55.71234}
        work.session.execute(insert(VehicleFixRow), [fix | {"ts_at": SEVEN, "vehicle_id": None}])
        return []

    inbox = Inbox(garage.units, {("vehicle", "fix"): handler}, "demo", known_devices)
    with capture_logs() as logs:
        accepted = inbox.accept([Incoming("demo", "vehicle", CAR, "fix", b"{}", garage.clock.now())])

    assert [q.reason.value for q in accepted.quarantined] == ["not_accepted"]
    assert any("test_odd_roads.py" in str(line.get("at")) for line in logs), logs
    assert "55.71234" not in str(logs)


def test_business_fixes_that_are_set_aside_are_kept_exactly_as_they_came(garage: Garage) -> None:
    payload = FixBatch("another", 1, tuple(driven(legs([800])))).encode()

    garage.inbox.accept([Incoming("demo", "vehicle", CAR, "fix", payload, garage.clock.now())])

    with garage.database.reading() as session:
        assert bytes(session.exec(select(QuarantineRow.payload)).one()) == payload


def test_a_fix_that_is_committed_while_the_log_is_closed_is_in_the_log(garage: Garage) -> None:
    """Two processes: the inbox has not committed yet when the tablet says Slut vagt."""
    planned = legs([800, 900])
    garage.day_of(planned, ended_at=SEVEN + timedelta(hours=1), end_place="citizen")

    def close() -> None:
        with garage.units.begin() as work:
            hold_vehicles(work, ["anna"], SEVEN)
            close_logs(work, DAY, ["anna"], garage.facts_of)

    closing = Thread(target=close)
    with garage.units.begin() as work:
        _heard_within(garage, work, driven(planned, until=SEVEN + timedelta(minutes=40)))
        work.session.flush()
        closing.start()
        closing.join(0.3)
    closing.join(20)

    with garage.database.reading() as session:
        log = session.exec(select(DrivingLogRow)).one()
        driven_m = sum(t.distance_m for t in session.exec(select(VehicleTripRow)))
    assert log.driven_m == driven_m > 0


def test_two_planners_who_approve_at_once_approve_once(garage: Garage) -> None:
    planned = legs([800])
    garage.day_of(planned, ended_at=SEVEN + timedelta(hours=1), end_place="citizen")
    with garage.units.begin() as work:
        close_logs(work, DAY, ["anna"], garage.facts_of)
    monday = DAY - timedelta(days=DAY.weekday())
    counts: list[int] = []

    def approve() -> None:
        with garage.units.begin() as work:
            counts.append(approve_week(work, "nord", monday, [], "second", "manager"))

    second = Thread(target=approve)
    with garage.units.begin() as work:
        counts.append(approve_week(work, "nord", monday, [], "first", "planner"))
        work.session.flush()
        second.start()
        second.join(0.3)
    second.join(20)

    assert sorted(counts) == [0, 1]
    with garage.database.reading() as session:
        told = session.exec(select(EventRow).where(EventRow.event_type == DrivingLogApproved.event_type)).all()
        assert len(told) == 1
        assert session.exec(select(DrivingLogRow.approved_by)).one() == "first"


def test_a_weekend_on_the_parking_space_does_not_make_mondays_batches_slow(garage: Garage) -> None:
    monday_at = SEVEN + timedelta(days=5)
    garage.hear_all(driven(legs([800, 900]), until=SEVEN + timedelta(hours=2)))
    parked = driven(legs([800, 900]), until=monday_at - timedelta(minutes=1))
    parked = [f for f in parked if f.ts_at >= SEVEN + timedelta(hours=2)]
    garage.clock.advance_to(monday_at + timedelta(hours=1))
    garage.hear_all(parked, size=240)
    before = [(t.started_at, t.revision) for t in garage.trips()]

    start_m = parked[-1].odometer_m
    monday = driven(legs([800], start_at=monday_at), odometer_m=start_m, first_seq=parked[-1].seq + 1)
    with garage.units.begin() as work:
        around = store.trips_around(work.session, CAR, monday[0].ts_at, monday[-1].ts_at)
        looked_at = len(store.fixes_between(work.session, CAR, around.from_at, around.to_at))
    garage.hear_all(monday)

    assert looked_at < 60
    trips = garage.trips()
    assert [(t.started_at, t.revision) for t in trips][:2] == before
    assert (len(trips), trips[2].start_odometer_m) == (3, trips[1].end_odometer_m)
    assert trips[2].started_at >= monday_at - timedelta(minutes=2)


def test_who_had_the_car_years_ago_is_not_read_with_every_batch(garage: Garage) -> None:
    first_at = SEVEN - timedelta(days=300)
    with garage.units.begin() as work:
        assign_vehicles(
            work,
            [
                Assignment(CAR, "old", first_at + timedelta(days=n), first_at + timedelta(days=n, hours=8))
                for n in range(200)
            ],
        )

    with garage.database.reading() as session:
        had = store.assignments(session, [CAR], SEVEN, SEVEN + timedelta(hours=1))

    assert [row.carer_id for row in had] == ["anna"]
