"""A technician with a phone in one hand: find, mount, take down; axe, sizes and keyboard. And a lost tablet."""

from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from devices.keys.cose import SigningKey
from devices.registry.tables import DeviceRow
from gateway.wire import b64u
from scheduling.register.tables import CitizenRow
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import at_the_first_door, sign_in, start_shift, violations, violations_in_both_schemes
from tests.conftest import LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    started = start_platform(tmp_path_factory.mktemp("technician"))
    yield started
    stop_platform(started)


def a_lock(live: LiveServer) -> tuple[str, CitizenRow]:
    """A lock in use, and its citizen."""
    with live.runtime.database.reading() as session:
        query = select(CitizenRow).where(col(CitizenRow.lock_device_id).in_(sorted(live.fleet.locks)))
        citizen = session.exec(query.order_by(col(CitizenRow.id))).first()
        assert citizen is not None
        session.expunge(citizen)
    return citizen.lock_device_id or "", citizen


def test_axe_finds_nothing_on_any_page(live: LiveServer, page: Page) -> None:
    sign_in_office(page, live, "technician", "technician")
    lock_id, _ = a_lock(live)
    for path in ("", "?nummer=zzz", f"/enhed/{lock_id}", "/opret", "/opret?slags=kiosk"):
        page.goto(f"{live.url}/tekniker{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations_in_both_schemes(page) == [], path


def test_nothing_is_cut_off_and_targets_fit_a_thumb(live: LiveServer, page: Page) -> None:
    sign_in_office(page, live, "technician", "technician")
    lock_id, _ = a_lock(live)
    for path, width in product(("", f"/enhed/{lock_id}", "/opret"), (320, 390, 800, 1600)):
        page.set_viewport_size({"width": width, "height": 844})
        if width == 320:
            page.goto(f"{live.url}/tekniker{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        query = "main a, main button, main select, main input:not([type=hidden]):not([type=radio]), main .choice"
        heights = page.eval_on_selector_all(query, "all => all.map(e => e.getBoundingClientRect().height)")
        assert min(heights) >= 48, path


def test_a_lock_is_found_by_its_number_changed_for_another_and_the_new_one_mounted(
    live: LiveServer, page: Page
) -> None:
    lock_id, citizen = a_lock(live)
    sign_in_office(page, live, "technician", "technician")
    page.goto(f"{live.url}/tekniker")
    page.get_by_label("Enhedens nummer").fill(lock_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text(citizen.address)).to_be_visible()
    page.get_by_label("Skiftet ud").check()
    page.get_by_role("button", name="Tag ud af drift for altid").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Enheden er taget ud af drift.")

    page.get_by_role("link", name="Opret enhed").click()
    page.get_by_label("Center eller botilbud").select_option(citizen.unit_id)
    page.get_by_label("Arbejdsordre").fill("AO-12")
    page.get_by_label("Borgerens nummer").fill(str(citizen.short))
    page.get_by_label("Låsens offentlige nøgle").fill("for kort")
    page.get_by_role("button", name="Opret enheden").click()
    expect(page.get_by_text("Nøglen skal være 43 tegn i base64url.")).to_be_visible()
    assert violations(page) == []
    expect(page.get_by_label("Arbejdsordre")).to_have_value("AO-12")
    page.get_by_label("Låsens offentlige nøgle").fill(b64u(SigningKey(bytes(range(32))).public_bytes))
    page.get_by_role("button", name="Opret enheden").click()

    expect(page.get_by_text("Enheden er oprettet")).to_be_visible()
    expect(page.get_by_text(citizen.address)).to_be_visible()


def test_devices_with_faults_come_first(live: LiveServer, page: Page) -> None:
    lock_id, _ = a_lock(live)
    live.fleet.lose(lock_id)
    assert eventually(lambda: not _online(live, lock_id))
    sign_in_office(page, live, "technician", "technician")
    page.goto(f"{live.url}/tekniker")

    faulty = page.locator("section", has=page.get_by_role("heading", name="Kræver dig"))
    expect(faulty.locator("li", has_text=lock_id)).to_contain_text("Ikke online")
    live.fleet.restore(lock_id)


def _online(live: LiveServer, lock_id: str) -> bool:
    with live.runtime.database.reading() as session:
        return session.get_one(DeviceRow, lock_id).online


def test_a_lost_tablet_is_told_why_it_is_signed_out_and_another_takes_the_shift_up(
    live: LiveServer, page: Page
) -> None:
    carer_id = at_the_first_door(page, live)
    office = page.context.browser
    assert office is not None
    planner = office.new_context()
    request = planner.request
    headers = {"X-Surface": "planner"}
    who = {"identity": "planner", "pin": "1234"}
    assert request.post(f"{live.url}/api/v1/session", data=who, headers=headers).ok
    done = request.post(
        f"{live.url}/api/v1/carers/{carer_id}/tablet-lost", data={"reason": "glemt i bussen"}, headers=headers
    )
    assert done.ok, done.text()
    planner.close()

    expect(page.get_by_role("alert")).to_contain_text("Tabletten er meldt tabt og er logget ud.")
    expect(page.get_by_role("button", name="Lås op")).to_have_count(0)
    assert violations(page) == []

    fresh = office.new_context(locale="da-DK", timezone_id="Europe/Copenhagen").new_page()
    sign_in(fresh, live, carer_id)
    expect(fresh.get_by_text("Start vagten her, så kan denne tablet åbne døre.")).to_be_visible()
    start_shift(fresh)
    expect(fresh.get_by_role("button", name="Lås op")).to_be_visible()
    fresh.context.close()
