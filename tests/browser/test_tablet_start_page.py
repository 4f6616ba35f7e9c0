"""The demo's start page: open to everybody, says what is invented, leads into each role."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.tablet_steps import too_small, too_wide_px, violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/log-ind", "/tilgaengelighed"])
def test_the_open_pages_have_no_barrier(
    morning: LiveServer, browser: Browser, path: str, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        locale="da-DK",
        timezone_id="Europe/Copenhagen",
        color_scheme=theme,
        bypass_csp=True,  # for the checker only
        viewport={"width": 800, "height": 1280},
    )
    page = context.new_page()
    page.goto(morning.url + path, wait_until="networkidle")

    assert violations(page) == []
    for width in (320, 390, 800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert too_wide_px(page) <= 0, width
        assert too_small(page, 24) == [], width
    context.close()


def test_the_start_page_tells_the_day_and_that_it_is_invented(morning: LiveServer, page: Page) -> None:
    page.goto(morning.url)

    expect(page.get_by_text("Demo med opdigtede personer.")).to_be_visible()
    expect(page.locator("#day-clock")).to_have_text("Ons. 25. nov. 07:02")
    expect(page.locator("#number-visits")).to_have_text("0 af 96")
    expect(page.locator("#number-shifts")).to_have_text("0 af 12")
    expect(page.locator("#number-freed")).to_have_text("For lidt data endnu")


def test_the_speed_buttons_change_the_demo_s_speed(morning: LiveServer, page: Page) -> None:
    page.goto(morning.url)

    with page.expect_response(lambda answer: answer.url.endswith("/demo/speed")) as told:
        page.get_by_role("button", name="300 ×").click()

    assert told.value.ok
    assert told.value.request.post_data_json == {"speed": 300}


def test_the_carer_s_card_opens_a_tablet_that_is_signed_in(morning: LiveServer, page: Page) -> None:
    page.goto(morning.url)

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Åbn som medarbejder").click()

    tablet = opened.value
    expect(tablet.get_by_role("button", name="Ring til vagttelefon")).to_have_count(0)
    expect(tablet.get_by_role("link", name="Ring til vagttelefon")).to_be_visible()
    assert tablet.url.endswith("/tablet")


def test_signing_in_by_hand_leads_to_the_page_of_the_role(morning: LiveServer, page: Page) -> None:
    page.goto(f"{morning.url}/log-ind?til=/leder")
    page.get_by_role("searchbox").fill("Leder")
    page.locator(".person").first.click()
    page.get_by_label("Din kode").fill("0000")
    page.get_by_role("button", name="Log ind").click()
    expect(page.get_by_text("Koden passer ikke. Prøv igen.")).to_be_visible()

    page.get_by_label("Din kode").fill("1234")
    page.get_by_role("button", name="Log ind").click()

    page.wait_for_url("**/leder")


def test_a_link_cannot_send_a_signed_in_person_elsewhere(morning: LiveServer, page: Page) -> None:
    page.goto(f"{morning.url}/log-ind?rolle=planner&til=https://evil.example/")

    page.wait_for_url("**/planlaegger")
