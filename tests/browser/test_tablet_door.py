"""A door on the tablet: what the lock has said, and nothing else."""

from datetime import datetime
from time import monotonic, sleep

import pytest
from playwright.sync_api import Page, Route, expect
from sqlmodel import select

from devices.keys.tables import OpeningRow
from kernel.localtime import clock_text
from tests.browser.near_steps import out_of_reach
from tests.browser.tablet_steps import at_the_first_door, current_visit, shift, visit
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


def lock_of(live: LiveServer, page: Page) -> str:
    return str(
        page.evaluate(
            """async (visit) => (await (await fetch("/api/v1/me/day")).json()).route.stops
            .find((stop) => stop.visit_id === visit).door.lock_id""",
            current_visit(page),
        )
    )


def lose_and_go_on(live: LiveServer, lock_id: str, route: Route) -> None:
    """The lock loses its network just before the command comes."""
    live.fleet.lose(lock_id)
    route.continue_()


def settled_observation(live: LiveServer, visit_id: str, timeout_s: float = 15.0) -> tuple[str, str | None]:
    """How the server left the opening once it stopped waiting for the lock, and what the carer saw.

    The page gives up at ten seconds and so does the server, each by its own clock: either may be first.
    """
    until = monotonic() + timeout_s
    while True:
        with live.runtime.database.reading() as session:
            stored = session.exec(select(OpeningRow).where(OpeningRow.visit_id == visit_id)).one()
        if stored.state != "sent" or monotonic() > until:
            return stored.state, stored.observation
        sleep(0.05)


def test_the_tablet_s_own_key_opens_the_door_and_the_door_begins_the_visit(streets: LiveServer, page: Page) -> None:
    carer_id = at_the_first_door(page, streets)
    visit_id = current_visit(page)

    page.get_by_role("button", name="Lås op").click()

    panel = page.locator("[data-state=unlocked]")
    expect(panel.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    expect(panel).to_contain_text(f"Låsen svarede {clock_text(streets.clock.now())}")
    expect(panel).to_contain_text("Besøget er startet.")
    expect(panel.get_by_role("status")).to_be_visible()
    assert page.title().startswith("Døren er låst op – ")
    begun = visit(streets, visit_id)
    assert (begun.state, begun.source) == ("begun", "device")
    assert shift(streets, carer_id).started_from == "citizen"


def test_a_whole_visit_ends_with_an_outcome_that_had_to_be_chosen(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    visit_id = current_visit(page)
    page.get_by_role("button", name="Lås op").click()
    page.get_by_role("button", name="Gå til opgaver").click()
    page.locator(".task").first.click()

    page.get_by_role("button", name="Afslut besøg").click()
    expect(page.get_by_role("heading", name="Hvordan gik besøget?")).to_be_visible()
    page.get_by_role("button", name="Delvist udført").click()
    page.get_by_label("Bemærkning").fill("Ville ikke i bad")
    page.get_by_role("button", name="Afslut besøg").click()

    expect(page.get_by_text("1 besøg er afsluttet")).to_be_visible()
    expect(page.get_by_text("Alt er sendt")).to_be_visible()
    ended = visit(streets, visit_id)
    assert (ended.state, ended.outcome, ended.note) == ("ended", "partly", "Ville ikke i bad")
    assert current_visit(page) != visit_id


def test_the_key_of_the_shift_cannot_leave_the_browser(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)

    held = page.evaluate(
        """() => new Promise((resolve) => {
            const opening = indexedDB.open("omsorgstid-tablet");
            opening.onsuccess = () => {
                const asked = opening.result.transaction("kept").objectStore("kept").get("holder-key");
                asked.onsuccess = async () => {
                    const key = asked.result.pair.privateKey;
                    const refused = await crypto.subtle.exportKey("pkcs8", key).then(() => "", (e) => e.name);
                    resolve({ extractable: key.extractable, usages: key.usages, refused });
                };
            };
        })"""
    )

    assert held == {"extractable": False, "usages": ["sign"], "refused": "InvalidAccessError"}


def test_a_lock_without_network_is_never_told_and_the_page_says_so_after_five_seconds(
    streets: LiveServer, page: Page
) -> None:
    at_the_first_door(page, streets)
    visit_id = current_visit(page)
    out_of_reach(streets, lock_of(streets, page))
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))

    page.get_by_role("button", name="Lås op").click()
    expect(page.get_by_role("heading", name="Sendt – vent")).to_be_visible()

    expect(page.get_by_role("heading", name="Låsen kunne ikke nås")).to_be_visible(timeout=8000)
    expect(page.locator(".door")).to_contain_text("Intet blev sendt. Døren åbner ikke senere.")
    assert not any(url.endswith("/proof") for url in seen)
    assert visit(streets, visit_id).state == "planned"


