"""The board shows the day: windowed, reachable by keyboard, readable by axe, live."""

import base64
import re
from time import monotonic
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.office_steps import focused, open_board, sign_in_office
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser

LANES, VISITS = 400, 15
COUNT = "document.querySelectorAll('*').length"


def big_board() -> dict[str, Any]:
    """A day of 6,000 visits, as the API answers it."""

    def visit(lane: int, number: int) -> dict[str, Any]:
        minute = 5 * 60 + 10 + number * 32
        start, end = (f"2026-11-25T{m // 60:02d}:{m % 60:02d}:00Z" for m in (minute, minute + 20))
        return {
            "id": f"v{lane}-{number}",
            "short": str(lane * VISITS + number),
            "start_at": start,
            "end_at": end,
            "begun_at": None,
            "ended_at": None,
            "state": "late" if number == 3 and lane % 9 == 0 else "planned",
            "mode": "screen" if number == 4 else "physical",
            "double": number == 5,
            "pinned": False,
            "has_door": True,
            "delay_min": 14 if number == 3 and lane % 9 == 0 else 0,
        }

    return {
        "world": {"at": "2026-11-25T07:42:00Z", "speed": 1},
        "day": "2026-11-25",
        "position": 1,
        "units": [{"id": "u", "name": "Center Nord"}],
        "attention": {"late": 45},
        "unallocated": [],
        "lanes": [
            {
                "carer_id": f"c{lane}",
                "name": f"Medarbejder {lane}",
                "unit_id": "u",
                "shift": None,
                "transport": "bike",
                "route_id": f"r{lane}",
                "version": 1,
                "delivered_version": 1,
                "acknowledged_version": 1,
                "visits": [visit(lane, number) for number in range(VISITS)],
            }
            for lane in range(LANES)
        ],
    }


def open_big_board(page: Page, live: LiveServer) -> None:
    body = big_board()

    def answer(route: Route) -> None:
        route.fulfill(json=body, headers={"ETag": '"big"'})

    page.route("**/api/v1/board?*", answer)
    open_board(page, live)


def test_four_hundred_lanes_stay_below_2500_nodes_also_at_the_end_and_over_the_whole_day(
    morning: LiveServer, page: Page
) -> None:
    open_big_board(page, morning)
    assert page.evaluate(COUNT) < 2_500
    page.evaluate("document.getElementById('lanes').scrollTop = 1e6")
    expect(page.get_by_text(f"Medarbejder {LANES - 1}", exact=True)).to_be_visible()
    assert page.evaluate(COUNT) < 2_500
    page.get_by_role("button", name="Hele dagen").click()
    expect(page.locator(f'[data-visit="v{LANES - 1}-{VISITS - 1}"]')).to_be_visible()
    assert page.evaluate(COUNT) < 2_500


def test_a_focused_row_is_never_unmounted_by_scrolling(morning: LiveServer, page: Page) -> None:
    open_big_board(page, morning)
    page.locator('[data-visit="v2-5"]').focus()
    page.evaluate("document.getElementById('lanes').scrollTop = 1e6")
    expect(page.get_by_text(f"Medarbejder {LANES - 1}", exact=True)).to_be_visible()
    assert page.evaluate("document.activeElement.dataset.visit") == "v2-5"


def test_rows_tell_their_true_place_and_the_grid_is_one_tab_stop(morning: LiveServer, page: Page) -> None:
    open_big_board(page, morning)
    grid = page.get_by_role("grid")
    # the axis, the unallocated lane, the unit and its lanes
    expect(grid).to_have_attribute("aria-rowcount", str(LANES + 3))
    row = page.locator('.row:has([data-visit="v2-5"])')
    expect(row).to_have_attribute("aria-rowindex", "6")
    page.locator('[data-visit="v2-5"]').focus()
    expect(grid.locator('[tabindex="0"]')).to_have_count(1)


def test_arrows_walk_and_p_finds_the_next_problem(morning: LiveServer, page: Page) -> None:
    open_big_board(page, morning)
    page.locator('[data-visit="v1-5"]').focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.visit") == "v1-6"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.visit") == "v2-6"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.visit") == f"v2-{VISITS - 1}"
    page.keyboard.press("p")
    assert page.evaluate("document.activeElement.dataset.visit") == "v9-3"
    assert focused(page).endswith("forsinket, 14 minutter")


