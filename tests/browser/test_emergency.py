"""Nødkald on the tablet in two taps, and red on the planner's board a moment later, where it is reviewed."""

import os
import uuid

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import col, select

from devices.keys.model import Bolt
from devices.keys.tables import EmergencyRow
from scheduling import publishing
from scheduling.register.tables import CitizenRow
from tests.browser.office_steps import open_board
from tests.browser.tablet_steps import at_the_first_door, sign_in, start_shift, too_small, too_wide_px, violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def stranger_to(live: LiveServer, carer_id: str) -> CitizenRow:
    """A citizen of the carer's unit with a lock, whom she does not visit today."""
    with live.runtime.database.reading() as session:
        mine = {v.citizen_id for v in publishing.stops_of(session, carer_id, live.day.on)}
        unit = next(str(c.unit_id) for c in live.day.carers if c.id == carer_id)
        rows = session.exec(
            select(CitizenRow)
            .where(CitizenRow.unit_id == unit, col(CitizenRow.lock_device_id).is_not(None))
            .order_by(col(CitizenRow.id))
        ).all()
    names = [row.name for row in rows]
    return next(
        row
        for row in rows
        if row.id not in mine and names.count(row.name) == 1 and row.lock_device_id in live.fleet.locks
    )


def shot(page: Page, name: str) -> None:
    """A picture for a person to look at, where somebody asked for one."""
    folder = os.environ.get("OMSORGSTID_SHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def reported_away(board: Page, live: LiveServer, but_not: CitizenRow) -> None:
    """Somebody is reported to hospital meanwhile: the board is fetched anew, and every list on it painted again."""
    with live.runtime.database.reading() as session:
        citizen_id = session.exec(
            select(CitizenRow.id)
            .where(CitizenRow.unit_id == but_not.unit_id, CitizenRow.id != but_not.id)
            .order_by(col(CitizenRow.id).desc())
        ).first()
    answer = board.request.post(
        f"{live.url}/api/v1/citizens/{citizen_id}/absence",
        data={"kind": "hospital"},
        headers={"X-Surface": "planner", "Idempotency-Key": str(uuid.uuid4())},
    )
    assert answer.ok, answer.text()
    expect(board.locator("#away")).to_be_visible()


def test_two_taps_open_a_strangers_door_and_the_planner_sees_and_reviews_it(
    live_server: LiveServer, page: Page, context: BrowserContext
) -> None:
    board = context.new_page()
    board.set_viewport_size({"width": 1600, "height": 900})
    open_board(board, live_server)
    carer_id = at_the_first_door(page, live_server)
    citizen = stranger_to(live_server, carer_id)
    assert citizen.lock_device_id is not None

    page.get_by_role("button", name="Nødkald").click()
    dialog = page.get_by_role("dialog")
    shot(page, "emergency-near")
    dialog.get_by_role("searchbox", name="Borgerens navn eller adresse").fill(citizen.name)
    expect(dialog.get_by_text(f"Døren låses op: {citizen.address}")).to_be_visible()
    shot(page, "emergency-found")
    assert violations(page) == []
    assert too_wide_px(page) == 0
    assert too_small(page) == []
    dialog.get_by_role("button", name="Fald").click()

    expect(dialog.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    expect(dialog).to_contain_text("bliver set igennem")
    shot(page, "emergency-open")
    assert live_server.fleet.locks[citizen.lock_device_id].bolt is Bolt.UNLOCKED
    dialog.get_by_role("button", name="Luk").last.click()
    expect(page.get_by_role("button", name="Lås op")).to_be_visible()

    red = board.locator("#emergencies")
    expect(red).to_contain_text(f"Nødkald: borger {citizen.short}, fald")
    red.get_by_text("Gennemse").click()
    reported_away(board, live_server, citizen)
    expect(red.get_by_role("button", name="Ikke i orden")).to_be_visible()
    shot(board, "emergency-board")
    assert violations(board) == []
    red.get_by_role("button", name="Ikke i orden").click()
    expect(red.get_by_role("alert")).to_contain_text("Skriv kort, hvad der ikke var i orden")
    red.get_by_label("Bemærkning").fill("Talt med medarbejderen.")
    red.get_by_role("button", name="Ikke i orden").click()
    expect(red).to_be_hidden()
    with live_server.runtime.database.reading() as session:
        row = session.exec(select(EmergencyRow).where(EmergencyRow.citizen_id == citizen.id)).one()
    assert (row.reason, row.outcome, row.note) == ("fall", "not_ok", "Talt med medarbejderen.")


def test_an_emergency_goes_by_keyboard_alone_and_says_what_to_do_without_a_network(
    live_server: LiveServer, page: Page, context: BrowserContext
) -> None:
    at_the_first_door(page, live_server)
    context.set_offline(True)

    page.get_by_role("button", name="Nødkald").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Fald")).to_be_focused()
    page.keyboard.press("Enter")

    expect(dialog.get_by_role("heading", name="Nåede ikke låsen i tide")).to_be_visible()
    expect(dialog.get_by_role("link", name="Ring")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_nobody_is_chosen_for_the_carer_whose_door_has_no_lock_to_open(live_server: LiveServer, page: Page) -> None:
    with live_server.runtime.database.reading() as session:
        locked = set(session.exec(select(CitizenRow.id).where(col(CitizenRow.lock_device_id).is_not(None))).all())
        carer_id, first = next(
            (c.id, stops[0])
            for c in live_server.day.carers
            if (stops := publishing.stops_of(session, c.id, live_server.day.on))
            and stops[0].citizen_id not in locked
            and stops[0].mode == "physical"
        )
        assert first.start_at is not None
    live_server.clock.advance_to(max(live_server.clock.now(), first.start_at))
    sign_in(page, live_server, carer_id)
    start_shift(page)

    page.get_by_role("button", name="Nødkald").click()

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox", name="Borgerens navn eller adresse")).to_be_focused()
    expect(dialog.get_by_text("Døren låses op")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Fald")).to_be_disabled()


def test_a_citizen_is_reported_to_hospital_and_home_again_on_the_board(live_server: LiveServer, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    open_board(page, live_server)
    page.locator("[data-visit]").last.click()
    page.get_by_role("button", name="Borgeren er indlagt").click()
    shot(page, "away-ask")
    page.get_by_role("button", name="Aflys besøgene").click()

    away = page.locator("#away")
    expect(away).to_be_visible()
    away.locator("summary").click()
    expect(away).to_contain_text("er indlagt siden")
    shot(page, "away-list")
    assert violations(page) == []
    away.get_by_role("button", name="Hjemme igen").click()
    expect(away).to_be_hidden()
