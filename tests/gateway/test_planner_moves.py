"""A planner moves a visit over HTTP: preview, both versions in one act, who was first, what breaks."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from devices.transfers.tables import TransferDeviceRow
from kernel.localtime import local_day
from kernel.tables import EventRow
from scheduling.register.tables import CompetenceRow
from scheduling.rules import COMPETENCE_OF
from scheduling.tables import VisitRow
from tests.gateway.platform import Platform, eventually
from tests.gateway.transfer_steps import mount
from tests.gateway.web import Answer, Person


def _board(planner: Person) -> dict[str, dict[str, Any]]:
    return {lane["carer_id"]: lane for lane in planner.get("/api/v1/board").json["lanes"]}


def _seen(*lanes: dict[str, Any]) -> str:
    return ", ".join(f'"{lane["route_id"]}:{lane["version"]}"' for lane in lanes)


def _movable(planner: Person, wanted: int = 1) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """A visit of the board, its lane, and so many proposals for it."""
    for lane in _board(planner).values():
        for visit in lane["visits"]:
            if visit["state"] != "planned" or visit["double"]:
                continue
            found = planner.get(f"/api/v1/visits/{visit['id']}/proposals").json["proposals"]
            if len(found) >= wanted:
                return visit, lane, found[:wanted]
    raise AssertionError("Expected a visit that can be moved, got none.")


def _move(planner: Person, visit_id: str, to: str | None, seen: str, **more: Any) -> Answer:
    body = {"to_carer_id": to, "reason": "sygdom"} | more
    return planner.post(f"/api/v1/visits/{visit_id}/move", body, If_Match=seen)


def _log_length(platform: Platform) -> int:
    with platform.runtime.database.reading() as session:
        return len(session.exec(select(EventRow.id)).all())


def test_a_preview_says_what_a_move_would_do_and_changes_nothing(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)
    before = _log_length(office)

    preview = planner.post(f"/api/v1/visits/{visit['id']}/move", {"to_carer_id": best["carer_id"], "preview": True})

    assert preview.status == 200
    assert preview.json["allowed"] is True
    assert preview.json["breaches"] == []
    assert preview.json["start_at"] == best["start_at"]
    assert preview.json["extra_min"] == best["extra_min"]
    assert _log_length(office) == before
    assert _board(planner)[lane["carer_id"]] == lane


def test_a_move_changes_both_routes_in_one_act_and_can_be_undone(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)
    target = _board(planner)[best["carer_id"]]

    moved = _move(planner, visit["id"], best["carer_id"], _seen(lane, target))

    assert moved.status == 200
    assert moved.json["moved"]["text"].startswith(f"Borger {visit['short']} flyttet til {target['name']} kl. ")
    after = _board(planner)
    assert {x["carer_id"]: x for x in moved.json["lanes"]} == {
        c: after[c] for c in (lane["carer_id"], best["carer_id"])
    }
    assert [after[c]["version"] for c in (lane["carer_id"], best["carer_id"])] == [
        lane["version"] + 1,
        target["version"] + 1,
    ]
    assert visit["id"] in {v["id"] for v in after[best["carer_id"]]["visits"]}
    assert visit["id"] not in {v["id"] for v in after[lane["carer_id"]]["visits"]}
    panel = planner.get(f"/api/v1/visits/{visit['id']}").json
    assert (panel["carer_id"], panel["route"]["version"]) == (best["carer_id"], target["version"] + 1)

    undo = moved.json["undo"]
    lanes = _seen(after[lane["carer_id"]], after[best["carer_id"]])
    back = _move(planner, visit["id"], undo["to_carer_id"], lanes, start_at=undo["start_at"])
    assert back.status == 200, back.content
    assert visit["id"] in {v["id"] for v in _board(planner)[lane["carer_id"]]["visits"]}


def test_both_tablets_are_told_why(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)
    target = _board(planner)[best["carer_id"]]
    assert _move(planner, visit["id"], best["carer_id"], _seen(lane, target), reason="Mette er syg").status == 200

    losing = office.signed_in(lane["carer_id"]).get("/api/v1/me/day").json["route"]["changes"][-1]
    gaining = office.signed_in(best["carer_id"]).get("/api/v1/me/day").json["route"]
    assert (losing["reason"], losing["came"], len(losing["left"])) == ("Mette er syg", [], 1)
    assert (gaining["changes"][-1]["reason"], len(gaining["changes"][-1]["came"])) == ("Mette er syg", 1)
    assert next(s for s in gaining["stops"] if s["visit_id"] == visit["id"])["why"] == "Mette er syg"


def test_taken_off_a_route_a_visit_waits_among_the_unallocated(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, _ = _movable(planner)

    moved = _move(planner, visit["id"], None, _seen(lane))

    assert moved.status == 200
    waiting = {v["id"]: v for v in moved.json["unallocated"]}
    assert waiting[visit["id"]]["reason"] == "Taget af en rute"
    assert visit["id"] in {v["id"] for v in planner.get("/api/v1/board").json["unallocated"]}


def test_a_move_on_old_versions_is_refused_with_what_the_other_planner_did(office: Platform) -> None:
    first, second = office.signed_in("planner"), office.signed_in("planner-2")
    visit, lane, (one, other) = _movable(first, 2)
    board = _board(second)
    assert (
        _move(first, visit["id"], one["carer_id"], _seen(lane, board[one["carer_id"]]), reason="Kirsten").status == 200
    )

    late = _move(second, visit["id"], other["carer_id"], _seen(lane, board[other["carer_id"]], board[one["carer_id"]]))

    assert (late.status, late.code) == (412, "route_stale")
    assert late.json["detail_da"] == "Ruten er ændret af en anden. Intet er gemt."
    assert late.json["current"]["last_change"]["reason"] == "Kirsten"
    assert {x["carer_id"] for x in late.json["current"]["lanes"]} >= {one["carer_id"]}
    assert visit["id"] in {v["id"] for v in _board(second)[one["carer_id"]]["visits"]}


def test_of_many_planners_at_once_exactly_one_wins_and_the_others_are_told(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, proposals = _movable(planner, 3)
    board = _board(planner)
    people = [office.signed_in(i) for i in ("planner", "planner-2", "planner")]
    together = Barrier(3)

    def move(person: Person, to: str) -> Answer:
        together.wait(10)
        return _move(person, visit["id"], to, _seen(lane, board[to], *[board[p["carer_id"]] for p in proposals]))

    with ThreadPoolExecutor(3) as pool:
        targets = [p["carer_id"] for p in proposals]
        answers = list(pool.map(move, people, targets))

    assert sorted(a.status for a in answers) == [200, 412, 412], [a.content for a in answers]
    winner = targets[[a.status for a in answers].index(200)]
    after = _board(planner)
    assert [c for c, x in after.items() if visit["id"] in {v["id"] for v in x["visits"]}] == [winner]
    assert after[lane["carer_id"]]["version"] == lane["version"] + 1


def test_a_move_without_reason_or_versions_is_refused_and_nothing_is_saved(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)
    target, before = _board(planner)[best["carer_id"]], _log_length(office)
    seen = _seen(lane, target)

    refused = [
        _move(planner, visit["id"], best["carer_id"], seen, reason=""),
        _move(planner, visit["id"], best["carer_id"], seen, reason=" \t"),
        _move(planner, visit["id"], best["carer_id"], ""),
        _move(planner, visit["id"], best["carer_id"], _seen(lane).replace(":", ";")),
        _move(planner, visit["id"], best["carer_id"], seen, reason="x" * 161),
    ]

    codes = ["reason_missing", "reason_missing", "versions_missing", "versions_missing", "invalid_input"]
    assert [(a.status, a.code) for a in refused] == [(422, code) for code in codes]
    assert _log_length(office) == before


@pytest.mark.parametrize("tag", ['"x:\u00b2"', '"x:' + "9" * 5_000 + '"', '"' * 50, ",,,", 'W/"x:1"', "*", '"x:-1"'])
def test_odd_versions_are_refused_like_missing_ones(office: Platform, tag: str) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)

    answer = _move(planner, visit["id"], best["carer_id"], tag.replace("x", lane["route_id"]))

    assert answer.status in (412, 422), answer.content
    assert answer.code in ("versions_missing", "route_stale")


def test_a_move_that_breaks_a_hard_rule_names_each_breach(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, target = _forbidden(planner, office)

    answer = _move(planner, visit["id"], target["carer_id"], _seen(lane, target))

    assert (answer.status, answer.code) == (422, "move_breaks_rule")
    assert answer.json["breaches"]
    assert all(b["title"] and b["text"] and b["code"] for b in answer.json["breaches"])
    assert visit["id"] in {v["id"] for v in _board(planner)[lane["carer_id"]]["visits"]}


def test_a_visit_that_has_begun_stays_where_it_is(office: Platform) -> None:
    planner = office.signed_in("planner")
    carer_id = office.fresh_carer()
    tablet = office.tablet(carer_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]["visit_id"]
    tablet.begin_visit(stop)
    board = _board(planner)
    other = next(x for c, x in board.items() if c != carer_id and x["unit_id"] == board[carer_id]["unit_id"])

    answer = _move(planner, stop, other["carer_id"], _seen(board[carer_id], other))

    assert (answer.status, answer.code) == (409, "visit_begun")
    assert planner.get(f"/api/v1/visits/{stop}/proposals").status == 409


def test_what_does_not_exist_is_not_told_apart_from_what_is_not_ones_own(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, _ = _movable(planner)

    assert planner.get("/api/v1/visits/no-such-visit").status == 403
    nobody = _move(planner, visit["id"], "no-such-carer", _seen(lane) + ', "2026-11-25.no-such-carer:0"')
    assert (nobody.status, nobody.code) == (404, "no_shift_today")


def test_a_board_that_has_not_changed_is_not_sent_again(office: Platform) -> None:
    planner = office.signed_in("planner")

    def unchanged() -> str | None:
        """Its tag, once what the tests before did has its place in the log."""
        tag = planner.get("/api/v1/board").headers["etag"]
        return tag if planner.get("/api/v1/board", If_None_Match=tag).status == 304 else None

    tag = eventually(unchanged)
    visit, lane, (best,) = _movable(planner)
    _move(planner, visit["id"], best["carer_id"], _seen(lane, _board(planner)[best["carer_id"]]))
    changed = planner.get("/api/v1/board", If_None_Match=tag)
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)


def _forbidden(planner: Person, office: Platform) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A visit and a carer whom a hard rule forbids it."""
    board = _board(planner)
    for lane in board.values():
        for visit in [v for v in lane["visits"] if v["state"] == "planned"]:
            for target in [x for x in board.values() if x is not lane]:
                body = {"to_carer_id": target["carer_id"], "preview": True}
                preview = planner.post(f"/api/v1/visits/{visit['id']}/move", body)
                if preview.status == 200 and not preview.json["allowed"]:
                    return visit, lane, target
    raise AssertionError(f"Expected a forbidden move among {len(board)} lanes of {office.day.name}, got none.")


