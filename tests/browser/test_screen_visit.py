"""A screen visit between two browsers: the carer's tablet and whoever opened the link."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from scheduling.tables import TaskRow
from tests.browser.media_wire import MediaWire
from tests.browser.screen_steps import (
    FRAMES,
    REMEMBER,
    Town,
    answer,
    calling_browser,
    devices_in_use,
    found_in,
    heights_px,
    on_shift,
    person,
    ring,
    talking,
)
from tests.browser.tablet_steps import current_visit, visit
from tests.conftest import LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually
from video.tables import RoomRow

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One platform for all calls of this module; each takes a carer of its own."""
    live = start_platform(tmp_path_factory.mktemp("screen"))
    yield Town(live)
    stop_platform(live)


@pytest.fixture(scope="module")
def phones(browser: Browser) -> Iterator[Browser]:
    """Browsers that can hold a call."""
    with calling_browser(browser) as launched:
        yield launched


def ring_is_over(live: LiveServer, visit_id: str) -> None:
    """Nobody has answered for as long as a citizen is rung."""
    with live.runtime.database.writing() as session:
        room = session.exec(select(RoomRow).where(RoomRow.visit_id == visit_id)).one()
        room.ring_until_s = 0.0
        session.add(room)


def fresh_link(live: LiveServer, tablet: Page, visit_id: str) -> str:
    """Another link while the call goes on."""
    path = f"{live.url}/api/v1/me/visits/{visit_id}/screen"
    answered = tablet.request.post(path, headers={"X-Surface": "tablet"}, data={})
    assert answered.ok, answered.text()
    return f"{live.url}{answered.json()['link']}"


def outcome(page: Page, words: str) -> None:
    """The carer says how it went, and the server has heard it."""
    expect(page.get_by_role("heading", name="Hvordan gik det?")).to_be_visible(timeout=10_000)
    with page.expect_response(lambda got: got.url.endswith("/screen/outcome") and got.ok):
        page.get_by_role("button", name=words, exact=True).click()


def test_a_carer_and_a_citizen_see_each_other_until_the_citizen_hangs_up(town: Town, phones: Browser) -> None:
    carer_id, stop = town.screen_stop()
    with person(phones) as tablet, person(phones, (390, 844)) as citizen:
        on_shift(tablet, town.live, carer_id)
        assert current_visit(tablet) == stop.id
        expect(tablet.locator(".now-card").get_by_text("Skærm")).to_be_visible()
        expect(tablet.get_by_role("button", name="Lås op")).to_have_count(0)

        link = ring(tablet)
        citizen.goto(link)
        expect(citizen.get_by_role("heading", name="Hjemmeplejen ringer")).to_be_visible()
        assert citizen.url == link.split("#")[0]
        assert devices_in_use(citizen) == []
        citizen.get_by_role("button", name="Svar", exact=True).click()

        talking(tablet, citizen)
        expect(citizen.get_by_text("Kameraet er tændt")).to_be_visible()
        expect(citizen.get_by_text("God forbindelse")).to_be_visible()
        expect(tablet.get_by_role("button", name="Læg på")).to_be_visible()
        assert visit(town.live, stop.id).state == "begun"
        assert min(heights_px(tablet, ".call-controls button")) >= 64
        assert min(heights_px(citizen, ".call-controls button")) >= 88
        ciphers = citizen.evaluate(
            """async () => [...(await witness.connections.at(-1).getStats()).values()]
            .filter((r) => r.type === "transport").map((r) => r.srtpCipher)"""
        )
        assert all(ciphers)

        citizen.get_by_role("button", name="Læg på").click()
        expect(citizen.get_by_role("heading", name="Samtalen er slut")).to_be_visible()
        assert devices_in_use(citizen) == []
        outcome(tablet, "Gennemført")

        expect(tablet.get_by_text("1 besøg er afsluttet")).to_be_visible()
        assert devices_in_use(tablet) == []
        ended = visit(town.live, stop.id)
        assert (ended.state, ended.outcome) == ("ended", "done")

        with person(phones, (390, 844)) as stranger:
            answer(stranger, link)
            expect(stranger.get_by_role("heading", name="Linket er brugt eller for gammelt")).to_be_visible()
            expect(stranger.get_by_text("Vent – vi ringer selv igen.")).to_be_visible()
            expect(stranger.get_by_role("link", name="Ring til os")).to_be_visible()
            assert devices_in_use(stranger) == []


