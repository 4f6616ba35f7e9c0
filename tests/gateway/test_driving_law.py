"""The driving book before the tax authority, over HTTP: explained, approved, locked, on paper; claims; arrivals;
tracks from files; and nothing of where private driving went, anywhere.

A platform of its own: what is approved here is locked.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary
from sqlmodel import SQLModel, select

from devices.driving.messages import FixBatch
from devices.driving.model import Position
from devices.inbox.model import Incoming
from devices.simulator.vehicle import DriveLeg, fixes_of
from gateway.usecases.driving import VehicleMount, close_logs, mount_vehicles
from scheduling.tables import ShiftRow
from tests.conftest import TODAY
from tests.devices.driving.test_tracks import gpx
from tests.gateway.driving_day import ODOMETER_M, CarDay, car_carers, car_day, unit_of
from tests.gateway.platform import Platform, running_platform

WEEK = "2026-W48"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    yield from running_platform(tmp_path_factory.mktemp("law"), locks=False)


@pytest.fixture(scope="module")
def own(town: Platform) -> CarDay:
    """A car driven to two visits and on a private errand; then thirty kilometres nobody recorded, and home."""
    tablet = town.tablet(car_carers(town.day)[0])
    tablet.start_shift("base")
    found = car_day(town.runtime, town.clock, town.day, tablet, reg_no="BX 12 345", private_last=True)
    town.fleets.append(found.fleet)  # type: ignore[arg-type]
    found.take_car()
    for number in (0, 1):
        found.drive(number)
        found.visit(number)
    found.drive(2)
    at = town.clock.now() + timedelta(minutes=20)
    home = DriveLeg(found.legs[0].end, found.legs[0].start, at, at + timedelta(minutes=6))
    town.clock.advance_to(at + timedelta(minutes=12))
    accept(town, found.vehicle_id, 2, fixes_of([home], odometer_m=ODOMETER_M + 40_000, seed=2, boot=2))
    tablet.end_shift("citizen")
    return found


def accept(town: Platform, vehicle_id: str, boot: int, fixes: Any) -> None:
    payload = FixBatch(vehicle_id, boot, tuple(fixes)).encode()
    incoming = Incoming("demo", "vehicle", vehicle_id, "fix", payload, town.clock.now())
    assert not town.runtime.inbox.accept([incoming]).quarantined


def week_of(town: Platform, own: CarDay) -> dict[str, Any]:
    unit = unit_of(town.day, own.tablet.carer_id)
    found: dict[str, Any] = town.signed_in("manager").get(f"/api/v1/driving-logs?week={WEEK}&unit={unit}").json
    return found


def rows_of(town: Platform, own: CarDay) -> list[dict[str, str]]:
    unit = unit_of(town.day, own.tablet.carer_id)
    answer = town.signed_in("auditor").get(f"/api/v1/driving-logs.csv?week={WEEK}&unit={unit}")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def missing_trip(town: Platform, own: CarDay) -> str:
    day = next(d for d in week_of(town, own)["days"] if d["day"] == TODAY.isoformat())
    legs = [leg for log in day["logs"] for leg in log["legs"] if leg["purpose"] == "missing"]
    return str((legs or [found for found in day["loose"] if found["state"] == "missing"])[0]["trip_id"])


def everybody_ends(town: Platform, unit: str) -> None:
    with town.runtime.units.begin() as work:
        shifts = work.session.exec(select(ShiftRow).where(ShiftRow.unit_id == unit, ShiftRow.day == TODAY)).all()
        for shift in shifts:
            shift.state, shift.started_at = "ended", shift.started_at or work.now
            shift.ended_at, shift.ended_place = shift.ended_at or work.now, shift.ended_place or "citizen"
        work.session.flush()
        close_logs(work, TODAY, [s.carer_id for s in shifts])


def test_who_could_be_at_a_visit_first_is_told_by_arrival_and_without_a_place(town: Platform, own: CarDay) -> None:
    driver = own.tablet.carer_id
    rider = town.tablet(next(str(c.id) for c in town.day.carers if str(c.id) != driver and _of_unit(town, c, driver)))
    rider.start_shift("base")
    second = town.tablet(next(c for c in _unit_mates(town, driver) if c not in (driver, rider.carer_id)))
    second.start_shift("base")
    stop = next(s for s in second.day()["route"]["stops"] if s["mode"] == "physical")
    second.begin_visit(stop["visit_id"])
    wanted = next(s for s in rider.day()["route"]["stops"] if s["mode"] == "physical")["visit_id"]

    answer = town.signed_in("planner").get(f"/api/v1/visits/{wanted}/nearest")

    found = {a["carer_id"]: a for a in answer.json["arrivals"]}
    assert found[rider.carer_id]["basis"] == "base"
    assert found[second.carer_id]["basis"] == "visit"
    assert found[second.carer_id]["free_at"] > answer.json["at"]
    times = [a["arrives_at"] for a in answer.json["arrivals"]]
    assert times == sorted(times)
    assert "lat" not in answer.content.decode()
    second.end_visit(stop["visit_id"], "done")
    again = town.signed_in("planner").get(f"/api/v1/visits/{wanted}/nearest").json["arrivals"]
    assert {a["carer_id"]: a["basis"] for a in again}[second.carer_id] == "event"


def _of_unit(town: Platform, carer: Any, other: str) -> bool:
    return str(carer.unit_id) == unit_of(town.day, other)


def _unit_mates(town: Platform, carer_id: str) -> list[str]:
    return sorted(str(c.id) for c in town.day.carers if _of_unit(town, c, carer_id))


def test_nothing_in_the_whole_database_says_where_private_driving_went(town: Platform, own: CarDay) -> None:
    private = own.legs[2]
    fixes = fixes_of([private], odometer_m=ODOMETER_M + 100_000, seed=5, boot=9)
    told = json.loads(FixBatch(own.vehicle_id, 9, tuple(fixes)).encode())
    for number, fix in enumerate(told["fixes"]):
        fix |= {"lat": 55.987001 + number / 10_000, "lon": 12.876001, "place": "Sommerhusvej"}
    told["fixes"][3]["ignition"] = "on"
    late = [fix | {"ts": fix["ts"] + 10**11} for fix in told["fixes"]]
    for body in (told, told | {"fixes": late}, told | {"device": "another"}):
        payload = json.dumps(body).encode()
        own.runtime.inbox.accept([Incoming("demo", "vehicle", own.vehicle_id, "fix", payload, town.clock.now())])

    with town.runtime.database.reading() as session:
        kept = [
            f"{table.name}.{column.name}"
            for table in SQLModel.metadata.sorted_tables
            for column in table.columns
            for (value,) in session.execute(select(column))
            if _mentions(value, isinstance(column.type, LargeBinary))
        ]
    assert kept == []


def _mentions(value: Any, binary: bool) -> bool:
    text = bytes(value).decode("utf-8", "replace") if binary and value is not None else str(value)
    return any(word in text for word in ("55.987", "55.988", "55.989", "12.876001", "Sommerhusvej"))


def test_a_week_with_kilometres_nobody_recorded_is_not_approved(town: Platform, own: CarDay) -> None:
    unit = unit_of(town.day, own.tablet.carer_id)
    everybody_ends(town, unit)

    answer = town.signed_in("manager").post("/api/v1/driving-logs/approval", {"week": WEEK, "unit": unit})

    assert (answer.status, answer.json["code"]) == (409, "missing_unexplained")
    assert "BX 12 345 25.11." in answer.json["detail_da"]
    assert week_of(town, own)["unexplained"] == 1


def test_an_explanation_stands_in_the_file_with_who_when_and_why_and_the_trail_keeps_what_was(
    town: Platform, own: CarDay
) -> None:
    trip_id = missing_trip(town, own)
    planner = town.signed_in("planner")
    path = f"/api/v1/driving-logs/trips/{trip_id}/correction"
    assert planner.post(path, {"purpose": "business", "reason": "sporer slukket"}).status == 422

    said = {"purpose": "business", "from_place": "Base", "to_place": "Værkstedet", "note": "dækskift"}
    answer = planner.post(path, said | {"reason": "sporer slukket", "carer_id": own.tablet.carer_id})

    assert answer.status == 200, answer.content
    (row,) = [r for r in rows_of(town, own) if r["Formål"].startswith("MANGLENDE TUR")]
    assert (row["Fra"], row["Til"], row["Erhverv/privat"]) == ("Base", "Værkstedet", "Erhverv")
    assert (row["Formål"], row["Fører identificeret ved"]) == ("MANGLENDE TUR: dækskift", "oplyst ved rettelse")
    assert f"rettet {TODAY.isoformat()}" in row["Rettelse"]
    assert row["Rettelse"].endswith("af planlægger: sporer slukket")
    (trail,) = planner.get(f"/api/v1/driving-logs/trips/{trip_id}/corrections").json["corrections"]
    assert (trail["before"]["state"], trail["role"]) == ("missing", "planner")


def test_every_field_the_law_asks_for_is_in_the_file(town: Platform, own: CarDay) -> None:
    driven = [r for r in rows_of(town, own) if r["Registreringsnummer"] == "BX 12 345"]

    business = [r for r in driven if r["Erhverv/privat"] == "Erhverv" and r["Kilde"] == "Sporer"]
    for row in business[:2]:
        needed = ("Dato", "Kilometertæller start", "Kilometertæller slut", "Fra", "Til", "Formål", "Km", "Fører")
        assert all(row[name] for name in needed), row
        assert row["Fører identificeret ved"] == "tog bilen på tabletten (PIN)"
        assert row["Afvigelse"] == ""
    (private,) = [r for r in driven if r["Erhverv/privat"] == "Privat"]
    assert {private[n] for n in ("Fra", "Til", "Formål", "Tid start", "Tid slut", "Sporer km")} == {""}
    assert private["Km"]


def test_the_book_is_a_paper_too_and_the_same_one_each_time(town: Platform, own: CarDay) -> None:
    unit = unit_of(town.day, own.tablet.carer_id)
    path = f"/api/v1/driving-logs.pdf?week={WEEK}&unit={unit}"
    auditor = town.signed_in("auditor")

    first, second = auditor.get(path), auditor.get(path)

    assert first.headers["content-type"] == "application/pdf"
    assert first.content.startswith(b"%PDF-")
    assert first.content == second.content


def test_an_approved_week_is_locked_until_a_manager_unlocks_it_with_a_reason(town: Platform, own: CarDay) -> None:
    unit, manager = unit_of(town.day, own.tablet.carer_id), town.signed_in("manager")
    trip_id, week = missing_trip(town, own), {"week": WEEK, "unit": unit}
    assert manager.post("/api/v1/driving-logs/approval", week).status == 200
    assert week_of(town, own)["locked"] is True
    said = {"purpose": "private", "reason": "prøve"}
    refused = manager.post(f"/api/v1/driving-logs/trips/{trip_id}/correction", said)
    assert (refused.status, refused.json["code"]) == (409, "week_locked")
    assert town.signed_in("planner").post("/api/v1/driving-logs/unlocking", week | {"reason": "x"}).status == 403
    assert manager.post("/api/v1/driving-logs/unlocking", week | {"reason": " "}).status == 422

    assert manager.post("/api/v1/driving-logs/unlocking", week | {"reason": "forkert fører"}).status == 200

    after = week_of(town, own)
    assert (after["locked"], [u["reason"] for u in after["unlocks"]]) == (False, ["forkert fører"])
    assert manager.post("/api/v1/driving-logs/approval", week).status == 200


def test_a_claim_is_made_on_the_tablet_checked_against_the_route_and_paid_by_the_rate(
    town: Platform, own: CarDay
) -> None:
    body = {
        "day": TODAY.isoformat(),
        "vehicle": "car",
        "reg_no": "ca 98 765",
        "purpose": "besøg hos borger",
        "start_address": "Basen",
        "end_address": "Vej 4",
        "stops": ["Vej 2"],
        "distance_km": 12.5,
    }
    made = own.tablet.call("POST", "/api/v1/me/mileage", body)["claim"]
    assert (made["state"], made["amount_dkk_ore"]) == ("claimed", 4_925)
    manager = town.signed_in("manager")
    seen = next(c for c in manager.get("/api/v1/mileage-claims?month=2026-11").json["claims"] if c["id"] == made["id"])
    assert seen["route_km"] is not None

    answer = manager.post(f"/api/v1/mileage-claims/{made['id']}/decision", {"approved": True})

    assert answer.json["claim"]["lines"][0]["dkk_ore_per_km"] == 394
    own_list = own.tablet.call("GET", "/api/v1/me/mileage")
    assert (own_list["approved_km"], own_list["claims"][0]["state"]) == (12.5, "approved")
    content = manager.get("/api/v1/mileage-claims.csv?month=2026-11").content.decode("utf-8-sig")
    assert "12,50 x 3,94" in content
    assert manager.get("/api/v1/mileage-claims.pdf?month=2026-11").content.startswith(b"%PDF-")
    assert manager.get("/api/v1/mileage-claims?month=november").status == 422


def test_a_track_file_is_read_in_whole_or_named_by_its_line(town: Platform, own: CarDay) -> None:
    unit = unit_of(town.day, own.tablet.carer_id)
    with town.runtime.units.begin() as work:
        mount_vehicles(work, "demo", [VehicleMount("tracker-none", "EF 11 222", unit)])
    at = town.clock.now() - timedelta(days=9)
    start = own.legs[0].start
    leg = DriveLeg(start, Position(start.lat_deg + 0.02, start.lon_deg), at, at + timedelta(minutes=8))
    fixes = fixes_of([leg], odometer_m=0, seed=4, parked_every_s=10.0)
    planner, path = town.signed_in("planner"), "/api/v1/vehicles/tracker-none/tracks?odometer_km=1000"
    kind = {"Content_Type": "application/gpx+xml"}

    broken = planner.call("POST", path, gpx(fixes, lat="123"), **kind)
    assert (broken.status, broken.json["code"], broken.json["facts"]["line"]) == (422, "track_refused", 6)
    whole = planner.call("POST", path, gpx(fixes), **kind)

    assert (whole.status, whole.json["fixes"]) == (201, len(fixes))
    seen = next(v for v in planner.get("/api/v1/vehicles").json["vehicles"] if v["id"] == "tracker-none")
    assert seen["odometer_km"] == pytest.approx(1_002.9, abs=0.2)
