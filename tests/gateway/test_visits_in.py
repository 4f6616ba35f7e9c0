"""Where visits come from, over HTTP: the weekly plan, days made of it, files that come in, FHIR that goes out."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from devices.keys.tables import RightRow
from gateway.tables import CitizenAccessRow
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import VisitRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform
from tests.gateway.web import Person

TOMORROW = TODAY + timedelta(days=1)
HEAD = "Dato;Borger;Ydelse;Fra;Til;Varighed;Id\n"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
#: elements of R4 4.0.1 (hl7.org/fhir/R4/appointment.html and encounter.html); those with * are required
_ELEMENTS = {
    "Appointment": (
        "resourceType id meta identifier status* cancelationReason serviceCategory serviceType specialty "
        "appointmentType reasonCode reasonReference priority description supportingInformation start end "
        "minutesDuration slot created comment patientInstruction basedOn participant* requestedPeriod"
    ),
    "Encounter": (
        "resourceType id meta identifier status* statusHistory class* classHistory type serviceType priority subject "
        "episodeOfCare basedOn participant appointment period length reasonCode reasonReference diagnosis account "
        "hospitalization location serviceProvider partOf"
    ),
}
_STATES = {
    "Appointment": {"proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"},
    "Encounter": {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"},
}


@pytest.fixture
def planner(office: Platform) -> Person:
    """A planner of every unit."""
    return office.signed_in("planner")


def home(office: Platform) -> tuple[str, int]:
    """A unit and the number of one of its citizens."""
    with office.runtime.database.reading() as session:
        row = session.exec(select(CitizenRow).order_by(CitizenRow.id)).all()[0]
    return row.unit_id, row.short


def wish(office: Platform, **changes: Any) -> dict[str, Any]:
    unit, number = home(office)
    plain = {
        "unit_id": unit,
        "citizen_number": number,
        "service": "personal_care",
        "weekdays": "1234567",
        "window_open": "07:30",
        "window_close": "08:30",
        "duration_min": 20,
        "valid_from_on": TOMORROW.isoformat(),
    }
    return plain | changes


def test_a_pattern_becomes_visits_once_and_a_change_keeps_its_series(office: Platform, planner: Person) -> None:
    unit, _ = home(office)
    day = (TOMORROW + timedelta(days=3)).isoformat()

    made = planner.post("/api/v1/visit-patterns", wish(office))
    first = planner.post(f"/api/v1/days/{day}/generation", {"unit_id": unit}).json
    again = planner.post(f"/api/v1/days/{day}/generation", {"unit_id": unit}).json
    series = made.json["series_id"]
    changed = planner.call("PUT", f"/api/v1/visit-patterns/{series}", wish(office, duration_min=35, valid_from_on=day))
    third = planner.post(f"/api/v1/days/{day}/generation", {"unit_id": unit}).json

    assert made.status == 201, made.content
    assert changed.json == {"series_id": series}
    assert (first["made"], again["made"], again["unchanged"]) == (1, 0, 1)
    assert (third["changed"], third["made"]) == (1, 0)
    listed = planner.get(f"/api/v1/visit-patterns?unit={unit}").json["patterns"]
    mine = [p for p in listed if p["series_id"] == series]
    assert mine[0]["valid_to_on"] == (TOMORROW + timedelta(days=2)).isoformat()
    assert [p["duration_min"] for p in mine] == [20, 35]
    ended = planner.post(f"/api/v1/visit-patterns/{series}/end", {"last_on": TODAY.isoformat()})
    assert ended.status == 200
    assert planner.post(f"/api/v1/days/{day}/generation", {"unit_id": unit}).json["cancelled"] == 1


def test_a_wrong_pattern_says_what_to_write(office: Platform, planner: Person) -> None:
    wrong = planner.post("/api/v1/visit-patterns", wish(office, weekdays="9"))
    unknown = planner.post("/api/v1/visit-patterns", wish(office, citizen_number=999_999))
    today = planner.post("/api/v1/visit-patterns", wish(office, valid_from_on=TODAY.isoformat()))

    assert (wrong.status, wrong.code) == (422, "pattern_wrong")
    assert "Ugedage" in str(wrong.json)
    assert (unknown.status, unknown.code) == (404, "pattern_citizen_unknown")
    assert (today.status, today.code) == (422, "pattern_in_past")


def test_a_file_comes_in_whole_or_is_kept_with_what_is_wrong(office: Platform, planner: Person) -> None:
    _, number = home(office)
    row = f"{TOMORROW:%d-%m-%Y};{number};Personlig pleje;10:00;11:00;20;X-1\r\n"
    text = {"Content_Type": "text/csv"}

    good = planner.call("POST", "/api/v1/visit-imports", (HEAD + row).encode("cp1252"), **text)
    bad = planner.call("POST", "/api/v1/visit-imports", (HEAD + row.replace("20;", "tyve;")).encode(), **text)

    assert (good.status, good.json["state"], good.json["counts"]["made"]) == (201, "applied", 1)
    assert (bad.status, bad.json["state"]) == (422, "refused")
    assert bad.json["problems"] == [
        {"row": 2, "column": "Varighed", "expected": "et tal fra 1 til 1440, fx 12,5", "found": "tyve"}
    ]
    listed = planner.get("/api/v1/visit-imports").json["imports"]
    assert [i["import_id"] for i in listed[:2]] == [bad.json["import_id"], good.json["import_id"]]
    file = planner.get(f"/api/v1/visit-imports/{bad.json['import_id']}/file")
    assert b"tyve" in file.content
    assert planner.get(f"/api/v1/visit-imports/{good.json['import_id']}/file").status == 404
    with office.runtime.database.reading() as session:
        made = session.exec(select(VisitRow).where(VisitRow.day == TOMORROW)).all()
    assert [v.service for v in made] == ["personal_care"]


def entries(person: Person, path: str) -> list[dict[str, Any]]:
    """Every entry of a search, page by page; each page is a bundle that says how many there are."""
    found: list[dict[str, Any]] = []
    address = path
    while True:
        answer = person.get(address)
        assert answer.status == 200, answer.content
        assert answer.headers["content-type"] == "application/fhir+json"
        page = answer.json
        assert (page["resourceType"], page["type"]) == ("Bundle", "searchset")
        found += page["entry"]
        links = {link["relation"]: link["url"] for link in page["link"]}
        if "next" not in links:
            assert page["total"] == len(found)
            return found
        address = links["next"].split(str(person_port(links["next"])), 1)[1]


def person_port(url: str) -> int:
    """The port of an address."""
    return int(url.split("/")[2].split(":")[1])


@pytest.mark.parametrize("kind", ["Appointment", "Encounter"])
def test_every_visit_of_a_day_goes_out_once_as_fhir_and_without_a_name(
    office: Platform, planner: Person, kind: str
) -> None:
    found = entries(planner, f"/api/v1/fhir/{kind}?date={TODAY}&_count=150")
    resources = [e["resource"] for e in found]
    with office.runtime.database.reading() as session:
        visits = session.exec(select(VisitRow).where(VisitRow.day == TODAY)).all()
        citizens = session.exec(select(CitizenRow)).all()
        looks = session.exec(select(CitizenAccessRow).where(CitizenAccessRow.what == "exchange")).all()

    assert len({r["id"] for r in resources}) == len(resources) == len(visits)
    assert {v.citizen_id for v in visits} <= {look.citizen_id for look in looks}
    allowed = {name.rstrip("*") for name in _ELEMENTS[kind].split()}
    required = {name.rstrip("*") for name in _ELEMENTS[kind].split() if name.endswith("*")}
    for entry, resource in zip(found, resources, strict=True):
        assert entry["fullUrl"].endswith(f"/api/v1/fhir/{kind}/{UUID(resource['id'])}")
        assert required <= resource.keys() <= allowed
        assert resource["status"] in _STATES[kind]
        times = [resource.get("start"), resource.get("end"), *resource.get("period", {}).values()]
        assert all(_INSTANT.fullmatch(t) for t in times if t is not None)
    if kind == "Appointment":
        for resource in resources:
            assert (("start" in resource) and ("end" in resource)) or resource["status"] in ("proposed", "cancelled")
            assert all(p["status"] == "accepted" and p["actor"]["identifier"] for p in resource["participant"])
            assert resource.get("start", "") <= resource.get("end", "")
    said = str(found)
    assert not [c.name for c in citizens if c.name in said or c.address in said]


def test_a_screen_visit_is_virtual_and_kl_gateway_has_its_own_code_and_its_own_prohibitions(
    office: Platform, planner: Person
) -> None:
    with office.runtime.units.begin() as work:
        row = work.session.exec(select(VisitRow).where(VisitRow.day == TODAY).order_by(VisitRow.id.desc())).first()  # type: ignore[attr-defined]
        assert row is not None
        row.mode = "screen"
        work.session.add(row)

    plain = entries(planner, f"/api/v1/fhir/Encounter?date=eq{TODAY}&_count=1000")
    gateway = entries(planner, f"/api/v1/fhir/Encounter?date={TODAY}&system=kl-gateway&_count=1000")

    assert {e["resource"]["class"]["code"] for e in plain} == {"HH", "VR"}
    assert {e["resource"]["class"]["code"] for e in gateway} == {"HH", "124be95d-6924-4609-9d2a-e7c73ae3ab3d"}
    forbidden = {"identifier", "participant", "appointment", "location", "length", "serviceProvider"}
    assert not [e for e in gateway if forbidden & e["resource"].keys()]
    assert all(e["resource"]["period"]["start"] for e in gateway)


def test_a_search_that_is_not_understood_says_so_as_fhir(planner: Person) -> None:
    answer = planner.get("/api/v1/fhir/Appointment?date=ge2026-11-25")

    assert answer.status == 400
    assert answer.json["resourceType"] == "OperationOutcome"
    assert "ge2026-11-25" in answer.json["issue"][0]["diagnostics"]


def test_a_planned_holiday_frees_the_visits_closes_the_doors_and_keeps_later_shifts_away(
    office: Platform, planner: Person
) -> None:
    day = TOMORROW + timedelta(days=9)
    with office.runtime.units.begin() as work:
        home_with_door = work.session.exec(select(CitizenRow).where(col(CitizenRow.door_id).is_not(None))).all()[0]
        unit, number, door = home_with_door.unit_id, home_with_door.short, home_with_door.door_id
        carer = work.session.exec(select(CarerRow).where(CarerRow.unit_id == unit).order_by(CarerRow.id)).all()[-1].id
    row = f"{day:%d-%m-%Y};{number};Personlig pleje;10:00;11:00;20;H-1\r\n"
    shift = f"Dato;Medarbejder;Vagt fra;Vagt til\n{day:%d-%m-%Y};{carer};07:00;15:00\n"
    assert planner.call("POST", "/api/v1/visit-imports", (HEAD + row).encode()).status == 201
    assert planner.call("POST", "/api/v1/visit-imports", shift.encode()).status == 201
    visit = planner.get(f"/api/v1/board?day={day}").json["unallocated"][0]
    tags = f'"{day}.{carer}:0"'
    moved = planner.post(f"/api/v1/visits/{visit['id']}/move", {"to_carer_id": carer, "reason": "other"}, If_Match=tags)
    assert moved.status == 200, moved.content
    assert rights_to(office, str(door), carer) == 1

    span = {"from_on": day.isoformat(), "to_on": (day + timedelta(days=4)).isoformat()}
    planned = planner.post(f"/api/v1/carers/{carer}/absences", span | {"kind": "holiday"})

    assert (planned.status, planned.json["days"], planned.json["visits_left"]) == (201, 5, 1)
    assert rights_to(office, str(door), carer) == 0
    board = planner.get(f"/api/v1/board?day={day}").json
    assert [v["reason"] for v in board["unallocated"]] == ["Medarbejderen er fraværende"]
    assert carer not in [lane["carer_id"] for lane in board["lanes"]]
    later = shift.replace(f"{day:%d-%m-%Y}", f"{day + timedelta(days=1):%d-%m-%Y}")
    assert planner.call("POST", "/api/v1/visit-imports", later.encode()).json["counts"]["away"] == 1
    listed = [a for a in planner.get("/api/v1/absences").json["carers"] if a["carer_id"] == carer]
    assert [(a["from_on"], a["to_on"], a["kind"]) for a in listed] == [(span["from_on"], span["to_on"], "holiday")]

    back = planner.post(f"/api/v1/carers/{carer}/absences/cancellation", span)
    assert back.json["days"] == 5
    assert carer in [lane["carer_id"] for lane in planner.get(f"/api/v1/board?day={day}").json["lanes"]]
    now = {"from_on": TODAY.isoformat(), "to_on": TODAY.isoformat()}
    today = planner.post(f"/api/v1/carers/{carer}/absences", now)
    assert (today.status, today.code) == (422, "absence_not_ahead")


def rights_to(office: Platform, door_id: str, carer_id: str) -> int:
    """How many rights to a door a carer has that were not withdrawn."""
    with office.runtime.database.reading() as session:
        rows = session.exec(select(RightRow).where(RightRow.door_id == door_id, RightRow.carer_id == carer_id)).all()
    return sum(row.withdrawn_at is None for row in rows)


def test_a_holiday_in_summer_does_not_keep_a_citizen_from_being_admitted_now(office: Platform, planner: Person) -> None:
    with office.runtime.database.reading() as session:
        citizen = session.exec(select(CitizenRow).order_by(CitizenRow.id)).all()[-1].id
    summer = {"kind": "away", "from_at": "2027-07-01T06:00:00Z", "until_at": "2027-07-14T06:00:00Z"}

    assert planner.post(f"/api/v1/citizens/{citizen}/absence", summer).status == 201
    assert planner.post(f"/api/v1/citizens/{citizen}/absence", {"kind": "hospital"}).code == "citizen_already_away"
    now = {"kind": "hospital", "until_at": "2026-12-01T06:00:00Z"}
    assert planner.post(f"/api/v1/citizens/{citizen}/absence", now).status == 201
    listed = [a for a in planner.get("/api/v1/absences").json["citizens"] if a["citizen_id"] == citizen]
    assert [(a["kind"], a["begun"]) for a in listed] == [("hospital", True), ("away", False)]
    assert planner.post(f"/api/v1/citizens/{citizen}/return").status == 200
    listed = [a for a in planner.get("/api/v1/absences").json["citizens"] if a["citizen_id"] == citizen]
    assert [a["kind"] for a in listed] == ["away"]
