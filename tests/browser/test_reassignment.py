"""A planner saves the morning in a browser, and the tablets follow: acts, the way back, offers, and why."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from scheduling import publishing
from scheduling.shifts import shift_of
from tests.browser.office_steps import open_board
from tests.browser.tablet_steps import sign_in, violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def fresh_carer(live: LiveServer, visits: int = 4) -> tuple[str, str, list[str]]:
    """A carer with a route of today that has not begun, her name and her visits."""
    with live.runtime.database.reading() as session:
        for carer in sorted(live.day.carers, key=lambda c: c.id):
            shift = shift_of(session, carer.id, live.day.on)
            stops = publishing.stops_of(session, carer.id, live.day.on)
            if shift is not None and shift.state == "planned" and len(stops) >= visits:
                return str(carer.id), carer.name, [v.id for v in stops]
    raise LookupError("Expected a carer who has not begun, got none.")


def visits_of(live: LiveServer, carer_id: str) -> list[str]:
    with live.runtime.database.reading() as session:
        return [v.id for v in publishing.stops_of(session, carer_id, live.day.on)]


def picture(page: Page, name: str) -> None:
    """Kept where somebody asks for pictures."""
    folder = os.environ.get("OMSORGSTID_TEST_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def open_carer(page: Page, carer_id: str, name: str) -> None:
    page.get_by_role("searchbox").fill(name)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').click()


def test_a_carer_reported_ill_by_telephone_is_covered_the_tablet_follows_and_it_can_all_be_undone(
    morning: LiveServer, page: Page, browser: Browser
) -> None:
    open_board(page, morning)
    carer_id, name, visits = fresh_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.locator(f'[data-row="l:{carer_id}"] [role=rowheader]').focus()
    page.keyboard.press("s")
    confirm = page.locator(".proposal.chosen .confirm")
    expect(confirm).to_be_focused()
    picture(page, "ill_proposals")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#undo-words")).to_contain_text(f"{name} er meldt syg, og ruten er givet videre")
    assert visits_of(morning, carer_id) == []
    with morning.runtime.database.reading() as session:
        takers = {str(c.id) for c in morning.day.carers} - {carer_id}
        routes = {c: {v.id for v in publishing.stops_of(session, c, morning.day.on)} for c in takers}
    taker = next(c for c, stops in sorted(routes.items()) if stops & set(visits))
    tablet = browser.new_page(viewport={"width": 800, "height": 1280})
    sign_in(tablet, morning, taker)
    expect(tablet.locator("#banners")).to_contain_text("Sygdom")
    picture(tablet, "ill_tablet")

    page.get_by_role("button", name="Fortryd").click()

    expect(page.locator("#undo-words")).to_contain_text("Fortrudt")
    expect(tablet.locator("#banners")).to_contain_text("Ændringen er fortrudt")
    assert visits_of(morning, carer_id) == visits
    tablet.close()


def test_a_late_carer_is_dealt_with_from_her_panel_with_the_price_of_each_solution(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    carer_id, name, _ = fresh_carer(morning)
    open_carer(page, carer_id, name)
    page.get_by_role("button", name="Forsinket").click()
    page.get_by_label("Minutter forsinket").fill("90")
    page.get_by_role("button", name="Vis forslag").click()
    chosen = page.locator(".happened .proposal.chosen")
    expect(chosen.locator(".price")).to_contain_text(re.compile("Koster|Sparer"))
    picture(page, "late_proposals")
    assert violations(page) == []

    chosen.locator(".confirm").click()

    expect(page.locator("#undo-words")).to_contain_text("Forsinkelse ordnet")


def test_a_visit_says_why_it_is_where_it_is_and_what_can_have_happened_to_it(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    _, name, _ = fresh_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.locator(".lane .bar").first.click()
    page.locator("details.why summary").click()
    expect(page.locator("details.why")).to_contain_text("på vagt må og kan tage besøget")
    page.locator("details.why select").select_option(index=1)
    expect(page.locator(".instead")).not_to_be_empty()
    page.get_by_role("button", name="Byt").click()
    expect(page.locator(".happened .proposals")).to_contain_text("Byt borger")
    picture(page, "why_and_swap")
    assert violations(page) == []


def test_a_visit_on_offer_is_taken_on_the_tablet_and_the_carer_can_ask_why_it_is_hers(
    morning: LiveServer, page: Page, browser: Browser
) -> None:
    open_board(page, morning)
    carer_id, name, visits = fresh_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name="Hele dagen").click()
    page.locator(f'[data-visit="{visits[1]}"]').first.click()
    page.get_by_text("Tilbyd til flere").click()
    send = page.get_by_role("button", name="Send tilbud")
    first = page.locator(".offer-list input").first
    taker = str(first.input_value())
    tablet = browser.new_page(viewport={"width": 800, "height": 1280})
    sign_in(tablet, morning, taker)
    send.click()
    expect(page.locator("details.offer")).to_contain_text("Tilbudt til")
    picture(page, "offer")
    assert violations(page) == []
    expect(tablet.locator(".asked")).to_contain_text("Kan du tage et besøg på", timeout=15_000)
    picture(tablet, "offer_tablet")
    assert violations(tablet) == []

    tablet.get_by_role("button", name="Ja, jeg tager det").click()

    expect(tablet.locator(".asked")).to_contain_text("Besøget er dit")
    assert visits[1] in visits_of(morning, taker)
    assert visits[1] not in visits_of(morning, carer_id)
    tablet.get_by_role("button", name="Hvorfor mig?").click()
    expect(tablet.get_by_role("dialog")).to_contain_text("Hvorfor har jeg fået dette besøg?")
    expect(tablet.get_by_role("dialog").locator("li").first).to_be_visible()
    picture(tablet, "why_tablet")
    assert violations(tablet) == []
    tablet.close()


def test_a_citizen_is_admitted_and_comes_home_like_any_other_change_with_price_reason_and_a_way_back(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    carer_id, name, visits = fresh_carer(morning)
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name="Hele dagen").click()
    page.locator(f'[data-row="l:{carer_id}"] [data-visit="{visits[2]}"]').click()
    page.get_by_role("button", name="Borgeren er indlagt").click()
    chosen = page.locator(".happened .proposal.chosen")
    expect(chosen.locator(".price")).to_contain_text(re.compile("Koster|Sparer"))
    expect(chosen.locator(".cover-moves .gone").first).to_contain_text(f"fra {name}")
    expect(chosen.locator(".confirm")).to_be_focused()
    picture(page, "admitted")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#undo-words")).to_contain_text("er ikke hjemme, og besøgene er taget af")
    assert visits[2] not in visits_of(morning, carer_id)

    page.get_by_role("button", name="Fortryd").click()
    expect(page.locator("#undo-words")).to_contain_text("Fortrudt")
    assert visits_of(morning, carer_id) == visits

    page.locator(f'[data-row="l:{carer_id}"] [data-visit="{visits[2]}"]').click()
    page.get_by_role("button", name="Borgeren er bortrejst").click()
    page.locator(".happened .proposal.chosen .confirm").click()
    expect(page.locator("#away")).to_contain_text("er bortrejst siden")
    page.locator("#away summary").click()
    page.get_by_role("button", name="Hjemme igen").click()
    expect(page.locator("#away .proposal").last).to_contain_text("Lad besøgene vente på en plan")
    picture(page, "home_again")
    assert violations(page) == []
    page.locator("#away .proposal.chosen .confirm").click()
    expect(page.locator("#undo-words")).to_contain_text("er hjemme igen")
    expect(page.locator("#away")).to_be_hidden()
