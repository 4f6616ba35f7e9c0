"""The tablet in a residence: who lives there, the question after a transfer, and both without a network."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from devices.transfers.model import transfer_id_of
from devices.transfers.tables import TransferPresenceRow, TransferRow
from kernel.localtime import clock_text
from scheduling import publishing
from tests.browser.tablet_steps import shift, sign_in, to_the_first_stop, too_small, too_wide_px, violations, visit
from tests.browser.wire import Wire
from tests.conftest import LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually
from tests.gateway.residence_town import ResidenceTown, build_residence
from tests.gateway.transfer_steps import cycle, mount, report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running platform for the whole module."""
    started = start_platform(tmp_path_factory.mktemp("residence"))
    yield started
    stop_platform(started)


@pytest.fixture(scope="module")
def house(live: LiveServer) -> ResidenceTown:
    """A residence on it."""
    return build_residence(live.runtime)


@pytest.fixture
def transfer(live: LiveServer, house: ResidenceTown) -> Callable[[str], str]:
    """Has a device report a cycle that ended a minute ago; its transfer."""
    done: dict[str, int] = live.__dict__.setdefault("cycles", {})

    def happen(device_id: str) -> str:
        live.clock.advance_to(live.clock.now() + timedelta(minutes=25))  # nobody's tablet is there any longer
        seq = done[device_id] = done.get(device_id, 0) + 1
        kind = "turning" if "turning" in device_id else "lift"
        at = live.clock.now() - timedelta(minutes=5)
        report(live.runtime, device_id, [cycle(seq, at, setup_s=60)], kind=kind)
        return transfer_id_of(device_id, 1, seq)

    return happen


def at_work(page: Page, live: LiveServer, carer_id: str, url: str | None = None) -> None:
    """Signed in and on shift in the residence."""
    sign_in(page, live, carer_id, url)
    expect(page.get_by_role("heading", name="Botilbud Prøvehaven")).to_be_visible()
    begin = page.get_by_role("button", name="Start vagt")
    if begin.is_visible():
        begin.click()
        page.get_by_role("button", name="Ja, start vagten").click()
    expect(page.get_by_role("button", name="Slut vagt")).to_be_visible()


def question(page: Page, transfer_id: str):
    return page.locator(f"[data-transfer='{transfer_id}']")


def stored(live: LiveServer, transfer_id: str) -> TransferRow:
    with live.runtime.database.reading() as session:
        row = session.get(TransferRow, transfer_id)
        assert row is not None
        return row


def test_a_carer_on_a_rota_sees_residents_and_devices_instead_of_a_route(
    live: LiveServer, house: ResidenceTown, page: Page
) -> None:
    at_work(page, live, house.carers[0])

    expect(page.get_by_text("Asta Lyng")).to_be_visible()
    lift, turning = page.locator(f"[data-device='{house.lift}']"), page.locator(f"[data-device='{house.turning}']")
    expect(lift).to_contain_text("Loftlift")
    expect(lift).to_contain_text("Én medarbejder")
    expect(turning).to_contain_text("Vær to")
    expect(turning).to_contain_text("Dit kursus i vendesystem mangler eller er udløbet.")
    expect(page.get_by_text("Ingen lift eller vendesystem")).to_be_visible()
    expect(page.get_by_text("Der er ingen besøg på din rute endnu.")).to_have_count(0)
    assert page.title() == "Dit botilbud – Omsorgstid"


def test_a_residence_shift_ends_where_it_began_after_one_question(
    live: LiveServer, house: ResidenceTown, page: Page
) -> None:
    at_work(page, live, house.carers[2])

    page.get_by_role("button", name="Slut vagt").click()
    expect(page.get_by_role("heading", name="Slutter du vagten nu?")).to_be_visible()
    page.get_by_role("button", name="Ja, slut vagten").click()

    expect(page.get_by_role("button", name="Log ud")).to_be_visible()
    ended = shift(live, house.carers[2])
    assert (ended.state, ended.started_from, ended.ended_place) == ("ended", "base", "base")


