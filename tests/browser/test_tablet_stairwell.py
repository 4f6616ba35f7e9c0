"""A stairwell before the flat, on the tablet: one tap, two locks of two administrations, and how each stands."""

import html
import os
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, Route, expect

from devices.keys.model import Bolt
from scheduling import publishing
from scheduling.tables import VisitRow
from tests.browser.near_steps import lock_of, opened, out_of_reach, quarantined, switch_radio, until_held
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import (
    current_visit,
    has_code_doors,
    sign_in,
    start_shift,
    too_wide_px,
    violations,
    violations_in_both_schemes,
    visit,
)
from tests.browser.wire import Wire
from tests.conftest import SMALL, LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually
from tests.gateway.stairwells import Stairwell, build_stairwell, put_before
from tests.gateway.web import Person

pytestmark = pytest.mark.browser
_TAKEN: set[str] = set()


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A platform where every door has a lock; each test takes a carer of its own."""
    live = start_platform(tmp_path_factory.mktemp("stairwells"), replace(SMALL, locks=SMALL.citizens))
    yield live
    stop_platform(live)


@pytest.fixture
def wire(live_server: LiveServer) -> Iterator[Wire]:
    """The way from the tablet to the server."""
    with Wire(live_server.port) as carried:
        yield carried


@pytest.fixture
def stairs(live_server: LiveServer, wire: Wire, page: Page) -> Iterator[Stairwell]:
    """A carer at her first door; the housing company's stairwell lies before it."""
    carer_id = _fresh_carer(live_server)
    unit = next(str(c.unit_id) for c in live_server.day.carers if c.id == carer_id)
    near = live_server.__dict__["near"]
    built = build_stairwell(live_server.runtime, live_server.clock, near, unit, f"stairs-{carer_id}")
    stop = _first_stop(live_server, carer_id)
    assert stop is not None
    technician = Person(live_server.port)
    assert technician.sign_in("technician").status == 200
    put_before(technician, built, str(stop.door_id), live_server.runtime.issuer_key())
    technician.close()
    assert eventually(lambda: built.lock.trust_version == 1)
    sign_in(page, live_server, carer_id, wire.url)
    with page.expect_response(lambda answer: f"/ferry/{built.lock_id}" in answer.url):
        start_shift(page)  # what is carried for a lock comes last: from then on the tablet needs no network
    until_held(page)
    yield built
    built.stop()


def _first_stop(live: LiveServer, carer_id: str) -> VisitRow | None:
    with live.runtime.database.reading() as session:
        stops = publishing.stops_of(session, carer_id, live.day.on)
        session.expunge_all()
    return stops[0] if stops and stops[0].door_id is not None and stops[0].mode == "physical" else None


def _fresh_carer(live: LiveServer) -> str:
    """The carer whose first door is next, and nobody's yet; the world moves on to her visit."""
    firsts = [(stop, str(c.id)) for c in live.day.carers if (stop := _first_stop(live, c.id)) is not None]
    waiting = [(s.start_at or s.window_open_at, carer) for s, carer in firsts if s.state == "planned"]
    start_at, carer_id = min(w for w in waiting if w[1] not in _TAKEN)
    _TAKEN.add(carer_id)
    live.clock.advance_to(max(live.clock.now(), start_at))
    return carer_id


def bolts(live: LiveServer, stairs: Stairwell, lock_id: str) -> tuple[Bolt, Bolt]:
    return stairs.lock.bolt, live.fleet.locks[lock_id].bolt


