"""A planner's morning: a late visit is found, understood, moved without a pointer, seen by the other planner, undone.

And what else the board shows of that day: lanes that say what fits, the map, the phone, the paper, who changed what.
"""

from collections.abc import Iterator
from datetime import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from kernel.localtime import at_local
from tests.browser.office_steps import focused, open_board, sign_in_office
from tests.browser.tablet_steps import violations
from tests.conftest import TODAY, LiveServer, start_platform, stop_platform

pytestmark = pytest.mark.browser

#: the same day in both forms, without what only one of them says
BOTH_FORMS = """async () => {
  const scripts = new URL(document.documentElement.dataset.static, location);
  const { lanesOf } = await import(new URL("planner/columns.js", scripts));
  const day = async (form) => lanesOf(await (await fetch(`/api/v1/board?form=${form}`)).json());
  const plain = (lane) => ({ ...lane, visits: lane.visits.map((v) => ({ ...v, ...Object.fromEntries(
    ["start_at", "end_at", "begun_at", "ended_at"].map((key) => [key, v[key] && Date.parse(v[key])])) })),
    shift: { ...lane.shift, planned_start_at: Date.parse(lane.shift.planned_start_at),
      planned_end_at: Date.parse(lane.shift.planned_end_at) },
    asides: lane.asides.map((one) => [one.kind, one.fits, Date.parse(one.start_at), Date.parse(one.end_at)]) });
  const [lanes, columns] = [await day("lanes"), await day("columns")];
  return [lanes, columns].map(({ lanes, units, attention, unallocated }) =>
    ({ lanes: lanes.map(plain), units, attention, unallocated }));
}"""


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The day at a quarter past eight; nobody has tapped anything, so some visits are late."""
    live = start_platform(tmp_path_factory.mktemp("morning"))
    live.clock.advance_to(at_local(TODAY, time(8, 15)))
    yield live
    stop_platform(live)


def late_and_movable(page: Page) -> tuple[str, str]:
    """Walk from problem to problem with P until one has a proposal; the visit, and who could take it."""
    page.locator("#unallocated [role=rowheader]").focus()
    for _ in range(20):
        page.keyboard.press("p")
        visit_id = str(page.evaluate("document.activeElement.dataset.visit"))
        assert "forsinket" in focused(page) or "ikke startet" in focused(page) or "for sen" in focused(page)
        page.keyboard.press("Enter")
        expect(page.locator("#panel-body .fact-list")).to_be_visible()
        expect(page.get_by_text("Beregner forslag")).to_have_count(0)
        if page.locator(".proposal").count():
            return visit_id, page.locator(".proposal b").first.inner_text()
        page.keyboard.press("Escape")
    raise LookupError("Expected a late visit that somebody else could take, got none.")


def row_of(page: Page, visit_id: str) -> str:
    found = page.locator(f'[data-visit="{visit_id}"]').first
    return str(found.evaluate("bar => bar.closest('[data-row]').dataset.row"))


def test_the_compact_day_says_the_same_as_the_long_one(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    lanes, columns = page.evaluate(BOTH_FORMS)
    assert lanes["lanes"]
    assert columns == lanes


def test_a_late_visit_is_found_understood_moved_by_keyboard_seen_by_the_other_planner_and_taken_back(
    morning: LiveServer, page: Page, context: BrowserContext
) -> None:
    browser = context.browser
    assert browser is not None
    elsewhere = browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen")
    other = elsewhere.new_page()
    open_board(other, morning, "planner-2")
    expect(other.locator("#live")).to_have_text("Live")
    open_board(page, morning)

    visit_id, name = late_and_movable(page)
    before = row_of(page, visit_id)
    expect(page.locator("#panel-body .tags")).to_contain_text("Forsinket")
    expect(page.locator(".fact-list")).to_contain_text("Tidsrum")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.type(name)
    page.locator("#move-start").fill("")
    page.locator("#move-reason").select_option("delay")
    expect(page.locator("#move-submit")).to_be_enabled()
    page.locator("#move-submit").press("Enter")
    expect(page.locator("#undo-words")).to_contain_text("flyttet til")
    after = row_of(page, visit_id)
    assert after != before

    moved = other.locator(f'[data-row="{after}"] [data-visit="{visit_id}"]')
    expect(other.locator("#changes li").first).to_contain_text("Forsinkelse")
    first = other.locator("#changes li").first
    expect(first).to_contain_text("Planlægger")
    first.get_by_role("button").click()
    expect(moved).to_be_visible()

    page.locator(f'[data-visit="{visit_id}"]').focus()
    page.keyboard.press("Control+z")
    expect(page.locator("#undo-words")).to_contain_text("Fortrudt")
    expect(other.locator(f'[data-row="{before}"] [data-visit="{visit_id}"]')).to_be_visible()
    elsewhere.close()


def test_every_lane_says_in_words_whether_a_dragged_visit_fits_and_so_does_the_list_of_the_dialog(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    bar = page.locator(".lane .bar.s-planned").first
    visit_id = str(bar.get_attribute("data-visit"))
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 6, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 6, box["y"] + 60, steps=4)
    expect(page.locator(".lane .fit").first).to_be_attached()
    fits = page.request.get(f"{morning.url}/api/v1/visits/{visit_id}/fits", headers={"X-Surface": "planner"}).json()[
        "fits"
    ]
    assert {one["fit"] for one in fits.values()} <= {"ok", "warn", "stop"}
    for carer_id, one in fits.items():
        lane = page.locator(f'[data-row="l:{carer_id}"]')
        expect(lane.locator(".fit")).to_have_text(one["words"])
        assert lane.locator(".fit .icon").count() == 1  # a sign beside the words: colour says nothing alone
        assert f"fit-{one['fit']}" in str(lane.get_attribute("class"))
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".fit")).to_have_count(0)

    bar.focus()
    page.keyboard.press("m")
    best = page.locator("#move-carers option").first
    expect(best).to_have_attribute("label", f"{best.get_attribute('value')}: passer, {words_of_best(fits)}")
    page.keyboard.press("Escape")


def words_of_best(fits: dict[str, dict[str, str]]) -> str:
    """What the first suggestion says: of those that fit, the first as the server ranks them."""
    return next(one["words"] for wanted in ("ok", "warn") for one in fits.values() if one["fit"] == wanted)


def test_the_map_shows_the_routes_of_the_board_and_its_list_does_all_that_the_drawing_does(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    lanes = page.locator(".lane").count()
    page.get_by_role("button", name="Kort", exact=True).click()
    routes = page.get_by_label("Ruter (")
    expect(routes.locator("option")).to_have_count(lanes)
    expect(page.locator("#town-map")).to_contain_text("Center Nord")
    routes.focus()
    page.keyboard.press("ArrowDown")
    stops = page.locator("#town-stops button")
    expect(page.locator("circle.town-stop")).to_have_count(stops.count())
    stops.nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("circle.town-stop.here")).to_have_count(1)
    expect(page.locator("#panel-body h2")).to_contain_text(stops.nth(1).locator("b").inner_text())
    assert page.evaluate("performance.getEntriesByType('resource').every((r) => new URL(r.name).origin === origin)")
    assert violations(page) == []


def test_filters_and_zoom_narrow_the_board_by_keyboard(morning: LiveServer, page: Page) -> None:
    open_board(page, morning)
    lanes = page.request.get(f"{morning.url}/api/v1/board", headers={"X-Surface": "planner"}).json()["lanes"]
    nurses = [lane for lane in lanes if "nursing" in lane["skills"]]
    cyclists = [lane for lane in nurses if lane["transport"] == "bike"]
    assert 0 < len(cyclists) < len(lanes)
    page.locator("#choice summary").press("Enter")
    page.get_by_label("Kan udføre").select_option(label="Sygepleje")
    expect(page.locator(".lane")).to_have_count(len(nurses))
    page.get_by_label("Transport").select_option(label="cykel")
    expect(page.locator(".lane")).to_have_count(len(cyclists))
    expect(page.locator("#choice-words")).to_have_text("Filtre (2)")
    assert violations(page) == []
    page.get_by_role("button", name="Nulstil filtre").press("Enter")
    expect(page.locator(".lane")).to_have_count(len(lanes))
    widest = "Math.max(...[...document.querySelectorAll('.lane .bar')].map((bar) => bar.offsetWidth))"
    six_hours = page.evaluate(widest)
    page.locator(".lane .bar.s-planned").first.focus()
    page.keyboard.press("+")
    expect(page.locator("#zoom-usual")).to_have_text("4 timer")
    page.wait_for_function(f"{widest} > {six_hours}")


def test_a_phone_gets_the_day_as_lists_and_nothing_to_change_it_with(morning: LiveServer, page: Page) -> None:
    sign_in_office(page, morning, "planner", "planner")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{morning.url}/planlaegger")
    expect(page.get_by_role("heading", name="Kræver handling")).to_be_visible()
    expect(page.locator("#phone .tag", has_text="Forsinket").first).to_be_visible()
    route = page.locator("#phone details").first
    route.locator("summary").press("Enter")
    expect(route.locator(".visit").first).to_be_visible()
    expect(page.locator("[data-plan]:visible, #panel-body button:visible, .bar:visible")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def test_on_paper_every_route_stands_whole_and_the_page_is_as_it_was_afterwards(
    morning: LiveServer, page: Page
) -> None:
    open_board(page, morning)
    page.set_viewport_size({"width": 1600, "height": 500})
    lanes = (
        int(str(page.get_by_role("grid").get_attribute("aria-rowcount")))
        - 2
        - page.locator("#units button").count()
        + 1
    )
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".lane")).to_have_count(lanes)
    visits = page.evaluate(
        "fetch('/api/v1/board').then((a) => a.json()).then((b) => b.lanes.flatMap((l) => l.visits).length)"
    )
    expect(page.locator(".lane .bar")).to_have_count(visits)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".lane").count() < lanes
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
