"""Moving a visit: by keyboard, by pointer, against a rule, against another planner, and back again; planning days."""

import json
from datetime import date, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from gateway.web.assets import assets
from gateway.wire import iso
from kernel.localtime import at_local, local_day
from scheduling.tables import VisitRow
from tests.browser.office_steps import focused, open_board
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def stored(live: LiveServer, visit_id: str) -> VisitRow:
    with live.runtime.database.reading() as session:
        row = session.get(VisitRow, visit_id)
        assert row is not None
        session.expunge(row)
        return row


def movable(page: Page, live: LiveServer) -> tuple[str, str, str]:
    """A visit, a carer who can take it by the server's own proposal, and that carer's name."""
    for bar in page.locator(".lane .bar.s-planned").all():
        visit_id = str(bar.get_attribute("data-visit"))
        answer = page.request.get(
            f"{live.url}/api/v1/visits/{visit_id}/proposals", headers={"X-Surface": "planner"}
        ).json()
        others = [p for p in answer["proposals"] if p["carer_id"] != stored(live, visit_id).carer_id]
        if others:
            return visit_id, str(others[0]["carer_id"]), str(others[0]["carer_name"])
    raise LookupError("Expected a visit that somebody else could take, got none.")


def move_by_keyboard(page: Page, visit_id: str, carer_name: str) -> None:
    page.locator(f'[data-visit="{visit_id}"]').focus()
    page.keyboard.press("m")
    expect(page.locator("#move-carer")).to_be_focused()
    page.keyboard.type(carer_name)
    page.locator("#move-start").fill("")
    expect(page.locator("#move-submit")).to_be_enabled()
    page.keyboard.press("Enter")


