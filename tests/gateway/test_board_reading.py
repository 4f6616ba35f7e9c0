"""What a planner's board reads: the day in columns, where it is, what fits, and who changed what."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.usecases.foresight import Ahead
from gateway.usecases.kept_ahead import Aheads
from gateway.views.board_columns import ASIDE, KINDS, LANE, STATES
from gateway.views.packing import DIGITS, packed_ids, packed_numbers
from kernel.tables import EventRow
from scheduling.register.tables import UnitRow
from scheduling.tables import ShiftRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person


def _ids(packed: Any) -> list[str]:
    """As the page unpacks them (static/planner/packing.js)."""
    if isinstance(packed, list):
        return packed
    text = base64.b64decode(packed["bytes"]).hex() if "bytes" in packed else packed["text"]
    size = packed["size"] * (2 if "bytes" in packed else 1)
    return [packed["prefix"] + text[i : i + size] for i in range(0, len(text), size)]


def _numbers(packed: dict[str, Any]) -> list[int | None]:
    """As the page unpacks them."""
    found: list[int | None] = []
    for digits in zip(*packed["places"], strict=True):
        n = 0
        for digit in digits:
            n = n * len(DIGITS) + DIGITS.index(digit)
        found.append(packed["from"] + packed["unit"] * (n - 1) if n else None)
    return found


def _moved(planner: Person, reason: str = "delay") -> tuple[dict[str, Any], dict[str, Any], str]:
    """Move a visit as a planner does; the visit, its lane before, and the carer who has it now."""
    lanes = {lane["carer_id"]: lane for lane in planner.get("/api/v1/board").json["lanes"]}
    for lane in lanes.values():
        for visit in lane["visits"]:
            if visit["state"] != "planned" or visit["double"]:
                continue
            found = planner.get(f"/api/v1/visits/{visit['id']}/proposals").json["proposals"]
            if not found:
                continue
            to = found[0]["carer_id"]
            seen = ", ".join(f'"{lanes[c]["route_id"]}:{lanes[c]["version"]}"' for c in (lane["carer_id"], to))
            body = {"to_carer_id": to, "reason": reason}
            assert planner.post(f"/api/v1/visits/{visit['id']}/move", body, If_Match=seen).status == 200
            return visit, lane, to
    raise AssertionError("Expected a visit that can be moved, got none.")


def test_the_day_in_columns_weighs_a_third_of_the_day_in_lanes_and_names_the_same_visits(office: Platform) -> None:
    planner = office.signed_in("planner")
    long, short = planner.get("/api/v1/board"), planner.get("/api/v1/board?form=columns")

    found = _ids(short.json["visits"]["id"])
    assert found == [v["id"] for lane in long.json["lanes"] for v in lane["visits"]]
    assert _ids(short.json["carers"]) == [lane["carer_id"] for lane in long.json["lanes"]]
    assert _ids(short.json["routes"]) == [lane["route_id"] for lane in long.json["lanes"]]
    assert {len(lane) for lane in short.json["lanes"]} == {len(LANE)}
    assert sum(lane[-1] for lane in short.json["lanes"]) == len(found)
    assert len(short.content) < len(long.content) / 4


def test_the_columns_say_of_every_visit_when_it_is_and_how_it_stands_to_the_second(office: Platform) -> None:
    planner = office.signed_in("planner")
    visits = [v for lane in planner.get("/api/v1/board").json["lanes"] for v in lane["visits"]]
    day = planner.get("/api/v1/board?form=columns").json
    columns = {name: _numbers(packed) for name, packed in day["visits"].items() if name != "id"}
    lengths = [lane[-1] for lane in day["lanes"]]

    starts, at = [], 0
    for n in lengths:
        before = datetime.fromisoformat(day["from_at"])
        for i in range(at, at + n):
            starts.append(before + timedelta(seconds=columns["gap"][i] or 0))
            before = starts[-1] + timedelta(seconds=columns["length"][i] or 0)
        at += n
    assert starts == [datetime.fromisoformat(v["start_at"]) for v in visits]
    assert [str(n) for n in columns["short"]] == [v["short"] for v in visits]
    assert [STATES[n or 0] for n in columns["state"]] == [v["state"] for v in visits]
    assert columns["delay_min"] == [v["delay_min"] for v in visits]


@pytest.mark.parametrize(
    ("ids", "packed"),
    [
        (["ab12", "ab34"], {"prefix": "ab", "size": 1, "bytes": "EjQ="}),
        (["ab-2", "ab-4"], {"prefix": "ab-", "size": 1, "text": "24"}),
        (["x1", "y2"], {"prefix": "", "size": 2, "text": "x1y2"}),
        (["a", "bcd"], ["a", "bcd"]),
        (["same", "same"], {"prefix": "", "size": 4, "text": "samesame"}),
        (["day.00ff", "day.01fe"], {"prefix": "day.", "size": 2, "bytes": "AP8B/g=="}),
        (["day.0ff", "day.1fe"], {"prefix": "day.", "size": 3, "text": "0ff1fe"}),
        (["one"], ["one"]),
        ([], []),
    ],
)
def test_ids_of_one_length_are_said_without_what_they_share(ids: list[str], packed: object) -> None:
    assert packed_ids(ids) == packed


@pytest.mark.parametrize(
    "values", [[], [0], [None], [7, 7], [None, -120, 60, 0], [2443, 5131, None, 64 * 64 * 64], [-5, 3600, 59]]
)
def test_numbers_packed_by_their_places_are_the_same_when_they_are_unpacked(values: list[int | None]) -> None:
    assert _numbers(packed_numbers(values)) == values


def test_whole_minutes_are_one_digit_each() -> None:
    assert packed_numbers([300, 1860, 600]) == {"from": 300, "unit": 60, "places": ["1R6"]}


def test_a_state_that_an_event_told_of_changes_the_tag_of_the_board_in_either_form(office: Platform) -> None:
    planner = office.signed_in("planner")

    def unchanged() -> dict[str, str] | None:
        """The tags of both forms, once what happened before has its place in the log."""
        tags = {form: planner.get(f"/api/v1/board?form={form}").headers["etag"] for form in ("lanes", "columns")}
        same = {planner.get(f"/api/v1/board?form={f}", If_None_Match=tag).status for f, tag in tags.items()} == {304}
        return tags if same else None

    tags = eventually(unchanged)
    assert len(set(tags.values())) == 2

    _moved(planner)

    assert [planner.get(f"/api/v1/board?form={f}", If_None_Match=tag).status for f, tag in tags.items()] == [200, 200]


def test_a_break_and_a_car_to_fetch_stand_on_the_lane_in_either_form_and_on_the_tablet(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = next(
        x for x in planner.get("/api/v1/board").json["lanes"] if len(x["visits"]) > 2 and x["transport"] == "bike"
    )
    starts, ends = (datetime.fromisoformat(lane["shift"][f"planned_{end}_at"]) for end in ("start", "end"))
    with office.runtime.units.begin() as work:
        shift = work.session.get_one(ShiftRow, lane["shift"]["id"])
        unit = work.session.get_one(UnitRow, lane["unit_id"])
        latest = (ends - timedelta(minutes=31)).isoformat()
        shift.terms = {
            "breaks": [[(starts + timedelta(hours=2)).isoformat(), latest, 1800.0]],
            "vehicle": {"place": unit.base, "reached_by": "bike"},
        }
        work.session.add(shift)

    shown = next(x for x in planner.get("/api/v1/board").json["lanes"] if x["carer_id"] == lane["carer_id"])["asides"]
    day = planner.get("/api/v1/board?form=columns").json
    at = _ids(day["carers"]).index(lane["carer_id"])
    from_at = datetime.fromisoformat(day["from_at"])

    assert [a["kind"] for a in shown if a["kind"] != "break"] == ["fetch", "bring"]
    (rest,) = [a for a in shown if a["kind"] == "break"]
    begins, over = (datetime.fromisoformat(rest[f"{end}_at"]) for end in ("start", "end"))
    assert (over - begins, begins >= starts + timedelta(hours=2)) == (timedelta(minutes=30), True)
    columns = [dict(zip(ASIDE, row, strict=True)) for row in day["asides"] if row[0] == at]
    assert [(KINDS[c["kind"]], bool(c["fits"])) for c in columns] == [(a["kind"], a["fits"]) for a in shown]
    assert [from_at + timedelta(seconds=c["start"]) for c in columns] == [
        datetime.fromisoformat(a["start_at"]) for a in shown
    ]
    assert office.signed_in(lane["carer_id"]).get("/api/v1/me/day").json["route"]["asides"] == shown
    assert all(not x["asides"] for x in planner.get("/api/v1/board").json["lanes"] if x["carer_id"] != lane["carer_id"])


def test_the_rest_of_the_day_is_worked_out_once_a_minute_for_all_boards_and_anew_when_a_route_has_changed(
    office: Platform,
) -> None:
    planner = office.signed_in("planner")
    units, aheads = sorted(u.id for u in office.day.units), Aheads()

    def look(minutes: float = 0.0) -> Ahead:
        with office.runtime.database.reading() as session:
            return aheads.of(session, TODAY, units, office.clock.now() + timedelta(minutes=minutes))

    first = look()
    assert look(0.9) is first
    assert look(1.1) is not first
    again = look(1.1)
    _moved(planner)
    assert look(1.1) is not again
    answer = planner.get("/api/v1/foresight", Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"


def test_the_map_knows_every_citizen_of_the_board_by_number_and_says_no_name_address_or_exact_place(
    office: Platform,
) -> None:
    planner = office.signed_in("planner")
    lanes = planner.get("/api/v1/board").json["lanes"]
    found = planner.get("/api/v1/board/map").json

    assert {v["short"] for lane in lanes for v in lane["visits"]} <= set(found["short"])
    assert len(found["short"]) == len(found["x"]) == len(found["y"]) == len(found["unit"])
    assert set(found) == {"day", "degrees", "units", "short", "x", "y", "unit"}
    assert all(round(value, 4) == value for value in (*found["x"], *found["y"]))
    assert all(unit["base"] for unit in found["units"])


def test_what_fits_agrees_with_the_proposals_and_with_what_the_server_says_to_the_move_itself(office: Platform) -> None:
    planner = office.signed_in("planner")
    lanes = planner.get("/api/v1/board").json["lanes"]
    visit = next(v for lane in lanes for v in lane["visits"] if v["state"] == "planned" and not v["double"])
    fits = planner.get(f"/api/v1/visits/{visit['id']}/fits").json["fits"]
    possible = planner.get(f"/api/v1/visits/{visit['id']}/proposals").json["proposals"]

    assert {fits[p["carer_id"]]["fit"] for p in possible} <= {"ok", "warn"}
    assert {p["carer_id"]: p["extra_min"] for p in possible} == {
        p["carer_id"]: fits[p["carer_id"]]["extra_min"] for p in possible
    }
    for carer_id, fit in fits.items():
        assert fit["words"]
        preview = {"to_carer_id": carer_id, "start_at": fit["start_at"], "preview": True}
        if fit["fit"] != "stop":
            assert planner.post(f"/api/v1/visits/{visit['id']}/move", preview).json["allowed"] is True


def test_the_changes_of_a_day_say_who_what_and_why_newest_first(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, to = _moved(planner, "wish")
    names = {x["carer_id"]: x["name"] for x in planner.get("/api/v1/board").json["lanes"]}

    def told() -> dict[str, Any] | None:
        found = planner.get("/api/v1/board/changes").json["changes"]
        return next((one for one in found if one["visit_id"] == visit["id"]), None)

    change = eventually(told)
    assert change == planner.get("/api/v1/board/changes").json["changes"][0]
    assert change["text"] == f"Borger {visit['short']}: fra {lane['name']} til {names[to]}"
    assert (change["reason"], change["visit_id"]) == ("Borgerens ønske", visit["id"])
    assert change["who"]
    with office.runtime.database.reading() as session:
        row = session.exec(select(EventRow).where(EventRow.event_type == "visit.moved")).all()[-1]
        assert row.data["by_id"]
        assert change["who"] not in str(row.data)  # the log holds an id, never a name
    assert planner.get("/api/v1/board/changes?day=2026-11-24").json == {"changes": []}
