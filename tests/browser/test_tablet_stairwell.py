"""A stairwell before the flat, on the tablet: one tap, two locks of two administrations, and how each stands."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, Route, expect

from devices.keys.model import Bolt
from scheduling import publishing
from scheduling.tables import VisitRow
from tests.browser.near_steps import lock_of, opened, out_of_reach, quarantined, switch_radio, until_held
from tests.browser.tablet_steps import current_visit, sign_in, start_shift, violations, visit
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


def lose_and_go_on(stairs: Stairwell, route: Route) -> None:
    """The stairwell loses its network just before its command comes."""
    stairs.fleet.lose(stairs.lock_id)
    route.continue_()