def test_a_transfer_nothing_told_about_is_asked_by_itself_and_answered_by_keyboard(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    at_work(page, live, house.carers[0])
    transfer_id = transfer(house.lift)

    asked = question(page, transfer_id)
    at = clock_text(live.clock.now() - timedelta(minutes=1))
    expect(asked).to_contain_text(f"Forflytning registreret af liften {at}. Var I én eller to?")
    expect(asked).to_contain_text("Asta Lyng · Lejlighed 1")
    asked.get_by_role("button", name="To").focus()
    page.keyboard.press("Enter")

    expect(asked).to_have_count(0)
    expect(page.get_by_text("Alt er sendt")).to_be_visible()
    assert eventually(lambda: stored(live, transfer_id).carers == 2)
    row = stored(live, transfer_id)
    assert (row.second_carer_s, row.evidence) == (300, "asked")
    page.get_by_text("i dag", exact=False).first.click()
    expect(page.get_by_text("To medarbejdere")).to_be_visible()


def test_when_a_colleague_answers_the_question_leaves_the_other_tablet(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    at_work(page, live, house.carers[0])
    other = page.context.browser.new_context(locale="da-DK").new_page()  # type: ignore[union-attr]
    at_work(other, live, house.carers[1])
    transfer_id = transfer(house.turning)
    for tablet in (page, other):
        expect(question(tablet, transfer_id)).to_contain_text("af vendesystemet")

    question(other, transfer_id).get_by_role("button", name="Én").click()

    expect(question(page, transfer_id)).to_have_count(0)
    assert eventually(lambda: stored(live, transfer_id).second_carer_s == 0)
    other.context.close()


def test_without_a_network_answer_and_presence_wait_are_counted_and_sent_once(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    with Wire(live.port) as wire:
        at_work(page, live, house.carers[0], wire.url)
        transfer_id = transfer(house.lift)
        expect(question(page, transfer_id)).to_be_visible()
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        wire.cut()

        question(page, transfer_id).get_by_role("button", name="Én").click()
        page.get_by_role("button", name="Jeg er ved vendesystemet: Asta Lyng").click()
        expect(page.get_by_text("Ingen net · 2 venter")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Ingen net · 2 venter")).to_be_visible()
        expect(question(page, transfer_id)).to_have_count(0)
        expect(page.locator(f"[data-device='{house.turning}']")).to_contain_text("Du er her siden")
        assert stored(live, transfer_id).carers is None

        wire.mend()
        expect(page.get_by_text("Alt er sendt")).to_be_visible(timeout=15000)
        assert stored(live, transfer_id).carers == 1
        with live.runtime.database.reading() as session:
            query = select(TransferPresenceRow).where(TransferPresenceRow.device_id == house.turning)
            assert [p.carer_id for p in session.exec(query)] == [house.carers[0]]


def test_an_answer_that_came_too_late_is_said_in_words_and_stays_until_it_is_seen(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    other = page.context.browser.new_context(locale="da-DK").new_page()  # type: ignore[union-attr]
    with Wire(live.port) as wire:
        at_work(page, live, house.carers[0], wire.url)
        at_work(other, live, house.carers[1])
        transfer_id = transfer(house.lift)
        expect(question(page, transfer_id)).to_be_visible()
        wire.cut()
        question(page, transfer_id).get_by_role("button", name="Én").click()
        question(other, transfer_id).get_by_role("button", name="To").click()
        assert eventually(lambda: stored(live, transfer_id).carers == 2)
        wire.mend()

        banner = page.get_by_role("region", name="Beskeder")
        expect(banner).to_contain_text("En kollega på vagten har allerede svaret kl.", timeout=15000)
        expect(banner).not_to_contain_text("Lundby")
        banner.get_by_role("button", name="Jeg har set det").click()
        assert stored(live, transfer_id).carers == 2
    other.context.close()


def test_the_residence_has_no_accessibility_faults_and_fits(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    at_work(page, live, house.carers[0])
    transfer_id = transfer(house.lift)
    expect(question(page, transfer_id)).to_be_visible()
    page.get_by_role("button", name="ved liften").first.click()
    for width, height, theme in ((800, 1280, "light"), (320, 700, "light"), (390, 844, "dark"), (1600, 900, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        if width == 1600:
            page.get_by_role("button", name="Menu").click()
            page.get_by_role("button", name="English").click()
            page.keyboard.press("Escape")
            expect(question(page, transfer_id)).to_contain_text("Were you one or two?")
        assert violations(page) == [], (width, theme)
        assert too_wide_px(page) <= 0, width
        assert too_small(page) == [], width
    question(page, transfer_id).get_by_role("button", name="One").click()
    expect(question(page, transfer_id)).to_have_count(0)


def test_a_home_care_carer_gets_the_question_above_her_route(
    live: LiveServer, house: ResidenceTown, page: Page, transfer: Callable[[str], str]
) -> None:
    carer_id = to_the_first_stop(live)
    with live.runtime.database.reading() as session:
        stop = publishing.stops_of(session, carer_id, live.day.on)[0]
    mount(live.runtime, "home-lift", stop.unit_id, stop.citizen_id, in_residence=False)
    sign_in(page, live, carer_id)
    page.get_by_role("button", name="Start vagt").click()
    page.get_by_role("button", name="Hos borger").click()
    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Start besøg uden elektronisk lås").click()
    assert eventually(lambda: visit(live, stop.id).state == "begun")

    transfer_id = transfer("home-lift")

    expect(question(page, transfer_id)).to_be_visible()
    expect(page.locator(".now-name")).to_be_visible()
    question(page, transfer_id).get_by_role("button", name="Én").click()
    expect(question(page, transfer_id)).to_have_count(0)
    assert eventually(lambda: stored(live, transfer_id).carers == 1)