def test_single_keys_do_nothing_outside_the_grid(morning: LiveServer, page: Page) -> None:
    open_big_board(page, morning)
    search = page.get_by_role("searchbox")
    search.focus()
    page.keyboard.type("Medarbejder 37")
    expect(search).to_have_value("Medarbejder 37")
    expect(page.locator("#move-dialog")).to_be_hidden()
    expect(page.locator(".lane")).to_have_count(11)


def test_a_chip_leaves_only_the_lanes_it_counts(morning: LiveServer, page: Page) -> None:
    open_big_board(page, morning)
    page.get_by_role("button", name="Forsinket 45").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(45 + 3))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_board_panel_and_dialog(morning: LiveServer, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_board(page, morning)
    page.locator(".lane .bar.s-planned").first.click()
    expect(page.locator(".fact-list")).to_be_visible()
    expect(page.get_by_text("Beregner forslag")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("m")
    expect(page.locator("#move-dialog")).to_be_visible()
    assert violations(page) == []


FIRST_PLANNED = """lanes => lanes
    .map((lane) => [lane.closest("[data-row]").dataset.row, lane.querySelector(".bar.s-planned")?.dataset.visit])
    .filter(([row, visit]) => row.startsWith("l:") && visit)
    .slice(0, 3)"""


def test_a_begun_visit_is_seen_on_the_board_within_a_second(morning: LiveServer, page: Page, browser: Browser) -> None:
    open_board(page, morning)
    expect(page.locator("#live")).to_have_text("Live")
    took_s = []
    for row, visit_id in page.locator(".lane").evaluate_all(FIRST_PLANNED):
        tablet = browser.new_context()
        sign_in_office(tablet.new_page(), morning, row.removeprefix("l:"), "tablet")
        api = f"{morning.url}/api/v1/me"
        started = tablet.request.post(f"{api}/shift/start", data={"place": "citizen", "holder_key": holder_key()})
        assert started.ok, started.text()
        begun = tablet.request.post(f"{api}/visits/{visit_id}/begin", data={})
        assert begun.ok, begun.text()
        answered_s = monotonic()
        expect(page.locator(f'.bar.s-begun[data-visit="{visit_id}"]')).to_be_visible()
        took_s.append(monotonic() - answered_s)
        tablet.close()
    # Of three the quickest: the others tell how busy this machine is.
    assert len(took_s) == 3
    assert min(took_s) < 1.0


def holder_key() -> str:
    """A fresh public point as a tablet sends it."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_no_page_for_another_role(morning: LiveServer, page: Page) -> None:
    sign_in_office(page, morning, "manager", "manager")
    answer = page.request.get(f"{morning.url}/planlaegger", max_redirects=0)
    assert answer.status in (303, 403)


def answered(page: Page, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the server says to one question of the page; the test changes it as the day goes on."""
    page.route(f"**/api/v1/{path}", lambda route: route.fulfill(json=body))
    return body


def look_again(page: Page) -> None:
    """The board is fetched anew, as it is with every event; nothing of the page is touched for it."""
    page.evaluate("document.getElementById('board-retry').click()")


def outlook_of(visit_id: str, percent: int) -> dict[str, Any]:
    return {
        "visit_id": visit_id,
        "short": visit_id.removeprefix("v"),
        "expected_at": "2026-11-25T08:30:00Z",
        "late_min": 0,
        "late_percent": percent,
        "latest_at": "2026-11-25T08:52:00Z",
    }


def test_breaks_and_ways_to_the_car_are_reached_by_arrows_and_say_what_they_are(
    morning: LiveServer, page: Page
) -> None:
    body = big_board()
    body["lanes"][2]["asides"] = [
        {"kind": "fetch", "start_at": "2026-11-25T05:00:00Z", "end_at": "2026-11-25T05:07:00Z", "fits": True},
        {"kind": "break", "start_at": "2026-11-25T08:11:00Z", "end_at": "2026-11-25T08:20:00Z", "fits": True},
        {"kind": "break", "start_at": "2026-11-25T09:00:00Z", "end_at": "2026-11-25T09:30:00Z", "fits": False},
    ]
    answered(page, "board?*", body)
    open_board(page, morning)
    page.locator('[data-visit="v2-5"]').focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Pause, 09:11 til 09:20"
    page.keyboard.press("m")
    expect(page.locator("#move-dialog")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-body h2")).to_have_text("Medarbejder 2")
    expect(page.locator("#panel-body .asides")).to_contain_text("Hent bil, 06:00 til 06:07")
    expect(page.get_by_role("gridcell", name="Pause, 10:00 til 10:30, ruten har ikke plads til den")).to_be_visible()
    assert violations(page) == []


def test_a_fragile_visit_has_a_torn_edge_words_and_an_explanation(morning: LiveServer, page: Page) -> None:
    answered(page, "foresight?*", {"routes": [], "visits": [outlook_of("v1-6", 27)]})
    open_big_board(page, morning)
    bar = page.locator('[data-visit="v1-6"]')
    expect(bar.locator(".teeth")).to_be_visible()
    expect(bar).to_have_accessible_name(re.compile("skrøbeligt: for sent i 27 af 100 sådanne dage"))
    expect(page.locator(".legend")).to_contain_text("Skrøbeligt")
    page.get_by_role("button", name="Skrøbelige 1").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "4")
    bar.click()
    expect(page.locator(".fragile-why")).to_contain_text("gennemspillet 200 gange: i 27 af 100")
    expect(page.locator(".fragile-why")).to_contain_text("først kl. 09:52")
    assert violations(page) == []


def test_what_is_opened_typed_and_focused_beside_the_board_outlives_every_fetch(
    morning: LiveServer, page: Page
) -> None:
    def alarm(number: int) -> dict[str, Any]:
        at = f"2026-11-25T07:{number:02d}:00Z"
        words = {"reason_text": "Fald", "carer_name": "Mette", "requested_at": at, "opened_at": None}
        return {"emergency_id": f"e{number}", "citizen_short": 100 + number, **words}

    def task(number: int) -> dict[str, Any]:
        facts = {"text": f"Opgave {number}", "kind": "call_back", "state": "open", "visit_id": None}
        return {"task_id": f"t{number}", "raised_at": "2026-11-25T07:00:00Z", **facts}

    alarms = answered(page, "emergencies", {"waiting": [alarm(1)]})
    tasks = answered(page, "tasks", {"tasks": [task(1)]})
    open_big_board(page, morning)
    page.locator("#emergencies summary").click()
    page.locator("#emergencies textarea").fill("Ringet til")
    alarms["waiting"].insert(0, alarm(2))
    tasks["tasks"].insert(0, task(2))
    look_again(page)
    expect(page.locator("#emergencies li")).to_have_count(2)
    expect(page.locator("#tasks li")).to_have_count(2)
    expect(page.locator("#note-e1")).to_be_focused()
    page.keyboard.type(" lægen")
    expect(page.locator("#note-e1")).to_have_value("Ringet til lægen")

    # what is said of it changes under the hand: text and place go over
    alarms["waiting"][1] = alarm(1) | {"opened_at": "2026-11-25T07:05:00Z"}
    look_again(page)
    expect(page.locator("#emergencies")).to_contain_text("Døren er låst op")
    expect(page.locator("#note-e1")).to_be_focused()
    expect(page.locator("#note-e1")).to_have_value("Ringet til lægen")


def test_the_panel_follows_its_visit_without_shutting_what_was_opened_in_it(morning: LiveServer, page: Page) -> None:
    body = big_board()
    answered(page, "board?*", body)
    answered(page, "visits/v1-6/why", {"sentences": ["Du kender borgeren"], "not_possible": []})
    open_board(page, morning)
    page.locator('[data-visit="v1-6"]').click()
    page.locator("details.why summary").click()
    page.locator("details.why select").focus()
    body["lanes"][1]["visits"][6] |= {"state": "begun", "begun_at": "2026-11-25T08:25:00Z"}
    look_again(page)
    expect(page.locator("#panel-body .tags")).to_contain_text("I gang")
    expect(page.locator("details.why select")).to_be_focused()
    expect(page.locator("details.why")).to_have_attribute("open", "")
    expect(page.locator("#panel-body > .proposals")).to_have_count(0)


def test_a_route_opened_on_a_phone_stays_open_where_it_was(morning: LiveServer, page: Page) -> None:
    body = big_board()
    answered(page, "board?*", body)
    sign_in_office(page, morning, "planner", "planner")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{morning.url}/planlaegger")
    route = page.locator("#phone details").filter(has_text="Medarbejder 7")
    route.locator("summary").click()
    expect(route.locator(".visit")).to_have_count(VISITS)
    body["lanes"][7]["visits"][0]["state"] = "begun"
    look_again(page)
    expect(route.locator(".visit").first).to_contain_text("I gang")
    expect(route.locator("summary")).to_be_focused()
    expect(route).to_have_attribute("open", "")
