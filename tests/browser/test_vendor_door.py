"""A door of another maker in the browser: the carer's tap, the planner's panel, the technician's pages."""

import os
from collections.abc import Iterator
from itertools import product
from typing import Any, cast

import pytest
from playwright.sync_api import Page, expect

from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import sign_in, start_shift, violations
from tests.conftest import LiveServer
from tests.gateway.stairwells import build_stairwell
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


def test_the_technician_puts_a_door_behind_a_stairwell_and_makes_it_need_two_by_keyboard(
    town: Town, page: Page
) -> None:
    platform, live = town.platform, _live(town)
    carer_id = platform.fresh_carer()
    unit = next(str(c.unit_id) for c in platform.day.carers if c.id == carer_id)
    with platform.runtime.database.reading() as session:
        visit = session.get_one(VisitRow, platform.first_stops[carer_id])
        number = session.get_one(CitizenRow, visit.citizen_id).short
    stairs = build_stairwell(platform.runtime, platform.clock, None, unit, "opgang-7")
    sign_in_office(page, live, "technician", "technician")
    page.goto(f"{live.url}/tekniker")
    page.get_by_role("link", name="Døre", exact=True).press("Enter")
    page.get_by_role("link", name="opgang-7").press("Enter")
    field = page.get_by_label("Borgerens nummer")
    field.press_sequentially(str(number))

    field.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Gemt.")
    expect(page.get_by_role("heading", name="1 dør bag denne")).to_be_visible()
    address = page.url
    page.get_by_role("link", name=f"borger {number}").press("Enter")
    expect(page.get_by_label("Opgang")).to_have_value("opgang-7")
    page.get_by_role("button", name="Kræv to til døren").press("Enter")
    expect(page.get_by_text("Kræver to medarbejdere")).to_be_visible()
    for url, width in product((address, page.url, f"{live.url}/tekniker/opret?slags=lock&doer=opgang-7"), (390, 1600)):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (url, width)
        assert violations(page) == [], (url, width)
        _shot(page, f"technician-{url.rsplit('/', 1)[-1][:8]}-{width}")
    stairs.stop()


def test_an_emergency_at_a_vendors_door_says_what_to_do_and_sends_nothing(town: Town, page: Page) -> None:
    ref = _on_duty_at_vendor_door(town, page)

    page.get_by_role("button", name="Nødkald").click()

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("Låsen her åbner ikke på nødkald")
    expect(dialog.get_by_role("alert").get_by_role("link", name="Ring")).to_be_visible()
    expect(dialog.get_by_role("button", name="Fald")).to_have_count(0)
    assert violations(page) == []
    _shot(page, "emergency-vendor")
    assert town.cloud.vendor.locks[ref].motor_runs == 0


def _shot(page: Page, name: str) -> None:
    """A picture for a person to look at, where somebody asked for one."""
    folder = os.environ.get("OMSORGSTID_SHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


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
