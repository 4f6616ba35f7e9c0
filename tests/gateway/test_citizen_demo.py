"""The demo's home: a citizen with screen visits, a relative she has let look, and the screen on her table."""

from dataclasses import replace
from datetime import timedelta

from sqlmodel import select

from gateway.auth import Role, may_look
from gateway.demo.identities import add_identities
from gateway.demo.municipality import Municipality
from gateway.demo.screen import ScreenSize
from gateway.tables import IdentityRow
from gateway.usecases.days import import_day
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from scheduling.model import Day, VisitMode
from tests.conftest import SMALL, TODAY
from tests.scheduling.days import SEVEN

HOME = (Role.CITIZEN, Role.RELATIVE, Role.KIOSK)


def _people(database: Database, *days: Day) -> list[IdentityRow]:
    units = UnitsOfWork(database, SimulatedWorldClock(SEVEN))
    for day in days:
        with units.begin() as work:
            import_day(work, day)
            add_identities(work, day, list(work.session.exec(select(IdentityRow.id)).all()))
    with database.reading() as session:
        return [r for r in session.exec(select(IdentityRow)).all() if r.role in HOME]


def test_one_home_with_a_screen_visit_today_can_be_tried_from_three_sides(database: Database) -> None:
    municipality = Municipality(1, replace(SMALL, screen=ScreenSize(citizens=12, kiosks=2, carers=8)))
    day = municipality.day(TODAY)

    people = _people(database, day, municipality.day(TODAY + timedelta(days=1)))

    assert sorted(p.role for p in people) == sorted(HOME), "once, whatever days follow"
    (citizen_id,) = {p.citizen_id for p in people}
    assert citizen_id in {v.citizen_id for v in day.visits if v.mode is VisitMode.SCREEN}
    assert all(p.demo for p in people)
    with database.reading() as session:
        assert all(may_look(session, p, TODAY) for p in people)
        assert not may_look(session, next(p for p in people if p.role == Role.RELATIVE), TODAY - timedelta(days=1))


def test_a_day_without_screen_visits_has_no_such_home(database: Database) -> None:
    assert _people(database, Municipality(1, SMALL).day(TODAY)) == []
