"""Doors beside the lock: when the server is silent the tablet asks the lock itself, once, and carries its word home."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from devices.keys.model import Bolt
from tests.browser.near_steps import (
    STORE,
    WATCH,
    held,
    lock_of,
    opened,
    quarantined,
    stops,
    until_held,
)
from tests.browser.tablet_steps import PIN, at_the_first_door, current_visit, violations, visit
from tests.browser.wire import Wire
from tests.conftest import SMALL, LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually

pytestmark = pytest.mark.browser


#: every citizen has a lock, so every visit on a route has a door
LOCKS = replace(SMALL, locks=SMALL.citizens)


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A platform where every door has a lock; each test takes a carer of its own."""
    live = start_platform(tmp_path_factory.mktemp("near"), LOCKS)
    yield live
    stop_platform(live)


@pytest.fixture
def wire(live_server: LiveServer) -> Iterator[Wire]:
    """The way from the tablet to the server."""
    with Wire(live_server.port) as carried:
        yield carried


def end_as_done(page: Page) -> None:
    page.get_by_role("button", name="Afslut besøg").click()
    page.get_by_role("button", name="Udført", exact=True).click()


def test_without_a_network_the_door_opens_beside_the_lock_and_the_visit_is_the_door_s_when_it_is_back(
    live_server: LiveServer, wire: Wire, page: Page
) -> None:
    at_the_first_door(page, live_server, wire.url)
    visit_id = current_visit(page)
    lock_id = lock_of(page, visit_id)
    until_held(page)
    live_server.fleet.lose(lock_id)
    wire.cut()
    page.evaluate(WATCH)

    page.get_by_role("button", name="Lås op").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    expect(panel).to_contain_text("uden net")
    expect(panel).to_contain_text("Besøget er startet.")
    shown = {step["state"]: step["at"] for step in page.evaluate("window.shown")}
    assert shown["unlocked"] - shown["sent"] < 2000, "a server that cannot be reached is not waited for"
    assert live_server.fleet.locks[lock_id].bolt is Bolt.UNLOCKED
    assert violations(page) == []
    assert visit(live_server, visit_id).state == "planned"
    page.get_by_role("button", name="Gå til opgaver").click()
    end_as_done(page)

    wire.mend()

    expect(page.get_by_text("Alt er sendt")).to_be_visible(timeout=15000)
    stored = visit(live_server, visit_id)
    assert (stored.state, stored.outcome, stored.source) == ("ended", "done", "device")
    told = opened(live_server, lock_id)
    assert [one["visit_id"] for one in told] == [visit_id]
    assert quarantined(live_server, lock_id) == []


def test_a_refusal_is_no_silence_and_a_silent_server_is_waited_for_two_seconds_before_the_one_command(
    live_server: LiveServer, page: Page
) -> None:
    at_the_first_door(page, live_server)
    lock_id = lock_of(page, current_visit(page))
    until_held(page)
    before = live_server.fleet.locks[lock_id].log.next_seq
    moved = {"code": "not_on_route", "detail_da": "Besøget er flyttet.", "detail_en": "Moved."}
    page.route("**/openings", lambda route: route.fulfill(status=403, json=moved))
    page.get_by_role("button", name="Lås op").click()
    expect(page.locator("[data-state=refused]")).to_contain_text("Besøget er flyttet.")
    page.get_by_role("button", name="Tilbage").click()
    page.unroute("**/openings")
    assert live_server.fleet.locks[lock_id].log.next_seq == before, "nobody asked the lock"
    proofs: list[str] = []
    page.on("request", lambda request: proofs.append(request.url) if request.url.endswith("/proof") else None)
    # the lock has lost its network, so the server has nothing to answer the tablet with
    live_server.fleet.lose(lock_id)
    page.evaluate(WATCH)

    page.get_by_role("button", name="Lås op").click()

    expect(page.locator("[data-state=unlocked]")).to_be_visible()
    shown = {step["state"]: step["at"] for step in page.evaluate("window.shown")}
    assert 1_950 <= shown["unlocked"] - shown["sent"] < 3_500
    assert proofs == []
    assert live_server.fleet.locks[lock_id].log.next_seq == before + 1, "one event, the opening"
    assert eventually(lambda: len(opened(live_server, lock_id)) == 1)


def test_a_tablet_without_a_network_holds_four_visits_moves_on_and_gives_nothing_to_who_does_not_know_the_pin(
    live_server: LiveServer, wire: Wire, page: Page
) -> None:
    page.clock.install()
    at_the_first_door(page, live_server, wire.url)
    until_held(page)
    route = [s["visit_id"] for s in stops(page) if s["mode"] == "physical"]
    assert len(route) > 5
    given = page.evaluate('async () => (await (await fetch("/api/v1/me/grants")).json())')
    assert held(page) == route[:4]
    assert [one["visit_id"] for one in given["sealed"]] == route[4:]
    wire.cut()

    # a later door, too early: the lock itself says no, and why
    page.locator(f"[data-key=stop-{route[3]}]").click()
    page.get_by_role("button", name="Lås op").click()
    expect(page.get_by_role("heading", name="Afvist – uden for besøgets tid")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Døren er stadig låst.")
    page.get_by_role("button", name="Tilbage").click()

    # that visit ends without having begun at its door: the fifth takes its place
    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Besøget blev ikke til noget").click()
    page.get_by_role("button", name="Udført", exact=True).click()
    expect(page.get_by_text("1 besøg er afsluttet")).to_be_visible()
    assert eventually(lambda: held(page) == [*route[:3], route[4]])
    stored = page.evaluate(STORE)
    assert all(one["token"] not in stored and one["cti"] not in stored for one in given["grants"])

    page.clock.fast_forward("05:01")
    expect(page.get_by_role("heading", name="Tabletten er låst")).to_be_visible()
    assert eventually(lambda: held(page) == [])
    page.get_by_label("Din kode").fill(PIN)
    page.get_by_role("button", name="Fortsæt").click()
    expect(page.get_by_text("Dine døre i dag kan åbnes uden net, de sidste til kl.")).to_be_visible()
    assert held(page) == [*route[:3], route[4]]

    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Slut vagt").click()
    page.get_by_role("button", name="Slet tablettens nøgler nu").click()
    expect(page.get_by_text("Tablettens nøgler er slettet.")).to_be_visible()
    assert held(page) == []
