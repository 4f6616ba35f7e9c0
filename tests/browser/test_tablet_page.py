"""The tablet's page in every state: reachable, large enough, not too wide, readable in both themes."""

from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from kernel.localtime import clock_text
from scheduling import publishing
from scheduling.register.tables import UnitRow
from scheduling.tables import ShiftRow
from tests.browser.tablet_steps import (
    at_the_first_door,
    current_visit,
    route,
    sign_in,
    to_the_first_stop,
    too_small,
    too_wide_px,
    violations,
)
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser
SIZES = {"tablet": (800, 1280), "phone": (390, 844), "narrow": (320, 640)}


def open_context(browser: Browser, size: tuple[int, int]) -> BrowserContext:
    # the checker of accessibility is put into the page, which the pages' own policy rightly forbids
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="da-DK",
        timezone_id="Europe/Copenhagen",
        bypass_csp=True,
    )


def found_in(page: Page, state: str) -> list[str]:
    """Everything a page does wrong in a state, by day and by night."""
    wrong = [f"{state}: {found}" for found in _that_stay_when_scrolled(page)]
    page.emulate_media(color_scheme="dark")
    wrong += [f"{state}, dark: {found}" for found in _that_stay_when_scrolled(page)]
    page.emulate_media(color_scheme="light")
    if too_wide_px(page) > 0:
        wrong.append(f"{state}: {too_wide_px(page)} px too wide")
    return wrong + [f"{state}: too small: {target}" for target in too_small(page)]


def _that_stay_when_scrolled(page: Page) -> list[str]:
    """What axe has against the page; a target half under the bar at the bottom counts if scrolling leaves it there."""
    found = violations(page)
    if not any(one.startswith("target-size") for one in found):
        return found
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    at_the_end = violations(page)
    page.evaluate("window.scrollTo(0, 0)")
    return [one for one in found if not one.startswith("target-size") or one in at_the_end]


@pytest.mark.parametrize("size", SIZES)
def test_no_state_of_the_tablet_has_a_barrier(streets: LiveServer, browser: Browser, size: str) -> None:
    context = open_context(browser, SIZES[size])
    page = context.new_page()
    carer_id = to_the_first_stop(streets)
    wrong: list[str] = []

    page.goto(f"{streets.url}/tablet")
    expect(page.locator(".person").first).to_be_visible()
    wrong += found_in(page, "sign in")
    sign_in(page, streets, carer_id)
    expect(page.get_by_role("button", name="Start vagt")).to_be_visible()
    wrong += found_in(page, "shift planned")
    page.get_by_role("button", name="Start vagt").click()
    wrong += found_in(page, "where")
    page.get_by_role("button", name="Hos borger").click()
    expect(page.get_by_role("button", name="Lås op")).to_be_visible()
    wrong += found_in(page, "ready")
    page.get_by_role("button", name="Mere").click()
    wrong += found_in(page, "more")
    page.get_by_role("button", name="Tilbage").click()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("button", name="Mørkt")).to_be_visible()
    wrong += found_in(page, "menu")
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    page.get_by_role("button", name="Lås op").click()
    expect(page.locator("[data-state=expired]")).to_be_visible()
    expect(page.get_by_text("Ingen net siden")).to_be_visible()
    wrong += found_in(page, "expired, offline")
    page.context.set_offline(False)
    page.get_by_role("button", name="Prøv igen").click()
    expect(page.locator("[data-state=unlocked]")).to_be_visible()
    expect(page.get_by_text("Besøget er startet.")).to_be_visible()
    wrong += found_in(page, "unlocked")
    page.get_by_role("button", name="Gå til opgaver").click()
    page.get_by_role("button", name="Afslut besøg").click()
    wrong += found_in(page, "outcome")
    page.get_by_role("button", name="Borgeren ville ikke").click()
    wrong += found_in(page, "note")
    page.get_by_role("button", name="Afslut besøg").click()
    page.locator("summary").click()
    wrong += found_in(page, "ended")
    context.close()

    assert wrong == []


