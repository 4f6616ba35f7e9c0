"""The citizen's own screen: enrolled once, then it waits, rings and answers as the citizen has agreed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.localtime import at_local, clock_text
from scheduling.register.tables import CarerRow
from scheduling.tables import TaskRow, VisitRow
from tests.browser.screen_steps import (
    Town,
    calling_browser,
    devices_in_use,
    found_in,
    heights_px,
    on_shift,
    person,
    ring,
    talking,
)
from tests.conftest import TODAY, LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually

pytestmark = pytest.mark.browser
PIN = "4711"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One platform for all kiosks of this module, in the hours in which a kiosk may answer by itself."""
    live = start_platform(tmp_path_factory.mktemp("kiosk"))
    town = Town(live)
    live.clock.advance_to(max(live.clock.now(), at_local(TODAY, time(8, 1))))
    yield town
    stop_platform(live)


@pytest.fixture(scope="module")
def screens(browser: Browser) -> Iterator[Browser]:
    """Browsers that can hold a call."""
    with calling_browser(browser) as launched:
        yield launched


@contextmanager
def kiosk(town: Town, screens: Browser, stop: VisitRow) -> Iterator[Page]:
    """The enrolled screen on the table of a visit's citizen."""
    name = f"Skærm {stop.citizen_id}"
    with town.live.runtime.database.writing() as session:
        session.add(
            IdentityRow(
                id=f"kiosk-{stop.citizen_id}",
                role="kiosk",
                name=name,
                citizen_id=stop.citizen_id,
                unit_ids=[stop.unit_id],
                pin_hash=hash_pin(PIN),
                demo=True,
            )
        )
    with person(screens) as page:
        page.clock.install()  # runs on by itself; a test may move it
        page.goto(f"{town.live.url}/kiosk")
        expect(page.get_by_role("heading", name="Sæt skærmen op")).to_be_visible()
        page.get_by_role("button", name=name).first.click()
        for digit in PIN:
            page.get_by_role("button", name=digit, exact=True).click()
        page.get_by_role("button", name="Log ind").click()
        expect(page.get_by_role("button", name="Ring til mig")).to_be_visible()
        yield page


def first_name(live: LiveServer, carer_id: str) -> str:
    """What the citizen calls the carer."""
    with live.runtime.database.reading() as session:
        carer = session.get(CarerRow, carer_id)
        assert carer is not None
        return carer.name.split()[0]


def test_the_kiosk_tells_the_next_visit_rings_and_answers_by_one_tap(town: Town, screens: Browser) -> None:
    carer_id, stop = town.screen_stop()
    assert stop.start_at is not None
    with person(screens) as tablet, kiosk(town, screens, stop) as screen:
        name = first_name(town.live, carer_id)
        expect(screen.get_by_role("heading")).to_contain_text(
            f"Næste: skærmbesøg kl. {clock_text(stop.start_at)} med {name}"
        )
        expect(screen.locator(".face-above")).to_have_text(f"Kl. {clock_text(town.live.clock.now())}")
        on_shift(tablet, town.live, carer_id)
        ring(tablet)

        expect(screen.get_by_role("heading", name=f"{name} fra hjemmeplejen ringer")).to_be_focused()
        assert devices_in_use(screen) == []
        assert heights_px(screen, ".face-button") == [112.0, 72.0]
        expect(screen.locator("footer")).to_be_hidden()
        screen.get_by_role("button", name="Svar", exact=True).click()

        talking(tablet, screen)
        tablet.get_by_role("button", name="Læg på").click()
        expect(screen.get_by_role("heading", name="Samtalen er slut")).to_be_visible()
        assert devices_in_use(screen) == []
        screen.get_by_role("button", name="Ring til mig igen").click()
        expect(screen.get_by_role("heading", name="Vi ringer til dig")).to_be_visible()

    with town.live.runtime.database.reading() as session:
        asked = session.exec(select(TaskRow).where(TaskRow.citizen_id == stop.citizen_id)).all()
    assert [task.kind for task in asked] == ["call_back"]