def test_a_visit_is_moved_and_taken_back_without_a_pointer(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    visit_id, carer_id, carer_name = movable(page, morning)
    before = stored(morning, visit_id).carer_id
    move_by_keyboard(page, visit_id, carer_name)
    expect(page.locator("#undo-words")).to_contain_text("flyttet til")
    expect(page.locator("#undo-words")).to_contain_text("Tabletten har ikke kvitteret endnu.")
    assert stored(morning, visit_id).carer_id == carer_id
    expect(page.locator(f'[data-row="l:{carer_id}"] [data-visit="{visit_id}"]')).to_be_focused()
    assert focused(page).startswith("Borger ")
    page.keyboard.press("Control+z")
    expect(page.locator("#undo-words")).to_contain_text("Fortrudt")
    assert stored(morning, visit_id).carer_id == before


def test_a_proposal_is_confirmed_with_one_button(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    visit_id, carer_id, _ = movable(page, morning)
    page.locator(f'[data-visit="{visit_id}"]').click()
    expect(page.locator(".proposal.chosen")).to_have_count(1)
    card = page.locator(".proposal").first
    expect(card).to_contain_text("Forslag 1")
    card.get_by_role("button", name="Bekræft og send").click()
    expect(page.locator("#undo-bar")).to_be_visible()
    assert stored(morning, visit_id).carer_id == carer_id


def test_escape_lets_go_of_a_dragged_visit_and_a_drop_asks_before_it_saves(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    visit_id, carer_id, _ = movable(page, morning)
    before = stored(morning, visit_id).carer_id
    bar = page.locator(f'[data-visit="{visit_id}"]')
    target = page.locator(f'[data-row="l:{carer_id}"] .track')

    def drag_over_target() -> None:
        start, end = bar.bounding_box(), target.bounding_box()
        assert start is not None
        assert end is not None
        page.mouse.move(start["x"] + 8, start["y"] + 10)
        page.mouse.down()
        page.mouse.move(start["x"] + 10, end["y"] + 20, steps=6)
        expect(page.locator(".ghost-says")).to_contain_text("min")

    drag_over_target()
    page.keyboard.press("Escape")
    expect(page.locator(".ghost")).to_have_count(0)
    page.mouse.up()
    expect(page.locator("#move-dialog")).to_be_hidden()
    drag_over_target()
    page.mouse.up()
    expect(page.locator("#move-dialog")).to_be_visible()
    assert stored(morning, visit_id).carer_id == before


def test_an_impossible_move_says_why_and_cannot_be_pressed(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    visit_id, _, carer_name = movable(page, morning)
    page.locator(f'[data-visit="{visit_id}"]').focus()
    page.keyboard.press("m")
    page.locator("#move-carer").fill(carer_name)
    page.locator("#move-start").fill("03:00")
    expect(page.locator("#move-verdict")).to_contain_text("Kan ikke:")
    expect(page.locator("#move-submit")).to_be_disabled()
    page.locator("#move-start").fill("kl. ti")
    expect(page.locator("#move-verdict")).to_contain_text("Skriv tiden som tt:mm")
    page.locator("#move-start").fill("")
    page.locator("#move-carer").fill("Ingen Sådan")
    expect(page.locator("#move-verdict")).to_contain_text("Der er ingen medarbejder på brættet")


def test_a_time_typed_for_a_night_shift_is_in_that_night(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    nights = {
        "2026-11-29": [("23:15", "22:15"), ("00:30", "23:30"), ("07:10", "06:10"), ("22:00", "21:00")],
        "2026-10-24": [("01:30", "23:30"), ("03:30", "02:30")],
        "2027-03-27": [("01:30", "00:30"), ("03:30", "01:30")],
    }
    for day, times in nights.items():
        midnight = at_local(date.fromisoformat(day) + timedelta(days=1), time())
        shift = {
            "planned_start_at": iso(midnight - timedelta(minutes=75)),
            "planned_end_at": iso(at_local(local_day(midnight), time(7, 15))),
        }
        found = page.evaluate(
            """async ([prefix, day, shift, texts]) => {
                const { instantOnDuty } = await import(prefix + "planner/text.js");
                return texts.map((text) => new Date(instantOnDuty(day, text, shift)).toISOString().slice(11, 16));
            }""",
            [assets().url(""), day, shift, [text for text, _ in times]],
        )
        assert found == [utc for _, utc in times], day


def test_two_planners_never_lose_each_others_change(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    visit_id, carer_id, carer_name = movable(page, morning)
    page.locator(f'[data-visit="{visit_id}"]').focus()
    page.keyboard.press("m")
    page.locator("#move-carer").fill(carer_name)
    page.locator("#move-start").fill("")
    expect(page.locator("#move-submit")).to_be_enabled()

    browser = page.context.browser
    assert browser is not None
    other = browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen")
    theirs = other.new_page()
    open_board(theirs, morning, "planner-2")
    move_by_keyboard(theirs, visit_id, carer_name)
    expect(theirs.locator("#undo-bar")).to_be_visible()

    page.locator("#move-submit").click()
    clash = page.locator("#clash-dialog")
    expect(clash).to_be_visible()
    expect(clash).to_contain_text("Ruten er ændret af en anden")
    expect(clash).to_contain_text("Den andens ændring (version")
    expect(page.locator("#clash-mine")).to_contain_text(carer_name)
    expect(page.get_by_role("button", name="Drop min ændring")).to_be_visible()
    page.get_by_role("button", name="Drop min ændring").click()
    expect(clash).to_be_hidden()
    assert stored(morning, visit_id).carer_id == carer_id
    other.close()


def test_a_day_is_planned_as_a_job_with_progress(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    page.get_by_role("button", name="Lav plan").click()
    page.locator("#plan-start").click()
    expect(page.locator("#plan-words")).to_contain_text("Planen er lavet og vist på brættet.", timeout=60_000)


def test_all_units_are_planned_in_one_act_that_can_be_stopped_and_says_what_came_of_it(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    page.get_by_role("button", name="Lav plan").click()
    page.locator("#plan-unit").select_option(value="")
    expect(page.locator("#plan-about")).to_contain_text("Alle ruter lægges på samtidig eller slet ikke")

    # so many moves that it is still at work when it is stopped
    page.route("**/api/v1/jobs", lambda route: route.continue_(post_data=with_moves(route, 200_000_000)))
    page.locator("#plan-start").click()
    expect(page.locator("#plan-progress")).to_be_visible()
    page.locator("#plan-stop").click()
    expect(page.locator("#plan-words")).to_have_text("Stoppet. Ruterne er ikke ændret.", timeout=60_000)

    page.unroute("**/api/v1/jobs")
    page.locator("#plan-start").click()
    expect(page.locator("#plan-words")).to_contain_text("besøg er på ruter.", timeout=60_000)
    assert violations(page) == []


def with_moves(route: Route, moves: int) -> str | None:
    """A request for a job with its effort given; other requests as they are."""
    body = route.request.post_data_json if route.request.method == "POST" else None
    return json.dumps(body | {"moves": moves}) if body else None


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (
            {"state": "running", "progress_ratio": 0.4, "result": {"rebased": True}},
            "Planlægger igen fra den nye dag: 40 %",
        ),
        (
            {
                "state": "done",
                "result": {"rebased": True, "visit_count": 80, "unallocated_count": 1, "district_count": 3},
            },
            "blev lavet igen",
        ),
        ({"state": "failed", "error_code": "plan_overtaken"}, "Dagen blev ændret to gange"),
        ({"state": "failed", "error_code": "internal"}, "kontakt Drift"),
    ],
    ids=["again", "rebased", "refused", "broken"],
)
def test_what_becomes_of_a_plan_is_said_in_words(
    morning: LiveServer, page: Page, job: dict[str, Any], words: str
) -> None:
    open_board(page, morning)
    day = page.locator("#board").get_attribute("data-day")
    begun = {"id": "j", "kind": "plan-all", "state": "running", "progress_ratio": 0.9, "cancel_requested": False}
    begun |= {"error_code": None, "unit_id": None, "day": day, "result": None}
    page.route("**/api/v1/jobs", lambda route: route.fulfill(json={"jobs": [begun]}))
    page.route("**/api/v1/jobs/j", lambda route: route.fulfill(json={"job": begun | job}))
    page.get_by_role("button", name="Lav plan").click()
    expect(page.locator("#plan-words")).to_contain_text(words)