@pytest.mark.parametrize("state", ["sent", "slow", "unknown", "refused", "jammed", "expired"])
def test_no_state_of_a_door_has_a_barrier(streets: LiveServer, browser: Browser, state: str) -> None:
    context = open_context(browser, SIZES["narrow"])
    page = context.new_page()
    at_the_first_door(page, streets)
    opening = settled(current_visit(page), state)
    if state in ("sent", "slow"):
        # the lock's challenge is real; its answer never comes
        page.route("**/api/v1/openings/**", never_answered)
    else:
        page.route("**/openings", lambda asked: asked.fulfill(status=201, json={"opening": opening}))
    headings = {
        "sent": "Sendt – vent",
        "slow": "Sendt – låsen er længe om at svare",
        "unknown": "Ukendt: låsen svarer ikke",
        "refused": "Afvist – uden for besøgets tid",
        "jammed": "Låsen sidder fast",
        "expired": "Nåede ikke låsen i tide",
    }

    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_role("heading", name=headings[state])).to_be_visible(timeout=8000)
    urgent = page.locator(".door").get_by_role("alert")
    expect(urgent).to_have_count(1 if state in ("unknown", "refused", "jammed") else 0)
    assert found_in(page, state) == []
    context.close()


def test_a_changed_route_says_why_and_what_came_and_left_until_it_is_acknowledged(
    streets: LiveServer, page: Page
) -> None:
    carer_id = at_the_first_door(page, streets)
    moved = move_a_visit_away(streets, carer_id)

    banner = page.get_by_role("region", name="Beskeder")
    expect(banner).to_contain_text("Ruten er ændret")
    expect(banner).to_contain_text("Taget af:")
    expect(banner).to_contain_text(moved)
    page.reload()
    expect(banner).to_contain_text("Taget af:")
    version = route(streets, carer_id).version
    assert route(streets, carer_id).acknowledged_version < version
    with page.expect_response(lambda answer: answer.url.endswith("/acknowledgement") and answer.ok):
        banner.get_by_role("button", name="Set").click()

    expect(banner).not_to_contain_text("Ruten er ændret")
    assert route(streets, carer_id).acknowledged_version == version


def test_a_break_and_the_car_to_fetch_stand_in_the_day_where_they_come(streets: LiveServer, page: Page) -> None:
    carer_id = to_the_first_stop(streets)
    with streets.runtime.units.begin() as work:
        shift = work.session.get_one(ShiftRow, f"{streets.day.on.isoformat()}.{carer_id}")
        unit = work.session.get_one(UnitRow, shift.unit_id)
        latest = shift.planned_end_at - timedelta(minutes=31)
        earliest = publishing.stops_of(work.session, carer_id, streets.day.on)[0].end_at
        assert earliest is not None
        shift.terms = {
            "breaks": [[earliest.isoformat(), latest.isoformat(), 1800.0]],
            "vehicle": {"place": unit.base, "reached_by": "bike"},
        }
        work.session.add(shift)
    page.set_viewport_size({"width": 800, "height": 1280})
    sign_in(page, streets, carer_id)
    expect(page.locator(".before .aside")).to_contain_text("Hent bil")
    ahead = page.locator("ol.route .aside")
    expect(ahead.filter(has_text="Pause")).to_contain_text("–")
    expect(ahead.last).to_contain_text("Aflever bil")
    assert found_in(page, "asides") == []


def test_reading_the_route_on_the_tablet_counts_as_its_delivery(streets: LiveServer, page: Page) -> None:
    carer_id = streets.carer_with_door_first()
    assert route(streets, carer_id).delivered_version == 0

    sign_in(page, streets, carer_id)
    expect(page.get_by_role("button", name="Start vagt")).to_be_visible()

    assert route(streets, carer_id).delivered_version == route(streets, carer_id).version


