"""Who came through a citizen's door: roles, no names, the own key too, read for a purpose that is written down."""

import json
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt
from gateway.demo.tablets import Tablet
from gateway.tables import CitizenAccessRow, IdentityRow
from kernel.log import read_after
from scheduling.register.tables import CarerRow, CitizenRow
from tests.gateway.near_link import fleet_of
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person


@pytest.fixture(scope="module")
def tablet(platform: Platform) -> Tablet:
    """A carer on duty."""
    tablet = platform.tablet(platform.fresh_carer())
    tablet.start_shift("citizen")
    return tablet


@pytest.fixture(scope="module")
def home(platform: Platform, tablet: Tablet) -> CitizenRow:
    """A citizen whose door a carer opened in an emergency and the citizen with the own key."""
    unit = next(str(c.unit_id) for c in platform.day.carers if c.id == tablet.carer_id)
    with platform.runtime.database.reading() as session:
        citizen = session.exec(
            select(CitizenRow)
            .where(CitizenRow.unit_id == unit, col(CitizenRow.lock_device_id).is_not(None))
            .order_by(col(CitizenRow.id))
        ).first()
    assert citizen is not None
    assert citizen.lock_device_id is not None
    fleet = fleet_of(platform, citizen.lock_device_id)
    answer = tablet.emergency(citizen.id, "fall")
    assert platform.settled(tablet, answer["opening"]["id"])["state"] == "unlocked"
    fleet.act(citizen.lock_device_id, lambda lock: lock.turn_key(Bolt.LOCKED))
    fleet.act(citizen.lock_device_id, lambda lock: lock.turn_key(Bolt.UNLOCKED))
    return citizen


def _at_home(platform: Platform, citizen: CitizenRow) -> Person:
    with platform.runtime.units.begin() as work:
        known = work.session.exec(select(IdentityRow).where(IdentityRow.demo)).first()
        assert known is not None
        if work.session.get(IdentityRow, "reader") is None:
            work.session.add(
                IdentityRow(
                    id="reader",
                    role="citizen",
                    name="Borger",
                    citizen_id=citizen.id,
                    unit_ids=[],
                    pin_hash=known.pin_hash,
                    demo=True,
                )
            )
    person = platform.stranger("citizen")
    assert person.sign_in("reader").status == 200
    return person


def _roles(person: Person) -> list[str]:
    return [entry["role"] for entry in person.get("/api/v1/citizen/openings").json["openings"]]


def test_the_own_key_opens_is_never_asked_for_anything_and_stands_in_the_log(
    platform: Platform, home: CitizenRow
) -> None:
    person = _at_home(platform, home)
    assert home.lock_device_id is not None

    assert eventually(lambda: "own_key" in _roles(person))

    assert sorted(_roles(person)) == ["emergency", "own_key"]
    assert fleet_of(platform, home.lock_device_id).locks[home.lock_device_id].bolt is Bolt.UNLOCKED


def test_the_citizen_takes_the_list_away_as_a_sheet_and_as_data_without_a_name(
    platform: Platform, home: CitizenRow
) -> None:
    person = _at_home(platform, home)
    assert eventually(lambda: "own_key" in _roles(person))

    sheet, data = person.get("/mit/doer.csv"), person.get("/mit/doer.json")

    lines = sheet.content.decode().lstrip("\ufeff").splitlines()
    assert {line.split(";")[2] for line in lines[1:]} == {"Nødkald", "Egen nøgle"}
    assert {entry["role"] for entry in json.loads(data.content)["openings"]} == {"emergency", "own_key"}
    with platform.runtime.database.reading() as session:
        names = set(session.exec(select(CarerRow.name)).all())
    for text in (sheet.content.decode(), data.content.decode()):
        assert not any(name in text for name in names)
    page = person.get("/mit/doer").content.decode()
    assert "Egen nøgle" in page
    assert "Nødkald" in page


def test_whom_a_search_in_an_emergency_shows_can_see_it_once_however_many_letters_were_typed(
    platform: Platform, home: CitizenRow, tablet: Tablet
) -> None:
    shown: set[str] = set()
    for letters in range(1, len(home.name) + 1):
        found = tablet.call("POST", "/api/v1/me/emergencies/search", {"text": home.name[:letters]})["citizens"]
        shown |= {each["citizen_id"] for each in found}
    person = _at_home(platform, home)

    page, sheet = person.get("/mit/adgang").content.decode(), person.get("/mit/adgang.csv").content.decode()

    words = "Navn og adresse i en søgning"
    assert page.count(words) == 1
    (line,) = [line for line in sheet.splitlines() if words in line]
    assert line.split(";")[2:] == ["Hjemmeplejen", words, "Nødkald"]
    looks = person.get("/api/v1/citizen/access-log").json["access"]
    assert [(look["role"], look["purpose"]) for look in looks if look["what"] == "search"] == [("carer", "emergency")]
    with platform.runtime.database.reading() as session:
        noted = session.exec(select(CitizenAccessRow.citizen_id).where(CitizenAccessRow.what == "search")).all()
    assert home.id in shown
    assert sorted(noted) == sorted(shown), "whoever was shown, and nobody else"


def test_an_auditor_reads_it_for_a_purpose_and_the_citizen_sees_that(platform: Platform, home: CitizenRow) -> None:
    auditor = platform.signed_in("auditor")
    path = f"/api/v1/citizens/{home.id}/door-log"

    without = auditor.get(path)
    read = auditor.get(f"{path}?purpose=complaint&form=json")

    assert (without.status, without.code) == (422, "invalid_input")
    assert read.status == 200, read.content
    assert "emergency" in {entry["role"] for entry in json.loads(read.content)["openings"]}
    assert platform.signed_in("planner").get(f"{path}?purpose=complaint").status == 403
    told = _reads(platform, home)
    assert [(e["by_role"], e["purpose"], e["form"]) for e in told] == [("auditor", "complaint", "json")]
    with platform.runtime.database.reading() as session:
        looks = session.exec(select(CitizenAccessRow).where(CitizenAccessRow.citizen_id == home.id)).all()
    assert ("auditor", "openings", "complaint") in {(look.role, look.what, look.purpose) for look in looks}
    assert "Klage" in _at_home(platform, home).get("/mit/adgang").content.decode()


def test_the_auditors_page_asks_for_number_and_purpose_and_shows_roles(platform: Platform, home: CitizenRow) -> None:
    auditor = platform.stranger("manager")
    assert auditor.sign_in("auditor").status == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    asked = auditor.get("/leder/doerlog").content.decode()
    manager = platform.stranger("manager")
    assert manager.sign_in("manager").status == 200
    link = 'href="/leder/doerlog"'
    assert (link in auditor.get("/leder").content.decode(), link in manager.get("/leder").content.decode()) == (
        True,
        False,
    )
    shown = auditor.call("POST", "/leder/doerlog", f"borger={home.short}&formaal=inspection".encode(), **form)
    nobody = auditor.call("POST", "/leder/doerlog", b"borger=999999&formaal=inspection", **form)

    assert "Borgernummer" in asked
    assert "Nødkald" in shown.content.decode()
    assert "Der er ingen borger med det nummer" in nobody.content.decode()


def _reads(platform: Platform, citizen: CitizenRow) -> list[dict[str, Any]]:
    assert eventually(platform.runtime.pipeline.idle)
    with platform.runtime.database.reading() as session:
        events = [e.data for e in read_after(session, 0, 100_000, {"access_log.read"})]
    return [e for e in events if e["citizen_id"] == citizen.id and e["form"] != "page"]
