"""What a call's page decides by itself, and what the tablet says when there is nothing to decide: no network."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.web.assets import assets
from tests.browser.screen_steps import Town, calling_browser, devices_in_use, found_in, on_shift, person
from tests.browser.tablet_steps import visit
from tests.conftest import start_platform, stop_platform

pytestmark = pytest.mark.browser
FINE, THIN = 900_000, 150_000
NONE: dict[str, Any] = {"advice": "none", "automatic": False}
#: statistics as a browser gives them, five seconds apart
BEFORE: dict[str, Any] = {
    "transport": {"type": "transport", "selectedCandidatePairId": "pair"},
    "pair": {
        "type": "candidate-pair",
        "currentRoundTripTime": 0.08,
        "localCandidateId": "local",
        "availableOutgoingBitrate": FINE,
    },
    "local": {"type": "local-candidate", "candidateType": "relay", "relayProtocol": "tls"},
    "sound": {
        "type": "inbound-rtp",
        "kind": "audio",
        "jitterBufferDelay": 100.0,
        "jitterBufferEmittedCount": 48_000,
        "concealedSamples": 1_000,
        "silentConcealedSamples": 400,
        "totalSamplesReceived": 48_000,
    },
    "picture": {
        "type": "inbound-rtp",
        "kind": "video",
        "framesDecoded": 100,
        "totalFreezesDuration": 0.5,
        "frameHeight": 480,
    },
}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One platform for this module."""
    live = start_platform(tmp_path_factory.mktemp("modules"))
    yield Town(live)
    stop_platform(live)


@pytest.fixture
def modules(town: Town, page: Page) -> Page:
    """A page that can import the modules of a call by ``load(name)``."""
    page.goto(f"{town.live.url}/skaerm")
    page.evaluate("prefix => { window.load = (name) => import(prefix + name); }", assets().url(""))
    return page


def sent(modules: Page, windows: list[tuple[dict[str, Any], int]]) -> list[str]:
    """What is sent of our own picture after each window of five seconds."""
    found: list[str] = modules.evaluate(
        """async (windows) => {
            const { Picture } = await load("shared/call/quality.js");
            const picture = new Picture();
            return windows.map(([said, bits], i) => { picture.hear(said, bits, 5000 * (i + 1)); return picture.sent; });
        }""",
        [list(window) for window in windows],
    )
    return found


def test_a_thin_path_takes_the_picture_after_ten_seconds_and_gives_it_back_by_itself(modules: Page) -> None:
    states = sent(modules, [(NONE, FINE), (NONE, THIN), (NONE, THIN), *[(NONE, FINE)] * 5])

    assert states == ["full", "reduced", "none", "none", "none", "none", "reduced", "full"]


def test_a_picture_that_has_to_go_again_stays_away_twice_as_long(modules: Page) -> None:
    goes, rests = [(NONE, THIN)] * 2, [(NONE, FINE)] * 4
    states = sent(modules, [*goes, *rests, *goes, *rests, *rests])

    assert states[5] == "reduced"
    assert states[7] == "none"
    assert states[8:15] == ["none"] * 7
    assert states[15] == "reduced"


@pytest.mark.parametrize(
    ("advice", "automatic", "then"),
    [
        ("none", False, "full"),
        ("reduce", True, "reduced"),
        ("audio_only", False, "reduced"),
        ("audio_only", True, "none"),
        ("telephone", True, "none"),
    ],
)
def test_the_server_s_advice_is_taken_where_it_says_so(modules: Page, advice: str, automatic: bool, then: str) -> None:
    assert sent(modules, [({"advice": advice, "automatic": automatic}, FINE)]) == [then]


@pytest.mark.parametrize("picture", [True, False])
def test_a_window_is_the_difference_of_two_readings(modules: Page, picture: bool) -> None:
    after = {name: dict(report) for name, report in BEFORE.items()}
    after["sound"] |= {
        "jitterBufferDelay": 100.0 + 240_000 * 0.05,
        "jitterBufferEmittedCount": 288_000,
        "concealedSamples": 3_400,
        "silentConcealedSamples": 400,
        "totalSamplesReceived": 288_000,
    }
    after["picture"] |= {"framesDecoded": 175, "totalFreezesDuration": 1.0}

    window = modules.evaluate(
        """async ([before, after, picture]) => {
            const { reading, windowOf } = await load("shared/call/quality.js");
            const all = (reports) => Object.entries(reports).map(([id, report]) => ({ id, ...report }));
            return windowOf(reading(all(before), 1000), reading(all(after), 6000), picture);
        }""",
        [BEFORE, after, picture],
    )

    assert window == {
        "rtt_ms": 80,
        "jitter_buffer_ms": 50,
        "concealed_ratio": 0.01,
        "fps": 15 if picture else None,
        "freeze_ratio": 0.1 if picture else None,
        "frame_height": 480 if picture else None,
        "path": "relay_tls",
    }


def test_without_a_network_the_carer_is_told_why_and_offered_the_telephone(town: Town, browser: Browser) -> None:
    carer_id, stop = town.screen_stop()
    with calling_browser(browser) as launched, person(launched) as tablet:
        on_shift(tablet, town.live, carer_id)
        tablet.context.set_offline(True)

        tablet.get_by_role("button", name="Ring op").click()

        expect(tablet.get_by_text("Et skærmbesøg kræver net.")).to_be_visible()
        expect(tablet.get_by_role("link", name="Ring til vagttelefon")).to_be_visible()
        assert devices_in_use(tablet) == []
        assert visit(town.live, stop.id).state == "planned"
        tablet.context.set_offline(False)
        tablet.get_by_role("button", name="Forstået").click()
        tablet.get_by_role("button", name="Ring op").click()
        expect(tablet.get_by_role("heading", name="Ringer til")).to_be_visible()
        assert found_in(tablet, "ringing at last") == []
