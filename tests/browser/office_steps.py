"""What people of the office do in a browser, as a test says it."""

from playwright.sync_api import Page, expect

from tests.conftest import LiveServer

PIN = "1234"


def sign_in_office(page: Page, live: LiveServer, identity: str, surface: str) -> None:
    """Open a session for this browser profile, as the start page's role card does."""
    answer = page.request.post(
        f"{live.url}/api/v1/session",
        data={"identity": identity, "pin": PIN},
        headers={"X-Surface": surface},
    )
    assert answer.ok, answer.text()


def open_board(page: Page, live: LiveServer, identity: str = "planner") -> None:
    """The planner's board of today with its bars painted."""
    page.set_viewport_size({"width": 1600, "height": 900})
    sign_in_office(page, live, identity, "planner")
    page.goto(f"{live.url}/planlaegger")
    expect(page.locator(".lane .bar").first).to_be_visible()


def focused(page: Page) -> str:
    """What a screen reader would say of the focused cell."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"))