def test_a_lock_that_never_answers_is_unknown_at_ten_seconds_and_never_unlocked(
    streets: LiveServer, page: Page
) -> None:
    at_the_first_door(page, streets)
    lock_id = lock_of(streets, page)
    page.evaluate(
        """() => {
            window.shown = [];
            new MutationObserver(() => {
                const state = document.querySelector("[data-state]")?.dataset.state;
                if (!state || window.shown.at(-1)?.state === state) return;
                window.shown.push({ state, at: performance.now() });
            }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    page.route("**/proof", lambda route: lose_and_go_on(streets, lock_id, route))
    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_role("heading", name="længe om at svare")).to_be_visible(timeout=8000)
    expect(page.get_by_role("heading", name="Ukendt: låsen svarer ikke")).to_be_visible(timeout=8000)
    expect(page.get_by_role("alert")).to_contain_text("Døren kan være låst op.")
    expect(page.get_by_role("timer")).to_contain_text("s")
    shown = page.evaluate("window.shown")
    assert [step["state"] for step in shown] == ["sent", "unknown"]
    assert 9_800 <= shown[1]["at"] - shown[0]["at"] <= 11_500


def test_what_the_carer_sees_is_stored_beside_the_lock_s_word_and_not_instead(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    visit_id = current_visit(page)
    lock_id = lock_of(streets, page)
    page.route("**/proof", lambda route: lose_and_go_on(streets, lock_id, route))
    page.get_by_role("button", name="Lås op").click()
    expect(page.get_by_role("heading", name="Ukendt: låsen svarer ikke")).to_be_visible(timeout=15000)
    # the server's own clock settles the opening a moment after the page's
    with page.expect_response(lambda r: r.url.endswith("/observation") and r.status == 200, timeout=20000):
        page.get_by_role("button", name="Døren er åben").click()

    expect(page.locator(".door")).to_contain_text("Du har noteret, at døren er åben.")
    assert settled_observation(streets, visit_id) == ("unknown", "open")
    page.get_by_role("button", name="Start besøg").click()
    expect(page.get_by_role("button", name="Afslut besøg")).to_be_visible()
    expect(page.get_by_text("Alt er sendt")).to_be_visible()
    assert (visit(streets, visit_id).state, visit(streets, visit_id).source) == ("begun", "manual")


def test_a_refusal_names_its_reason_and_that_the_door_is_still_locked(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    stops = page.evaluate('async () => (await (await fetch("/api/v1/me/day")).json()).route.stops')
    late = [s for s in stops if s["door"] and _at(s["door"]["opens_from_at"]) > streets.clock.now()]
    page.locator(f"[data-key=stop-{late[-1]['visit_id']}]").click()
    expect(page.locator(".now-card")).to_contain_text("Døren kan låses op herfra fra")

    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_role("heading", name="Afvist – uden for besøgets tid")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Døren er stadig låst.")
    expect(page.get_by_role("alert")).to_contain_text(clock_text(_at(late[-1]["door"]["opens_from_at"])))
    assert visit(streets, late[-1]["visit_id"]).state == "planned"


def test_stopping_before_the_signature_leaves_brings_the_button_back(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    visit_id = current_visit(page)
    out_of_reach(streets, lock_of(streets, page))

    page.get_by_role("button", name="Lås op").click()
    page.get_by_role("button", name="Afbryd").click()

    expect(page.get_by_role("button", name="Lås op")).to_be_visible()
    assert visit(streets, visit_id).state == "planned"


def test_an_opening_is_never_repeated_by_the_tablet(streets: LiveServer, page: Page) -> None:
    at_the_first_door(page, streets)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/openings" in request.url else None)
    out_of_reach(streets, lock_of(streets, page))
    page.route("**/openings", lambda route: route.abort())

    page.get_by_role("button", name="Lås op").click()

    expect(page.get_by_role("heading", name="Låsen kunne ikke nås")).to_be_visible()
    page.unroute("**/openings")
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(page.get_by_text("Alt er sendt")).to_be_visible()
    assert len(asked) == 1
    assert page.locator("[data-state=expired]").is_visible()


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)