def test_both_turn_sound_and_picture_off_in_words_and_the_other_is_told(town: Town, phones: Browser) -> None:
    carer_id, stop = town.screen_stop()
    with person(phones) as tablet, person(phones) as citizen:
        on_shift(tablet, town.live, carer_id)
        answer(citizen, ring(tablet))
        talking(tablet, citizen)

        citizen.get_by_role("button", name="Lyd", exact=False).first.click()
        expect(citizen.get_by_role("button", name="Lyden er slukket")).to_be_visible()
        expect(tablet.get_by_text("har slukket for lyden")).to_be_visible()
        citizen.get_by_role("button", name="Billede").click()
        expect(citizen.get_by_role("button", name="Billedet er slukket")).to_be_visible()
        expect(citizen.get_by_text("Kameraet er slukket")).to_be_visible()
        expect(tablet.get_by_text("sender ikke billede")).to_be_visible()
        citizen.get_by_role("button", name="Billedet er slukket").click()

        expect(tablet.get_by_text("sender ikke billede")).not_to_be_visible()
        talking(tablet)
        tablet.get_by_role("button", name="Læg på").click()
        expect(citizen.get_by_role("heading", name="Samtalen er slut")).to_be_visible()
        outcome(tablet, "Kræver fysisk besøg")
        assert eventually(lambda: visit(town.live, stop.id).outcome == "partly")


def test_without_a_camera_they_talk_by_sound(town: Town, phones: Browser) -> None:
    carer_id, stop = town.screen_stop()
    with person(phones) as tablet, person(phones, (390, 844), devices=("microphone",)) as citizen:
        on_shift(tablet, town.live, carer_id)
        answer(citizen, ring(tablet))

        expect(citizen.get_by_role("heading", name="Vi kan ikke bruge kameraet")).to_be_visible()
        assert found_in(citizen, "camera refused") == []
        citizen.get_by_role("button", name="Fortsæt med lyd").click()

        talking(citizen)
        expect(citizen.get_by_role("button", name="Intet kamera")).to_be_disabled()
        expect(tablet.get_by_text("sender ikke billede")).to_be_visible()
        assert devices_in_use(citizen) == ["audio"]
        tablet.get_by_role("button", name="Læg på").click()
        outcome(tablet, "Kun lyd")
        assert eventually(lambda: visit(town.live, stop.id).outcome == "done")


def test_nobody_answers_and_the_carer_is_told_when_to_try_again_and_what_comes_then(
    town: Town, phones: Browser
) -> None:
    carer_id, stop = town.screen_stop()
    with person(phones) as tablet:
        on_shift(tablet, town.live, carer_id)
        link = ring(tablet)
        expect(tablet.get_by_text("prøver vi igen")).to_be_visible()
        assert found_in(tablet, "ringing") == []
        ring_is_over(town.live, stop.id)

        expect(tablet.get_by_role("heading", name="svarede ikke")).to_be_visible(timeout=10_000)
        expect(tablet.get_by_text("Vi prøver igen")).to_be_visible()
        assert devices_in_use(tablet) == []
        assert found_in(tablet, "unanswered") == []
        tablet.get_by_role("button", name="Videre på ruten").click()
        # the day is read anew first: until then the card still shows the visit she comes from
        expect(tablet.locator(".now-card")).not_to_have_attribute("data-visit", stop.id)

        tablet.locator(f"[data-key='stop-{stop.id}']").click()
        again = ring(tablet)
        assert again != link
        expect(tablet.get_by_text("prøver vi igen")).to_have_count(0)
        ring_is_over(town.live, stop.id)
        expect(tablet.get_by_text("Planlæggeren har fået besked")).to_be_visible(timeout=10_000)

    with town.live.runtime.database.reading() as session:
        tasks = session.exec(select(TaskRow).where(TaskRow.visit_id == stop.id)).all()
    assert [task.kind for task in tasks] == ["screen_unanswered"]


