"""A technician with a phone in one hand: find, mount, take down; axe, sizes and keyboard. And a lost tablet."""

from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from devices.alarms.model import NewAlarm
from devices.alarms.service import raise_alarm
from devices.registry import orders
from devices.registry.model import DeviceKind
from devices.registry.tables import DeviceRow
from scheduling.register.tables import CitizenRow
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import at_the_first_door, sign_in, start_shift, violations, violations_in_both_schemes
from tests.conftest import LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually
from tests.gateway.work_order_steps import answer_to

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
    an_alarm_and_an_order(live, lock_id)
    shown = ("", "?nummer=zzz", f"/enhed/{lock_id}", "/opret", "/opret?slags=kiosk", "/alarmer", "/ordrer")
    for path in (*shown, "/hjaelpemidler"):
        page.goto(f"{live.url}/tekniker{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations_in_both_schemes(page) == [], path


def test_axe_finds_nothing_on_the_planners_pages_of_equipment_and_competences(live: LiveServer, page: Page) -> None:
    lock_id, _ = a_lock(live)
    an_alarm_and_an_order(live, lock_id)
    sign_in_office(page, live, "planner", "planner")
    for path, width in product(("alarmer", "arbejdsordrer", "kompetencer", "forflytninger"), (390, 1600)):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{live.url}/planlaegger/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
        assert violations(page) == [], (path, width)


def an_alarm_and_an_order(live: LiveServer, lock_id: str) -> None:
    """Something to see on the pages; doing it again changes nothing."""
    with live.runtime.units.begin() as work:
        unit_id = work.session.get_one(DeviceRow, lock_id).unit_id or ""
        raise_alarm(work, NewAlarm("tamper", unit_id, lock_id, severity="critical"))
        orders.ensure(work, "battery", lock_id, DeviceKind.LOCK, unit_id)


def test_nothing_is_cut_off_and_targets_fit_a_thumb(live: LiveServer, page: Page) -> None:
    sign_in_office(page, live, "technician", "technician")
    lock_id, _ = a_lock(live)
    for path, width in product(
        ("", f"/enhed/{lock_id}", "/opret", "/alarmer", "/ordrer", "/hjaelpemidler"), (320, 390, 800, 1600)
    ):
        page.set_viewport_size({"width": width, "height": 844})
        if width == 320:
            page.goto(f"{live.url}/tekniker{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        query = (
            "main a, main button, main select, main .choice, "
            "main input:not([type=hidden]):not([type=radio]):not([type=checkbox])"
        )
        heights = page.eval_on_selector_all(query, "all => all.map(e => e.getBoundingClientRect().height)")
        assert min(heights, default=48) >= 48, path


def test_a_lock_is_found_by_its_number_changed_for_another_and_the_new_one_mounted(
    live: LiveServer, page: Page
) -> None:
    lock_id, citizen = a_lock(live)
    code = a_code(page, live, citizen)
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
    page.get_by_label("Kode fra arbejdsordren").fill(code)
    page.get_by_label("Borgerens nummer").fill(str(citizen.short))
    page.get_by_label("Låsens svar på ordren").fill("forkert")
    page.get_by_role("button", name="Opret enheden").click()
    expect(page.get_by_text("Enheden har ikke bevist sin nøgle")).to_be_visible()
    assert violations(page) == []
    expect(page.get_by_label("Kode fra arbejdsordren")).to_have_value(code)
    page.get_by_label("Låsens svar på ordren").fill(answer_to(code))
    page.get_by_role("button", name="Opret enheden").click()
    expect(page.get_by_text("Borgeren må aldrig stå uden en nøgle, der virker.")).to_be_visible()
    page.get_by_label("Jeg har prøvet borgerens egen nøgle").press("Space")
    page.get_by_role("button", name="Opret enheden").click()

    expect(page.get_by_text("Enheden er oprettet")).to_be_visible()
    expect(page.get_by_text(citizen.address)).to_be_visible()


def a_code(page: Page, live: LiveServer, citizen: CitizenRow) -> str:
    """The planner makes out an order for a lock at a citizen and reads its code off the page."""
    sign_in_office(page, live, "planner", "planner")
    page.goto(f"{live.url}/planlaegger/arbejdsordrer")
    page.get_by_label("Center eller botilbud").select_option(citizen.unit_id)
    page.get_by_label("Slags").select_option("lock")
    page.get_by_label("Borgerens nummer").fill(str(citizen.short))
    page.get_by_role("button", name="Lav ordren").press("Enter")
    return page.get_by_role("status").locator("code").inner_text()


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
