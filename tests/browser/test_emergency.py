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


def reported_away(board: Page, live: LiveServer, but_not: CitizenRow) -> str:
    """Somebody is reported to hospital meanwhile: the board is fetched anew, and every list on it painted again."""
    with live.runtime.database.reading() as session:
        citizen_id = session.exec(
            select(CitizenRow.id)
            .where(CitizenRow.unit_id == but_not.unit_id, CitizenRow.id != but_not.id)
            .order_by(col(CitizenRow.id).desc())
        ).first()
    assert citizen_id is not None
    tell(board, live, f"{citizen_id}/absence", {"kind": "hospital"})
    expect(board.locator("#away")).to_be_visible()
    return citizen_id


def tell(board: Page, live: LiveServer, what: str, said: dict[str, str]) -> None:
    """The planner tells something of a citizen, elsewhere than on the board."""
    answer = board.request.post(
        f"{live.url}/api/v1/citizens/{what}",
        data=said,
        headers={"X-Surface": "planner", "Idempotency-Key": str(uuid.uuid4())},
    )
    assert answer.ok, answer.text()


def test_two_taps_open_a_strangers_door_and_the_planner_sees_and_reviews_it(
    morning: LiveServer, page: Page, context: BrowserContext
) -> None:
    board = context.new_page()
    board.set_viewport_size({"width": 1600, "height": 900})
    open_board(board, morning)
    carer_id = at_the_first_door(page, morning)
    citizen = stranger_to(morning, carer_id)
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
    assert morning.fleet.locks[citizen.lock_device_id].bolt is Bolt.UNLOCKED
    dialog.get_by_role("button", name="Luk").last.click()
    expect(page.get_by_role("button", name="Lås op")).to_be_visible()

    red = board.locator("#emergencies")
    expect(red).to_contain_text(f"Nødkald: borger {citizen.short}, fald")
    red.get_by_text("Gennemse").click()
    away_id = reported_away(board, morning, citizen)
    expect(red.get_by_role("button", name="Ikke i orden")).to_be_visible()
    shot(board, "emergency-board")
    assert violations(board) == []
    red.get_by_role("button", name="Ikke i orden").click()
    expect(red.get_by_role("alert")).to_contain_text("Skriv kort, hvad der ikke var i orden")
    red.get_by_label("Bemærkning").fill("Talt med medarbejderen.")
    red.get_by_role("button", name="Ikke i orden").click()
    expect(red).to_be_hidden()
    tell(board, morning, f"{away_id}/return", {})
    with morning.runtime.database.reading() as session:
        row = session.exec(select(EmergencyRow).where(EmergencyRow.citizen_id == citizen.id)).one()
    assert (row.reason, row.outcome, row.note) == ("fall", "not_ok", "Talt med medarbejderen.")


def test_an_emergency_goes_by_keyboard_alone_and_says_what_to_do_without_a_network(
    morning: LiveServer, page: Page, context: BrowserContext
) -> None:
    at_the_first_door(page, morning)
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


def test_nobody_is_chosen_for_the_carer_whose_door_has_no_lock_to_open(morning: LiveServer, page: Page) -> None:
    with morning.runtime.database.reading() as session:
        locked = set(session.exec(select(CitizenRow.id).where(col(CitizenRow.lock_device_id).is_not(None))).all())
        carer_id, first = next(
            (c.id, stops[0])
            for c in morning.day.carers
            if (stops := publishing.stops_of(session, c.id, morning.day.on))
            and stops[0].citizen_id not in locked
            and stops[0].mode == "physical"
        )
        assert first.start_at is not None
    morning.clock.advance_to(max(morning.clock.now(), first.start_at))
    sign_in(page, morning, carer_id)
    start_shift(page)

    page.get_by_role("button", name="Nødkald").click()

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox", name="Borgerens navn eller adresse")).to_be_focused()
    expect(dialog.get_by_text("Døren låses op")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Fald")).to_be_disabled()
