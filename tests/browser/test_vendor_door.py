"""A door of another maker in the browser: the carer's tap, the planner's panel, the technician's pages."""

from collections.abc import Iterator
from itertools import product
from typing import Any, cast

import pytest
from playwright.sync_api import Page, expect

from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import sign_in, start_shift, violations
from tests.conftest import LiveServer
from tests.gateway.vendor_town import Town, vendor_town

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    yield from vendor_town(tmp_path_factory.mktemp("vendor-pages"))


def _live(town: Town) -> LiveServer:
    platform = town.platform
    return LiveServer(
        f"http://127.0.0.1:{platform.port}",
        platform.runtime,
        platform.clock,
        platform.running,
        platform.day,
        platform.fleets[0],
        platform.port,
    )


def test_the_carer_taps_and_the_panel_says_what_the_vendor_reported(town: Town, page: Page) -> None:
    ref = _on_duty_at_vendor_door(town, page)
    expect(page.get_by_text("Låsen kan kun åbnes med net.")).to_be_visible()
    assert violations(page) == []

    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_text("Låsens leverandør meldte den låst op")).to_be_visible()
    assert town.cloud.vendor.locks[ref].motor_runs == 1


def test_an_answer_lost_on_the_way_is_asked_for_and_the_order_is_not_given_again(town: Town, page: Page) -> None:
    ref = _on_duty_at_vendor_door(town, page)
    page.route("**/proof", _cut_the_answer)

    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_role("heading", name="Døren er låst op")).to_be_visible(timeout=15_000)
    assert town.cloud.vendor.locks[ref].motor_runs == 1


def test_the_technician_moves_a_door_and_its_pages_fit_and_pass_axe(town: Town, page: Page) -> None:
    _, stop, _ = town.carer_at_vendor_door()
    live = _live(town)
    sign_in_office(page, live, "technician", "technician")
    address = f"{live.url}/tekniker/doer/{stop['door']['id']}"
    for url, width in product((address, f"{live.url}/tekniker/doere"), (390, 800, 1600)):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (url, width)
        assert violations(page) == [], (url, width)
    page.goto(address)
    expect(page.get_by_text("Kan åbnes uden net", exact=True).first).to_be_visible()
    expect(page.get_by_text("inden for 30 s").first).to_be_visible()

    page.get_by_role("button", name="Flyt døren til: Vores egen lås").press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Døren er flyttet.")
    expect(page.get_by_role("button", name="Flyt døren til: Leverandørens sky")).to_be_visible()


def _on_duty_at_vendor_door(town: Town, page: Page) -> str:
    """A carer begins her shift in this browser, at a door of the vendor's. Returns the lock's number."""
    carer_id = town.platform.fresh_carer()
    ref = town.vendor_door_of(carer_id)
    page.set_viewport_size({"width": 800, "height": 1280})
    sign_in(page, _live(town), carer_id)
    start_shift(page)
    return ref


def _cut_the_answer(route: Any) -> None:
    cast(Any, route).fetch()
    route.abort("connectionreset")