def test_one_tap_opens_stairwell_and_flat_and_the_panel_says_how_each_stands(
    live_server: LiveServer, stairs: Stairwell, page: Page
) -> None:
    visit_id = current_visit(page)
    lock_id = lock_of(page, visit_id)

    page.get_by_role("button", name="Lås op").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel).to_contain_text("Opgang: låst op · Lejlighed: låst op")
    expect(panel.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    expect(panel).to_contain_text("Besøget er startet.")
    assert violations(page) == []
    assert bolts(live_server, stairs, lock_id) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    assert visit(live_server, visit_id).source == "device"


def test_a_stairwell_nobody_reaches_is_named_and_only_it_is_asked_again(
    live_server: LiveServer, stairs: Stairwell, page: Page
) -> None:
    lock_id = lock_of(page, current_visit(page))
    stairs.fleet.lose(stairs.lock_id)
    switch_radio(stairs.fleet, stairs.lock_id, on=False)

    page.get_by_role("button", name="Lås op").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel.get_by_role("heading", name="Opgangen er ikke låst op")).to_be_visible(timeout=9000)
    expect(panel).to_contain_text("Opgang: ikke nået · Lejlighed: låst op")
    assert violations(page) == []
    stairs.fleet.restore(stairs.lock_id)
    switch_radio(stairs.fleet, stairs.lock_id, on=True)
    page.get_by_role("button", name="Prøv igen").click()

    expect(panel).to_contain_text("Opgang: låst op · Lejlighed: låst op", timeout=9000)
    assert len(opened(live_server, lock_id)) == 1, "the flat was not asked again"


def test_a_lock_that_may_have_opened_gets_no_second_command(
    live_server: LiveServer, stairs: Stairwell, page: Page
) -> None:
    flat = lock_of(page, current_visit(page))
    out_of_reach(live_server, flat)
    page.route("**/proof", lambda route: lose_and_go_on(stairs, route))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or "") if "/openings" in request.url else None)
    page.get_by_role("button", name="Lås op").click()
    panel = page.locator("[data-state=expired]")
    expect(panel).to_contain_text("Opgang: ukendt · Lejlighed: ikke nået", timeout=15000)
    live_server.fleet.restore(flat)
    switch_radio(live_server.fleet, flat, on=True)
    page.unroute("**/proof")

    page.get_by_role("button", name="Prøv igen").click()

    expect(page.locator("[data-state=unlocked]")).to_contain_text("Lejlighed: låst op", timeout=9000)
    taps = [body for body in asked if "visit_id" in body]
    assert [stairs.lock_id in body for body in taps] == [False, False], "all of them first, then the flat alone"
    assert flat in taps[1]


def test_without_a_network_both_open_beside_the_tablet_and_both_logs_come_home(
    live_server: LiveServer, wire: Wire, stairs: Stairwell, page: Page
) -> None:
    visit_id = current_visit(page)
    lock_id = lock_of(page, visit_id)
    live_server.fleet.lose(lock_id)
    stairs.fleet.lose(stairs.lock_id)
    wire.cut()

    page.get_by_role("button", name="Lås op").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel).to_contain_text("Opgang: låst op · Lejlighed: låst op", timeout=9000)
    expect(panel).to_contain_text("uden net")
    assert bolts(live_server, stairs, lock_id) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    wire.mend()
    expect(page.get_by_text("Alt er sendt")).to_be_visible(timeout=15000)
    assert eventually(lambda: len(opened(live_server, lock_id)) == len(opened(live_server, stairs.lock_id)) == 1)
    assert opened(live_server, stairs.lock_id)[0]["visit_id"] is None, "the visit is the flat's"
    assert quarantined(live_server, stairs.lock_id) == []
    assert visit(live_server, visit_id).state == "begun"


def test_an_emergency_opens_both_in_two_taps_and_asks_only_the_stairwell_again(
    live_server: LiveServer, stairs: Stairwell, page: Page
) -> None:
    lock_id = lock_of(page, current_visit(page))
    stairs.fleet.lose(stairs.lock_id)
    page.get_by_role("button", name="Nødkald").click()
    dialog = page.get_by_role("dialog")

    dialog.get_by_role("button", name="Fald").click()

    expect(dialog.get_by_role("heading", name="Opgangen er ikke låst op")).to_be_visible(timeout=9000)
    expect(dialog).to_contain_text("Opgang: ikke nået · Lejlighed: låst op")
    shot(page, "emergency-stairwell")
    stairs.fleet.restore(stairs.lock_id)
    dialog.get_by_role("button", name="Prøv igen").click()
    expect(dialog).to_contain_text("Opgang: låst op · Lejlighed: låst op", timeout=9000)
    expect(dialog).to_contain_text("bliver set igennem")
    assert violations(page) == []
    assert bolts(live_server, stairs, lock_id) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    assert len(opened(live_server, lock_id)) == 1, "the flat was not asked again"


