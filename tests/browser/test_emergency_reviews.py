"""The page of emergency openings: what nobody has looked at first, with its age; judged where it stands."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from devices.keys.emergency import NewEmergency, request_emergency
from devices.keys.tables import EmergencyRow
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import too_wide_px, violations_in_both_schemes
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def two_emergencies(live: LiveServer) -> list[str]:
    """One of two days ago and one of now, at two homes."""
    homes = [c for c in live.day.citizens if c.door is not None][:2]
    with live.runtime.units.begin() as work:
        made = [
            request_emergency(work, NewEmergency(str(h.door.id), str(h.id), str(h.unit_id), f"c{at}", f"s{at}", "fall"))
            for at, h in enumerate(homes)
            if h.door is not None
        ]
        work.session.get_one(EmergencyRow, made[1].emergency_id).requested_at -= timedelta(days=2, hours=1)
    return [made[1].emergency_id, made[0].emergency_id]


def test_what_waits_comes_first_with_its_age_and_what_was_wrong_needs_words(
    live_server: LiveServer, page: Page
) -> None:
    oldest, _ = two_emergencies(live_server)
    sign_in_office(page, live_server, "manager", "manager")
    page.goto(f"{live_server.url}/leder")
    page.get_by_role("link", name="Nødåbninger").click()
    expect(page.get_by_role("heading", name="Nødåbninger til gennemsyn")).to_be_visible()
    cards = page.locator(".review")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("2 døgn siden")
    assert violations_in_both_schemes(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert too_wide_px(page) <= 0

    cards.first.get_by_role("button", name="Ikke i orden").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations_in_both_schemes(page) == []
    page.locator(f"#note-{oldest}").fill("Talt med medarbejderen")
    page.locator(".review").first.get_by_role("button", name="Ikke i orden").click()

    expect(page.locator(".review")).to_have_count(1)
    expect(page.get_by_role("table")).to_contain_text("Talt med medarbejderen")


def test_the_planner_has_the_same_page_and_reads_it_in_english(live_server: LiveServer, page: Page) -> None:
    two_emergencies(live_server)
    sign_in_office(page, live_server, "planner", "planner")
    page.context.add_cookies([{"name": "lang", "value": "en", "url": live_server.url}])
    page.goto(f"{live_server.url}/planlaegger/noedaabninger")

    expect(page.get_by_role("heading", name="Emergency openings to review")).to_be_visible()
    page.locator(".review").first.get_by_role("button", name="In order", exact=False).first.click()
    expect(page.locator(".review")).to_have_count(1)
    assert violations_in_both_schemes(page) == []
