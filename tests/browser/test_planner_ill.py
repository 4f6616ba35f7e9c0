"""An ill carer, from the telephone call to the tablets' new routes, in two key presses; and a tablet that is lost."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from devices.simulator.holder import HolderKey
from gateway.demo.tablets import Tablet
from kernel.localtime import clock_text
from scheduling import publishing
from scheduling.shifts import shift_of
from scheduling.tables import VisitRow
from scheduling.tasks import NewTask, raise_task
from tests.browser.office_steps import open_board
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def ill_carer(live: LiveServer) -> tuple[str, str]:
    """A carer with a route of today that has not begun, and her name."""
    on = live.day.on
    with live.runtime.database.reading() as session:
        for carer in sorted(live.day.carers, key=lambda c: c.id):
            shift = shift_of(session, carer.id, on)
            stops = publishing.stops_of(session, carer.id, on)
            if shift is not None and shift.state == "planned" and len(stops) >= 4:
                return str(carer.id), carer.name
    raise LookupError("Expected a carer who has not begun, got none.")


def visits_of(live: LiveServer, carer_id: str) -> list[str]:
    with live.runtime.database.reading() as session:
        return [v.id for v in publishing.stops_of(session, carer_id, live.day.on)]


def test_two_key_presses_report_a_carer_ill_and_give_her_whole_route_away(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    carer_id, name = ill_carer(morning)
    waiting = visits_of(morning, carer_id)
    page.get_by_role("searchbox").fill(name)
    header = page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]')
    header.focus()

    page.keyboard.press("s")
    confirm = page.locator(".proposal.chosen .confirm")
    expect(confirm).to_be_focused()
    expect(page.locator("#cover h3")).to_contain_text(f"Forslag til {len(waiting)} besøg")
    page.keyboard.press("Enter")

    expect(page.locator("#undo-words")).to_contain_text(f"{name} er meldt syg, og ruten er givet videre")
    expect(page.locator(f'[data-row="l:{carer_id}"]')).to_have_count(0)
    expect(page.locator("[data-chip=ill]")).to_contain_text("Syge 1")
    assert visits_of(morning, carer_id) == []
    with morning.runtime.database.reading() as session:
        rows = [session.get(VisitRow, visit_id) for visit_id in waiting]
    assert all(row is not None and (row.carer_id != carer_id) for row in rows)


def test_the_same_is_done_with_a_pointer_and_every_visit_can_be_read_before_it_is_confirmed(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    carer_id, name = ill_carer(morning)
    waiting = visits_of(morning, carer_id)
    page.get_by_role("searchbox").fill(name)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').click()
    page.get_by_role("button", name="Meld syg").click()
    card = page.locator(".proposal.chosen")
    card.locator("summary").click()
    expect(card.locator(".cover-moves li")).to_have_count(len(waiting))
    assert violations(page) == []

    card.get_by_role("button", name="Bekræft og send").click()

    expect(page.locator("#undo-words")).to_contain_text("er meldt syg")


def test_what_could_not_be_sent_is_said_and_can_be_tried_again(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    carer_id, name = ill_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').focus()
    page.keyboard.press("s")
    confirm = page.locator(".proposal.chosen .confirm")
    expect(confirm).to_be_focused()
    page.route("**/reassignments", lambda route: route.abort())
    confirm.click()
    expect(page.locator("#cover").get_by_role("alert")).to_be_visible()

    page.unroute("**/reassignments")
    confirm.click()

    expect(page.locator("#undo-words")).to_contain_text("er meldt syg")


def test_a_task_is_shown_with_its_visit_and_goes_away_once_it_is_handled(morning: LiveServer, page: Page) -> None:
    carer_id, _ = ill_carer(morning)
    visit_id = visits_of(morning, carer_id)[0]
    with morning.runtime.units.begin() as work:
        row = work.session.get(VisitRow, visit_id)
        assert row is not None
        raise_task(work, NewTask("screen_unanswered", row.unit_id, visit_id, row.citizen_id, carer_id))
    open_board(page, morning)
    tasks = page.get_by_role("region", name="Opgaver")
    expect(tasks).to_contain_text("1 opgave venter på dig")
    expect(tasks).to_contain_text("svarer ikke på skærmen")
    tasks.get_by_role("button", name="Vis besøg").click()
    expect(page.locator("#panel-body h2")).to_contain_text("Borger")
    assert violations(page) == []

    tasks.get_by_role("button", name="Klaret").click()

    expect(tasks).to_be_hidden()


def test_a_lost_tablet_is_blocked_in_two_taps(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    carer_id, name = ill_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').click()

    page.get_by_role("button", name="Tabletten er væk").click()
    expect(page.locator("#cover")).to_contain_text("Den kan ikke åbne døre mere")
    page.get_by_role("button", name="Spær tabletten").click()

    expect(page.locator("#cover")).to_contain_text(f"Tabletten hos {name} er spærret.")


def test_a_lost_tablet_says_by_when_the_door_of_a_silent_lock_is_safe_and_then_that_the_lock_has_confirmed(
    morning: LiveServer, page: Page
) -> None:
    carer_id, _ = ill_carer(morning)
    tablet = Tablet("127.0.0.1", morning.port, carer_id, HolderKey.generate())
    tablet.sign_in()
    stop = next(s for s in tablet.start_shift("citizen")["route"]["stops"] if s["door"])
    lock_id = stop["door"]["lock_id"]
    held = {g["lock_id"] for g in tablet.call("GET", "/api/v1/me/grants")["grants"]}
    assert lock_id in held
    morning.fleet.lose(lock_id)
    open_board(page, morning)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').click()

    page.get_by_role("button", name="Tabletten er væk").click()
    page.get_by_role("button", name="Spær tabletten").click()

    until = clock_text(datetime.fromisoformat(stop["door"]["opens_to_at"]) + timedelta(minutes=1))
    bound = page.locator("#cover .withdrawn li")
    expect(bound.filter(has_text=stop["door"]["label"])).to_contain_text(f"senest kl. {until}")
    assert violations(page) == []
    morning.fleet.restore(lock_id)
    expect(bound).to_have_count(0, timeout=15_000)
    tablet.close()
