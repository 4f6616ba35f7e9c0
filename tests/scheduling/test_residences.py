"""A residence has a rota and residents; its shifts begin and end by the same taps as everybody's."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlmodel import select

from gateway.demo.municipality import Municipality, Size
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.ids import UnitId
from kernel.localtime import at_local
from kernel.work import UnitsOfWork
from scheduling import day_store, residences
from scheduling.model import Device, Place, Unit, UnitKind
from scheduling.register.tables import UnitRow
from scheduling.residences import ResidenceError, Resident, RotaShift, Staff
from scheduling.shifts import ShiftEnd, ShiftStart, end_shifts, shift_of, start_shifts
from scheduling.tables import RouteRow, ShiftRow

DAY = date(2026, 11, 25)
HOUSE = Unit(UnitId("house"), "Botilbud Prøven", UnitKind.RESIDENCE, Place(lat_deg=55.7, lon_deg=12.5))
CENTRE = Unit(UnitId("centre"), "Center Prøve", UnitKind.HOME_CARE, Place(lat_deg=55.7, lon_deg=12.5))


def at(hour: int, minute: int = 0, day: date = DAY) -> datetime:
    return at_local(day, time(hour, minute))


def day_shift(carer_id: str) -> RotaShift:
    return RotaShift(carer_id, "day", at(7), at(15))


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    """A house with three carers and two residents, at half past six."""
    units = UnitsOfWork(database, SimulatedWorldClock(at(6, 30)))
    with units.begin() as work:
        residences.register_residence(
            work,
            HOUSE,
            [
                Resident("r-2", "Bent Prøve", "Lejlighed 2"),
                Resident("r-1", "Asta Prøve", "Lejlighed 1", (Device("lift-1", "lift"),)),
            ],
            [
                Staff("a", "Anne Prøve", {"transfer_lift": DAY, "transfer_turning": DAY - timedelta(days=1)}),
                Staff("b", "Bo Prøve"),
                Staff("n", "Nadia Prøve", {"transfer_lift": None}),
            ],
            DAY - timedelta(days=30),
        )
    return units


def test_a_rota_is_stored_in_one_go_and_says_who_is_on_duty(units: UnitsOfWork) -> None:
    night = RotaShift("n", "night", at(23), at(7, day=DAY + timedelta(days=1)))
    with units.begin() as work:
        ids = residences.import_rota(work, DAY, "house", [day_shift("b"), day_shift("a"), night])

        assert ids == [f"{DAY}.b", f"{DAY}.a", f"{DAY}.n"]
        assert residences.on_duty(work.session, "house", at(6, 59)) == []
        assert residences.on_duty(work.session, "house", at(10)) == ["a", "b"]
        assert residences.on_duty(work.session, "house", at(3, day=DAY + timedelta(days=1))) == ["n"]
        assert residences.on_duty(work.session, "another", at(10)) == []


def test_on_duty_is_who_really_was_there_once_the_shift_is_lived(units: UnitsOfWork) -> None:
    with units.begin() as work:
        residences.import_rota(work, DAY, "house", [day_shift("a"), day_shift("b")])
    with units.begin() as work:
        start_shifts(work, [ShiftStart("a", DAY, "base", at(7, 20))])
        end_shifts(work, [ShiftEnd("a", DAY, "base", at(12))])
        start_shifts(work, [ShiftStart("b", DAY, "base", at(6, 50))])

        assert residences.on_duty(work.session, "house", at(7, 10)) == ["b"]
        assert residences.on_duty(work.session, "house", at(11)) == ["a", "b"]
        assert residences.on_duty(work.session, "house", at(13)) == ["b"]
        # She has not ended hers and is still there a while after it was planned to end.
        assert residences.on_duty(work.session, "house", at(16)) == ["b"]
        assert residences.on_duty(work.session, "house", at(20)) == []


def test_a_residence_shift_begins_and_ends_without_a_route(units: UnitsOfWork) -> None:
    with units.begin() as work:
        residences.import_rota(work, DAY, "house", [day_shift("a")])
    with units.begin() as work:
        start_shifts(work, [ShiftStart("a", DAY, "base", at(7))])
        end_shifts(work, [ShiftEnd("a", DAY, "home", at(15))])
    with units.database.reading() as session:
        shift = shift_of(session, "a", DAY)
        assert shift is not None
        assert (shift.state, shift.unit_id, shift.ended_place) == ("ended", "house", "home")
        assert session.exec(select(RouteRow)).all() == []


@pytest.mark.parametrize(
    ("unit_id", "shifts", "code"),
    [
        pytest.param("centre", [day_shift("a")], "not_a_residence", id="home care"),
        pytest.param("house", [day_shift("a"), day_shift("nobody")], "rota_unknown_carer", id="unknown carer"),
        pytest.param("house", [day_shift("b"), day_shift("b")], "rota_carer_taken", id="twice on the rota"),
        pytest.param("house", [RotaShift("b", "day", at(15), at(7))], "rota_times", id="ends before it starts"),
        pytest.param("house", [RotaShift("b", "day", at(7), at(7) + timedelta(hours=17))], "rota_times", id="17 hours"),
    ],
)
def test_a_wrong_rota_is_refused_and_nothing_of_it_is_stored(
    units: UnitsOfWork, unit_id: str, shifts: list[RotaShift], code: str
) -> None:
    with units.begin() as work:
        work.session.add(UnitRow(id="centre", name="Center Prøve", kind="home_care", base={}))
    with pytest.raises(ResidenceError) as refused, units.begin() as work:
        residences.import_rota(work, DAY, unit_id, shifts)

    assert refused.value.code == code
    assert "Intet er indlæst." in refused.value.text("da")
    assert "Nothing was imported." in refused.value.text("en")
    with units.database.reading() as session:
        assert session.exec(select(ShiftRow)).all() == []


def test_an_unknown_unit_a_taken_carer_and_a_centre_as_residence_are_refused(units: UnitsOfWork) -> None:
    with units.begin() as work:
        residences.import_rota(work, DAY, "house", [day_shift("a")])
    with pytest.raises(ResidenceError) as taken, units.begin() as work:
        residences.import_rota(work, DAY, "house", [day_shift("b"), day_shift("a")])
    with pytest.raises(KernelError) as unknown, units.begin() as work:
        residences.import_rota(work, DAY, "nowhere", [])
    with pytest.raises(ResidenceError) as centre, units.begin() as work:
        residences.register_residence(work, CENTRE, [], [], DAY)

    assert [e.value.code for e in (taken, unknown, centre)] == ["rota_carer_taken", "not_found", "not_a_residence"]


def test_residents_are_listed_by_room_with_their_devices(units: UnitsOfWork) -> None:
    with units.database.reading() as session:
        found = residences.residents_of(session, "house")

    assert [(r.name, r.room) for r in found] == [("Asta Prøve", "Lejlighed 1"), ("Bent Prøve", "Lejlighed 2")]
    assert found[0].devices == (Device("lift-1", "lift"),)


def test_registering_a_house_again_changes_nothing(units: UnitsOfWork) -> None:
    with units.begin() as work:
        residences.register_residence(
            work, HOUSE, [Resident("r-1", "Another Name", "Loft")], [Staff("a", "Another")], DAY
        )
        assert [r.name for r in residences.residents_of(work.session, "house")] == ["Asta Prøve", "Bent Prøve"]


@pytest.mark.parametrize(
    ("carer_id", "on", "expected"),
    [
        pytest.param("a", DAY, {"lift": True, "turning": False}, id="one course counts today, one did yesterday"),
        pytest.param("a", DAY + timedelta(days=1), {"lift": False, "turning": False}, id="tomorrow neither"),
        pytest.param("b", DAY, {"lift": False, "turning": False}, id="no course"),
        pytest.param("n", DAY, {"lift": True, "turning": False}, id="a course without an end"),
    ],
)
def test_only_a_course_that_still_counts_lets_a_carer_use_a_device_alone(
    units: UnitsOfWork, carer_id: str, on: date, expected: dict[str, bool]
) -> None:
    with units.database.reading() as session:
        assert residences.may_use_alone(session, carer_id, on) == expected


def test_nobody_was_with_a_citizen_without_visits(units: UnitsOfWork) -> None:
    key = ("r-1", at(9).astimezone(UTC), at(9, 5))
    with units.database.reading() as session:
        assert residences.with_citizens(session, {key}) == {key: []}


def test_a_stored_day_is_planned_without_the_rota_of_a_residence(units: UnitsOfWork) -> None:
    town = Municipality(1, Size(carers=6, citizens=12, locks=3, keys_left=1, weekday_carers=3, visits_per_carer=3))
    with units.begin() as work:
        day_store.save_day(work, town.day(DAY))
        residences.import_rota(work, DAY, "house", [day_shift("a"), day_shift("b")])

    with units.database.reading() as session:
        day = day_store.load_day(session, DAY)

    assert {c.id for c in day.carers} == {c.id for c in town.day(DAY).carers}
    assert "house" not in {u.id for u in day.units}
