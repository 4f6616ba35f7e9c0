"""What a carer does on the tablet, as a test says it."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from scheduling import publishing
from scheduling.tables import RouteRow, ShiftRow, VisitRow
from tests.conftest import LiveServer

PIN = "1234"
AXE = Path(__file__).with_name("vendor") / "axe-core-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: only what is wrong comes back: to tell all that axe has looked at takes longer than to look
FAULTS = """async (rules) => {
    const result = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return result.violations.map(({ id, nodes }) => ({ id, html: nodes[0].html }));
}"""


def carer_name(live: LiveServer, carer_id: str) -> str:
    people: list[dict[str, Any]] = httpx.get(f"{live.url}/api/v1/demo/identities").json()
    return next(str(person["name"]) for person in people if person["identity"] == carer_id)


def sign_in(page: Page, live: LiveServer, carer_id: str, url: str | None = None) -> None:
    """Choose the carer by name and type the PIN on the pad."""
    page.goto(f"{url or live.url}/tablet")
    name = carer_name(live, carer_id)
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name=name).first.click()
    for digit in PIN:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Log ind").click()
    expect(page.get_by_role("button", name="Menu")).to_be_visible()


def start_shift(page: Page, place: str = "Hos borger") -> None:
    """Start vagt at a place."""
    page.get_by_role("button", name="Start vagt").click()
    page.get_by_role("button", name=place).click()
    expect(page.get_by_role("button", name="Mere")).to_be_visible()


def to_the_first_stop(live: LiveServer) -> str:
    """Move the world to the first stop of a carer whose first stop has a lock. Returns the carer."""
    carer_id = live.carer_with_door_first()
    with live.runtime.database.reading() as session:
        first = publishing.stops_of(session, carer_id, live.day.on)[0]
        assert first.start_at is not None
        live.clock.advance_to(max(live.clock.now(), first.start_at))
    return carer_id


def at_the_first_door(page: Page, live: LiveServer, url: str | None = None) -> str:
    """Signed in and on shift at the first stop, which has a lock, at its time. Returns the carer."""
    carer_id = to_the_first_stop(live)
    sign_in(page, live, carer_id, url)
    start_shift(page)
    expect(page.get_by_role("button", name="Lås op")).to_be_visible()
    return carer_id


def current_visit(page: Page) -> str:
    """Id of the visit in the card."""
    found = page.locator(".now-card").get_attribute("data-visit")
    assert found is not None
    return found


def visit(live: LiveServer, visit_id: str) -> VisitRow:
    """The visit as stored."""
    with live.runtime.database.reading() as session:
        row = session.get(VisitRow, visit_id)
        assert row is not None
        session.expunge(row)
        return row


def shift(live: LiveServer, carer_id: str) -> ShiftRow:
    """The carer's shift as stored."""
    with live.runtime.database.reading() as session:
        row = session.get(ShiftRow, f"{live.day.on.isoformat()}.{carer_id}")
        assert row is not None
        session.expunge(row)
        return row


def route(live: LiveServer, carer_id: str) -> RouteRow:
    """The carer's route as stored."""
    with live.runtime.database.reading() as session:
        row = session.get(RouteRow, f"{live.day.on.isoformat()}.{carer_id}")
        assert row is not None
        session.expunge(row)
        return row


def violations(page: Page) -> list[str]:
    """What axe has against the page as it is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate("source => { (0, eval)(source); }", AXE.read_text(encoding="utf-8"))
    found = page.evaluate(FAULTS, RULES)
    return [f"{fault['id']}: {fault['html'][:160]}" for fault in found]


def violations_in_both_schemes(page: Page) -> list[str]:
    """The same in the light and in the dark colours of a page that follows the system."""
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in violations(page)]
    page.emulate_media(color_scheme="light")
    return found


def too_wide_px(page: Page) -> int:
    """By how much the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


TARGETS = "a, button, summary, label.task, input:not([type=checkbox])"


def too_small(page: Page, least_px: int = 48) -> list[str]:
    """Targets smaller than they may be. A checkbox is as large as its label."""
    return list(
        page.evaluate(
            """([targets, least]) => [...document.querySelectorAll(targets)]
            .filter((e) => e.offsetParent && !e.matches(".skip-link"))
            .filter((e) => {
                const box = e.getBoundingClientRect();
                return Math.min(box.height, box.width) < least;
            })
            .map((e) => e.textContent.trim() || e.outerHTML)""",
            [TARGETS, least_px],
        )
    )


def has_code_doors(page: Page) -> bool:
    """Whether the tablet offers doors by spoken code."""
    page.get_by_role("button", name="Mere").click()
    offered = page.get_by_role("button", name="Dør uden besøg").is_visible()
    page.get_by_role("button", name="Tilbage").click()
    return offered