def test_a_tablet_without_the_key_of_the_shift_says_so(streets: LiveServer, browser: Browser, page: Page) -> None:
    carer_id = at_the_first_door(page, streets)
    other = browser.new_context(locale="da-DK", viewport={"width": 800, "height": 1280})

    second = other.new_page()
    sign_in(second, streets, carer_id)

    expect(second.get_by_text("Denne tablet har ikke vagtens nøgle.")).to_be_visible()
    expect(page.get_by_text("Denne tablet har ikke vagtens nøgle.")).not_to_be_visible()
    other.close()


def test_the_theme_and_the_language_chosen_stay(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Mørkt").click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Unlock")).to_be_visible()

    page.reload()

    expect(page.get_by_role("button", name="Unlock")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 21, 20)"
    assert page.evaluate("document.documentElement.lang") == "en"


def test_signing_out_leaves_no_name_on_the_tablet(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Log ud").click()

    expect(page.get_by_role("heading", name="Log ind på tabletten")).to_be_visible()
    kept = page.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open("omsorgstid-tablet").onsuccess = (event) => {
                const asked = event.target.result.transaction("kept").objectStore("kept").getAllKeys();
                asked.onsuccess = () => resolve(asked.result);
            };
        })"""
    )
    assert [key for key in kept if key != "touched-at"] == []


def test_the_clock_on_the_tablet_is_the_world_s(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)

    expect(page.locator("#clock")).to_have_text(clock_text(streets.clock.now()))


def test_the_pages_run_under_their_own_policy_without_a_complaint(streets: LiveServer, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    at_the_first_door(page, streets)
    page.get_by_role("button", name="Lås op").click()
    expect(page.get_by_text("Besøget er startet.")).to_be_visible()

    assert complaints == []


def never_answered(asked: Route) -> None:
    """The command has gone; the lock says nothing."""
    opening_id = asked.request.url.split("/openings/")[1].split("/")[0]
    asked.fulfill(json={"opening": settled("a-visit", "sent") | {"id": opening_id}})


def settled(visit_id: str, state: str) -> dict[str, object]:
    """An opening as the server tells of it."""
    return {
        "id": "an-opening",
        "door_id": "a-door",
        "visit_id": visit_id,
        "lock_id": "a-lock",
        "state": state,
        "code": "outside_visit_window" if state == "refused" else None,
        "title": "Afvist – uden for besøgets tid" if state == "refused" else "",
        "text": "Døren kan åbnes fra 12:15 til 14:30. Døren er stadig låst." if state == "refused" else "",
        "late": False,
        "requested_at": "2026-11-25T06:00:00Z",
        "settled_at": None if state in ("sent", "slow") else "2026-11-25T06:00:04Z",
        "nonce": None,
        "op": "open",
        "observation": None,
    }


def move_a_visit_away(live: LiveServer, carer_id: str) -> str:
    """A planner moves the carer's last visit to whoever may have it. Returns the citizen's name."""
    with live.runtime.database.reading() as session:
        visit_id = publishing.stops_of(session, carer_id, live.day.on)[-1].id
    with httpx.Client(base_url=live.url, headers={"X-Surface": "planner"}) as client:
        people = client.get("/api/v1/demo/identities").json()
        planners = [person for person in people if person["role"] == "planner"]
        for planner in planners:
            client.post("/api/v1/session", json={"identity": planner["identity"], "pin": planner["pin"]})
            lanes = client.get("/api/v1/board", params={"day": live.day.on.isoformat()}).json()["lanes"]
            routes = {lane["carer_id"]: f'"{lane["route_id"]}:{lane["version"]}"' for lane in lanes}
            if carer_id in routes:
                break
        who = client.get(f"/api/v1/visits/{visit_id}").json()["citizen_name"]
        for other in sorted(routes.keys() - {carer_id}):
            answer = client.post(
                f"/api/v1/visits/{visit_id}/move",
                json={"to_carer_id": other, "start_at": None, "reason": "illness", "preview": False},
                headers={"If-Match": f"{routes[carer_id]}, {routes[other]}"},
            )
            if answer.status_code == 200:
                return str(who)
    raise LookupError("Expected somebody who may take the visit, got nobody.")