def test_not_now_is_said_to_the_carer_and_both_know_when_it_rings_again(town: Town, phones: Browser) -> None:
    carer_id, _ = town.screen_stop()
    with person(phones) as tablet, person(phones, (390, 844)) as citizen:
        on_shift(tablet, town.live, carer_id)
        citizen.goto(ring(tablet))

        citizen.get_by_role("button", name="Ikke nu").click()

        expect(citizen.get_by_text("Vi ringer igen kl.")).to_be_visible()
        expect(tablet.get_by_role("heading", name="kan ikke lige nu")).to_be_visible()
        assert devices_in_use(citizen) == []
        tablet.get_by_role("button", name="Ring igen nu").click()
        expect(citizen.get_by_role("heading", name="fra hjemmeplejen ringer")).to_be_visible()
        citizen.get_by_role("button", name="Svar", exact=True).click()
        talking(tablet, citizen)


def test_a_cut_path_is_said_and_another_is_found_within_seconds(town: Town, phones: Browser) -> None:
    carer_id, _ = town.screen_stop()
    with MediaWire() as wire, person(phones) as tablet, person(phones, (390, 844)) as citizen:
        wire.between(citizen.context)
        on_shift(tablet, town.live, carer_id)
        answer(citizen, ring(tablet))
        talking(tablet, citizen)

        for page in (tablet, citizen):
            page.evaluate(REMEMBER, "Forbindelsen røg. Vi prøver igen")
        seen = [int(page.evaluate(FRAMES)) for page in (tablet, citizen)]

        wire.cut()
        # whoever notices first says it and asks for another path: the other may have it before she missed anything
        assert eventually(lambda: any(page.evaluate("witness.remembered") for page in (tablet, citizen)), 20.0)
        # nothing that was there carries any more: without a new path no picture would ever come again
        for page, before in zip((tablet, citizen), seen, strict=True):
            assert eventually(lambda page=page, before=before: page.evaluate(FRAMES) > before + 10, 20.0)
        for page in (tablet, citizen):
            expect(page.get_by_text("Forbindelsen røg. Vi prøver igen")).to_have_count(0)


def test_a_page_loaded_anew_comes_back_into_the_call_and_a_new_link_takes_it_over(town: Town, phones: Browser) -> None:
    carer_id, stop = town.screen_stop()
    with person(phones) as tablet, person(phones, (390, 844)) as citizen:
        on_shift(tablet, town.live, carer_id)
        answer(citizen, ring(tablet))
        talking(tablet, citizen)

        citizen.reload()
        expect(citizen.get_by_role("heading", name="Du er midt i en samtale")).to_be_visible()
        expect(tablet.get_by_text("Forbindelsen røg. Vi prøver igen")).to_be_visible(timeout=10_000)
        assert found_in(tablet, "reconnecting") == []
        assert devices_in_use(citizen) == []
        citizen.get_by_role("button", name="Tilbage til samtalen").click()
        talking(tablet, citizen)

        tablet.reload()
        tablet.get_by_role("button", name="Skærmbesøg ·").click()
        talking(tablet, citizen)

        with person(phones, (390, 844)) as other:
            answer(other, fresh_link(town.live, tablet, stop.id))
            other.get_by_role("button", name="Tilbage til samtalen").click()
            talking(tablet, other)
            expect(citizen.get_by_role("heading", name="Samtalen er åbnet et andet sted")).to_be_visible()
            assert devices_in_use(citizen) == []