def test_with_the_citizen_s_consent_it_answers_by_itself_after_ten_seconds(town: Town, screens: Browser) -> None:
    carer_id, stop = town.screen_stop("auto_answer")
    with person(screens) as tablet, kiosk(town, screens, stop) as screen:
        on_shift(tablet, town.live, carer_id)
        ring(tablet)

        expect(screen.get_by_text("Vi svarer for dig om lidt")).to_be_visible()
        expect(screen.get_by_text("mellem 8 og 20")).to_be_visible()
        counter = screen.get_by_role("timer")
        first = int(counter.inner_text())
        assert 0 < first <= 10
        no, yes = heights_px(screen, ".face-button")
        assert no > yes >= 72.0
        assert devices_in_use(screen) == []
        assert found_in(screen, "auto") == []
        screen.clock.run_for((first - 2) * 1000)
        assert devices_in_use(screen) == []
        screen.clock.run_for(2000)
        assert eventually(lambda: devices_in_use(screen) != [])

        talking(tablet, screen)
        screen.get_by_role("button", name="Læg på").click()
        expect(tablet.get_by_role("heading", name="Hvordan gik det?")).to_be_visible()


def test_the_citizen_can_still_say_not_now(town: Town, screens: Browser) -> None:
    carer_id, stop = town.screen_stop("auto_answer")
    with person(screens) as tablet, kiosk(town, screens, stop) as screen:
        on_shift(tablet, town.live, carer_id)
        ring(tablet)
        expect(screen.get_by_text("Vi svarer for dig om lidt")).to_be_visible()

        screen.keyboard.press("Tab")
        expect(screen.get_by_role("button", name="Ikke nu")).to_be_focused()
        screen.keyboard.press("Enter")

        expect(screen.get_by_text("Vi ringer igen kl.")).to_be_visible()
        expect(tablet.get_by_role("heading", name="kan ikke lige nu")).to_be_visible()
        assert devices_in_use(screen) == []
        # it stays said: the countdown does not answer after all
        assert not eventually(lambda: devices_in_use(screen) != [], 1.0)


def test_the_waiting_screen_shows_nobody_else_and_has_no_barrier(town: Town, screens: Browser) -> None:
    _, stop = town.screen_stop()
    with kiosk(town, screens, stop) as screen:
        for width, height in ((800, 1280), (1600, 900), (390, 844)):
            screen.set_viewport_size({"width": width, "height": height})
            assert found_in(screen, f"waiting {width}") == []
        screen.get_by_role("button", name="English").click()
        expect(screen.get_by_role("button", name="Call me")).to_be_visible()
        assert screen.evaluate("document.documentElement.lang") == "en"
        words = screen.inner_text("body")
        with town.live.runtime.database.reading() as session:
            others = [c.name for c in session.exec(select(CarerRow)).all()]
        assert [name for name in others if name in words] == []


def test_sound_and_picture_are_tried_without_anybody_and_given_back(town: Town, screens: Browser) -> None:
    _, stop = town.screen_stop()
    with kiosk(town, screens, stop) as screen:
        screen.get_by_role("button", name="Prøv lyd og billede").click()

        expect(screen.get_by_role("heading", name="Lyd og billede virker")).to_be_visible(timeout=40_000)
        assert sorted(devices_in_use(screen)) == ["audio", "video"]
        assert screen.evaluate("document.querySelector('.face-mirror video').videoWidth") > 0
        assert found_in(screen, "tried") == []
        screen.get_by_role("button", name="Færdig").click()

        expect(screen.get_by_role("button", name="Ring til mig")).to_be_visible()
        assert devices_in_use(screen) == []
        screen.context.clear_permissions()
        screen.get_by_role("button", name="Prøv lyd og billede").click()
        expect(screen.get_by_role("heading", name="Vi kan hverken bruge kamera eller mikrofon")).to_be_visible()
        assert found_in(screen, "no device") == []
