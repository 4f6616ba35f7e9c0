"""What a planner's board reads: the day in columns, where it is, what fits, and who changed what."""

from typing import Any

import pytest
from sqlmodel import select

from gateway.views.board_columns import LANE, packed_ids
from kernel.tables import EventRow
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person


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

    ids = short.json["visits"]["id"]
    size = ids["size"]
    found = [ids["prefix"] + ids["text"][i : i + size] for i in range(0, len(ids["text"]), size)]
    assert found == [v["id"] for lane in long.json["lanes"] for v in lane["visits"]]
    assert [lane[0] for lane in short.json["lanes"]] == [lane["carer_id"] for lane in long.json["lanes"]]
    assert {len(lane) for lane in short.json["lanes"]} == {len(LANE)}
    assert sum(lane[-1] for lane in short.json["lanes"]) == len(found)
    assert len(short.content) < len(long.content) / 3


@pytest.mark.parametrize(
    ("ids", "packed"),
    [
        (["ab12", "ab34"], {"prefix": "ab", "size": 2, "text": "1234"}),
        (["x1", "y2"], {"prefix": "", "size": 2, "text": "x1y2"}),
        (["a", "bcd"], ["a", "bcd"]),
        (["same", "same"], {"prefix": "", "size": 4, "text": "samesame"}),
        (["one"], ["one"]),
        ([], []),
    ],
)
def test_ids_of_one_length_are_said_without_what_they_share(ids: list[str], packed: object) -> None:
    assert packed_ids(ids) == packed


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
