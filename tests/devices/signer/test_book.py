"""The signer reads the event log itself, sees every commit at once, and cannot write."""

from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from devices.events import (
    DeviceEnrolled,
    DoorHoldersChanged,
    DoorStairwellChanged,
    EmergencyRequested,
    OfflineAccessPrepared,
    OfflineTabletDesignated,
)
from devices.keys.signer.book import VERSIONS, LogBook, read_only
from kernel.events import UnknownEventError
from kernel.tables import EventRow
from scheduling.events import CarerLeft, RoutePublished, ShiftEnded, ShiftKeyReplaced, ShiftStarted, TabletLost
from tests.devices.keys_store.town import Town, stop


def _book(town: Town) -> LogBook:
    return LogBook(read_only(town.database_url))


def test_an_event_counts_from_its_commit_on_with_or_without_a_position(town: Town) -> None:
    with closing(_book(town)) as book:
        book.look()
        carer = town.begin_shift()
        town.publish(carer, 1, [stop("v1", "door-1", 60)])
        book.look()
        assert (book.position, book.facts.routes[carer.route_id].version) == (0, 1)
        town.sequence()
        town.publish(carer, 2, [stop("v1", "door-1", 60)])
        book.look()
        assert (book.position > 0, book.facts.routes[carer.route_id].version) == (True, 2)
        assert book.facts.disputed_routes == set()


def test_a_restart_reads_the_same_facts_back(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer, other = town.begin_shift(), town.begin_shift("carer-b", "shift-b")
    for version in (1, 2):
        town.publish(carer, version, [stop("v1", "door-1", 60), stop("v2", None, 90)])
    town.end_shift(other)
    with closing(_book(town)) as followed, closing(_book(town)) as restarted:
        followed.look()
        town.sequence()
        followed.look()
        restarted.look()
        assert restarted.facts == followed.facts
        assert set(restarted.facts.routes[carer.route_id].stops) == {"v1"}
        assert restarted.facts.doors_of_lock == {"lock-1": {"door-1"}}


def test_an_old_lock_is_remembered_and_old_routes_are_not(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    town.clock.advance_to(town.clock.now() + timedelta(days=60))
    town.begin_shift("carer-b", "shift-b")
    town.sequence()
    with closing(_book(town)) as book:
        book.look()
        assert set(book.facts.doors_of_lock) == {"lock-1"}
        assert book.facts.routes == {}


def test_the_signers_session_cannot_write(town: Town) -> None:
    database = read_only(town.database_url)
    with pytest.raises(DBAPIError, match=r"read-?only"), database.reading() as session:
        session.execute(text("DELETE FROM event"))
    database.dispose()


def test_a_database_that_only_one_process_can_see_is_a_wrong_setting() -> None:
    with pytest.raises(ValueError, match="two processes"):
        read_only("sqlite://")


def test_an_event_newer_than_the_program_stops_it_instead_of_being_passed_over(town: Town) -> None:
    newer = {
        "event_type": "route.published",
        "version": VERSIONS["route.published"] + 1,
        "at": town.clock.now(),
        "data": {},
    }
    with town.units.begin() as work:
        work.session.execute(insert(EventRow), [newer])
    with closing(_book(town)) as book, pytest.raises(UnknownEventError, match=r"route\.published"):
        book.look()


def test_the_signer_understands_the_present_version_of_every_event_it_reads() -> None:
    read = (
        *(ShiftStarted, ShiftEnded, TabletLost, ShiftKeyReplaced, CarerLeft, RoutePublished),
        *(DeviceEnrolled, DoorHoldersChanged, DoorStairwellChanged),
        *(EmergencyRequested, OfflineAccessPrepared, OfflineTabletDesignated),
    )
    assert {event.event_type: event.event_version for event in read} == VERSIONS
