"""What people add to the book: explained, amended, locked, unlocked; nothing is written over. On both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from devices.driving import corrections
from devices.driving.corrections import Statement, correct_trip, require_explained, trails_of, unlock_week
from devices.driving.errors import DrivingError
from devices.driving.logs import approve_week, close_logs, follow_trips
from devices.driving.model import Mode
from devices.driving.tables import DrivingCorrectionRow, DrivingLogRow
from kernel.database import Database
from kernel.tables import EventRow
from tests.devices.driving.garage import DAY, Garage
from tests.devices.driving.roads import ODOMETER_M, SEVEN, driven, legs

MONDAY = DAY - timedelta(days=DAY.weekday())
TO_REPAIR = Statement("business", "Base", "Værkstedet, Vej 4", "reparation")


@pytest.fixture
def garage(database: Database) -> Garage:
    return Garage(database)


def with_missing_trip(garage: Garage) -> str:
    """Two drives with thirty kilometres between them that nobody recorded; the id of the missing trip."""
    garage.hear_all(driven(legs([800])))
    again = driven(legs([900], start_at=SEVEN + timedelta(hours=2)), odometer_m=ODOMETER_M + 31_040, first_seq=500)
    garage.hear_all(again)
    (missing,) = garage.trips("missing")
    return missing.id


def say(garage: Garage, trip_id: str, statement: Statement, reason: str = "glemt sporer") -> None:
    with garage.units.begin() as work:
        correct_trip(work, trip_id, ["nord"], statement, reason, "identity-7", "planner")


def approved(garage: Garage) -> None:
    planned = legs([800, 900])
    garage.day_of(planned, ended_at=SEVEN + timedelta(hours=1), end_place="citizen")
    fixes = driven(planned, until=SEVEN + timedelta(minutes=40))
    garage.hear_all([f for f in fixes if f.ts_at < planned[1].departs_at])
    with garage.units.begin() as work:
        close_logs(work, DAY, ["anna"], garage.facts_of)
        approve_week(work, "nord", MONDAY, [], "identity-7", "planner")


def late_half(garage: Garage) -> None:
    planned = legs([800, 900])
    fixes = driven(planned, until=SEVEN + timedelta(minutes=40))
    garage.hear_all([f for f in fixes if f.ts_at >= planned[1].departs_at])


def test_a_week_with_a_missing_trip_is_not_approved_until_it_is_explained(garage: Garage) -> None:
    trip_id = with_missing_trip(garage)
    with garage.database.reading() as session, pytest.raises(DrivingError) as caught:
        require_explained(session, "nord", MONDAY)
    assert caught.value.code == "missing_unexplained"
    assert "BX 12 345 25.11. (30 km)" in str(caught.value.facts["trips"])

    say(garage, trip_id, TO_REPAIR)

    with garage.database.reading() as session:
        require_explained(session, "nord", MONDAY)


def test_a_missing_trip_that_grows_after_it_was_explained_has_to_be_explained_again(garage: Garage) -> None:
    trip_id = with_missing_trip(garage)
    say(garage, trip_id, TO_REPAIR)
    (row,) = garage.trips("missing")
    with garage.units.begin() as work:
        row.distance_m += 5_000
        work.session.merge(row)

    with garage.database.reading() as session, pytest.raises(DrivingError):
        require_explained(session, "nord", MONDAY)


def test_every_correction_stays_with_what_stood_there_before_and_who_said_it_as_a_role(garage: Garage) -> None:
    trip_id = with_missing_trip(garage)
    say(garage, trip_id, TO_REPAIR)
    garage.clock.advance_to(garage.clock.now() + timedelta(minutes=5))
    say(garage, trip_id, Statement("private"), "det var privat")

    with garage.database.reading() as session:
        first, second = trails_of(session, [trip_id])[trip_id]
        events = [r for r in session.exec(select(EventRow)) if r.event_type == "driving_log.corrected"]
    assert (first.before["purpose"], first.before["state"], first.after["note"]) == (
        "unknown",
        "missing",
        "reparation",
    )
    assert (second.before["purpose"], second.after["purpose"], second.reason) == (
        "business",
        "private",
        "det var privat",
    )
    assert second.at - first.at == timedelta(minutes=5)
    assert (first.role, len(events)) == ("planner", 2)
    assert "identity-7" not in str([e.data for e in events])


@pytest.mark.parametrize(
    ("statement", "reason", "code"),
    [
        pytest.param(TO_REPAIR, "  ", "correction_reason_missing", id="no reason"),
        pytest.param(replace(TO_REPAIR, to_place=""), "glemt", "destination_missing", id="no destination"),
        pytest.param(replace(TO_REPAIR, note=" "), "glemt", "destination_missing", id="no purpose"),
        pytest.param(replace(TO_REPAIR, purpose="private"), "glemt", "private_has_no_route", id="private with a route"),
    ],
)
def test_what_the_law_wants_is_asked_for(garage: Garage, statement: Statement, reason: str, code: str) -> None:
    trip_id = with_missing_trip(garage)

    with pytest.raises(DrivingError) as caught:
        say(garage, trip_id, statement, reason)

    assert caught.value.code == code
    with garage.database.reading() as session:
        assert session.exec(select(DrivingCorrectionRow)).all() == []


def test_another_units_trip_is_no_trip(garage: Garage) -> None:
    trip_id = with_missing_trip(garage)

    with garage.units.begin() as work, pytest.raises(DrivingError) as caught:
        correct_trip(work, trip_id, ["syd"], TO_REPAIR, "glemt", "x", "planner")

    assert caught.value.code == "trip_unknown"


def test_nothing_of_a_locked_week_changes_and_its_log_says_that_late_data_came(garage: Garage) -> None:
    approved(garage)
    before = [t.model_dump() for t in garage.trips()]

    late_half(garage)

    assert [t.model_dump() for t in garage.trips()] == before
    with garage.database.reading() as session:
        (log,) = session.exec(select(DrivingLogRow)).all()
        assert (log.state, log.late_data) == ("approved", True)
    with pytest.raises(DrivingError) as caught:
        say(garage, garage.trips()[0].id, TO_REPAIR)
    assert caught.value.code == "week_locked"


def test_an_unlocked_week_takes_in_what_came_late_and_keeps_why_it_was_unlocked(garage: Garage) -> None:
    approved(garage)
    late_half(garage)

    with garage.units.begin() as work:
        touched = unlock_week(work, "nord", MONDAY, "sporeren var sen", "identity-9", "manager", garage.facts_of)
        follow_trips(work, touched, garage.facts_of)

    assert len(garage.trips()) == 2
    with garage.database.reading() as session:
        (log,) = session.exec(select(DrivingLogRow)).all()
        assert (log.state, log.approved_at, log.late_data) == ("closed", None, False)
        (row,) = session.exec(select(DrivingCorrectionRow).where(col(DrivingCorrectionRow.kind) == "unlock")).all()
        assert (row.reason, row.role) == ("sporeren var sen", "manager")
        assert row.before["approved"][0]["log_id"] == log.id
        assert len(corrections.unlocks_of(session, ["nord"], MONDAY)) == 1


def test_a_week_that_is_not_locked_cannot_be_unlocked(garage: Garage) -> None:
    with garage.units.begin() as work, pytest.raises(DrivingError) as caught:
        unlock_week(work, "nord", MONDAY, "prøve", "x", "manager", garage.facts_of)

    assert caught.value.code == "week_not_locked"


def test_private_driving_can_be_said_to_be_business_by_a_person_and_the_record_stays(garage: Garage) -> None:
    garage.hear_all(driven(legs([900], modes=[Mode.PRIVATE])))
    (trip,) = garage.trips()

    say(garage, trip.id, TO_REPAIR, "knappen stod forkert")

    (again,) = garage.trips()
    assert (again.purpose, again.mode) == ("private", "private")
