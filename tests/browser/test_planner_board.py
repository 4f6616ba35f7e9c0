"""The board shows the day: windowed, reachable by keyboard, readable by axe, live."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, Route, expect

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
    live_server: LiveServer, page: Page
) -> None:
    open_big_board(page, live_server)
    assert page.evaluate(COUNT) < 2_500
    page.evaluate("document.getElementById('lanes').scrollTop = 1e6")
    expect(page.get_by_text(f"Medarbejder {LANES - 1}", exact=True)).to_be_visible()
    assert page.evaluate(COUNT) < 2_500
    page.get_by_role("button", name="Hele dagen").click()
    expect(page.locator(f'[data-visit="v{LANES - 1}-{VISITS - 1}"]')).to_be_visible()
    assert page.evaluate(COUNT) < 2_500


def test_a_focused_row_is_never_unmounted_by_scrolling(live_server: LiveServer, page: Page) -> None:
    open_big_board(page, live_server)
    page.locator('[data-visit="v2-5"]').focus()
    page.evaluate("document.getElementById('lanes').scrollTop = 1e6")
    expect(page.get_by_text(f"Medarbejder {LANES - 1}", exact=True)).to_be_visible()
    assert page.evaluate("document.activeElement.dataset.visit") == "v2-5"


def test_rows_tell_their_true_place_and_the_grid_is_one_tab_stop(live_server: LiveServer, page: Page) -> None:
    open_big_board(page, live_server)
    grid = page.get_by_role("grid")
    # the axis, the unallocated lane, the unit and its lanes
    expect(grid).to_have_attribute("aria-rowcount", str(LANES + 3))
    row = page.locator('.row:has([data-visit="v2-5"])')
    expect(row).to_have_attribute("aria-rowindex", "6")
    page.locator('[data-visit="v2-5"]').focus()
    expect(grid.locator('[tabindex="0"]')).to_have_count(1)


def test_arrows_walk_and_p_finds_the_next_problem(live_server: LiveServer, page: Page) -> None:
    open_big_board(page, live_server)
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


def test_single_keys_do_nothing_outside_the_grid(live_server: LiveServer, page: Page) -> None:
    open_big_board(page, live_server)
    search = page.get_by_role("searchbox")
    search.focus()
    page.keyboard.type("Medarbejder 37")
    expect(search).to_have_value("Medarbejder 37")
    expect(page.locator("#move-dialog")).to_be_hidden()
    expect(page.locator(".lane")).to_have_count(11)


def test_a_chip_leaves_only_the_lanes_it_counts(live_server: LiveServer, page: Page) -> None:
    open_big_board(page, live_server)
    page.get_by_role("button", name="Forsinket 45").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(45 + 3))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_board_panel_and_dialog(live_server: LiveServer, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_board(page, live_server)
    page.locator(".lane .bar.s-planned").first.click()
    expect(page.locator(".fact-list")).to_be_visible()
    expect(page.get_by_text("Beregner forslag")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("m")
    expect(page.locator("#move-dialog")).to_be_visible()
    assert violations(page) == []


def test_a_begun_visit_is_seen_on_the_board_within_a_second(live_server: LiveServer, page: Page) -> None:
    open_board(page, live_server)
    expect(page.locator("#live")).to_have_text("Live")
    bar = page.locator(".lane .bar.s-planned").first
    visit_id = bar.get_attribute("data-visit")
    carer_id = str(bar.evaluate("node => node.closest('[data-row]').dataset.row")).removeprefix("l:")
    tablet = page.context.browser
    assert tablet is not None
    other = tablet.new_context()
    sign_in_office(other.new_page(), live_server, carer_id, "tablet")
    begun = other.request.post(f"{live_server.url}/api/v1/me/visits/{visit_id}/begin", data={})
    if begun.status == 409:  # a visit needs a shift
        started = other.request.post(
            f"{live_server.url}/api/v1/me/shift/start", data={"place": "citizen", "holder_key": holder_key()}
        )
        assert started.ok, started.text()
        begun = other.request.post(f"{live_server.url}/api/v1/me/visits/{visit_id}/begin", data={})
    assert begun.ok, begun.text()
    expect(page.locator(f'.bar.s-begun[data-visit="{visit_id}"]')).to_be_visible(timeout=1_000)
    other.close()


def holder_key() -> str:
    """A fresh public point as a tablet sends it."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_no_page_for_another_role(live_server: LiveServer, page: Page) -> None:
    sign_in_office(page, live_server, "manager", "manager")
    answer = page.request.get(f"{live_server.url}/planlaegger", max_redirects=0)
    assert answer.status in (303, 403)