def test_no_state_of_a_call_has_a_barrier(town: Town, phones: Browser) -> None:
    """Every state in both colours; the citizen's also on the smallest telephone."""
    carer_id, _ = town.screen_stop()
    wrong: list[str] = []

    def look(page: Page, state: str, least_px: int = 48) -> None:
        wrong.extend(found_in(page, state, least_px))
        page.emulate_media(color_scheme="dark")
        if page is not tablet:
            page.set_viewport_size({"width": 320, "height": 640})
        wrong.extend(found_in(page, f"dark {state}", least_px))
        page.emulate_media(color_scheme="light")
        if page is not tablet:
            page.set_viewport_size({"width": 390, "height": 844})

    with person(phones, (800, 1280)) as tablet, person(phones, (390, 844)) as citizen:
        on_shift(tablet, town.live, carer_id)
        look(tablet, "ready to ring")
        link = ring(tablet)
        look(tablet, "ringing")
        citizen.goto(link)
        expect(citizen.get_by_role("button", name="Svar", exact=True)).to_be_visible()
        look(citizen, "ring", 72)
        citizen.get_by_role("button", name="Svar", exact=True).click()
        talking(tablet, citizen)
        look(citizen, "in call", 88)
        look(tablet, "in call")
        citizen.get_by_role("button", name="Billede").click()
        expect(tablet.get_by_text("sender ikke billede")).to_be_visible()
        look(citizen, "picture off", 88)
        look(tablet, "no picture")
        citizen.get_by_role("button", name="Læg på").click()
        expect(tablet.get_by_role("heading", name="Hvordan gik det?")).to_be_visible()
        look(tablet, "outcome")
        look(citizen, "ended")
        citizen.get_by_role("button", name="Det var svært at høre eller se").click()
        expect(citizen.get_by_text("Vi har fået besked.")).to_be_visible()
        look(citizen, "told that it was hard")
        with person(phones, (390, 844)) as stranger:
            answer(stranger, link)
            expect(stranger.get_by_role("heading", name="Linket er brugt")).to_be_visible()
            look(stranger, "used link")

    assert wrong == []


def test_the_citizen_answers_and_ends_by_keyboard_alone(town: Town, phones: Browser) -> None:
    carer_id, _ = town.screen_stop()
    with person(phones) as tablet, person(phones, (390, 844)) as citizen:
        on_shift(tablet, town.live, carer_id)
        citizen.goto(ring(tablet))
        expect(citizen.get_by_role("button", name="Svar", exact=True)).to_be_visible()

        tab_to(citizen, "Svar")
        citizen.keyboard.press("Enter")
        talking(citizen)
        tab_to(citizen, "Læg på")
        citizen.keyboard.press("Enter")
        expect(citizen.get_by_role("heading", name="Samtalen er slut")).to_be_focused()

        expect(tablet.get_by_role("heading", name="Hvordan gik det?")).to_be_visible()
        expect(tablet.get_by_role("button", name="Gennemført")).to_be_focused()
        tablet.keyboard.press("Enter")
        expect(tablet.get_by_text("1 besøg er afsluttet")).to_be_visible()


def test_the_pages_of_a_call_run_under_their_own_policy(town: Town, phones: Browser) -> None:
    """The same flow without the help of a checker: strict policy, no complaint, nothing but our own server."""
    carer_id, _ = town.screen_stop()
    complaints: list[str] = []
    strict = [phones.new_context(locale="da-DK", permissions=["camera", "microphone"]) for _ in range(2)]
    tablet, citizen = (context.new_page() for context in strict)
    for page in (tablet, citizen):
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
    on_shift(tablet, town.live, carer_id)
    link = ring(tablet)

    shell = citizen.goto(link)
    citizen.get_by_role("button", name="Svar", exact=True).click()
    for page in (tablet, citizen):
        seen = "document.querySelector('.call-picture video:not(.call-hidden)')?.videoWidth > 0"
        assert eventually(lambda page=page, seen=seen: page.evaluate(seen), 20.0)

    assert shell is not None
    assert "unsafe" not in shell.headers["content-security-policy"]
    assert shell.headers["permissions-policy"] == "camera=(self), microphone=(self), display-capture=()"
    assert shell.headers["referrer-policy"] == "no-referrer"
    assert urlsplit(link).fragment not in str(shell.request.all_headers()) + shell.url
    assert complaints == []
    for context in strict:
        context.close()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the keyboard stands on a button."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if words in str(page.evaluate("document.activeElement.textContent")):
            return
    raise AssertionError(f"Expected to reach {words!r} by Tab, got to its end without.")
