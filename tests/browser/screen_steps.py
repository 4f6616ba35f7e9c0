"""Two browsers and a screen visit, as a test says it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import Session, select

from kernel.localtime import local_day
from scheduling import publishing
from scheduling.register.tables import ConsentRow
from scheduling.tables import VisitRow
from tests.browser.conftest import launch_arguments
from tests.browser.tablet_steps import sign_in, start_shift, too_small, too_wide_px, violations
from tests.conftest import LiveServer
from tests.gateway.platform import eventually

#: what a browser without a camera, a person or a real network needs to hold a call (docs/screen-visits.md)
CALLING = [
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]
#: addresses of this machine are shown to the other side as they are
CALLING_OFF = ("WebRtcHideLocalIpsWithMdns",)
BOTH = ("camera", "microphone")
#: lets a test look at the connections and tracks a page has made, and changes nothing about them
WITNESS = """(() => {
    const made = (window.witness = { connections: [], tracks: [] });
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...how) { super(...how); made.connections.push(this); }
    };
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await real(wanted);
        made.tracks.push(...stream.getTracks());
        return stream;
    };
})();"""
FRAMES = """async () => {
    const now = window.witness.connections.filter((pc) => pc.connectionState === "connected").at(-1);
    if (!now) return 0;
    let frames = 0;
    for (const report of (await now.getStats()).values())
        if (report.type === "inbound-rtp" && report.kind === "video") frames = report.framesDecoded ?? 0;
    return frames;
}"""


@contextmanager
def calling_browser(browser: Browser) -> Iterator[Browser]:
    """A second Chromium with a camera and a microphone that are not real."""
    launched = browser.browser_type.launch(
        executable_path="/usr/bin/chromium", args=launch_arguments(*CALLING, off=CALLING_OFF), handle_sigint=False
    )
    yield launched
    launched.close()


@contextmanager
def person(
    browser: Browser,
    size: tuple[int, int] = (800, 1280),
    devices: tuple[str, ...] = BOTH,
    theme: Literal["light", "dark"] = "light",
) -> Iterator[Page]:
    """A page in a browser profile of its own. ``devices``: what it may use; the rest is refused."""
    context: BrowserContext = browser.new_context(
        locale="da-DK",
        timezone_id="Europe/Copenhagen",
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        bypass_csp=True,  # for the checker of accessibility only; one test runs under the page's own policy
    )
    context.grant_permissions([*devices, "clipboard-read", "clipboard-write"])
    context.add_init_script(WITNESS)
    yield context.new_page()
    context.close()


#: remembers whether words have stood on the page, however short
REMEMBER = """(words) => {
    const look = () => { if (document.body.textContent.includes(words)) window.witness.remembered = true; };
    window.witness.remembered = false;
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


class Town:
    """Gives each test a carer of its own, whose first stop is a screen visit."""

    def __init__(self, live: LiveServer) -> None:
        self.live = live
        with live.runtime.database.reading() as session:
            firsts = [(c.id, publishing.stops_of(session, c.id, live.day.on)) for c in live.day.carers]
        latest_first = sorted(
            ((stops[0].start_at, str(carer_id), stops[0].id) for carer_id, stops in firsts if stops), reverse=True
        )
        self._free = [(carer_id, visit_id) for _, carer_id, visit_id in latest_first]

    def screen_stop(self, *consents: str) -> tuple[str, VisitRow]:
        """A carer, and her first visit made one by screen."""
        carer_id, visit_id = self._free.pop(0)
        with self.live.runtime.database.writing() as session:
            visit = session.get(VisitRow, visit_id)
            assert visit is not None
            visit.mode, visit.door_id = "screen", None
            session.add(visit)
            _consent(session, visit.citizen_id, ("screen", *consents), self.live)
            session.flush()
            session.refresh(visit)
            session.expunge(visit)
        return carer_id, visit


def _consent(session: Session, citizen_id: str, kinds: tuple[str, ...], live: LiveServer) -> None:
    held = {c.kind for c in session.exec(select(ConsentRow).where(ConsentRow.citizen_id == citizen_id)).all()}
    for kind in set(kinds) - held:
        session.add(ConsentRow(citizen_id=citizen_id, kind=kind, given_on=local_day(live.clock.now())))


def on_shift(page: Page, live: LiveServer, carer_id: str) -> None:
    """The carer stands before her first stop, which is a screen visit."""
    sign_in(page, live, carer_id)
    start_shift(page)
    expect(page.get_by_role("button", name="Ring op")).to_be_visible()


def ring(page: Page) -> str:
    """The carer rings. Returns the whole link that she may send."""
    page.get_by_role("button", name="Ring op").click()
    expect(page.locator(".visit-heading")).to_contain_text("Ringer til", timeout=15_000)
    page.get_by_text("Send link").click()
    return page.get_by_label("Link til").input_value()


def answer(page: Page, link: str) -> None:
    """The citizen opens the link and answers."""
    page.goto(link)
    page.get_by_role("button", name="Svar", exact=True).click()


def talking(*pages: Page) -> None:
    """Wait until pictures of the other side come on every page, and go on coming."""
    for page in pages:
        seen = eventually(lambda page=page: page.evaluate(FRAMES), 20.0)
        assert seen > 0
        assert eventually(lambda page=page, seen=seen: page.evaluate(FRAMES) > seen + 3)


def devices_in_use(page: Page) -> list[str]:
    """Kinds of the tracks whose lamp is lit."""
    return list(page.evaluate("witness.tracks.filter((t) => t.readyState === 'live').map((t) => t.kind)"))


def found_in(page: Page, state: str, least_px: int = 48) -> list[str]:
    """Everything a page does wrong in a state."""
    wrong = [f"{state}: {found}" for found in violations(page)]
    if too_wide_px(page) > 0:
        wrong.append(f"{state}: {too_wide_px(page)} px too wide")
    return wrong + [f"{state}: too small: {target}" for target in too_small(page, least_px)]


def heights_px(page: Page, selector: str) -> list[float]:
    """Heights of what can be seen of a selector."""
    boxes: list[Any] = [element.bounding_box() for element in page.locator(selector).all()]
    return [box["height"] for box in boxes if box]
