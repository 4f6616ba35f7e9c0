"""A citizen at her own pages: axe, keyboard, sizes, both languages, and the way in from another site."""

from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from sqlmodel import select

from devices.simulator.holder import HolderKey
from gateway.demo.tablets import Tablet
from gateway.oidc import Provider
from gateway.pins import hash_pin
from gateway.settings import OidcSettings
from gateway.tables import IdentityRow
from scheduling.register.tables import CitizenRow, ConsentRow
from scheduling.tables import VisitRow
from tests.browser.tablet_steps import violations, violations_in_both_schemes
from tests.conftest import LiveServer, start_platform, stop_platform
from tests.gateway.provider import CLIENT, SECRET, OpenIdProvider

pytestmark = pytest.mark.browser

PAGES = ["/mit", "/mit/doer", "/mit/adgang", "/mit/samtykker", "/mit/samtykker/electronic_key"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A platform with a citizen whose door was opened this morning, a relative and a screen."""
    live = start_platform(tmp_path_factory.mktemp("home"))
    tablet = Tablet("127.0.0.1", live.port, live.carer_with_door_first(), HolderKey.generate())
    tablet.sign_in()
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    live.settled(tablet, tablet.open_door(stop["door"]["id"], stop["visit_id"])["id"])
    tablet.close()
    pin_hash = hash_pin("1234")
    with live.runtime.units.begin() as work:
        citizen_id = work.session.get_one(VisitRow, stop["visit_id"]).citizen_id
        unit_id = work.session.get_one(CitizenRow, citizen_id).unit_id
        for role in ("citizen", "relative", "kiosk"):
            work.session.add(
                IdentityRow(
                    id=f"the-{role}",
                    role=role,
                    name=role,
                    citizen_id=citizen_id,
                    unit_ids=[unit_id],
                    pin_hash=pin_hash,
                )
            )
        for kind in ("relative", "auto_answer"):
            work.session.add(ConsentRow(citizen_id=citizen_id, kind=kind, given_on=live.day.on))
    yield live
    stop_platform(live)


def sign_in(page: Page, live: LiveServer, role: str) -> None:
    answer = page.request.post(
        f"{live.url}/api/v1/session", data={"identity": f"the-{role}", "pin": "1234"}, headers={"X-Surface": "citizen"}
    )
    assert answer.ok, answer.text()


def test_axe_finds_nothing_on_any_page(home: LiveServer, page: Page) -> None:
    sign_in(page, home, "citizen")
    for path in PAGES:
        page.goto(f"{home.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations_in_both_schemes(page) == [], path
    sign_in(page, home, "relative")
    page.goto(f"{home.url}/mit/samtykker")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert violations(page) == []


def test_nothing_is_cut_off_and_every_target_is_large(home: LiveServer, page: Page) -> None:
    sign_in(page, home, "citizen")
    for path, width in product(PAGES, (320, 390, 800, 1600)):
        page.set_viewport_size({"width": width, "height": 900})
        if width == 320:
            page.goto(f"{home.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        boxes = page.eval_on_selector_all(
            "main a, main button", "all => all.map(e => e.getBoundingClientRect().height)"
        )
        assert boxes
        assert min(boxes) >= 48, path


def test_a_consent_is_withdrawn_and_given_again_by_keyboard_alone(home: LiveServer, page: Page) -> None:
    sign_in(page, home, "citizen")
    page.goto(f"{home.url}/mit/samtykker")
    page.get_by_role("link", name="Træk tilbage: Skærmen svarer selv").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Vil du trække aftalen tilbage?")).to_be_visible()
    page.get_by_role("button", name="Ja, træk tilbage nu").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Skærmen svarer ikke selv mere")
    expect(page.get_by_text("Trukket tilbage ons. 25. nov. 2026")).to_be_visible()
    page.get_by_role("button", name="Sig ja igen: Skærmen svarer selv").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Træk tilbage: Skærmen svarer selv")).to_be_visible()


def test_the_door_log_has_no_name_and_can_be_kept_as_a_file(home: LiveServer, page: Page) -> None:
    sign_in(page, home, "citizen")
    page.goto(f"{home.url}/mit/doer")
    expect(page.locator(".line").first).to_contain_text("Hjemmeplejen")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Gem som fil").click()
    assert saved.value.suggested_filename == "doer.csv"
    carers = {carer.name for carer in home.day.carers}
    text = page.locator("main").inner_text()
    assert not [name for name in carers if name in text]


def test_the_screen_on_the_table_asks_for_its_pin_only_and_is_shut_again(home: LiveServer, page: Page) -> None:
    page.goto(f"{home.url}/log-ind?til=/mit&hvem=the-kiosk")
    expect(page.get_by_role("heading", name="Denne skærm")).to_be_visible()
    for digit in "1234":
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Log ind").click()
    expect(page.get_by_role("heading", name="Hvem kommer")).to_be_visible()

    page.get_by_role("button", name="Færdig – luk mine sider").click()

    expect(page.get_by_role("heading", name="Du er logget ud")).to_be_visible()
    page.goto(f"{home.url}/mit")
    expect(page).to_have_url(f"{home.url}/log-ind?til=/mit")


def test_the_pages_speak_english_too(home: LiveServer, page: Page) -> None:
    sign_in(page, home, "citizen")
    for path in PAGES:
        page.goto(f"{home.url}/sprog/en?til={path}")
        expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Yes, withdraw now")).to_be_visible()


def test_a_citizen_comes_in_from_the_providers_site_though_the_cookie_is_strict(
    home: LiveServer, browser: Browser
) -> None:
    """127.0.0.1 and localhost are two sites to a browser: a redirect from the one carries no Strict cookie."""
    provider = OpenIdProvider(host="localhost").start()
    with home.runtime.database.reading() as session:
        citizen_id = session.exec(select(IdentityRow.citizen_id).where(IdentityRow.id == "the-citizen")).one()
    provider.person = {"sub": "c", "name": "Agnes", "roles": ["citizen"], "citizen": citizen_id}
    settings = OidcSettings(issuer=provider.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET))
    parts = home.runtime.parts
    parts.identity_provider = Provider(settings)
    parts.settings = parts.settings.model_copy(update={"oidc": settings})
    context = browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen")
    page = context.new_page()
    try:
        page.goto(f"{home.url}/mit")
        page.get_by_role("link", name="Log ind med din arbejdskonto eller MitID").click()
        expect(page.get_by_role("heading", name="Hvem kommer")).to_be_visible()
        expect(page).to_have_url(f"{home.url}/mit")
        page.get_by_role("button", name="Færdig – luk mine sider").click()
        expect(page.get_by_role("link", name="Log ud hos kommunen")).to_be_visible()
        assert violations(page) == []
        provider.person = {"sub": "x", "roles": ["leder"]}
        page.goto(f"{home.url}/log-ind/oidc?til=/mit")
        expect(page.get_by_text("Din konto har ingen rolle her.")).to_be_visible()
        assert violations(page) == []
    finally:
        context.close()
        provider.stop()
