"""The manager's pages: every technology against its target, what is withheld, the walk to the events, paper."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import select

from gateway.parts import Benefits
from gateway.usecases.replayed_day import SequenceReplayer
from gateway.usecases.split_days import split_sampled_days
from kernel.clock import SimulatedWorldClock
from kernel.ids import new_id
from kernel.tables import EventRow
from metrics.business_case import load_cases
from metrics.evaluation.answers import COLUMNS, blank_file, forms_of, import_answers
from metrics.tables import BaselineRow, BaselineSampleRow, EntryRow, TimeStudyRow
from metrics.targets import AdoptedUnit, Adoption
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import too_wide_px, violations
from tests.conftest import TODAY, LiveServer
from tests.gateway.benefits_town import PIN, BenefitsTown, benefits_town
from tests.metrics.world import UNITS

pytestmark = pytest.mark.browser

GO_LIVE = TODAY - timedelta(weeks=3)
BASELINE_S = 1_200
#: carers measured in each unit, in the order of the units: the second is too small to be shown
CARERS = (9, 3, 8)
NAMES = [
    "Skærmbesøg",
    "Lifte og vendesystemer",
    "Nøgler og kørebog",
    "Ruteplanlægning",
    "Tablets",
    "Borger.dk",
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenefitsTown]:
    """Three weeks of every technology. No test changes the ledger."""
    with benefits_town(tmp_path_factory.mktemp("benefits")) as started:
        yield started


@pytest.fixture
def measured(live_server: LiveServer) -> LiveServer:
    """Three weeks of entries in the ledger, one unit with too few carers."""
    units = [u.id for u in live_server.day.units]
    names = {u.id: u.name for u in live_server.day.units}
    case = load_cases()["copenhagen-sof-keys"]
    adopted = tuple(
        AdoptedUnit(
            unit_id=unit,
            name=names[unit],
            document_unit=case.rollout.units[i].name,
            go_live_on=GO_LIVE,
            share=1 / len(units),
        )
        for i, unit in enumerate(units)
    )
    live_server.runtime.parts.benefits = Benefits(load_cases(), {case.id: Adoption(case_id=case.id, units=adopted)})
    with live_server.runtime.parts.units.begin() as work:
        now = work.now
        positions = sorted(p for p in work.session.exec(select(EventRow.position).limit(5)).all() if p is not None)
        work.session.add(
            TimeStudyRow(
                id="study",
                technology="keys",
                file_sha256="0" * 64,
                occasion_count=60,
                first_on=GO_LIVE - timedelta(weeks=8),
                last_on=GO_LIVE - timedelta(days=1),
                imported_at=now,
            )
        )
        work.session.flush()
        for unit, count in zip(units, CARERS, strict=True):
            baseline_id = new_id()
            work.session.add(
                BaselineRow(
                    id=baseline_id,
                    study_id="study",
                    technology="keys",
                    unit_id=unit,
                    kind="day",
                    version=1,
                    first_on=GO_LIVE - timedelta(weeks=8),
                    last_on=GO_LIVE - timedelta(days=1),
                    valid_until_on=GO_LIVE + timedelta(days=365),
                    occasion_count=20,
                    subject_count=10,
                    measured_count=20,
                    total_s=20 * BASELINE_S,
                    mean_travel_s=500,
                    mean_s=BASELINE_S,
                    spread_s=100,
                    frozen_at=now,
                    known_position=1,
                )
            )
            work.session.flush()
            for k in range(20):
                work.session.add(
                    BaselineSampleRow(
                        baseline_id=baseline_id, subject=f"m{k % 10}", day_on=GO_LIVE, measured_s=1190 + k, travel_s=500
                    )
                )
            for back in range(1, 22):
                for carer in range(count):
                    on = TODAY - timedelta(days=back)
                    work.session.add(entry(unit, on, carer, baseline_id, positions, now_s=300 + 10 * carer))
                    work.session.flush()
    return live_server


def entry(unit: str, on: date, carer: int, baseline_id: str, positions: list[int], now_s: int) -> EntryRow:
    """One measured shift; ``now_s`` is what the start and end of it took."""
    return EntryRow(
        technology="keys",
        component="base_trip",
        clock="vejtid",
        rule_version="keys-1",
        occasion_id=f"{unit}.{on}.{carer}",
        revision=1,
        unit_id=unit,
        day_on=on,
        subject=f"{carer:02d}{unit}"[:24],
        outcome="counted",
        eligible=True,
        baseline_id=baseline_id,
        baseline_count=1,
        baseline_s=BASELINE_S,
        actual_s=now_s,
        overhead_s=0,
        net_s=BASELINE_S - now_s,
        evidence_class="device",
        evidence_count=len(positions),
        evidence=positions,
        inputs={},
        cause_position=1,
        recorded_at=datetime(2026, 11, 24, 16, tzinfo=UTC),
    )


def sign_in(page: Page, town: BenefitsTown, identity: str = "manager") -> None:
    answer = page.request.post(
        f"{town.url}/api/v1/session", data={"identity": identity, "pin": PIN}, headers={"X-Surface": "manager"}
    )
    assert answer.ok, answer.text()


def open_overview(page: Page, town: BenefitsTown, query: str = "") -> Locator:
    """The overview of somebody who sees everything; its rows."""
    sign_in(page, town)
    page.goto(f"{town.url}/leder{query}")
    expect(page.locator(".figures")).to_be_visible()
    return page.locator(".figures tbody tr")


def test_every_technology_has_a_row_that_says_in_words_how_it_stands(town: BenefitsTown, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    rows = open_overview(page, town)
    assert [row.locator("th").inner_text().split("\n")[0] for row in rows.all()] == NAMES
    for row in rows.filter(has=page.locator(".share")).all():
        expect(row.locator(".tag")).to_contain_text(re.compile("sandsynligt|usikkert|næppe"))
        expect(row.locator(".tag svg")).to_have_count(1)
        expect(row.locator(".share")).to_have_attribute("aria-label", re.compile("P10 .* P50 .* P90"))
        expect(row.locator(".grade")).to_have_text(re.compile("^[A-D]$"))
        expect(row).to_contain_text("heraf anvendt")
    assert rows.filter(has=page.locator(".share")).count() == 3
    expect(rows.nth(0)).to_contain_text("vejtid og leveret tid")
    expect(rows.nth(3)).to_contain_text("Uden måltal")
    expect(rows.nth(4)).to_contain_text("For lidt data")
    expect(rows.nth(5)).to_contain_text("kun kroner")
    expect(rows.nth(2).locator(".owner")).to_contain_text("Leder af Borgercenter Hjemmepleje")
    expect(page.locator(".alert")).to_contain_text(re.compile("når (næppe|måske) måltallet: .* sandsynlighed"))


def test_a_period_that_is_not_settled_says_when_it_will_be(town: BenefitsTown, page: Page) -> None:
    rows = open_overview(page, town, "?periode=today")
    expect(rows.nth(0)).to_contain_text("Ugen er ikke gjort op endnu")
    expect(rows.nth(1)).to_contain_text("Dagen er ikke gjort op endnu")
    expect(page.locator(".alert")).to_contain_text("En enkelt dag vises uden interval")


def test_the_target_can_be_read_in_two_ways_and_contradictions_open_by_keyboard(town: BenefitsTown, page: Page) -> None:
    rows = open_overview(page, town)
    stated = rows.nth(2).locator("td.target").inner_text()
    page.locator("select[name=maaltal]").select_option("implied")
    page.get_by_role("button", name="Vis", exact=True).click()
    expect(rows.nth(2).locator("td.target")).not_to_have_text(stated)
    rows.nth(2).get_by_role("button", name="11 modsigelser i sagen").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("dokument 004, linje 389, 463")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("dokument 004, linje 389, 463")).to_be_hidden()
    rows.nth(2).get_by_role("button", name="Evidens C").press("Enter")
    said = page.get_by_role("dialog", name="Evidens").filter(visible=True)
    expect(said).to_contain_text("før og efter i samme center uden sammenligning")


def test_the_waterfall_runs_from_screen_visits_to_the_budget_with_its_table_beside(
    town: BenefitsTown, page: Page
) -> None:
    rows = open_overview(page, town)
    names = page.locator(".falls .falls-name").all_text_contents()
    assert names == ["Skærm", "Lift/vending", "Nøgler", "Rute", "Potentiale", "Frigjort", "Anvendt", "Budget"]
    table = page.locator(".falls-table tbody tr")
    assert table.count() == 7
    drawn = page.locator(".falls .falls-figure").all_text_contents()
    freed = [table.nth(n).locator("td").first.inner_text() for n in range(5)]
    assert [*drawn[:4], drawn[5]] == freed
    assert drawn[4] == table.nth(5).locator("td").inner_text()
    assert drawn[6] == table.nth(4).locator("td").nth(1).inner_text()
    assert drawn[7] == table.nth(6).locator("td").inner_text()
    assert rows.nth(0).locator("a.big").inner_text() == freed[0]


def test_use_losses_and_the_check_stand_beside_the_minutes(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    screen = page.locator(".funnels tbody tr").nth(0).locator("td")
    assert [cell.inner_text() for cell in screen.all()] == ["24"] * 4
    lifts = page.locator(".funnels tbody tr").nth(1).locator("td")
    assert [cell.inner_text() for cell in lifts.all()][:3] == ["8"] * 3
    expect(page.locator(".losses")).to_contain_text("5,6\u00a0t brugt på at gøre klar")
    expect(page.get_by_text("Kan ikke afgøres")).to_be_visible()


def test_the_walk_goes_from_a_week_of_screen_visits_to_its_events_for_one_purpose(
    town: BenefitsTown, page: Page
) -> None:
    sign_in(page, town)
    page.goto(f"{town.url}/leder/screen")
    cell = page.locator(".cells tbody tr").nth(0).locator("td").nth(0)
    figure = cell.locator("a").inner_text()
    expect(cell).to_contain_text("8 borgeruger")
    cell.locator("a").click()
    page.get_by_label("Formål").fill("Kontrol af tallene for uge 41")
    page.get_by_role("button", name="Gem formål og vis posterne").click()
    expect(page.get_by_role("row")).to_have_count(8 + 1)
    expect(page.locator(".crumbs b")).to_have_text(figure)
    page.get_by_role("link", name=re.compile("^Post ")).first.click()
    events = page.locator(".events li")
    expect(events.filter(has_text="Et skærmbesøg sluttede").first).to_contain_text("gennemført")
    expect(events.first).to_contain_text("position")
    expect(page.locator(".facts").nth(1)).to_contain_text("Holdte skærmbesøg")
    page.goto(f"{town.url}/leder/transfers?enhed=bakken&fra=2026-10-07&til=2026-10-07")
    page.locator(".cells tbody a").click()
    page.get_by_role("link", name=re.compile("^Post ")).first.click()
    transfer = page.locator(".events li").filter(has_text="En forflytning blev registreret")
    expect(transfer).to_have_count(4)
    expect(transfer.nth(1)).to_contain_text("2 medarbejdere · set ved skilt")
    with town.runtime.database.reading() as session:
        walked = session.exec(select(EventRow).where(EventRow.event_type == "benefit.walked")).all()
    assert [w.data["purpose"] for w in walked] == ["Kontrol af tallene for uge 41"] * 4
    assert {w.data["role"] for w in walked} == {"benefit_owner"}


def test_a_week_that_is_not_over_has_no_entries_to_walk_to(town: BenefitsTown, page: Page) -> None:
    sign_in(page, town, "auditor")
    page.goto(f"{town.url}/leder/screen/poster?enhed=nord&fra=2026-10-26&til=2026-11-01")
    expect(page.get_by_role("heading", name="Tallene er ikke gjort op endnu")).to_be_visible()
    expect(page.get_by_text("et døgn efter at ugen er slut")).to_be_visible()


def test_who_leads_one_centre_sees_that_centre_only(town: BenefitsTown, page: Page) -> None:
    sign_in(page, town, "leader-bakken")
    page.goto(f"{town.url}/leder")
    rows = page.locator(".figures tbody tr")
    assert [row.locator("th").inner_text().split("\n")[0] for row in rows.all()] == NAMES[1:2]
    expect(page.get_by_text("Du kan se Bakken.")).to_be_visible()
    refused = page.goto(f"{town.url}/leder/keys")
    assert refused is not None
    assert refused.status == 403
    assert [line.split(";")[1] for line in extract(page, town)[1:]] == ["all", "bakken"]


def extract(page: Page, town: BenefitsTown) -> list[str]:
    return page.request.get(f"{town.url}/leder/udtraek.csv").text().strip().splitlines()


def test_csv_and_workbook_carry_every_technology_by_centre(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    technologies = [line.split(";")[0] for line in extract(page, town)[1:]]
    assert technologies == (
        ["screen"] * 4 + ["transfers"] * 2 + ["keys"] * 4 + ["routing"] * 4 + ["tablets"] * 2 + ["citizen_access"] * 2
    )
    assert page.request.get(f"{town.url}/leder/udtraek.xlsx").body()[:2] == b"PK"


def test_nobody_is_named_and_no_page_ranks_people(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    for path in ("/leder", "/leder/screen", "/leder/transfers", "/leder/keys"):
        page.goto(town.url + path)
        assert re.findall("citizen-|resident-|nord-[0-9]|pr. medarbejder", page.locator("main").inner_text()) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(town: BenefitsTown, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_overview(page, town)
    for path in (
        "/leder",
        "/leder?periode=today",
        "/leder/screen",
        "/leder/tablets",
        "/leder/post/1",
        "/leder/oekonomi",
    ):
        page.goto(town.url + path)
        assert violations(page) == [], path
    page.goto(town.url + "/leder")
    page.locator(".mark").first.click()
    assert violations(page) == []


def test_nothing_is_too_wide_for_a_phone(town: BenefitsTown, page: Page) -> None:
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        for query in ("", "/transfers?fra=2026-10-05&til=2026-10-11", "/oekonomi"):
            open_overview(page, town, query) if not query else page.goto(f"{town.url}/leder{query}")
            assert too_wide_px(page) <= 0


def test_a_slider_tells_its_value_and_the_result_follows_by_keyboard(town: BenefitsTown, page: Page) -> None:
    sign_in(page, town)
    page.goto(f"{town.url}/leder/oekonomi?sag=keys")
    result = page.locator("#resultat .figure")
    measured = result.inner_text()
    adoption = page.get_by_label("Brug, procent")
    adoption.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("output[for=a-adoption]")).to_have_text("95")
    # Each step of the slider has a result of its own: the last one is what the page without a script says too.
    asked = adoption.evaluate("slider => new URLSearchParams(new FormData(slider.form)).toString()")
    plain = page.request.get(f"{town.url}/leder/oekonomi?{asked}").text()
    (moved,) = re.findall(r'class="figure[^"]*">\s*([^<]+?)\s*<', plain[plain.index('id="resultat"') :])[:1]
    assert moved != measured
    expect(result).to_have_text(moved)
    expect(adoption).to_be_focused()
    page.get_by_role("button", name="Regn ud").click()
    expect(result).to_have_text(moved)
    page.get_by_role("link", name="Tilbage til det målte").click()
    expect(result).to_have_text(measured)


def test_the_overview_prints_on_one_landscape_page(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1
    page.emulate_media(media="print")
    expect(page.locator(".choose")).to_be_hidden()
    expect(page.get_by_text("Center: Alle centre · Måltal: Som skrevet")).to_be_visible()


def test_the_pages_speak_english_too(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="From technology to budget")).to_be_visible()
    expect(page.locator(".figures tbody tr").nth(4)).to_contain_text("Only the target is shown")
    expect(page.get_by_text("Cannot be decided")).to_be_visible()


def test_the_driving_logs_are_one_press_away(town: BenefitsTown, page: Page) -> None:
    open_overview(page, town)
    page.get_by_role("link", name="Kørebøger").click()
    expect(page).to_have_url(re.compile(r"/koerebog\?surface=manager"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_unit_with_three_carers_is_withheld_and_cannot_be_found_by_subtraction(
    measured: LiveServer, page: Page
) -> None:
    sign_in_office(page, measured, "manager", "manager")
    page.goto(f"{measured.url}/leder/keys")
    figures = page.locator(".figures:not(.cells) tbody tr")
    # the small unit, and a second figure that would give it away
    withheld = figures.filter(has_text="Vises ikke")
    assert withheld.count() >= 2
    for row in withheld.all():
        assert row.locator("a.big").count() == 0
    expect(page.locator(".hidden-cell").first).to_have_text("Færre end 5 – vises ikke")
    names = {measured.day.units[n].name: measured.day.units[n].id for n in range(3)}
    for row in withheld.all():
        unit = names.get(row.locator("th").inner_text().split("\n")[0])
        if unit is not None:
            page.goto(f"{measured.url}/leder/keys?enhed={unit}")
            assert page.locator(".cells tbody a").count() == 0
            page.goto(f"{measured.url}/leder/keys")
    assert [c.name for c in measured.day.carers if c.name in page.locator("main").inner_text()] == []
    measured.runtime.parts.benefits = None
    page.goto(f"{measured.url}/leder")
    expect(page.get_by_text("Der er endnu ikke taget en gevinstsag i brug her.")).to_be_visible()


def test_the_shared_minutes_of_sampled_days_stand_beside_the_waterfall(page: Page, town: BenefitsTown) -> None:
    split_sampled_days(town.runtime.units, list(UNITS), town.world.clock.now(), SequenceReplayer())
    sign_in(page, town)
    page.goto(f"{town.url}/leder")
    check = page.locator("details.split")
    expect(check.locator("table")).to_be_hidden()
    check.locator("summary").focus()
    page.keyboard.press("Enter")
    rows = check.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Skærmbesøg")
    expect(rows.nth(0)).to_contain_text("±")
    assert violations(page) == []
    for width in (1600, 800, 390):
        page.set_viewport_size({"width": width, "height": 1280})
        assert too_wide_px(page) == 0


def test_report_evaluation_and_closed_months_pass_axe_and_fit_a_phone(town: BenefitsTown, page: Page) -> None:
    # The last test of the town: it moves the clock to a month that is over and closes it.
    assert isinstance(town.runtime.clock, SimulatedWorldClock)
    town.runtime.clock.advance_to(datetime(2026, 11, 3, 9, tzinfo=UTC))
    with town.runtime.units.begin() as work:
        forms = [blank_file(form, "nord", "initially") for form in forms_of("keys")]
        rows = [[*row[:-1], count] for form in forms for row, count in zip(form, cycle("9823"), strict=False)]
        text = "\n".join(";".join(row) for row in [COLUMNS, *rows])
        import_answers(work, text.encode(), {("keys", "nord", "initially")}, "manager")
    sign_in(page, town)
    page.goto(town.url + "/leder/maaneder")
    page.get_by_role("button", name="Luk oktober 2026").click()
    expect(page.get_by_text("Lukket").first).to_be_visible()
    for width, scheme in ((1600, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for path in ("rapport?maaned=2026-10", "maaneder", "evaluering"):
            page.goto(f"{town.url}/leder/{path}")
            page.locator("summary").evaluate_all("all => all.forEach(one => { one.parentElement.open = true })")
            assert violations(page) == [], (path, width)
            assert too_wide_px(page) <= 0, (path, width)
    expect(page.get_by_role("group", name="Nøgler og kørebog: medarbejdere, Center Nord")).to_contain_text("skjult")
    page.set_viewport_size({"width": 1600, "height": 900})
    page.get_by_label("CSV-fil med optalte svar").set_input_files(
        {"name": "svar.csv", "mimeType": "text/csv", "buffer": text.replace("agree;9", "agree;ni").encode()}
    )
    page.get_by_role("button", name="Indlæs", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("fundet ni")