def test_a_spoken_code_opens_stairwell_and_flat_and_the_same_code_asks_only_what_has_not_moved(
    live_server: LiveServer, wire: Wire, stairs: Stairwell, page: Page
) -> None:
    stop = page.evaluate('async () => (await (await fetch("/api/v1/me/day")).json()).route.stops[0]')
    lock_id, address = stop["door"]["lock_id"], stop["address"]
    carer_id = stairs.door_id.removeprefix("stairs-")
    planner = Person(live_server.port)
    assert planner.sign_in("planner").status == 200
    assert planner.post(f"/api/v1/carers/{carer_id}/offline-tablet", {"designated": True}).status == 200
    code = code_of(planner, address)
    planner.close()
    with page.expect_response("**/api/v1/me/prepared"):
        page.reload()
    until_held(page)
    assert eventually(lambda: has_code_doors(page))
    for fleet, known in ((stairs.fleet, stairs.lock_id), (live_server.fleet, lock_id)):
        fleet.lose(known)
    switch_radio(stairs.fleet, stairs.lock_id, on=False)
    wire.cut()
    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Dør uden besøg").click()
    page.get_by_label("Søg adresse").fill(address)
    page.get_by_role("dialog").get_by_role("button", name=address).click()
    page.get_by_label("Kode").fill(code)
    before = live_server.fleet.locks[lock_id].log.next_seq

    page.get_by_role("button", name="Lås op med kode").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel).to_contain_text("Opgang: ikke nået · Lejlighed: låst op", timeout=9000)
    switch_radio(stairs.fleet, stairs.lock_id, on=True)
    page.get_by_role("button", name="Prøv igen").click()
    expect(panel).to_contain_text("Opgang: låst op · Lejlighed: låst op", timeout=9000)
    assert bolts(live_server, stairs, lock_id) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    assert live_server.fleet.locks[lock_id].log.next_seq == before + 1, "the flat was asked once"


def test_the_list_of_codes_fits_passes_axe_and_prints_without_its_buttons(live_server: LiveServer, page: Page) -> None:
    sign_in_office(page, live_server, "planner", "planner")
    page.goto(f"{live_server.url}/planlaegger")
    carer_id = next(str(c.id) for c in live_server.day.carers if _first_stop(live_server, c.id) is not None)
    path = f"{live_server.url}/api/v1/carers/{carer_id}/offline-tablet"
    named = page.request.post(path, data={"designated": True}, headers={"X-Surface": "planner"})
    assert named.ok, named.text()
    page.locator("header summary").first.click()
    page.get_by_role("link", name="Beredskabsliste").click()

    table = page.get_by_role("table")
    expect(table.get_by_role("rowheader").first).to_be_visible()
    for width in (390, 800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert too_wide_px(page) <= 0, width
        assert violations_in_both_schemes(page) == [], width
        shot(page, f"codes-{width}")
    codes = table.get_by_role("cell").all_inner_texts()
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"\d{4} \d{4} \d{4}", code) for code in codes)
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Udskriv")).to_be_hidden()
    expect(table).to_be_visible()


def code_of(planner: Person, address: str) -> str:
    """The code of a door on the printed list."""
    listed = planner.get("/planlaegger/beredskab").content.decode()
    row = re.search(rf"<th scope=\"row\">{re.escape(html.escape(address))}</th><td[^>]*>([0-9 ]+)</td>", listed)
    assert row is not None
    return row[1]


def shot(page: Page, name: str) -> None:
    """A picture for a person to look at, where somebody asked for one."""
    folder = os.environ.get("OMSORGSTID_SHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def lose_and_go_on(stairs: Stairwell, route: Route) -> None:
    """The stairwell loses its network just before its command comes."""
    stairs.fleet.lose(stairs.lock_id)
    route.continue_()