def test_a_move_to_one_carer_is_refused_while_aid_or_carer_is_not_approved_and_says_why(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, lane, (best,) = _movable(planner)
    carer_id, lift = best["carer_id"], COMPETENCE_OF["lift"]
    with office.runtime.units.begin() as work:
        row = work.session.get_one(VisitRow, visit["id"])
        row.required_competences = [lift]
        citizen_id, unit_id = row.citizen_id, row.unit_id
        for held in work.session.exec(select(CompetenceRow).where(CompetenceRow.code == lift)).all():
            work.session.delete(held)
    mount(office.runtime, "late-lift", unit_id, citizen_id, in_residence=False)

    def refused() -> dict[str, str]:
        answer = _move(planner, visit["id"], carer_id, _seen(lane, _board(planner)[carer_id]))
        assert (answer.status, answer.code) == (422, "move_breaks_rule"), answer.content
        return {each["code"]: each["text"] for each in answer.json["breaches"]}

    assert "Vælg en anden." in refused()["missing_competence"]
    with office.runtime.units.begin() as work:
        work.session.add(CompetenceRow(carer_id=carer_id, code=lift))
        work.session.get_one(TransferDeviceRow, "late-lift").mounted_on -= timedelta(days=400)
    said = refused()
    assert set(said) == {"aid_not_approved"}
    due = re.search(r"hovedeftersyn senest (\d\d\.\d\d\.\d{4})", said["aid_not_approved"])
    assert due, said
    assert "Sæt to medarbejdere på" in said["aid_not_approved"]
    assert visit["id"] in {v["id"] for v in _board(planner)[lane["carer_id"]]["visits"]}, "it stays where it was"

    with office.runtime.units.begin() as work:
        work.session.get_one(TransferDeviceRow, "late-lift").mounted_on = local_day(work.now)
    assert _move(planner, visit["id"], carer_id, _seen(lane, _board(planner)[carer_id])).status == 200
