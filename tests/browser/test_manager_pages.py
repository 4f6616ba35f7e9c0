"""The manager's pages: realised against target, what is withheld, the walk to the events, paper."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from gateway.parts import Benefits
from kernel.ids import new_id
from kernel.tables import EventRow
from metrics.business_case import load_cases
from metrics.tables import BaselineRow, BaselineSampleRow, EntryRow, TimeStudyRow
from metrics.targets import AdoptedUnit, Adoption
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import too_wide_px, violations
from tests.conftest import TODAY, LiveServer

pytestmark = pytest.mark.browser

GO_LIVE = TODAY - timedelta(weeks=3)
BASELINE_S = 1_200
#: carers measured in each unit, in the order of the units: the second is too small to be shown
CARERS = (9, 3, 8)


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
    live_server.runtime.parts.benefits = Benefits(
        load_cases(), {case.id: Adoption(case_id=case.id, units=adopted)}
    )
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


def open_overview(page: Page, live: LiveServer, query: str = "") -> None:
    sign_in_office(page, live, "manager", "manager")
    page.goto(f"{live.url}/leder{query}")
    expect(page.locator(".figures")).to_be_visible()


def test_every_row_says_figure_interval_chance_and_evidence_in_words(measured: LiveServer, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    open_overview(page, measured)
    shown = page.locator(".figures tbody tr", has=page.locator("a.big"))
    for row in shown.all():
        expect(row.locator(".tag")).to_contain_text(re.compile("sandsynligt|usikkert|næppe"))
        expect(row.locator(".tag svg")).to_have_count(1)
        expect(row.locator(".share")).to_have_attribute("aria-label", re.compile("P10 .* P50 .* P90"))
        expect(row.locator(".grade")).to_have_text(re.compile("^[A-D]$"))
    assert shown.count() >= 1


def test_a_unit_with_three_carers_is_withheld_and_cannot_be_found_by_subtraction(
    measured: LiveServer, page: Page
) -> None:
    open_overview(page, measured)
    rows = page.locator(".figures tbody tr")
    withheld = rows.filter(has_text="Vises ikke")
    # the small unit, and a second figure that would give it away
    assert withheld.count() >= 2
    page.goto(f"{measured.url}/leder/keys")
    expect(page.locator(".hidden-cell").first).to_have_text("Færre end 5 – vises ikke")


def test_the_target_can_be_read_in_two_ways_and_contradictions_name_document_and_line(
    measured: LiveServer, page: Page
) -> None:
    open_overview(page, measured)
    stated = page.locator(".figures .total td.right").first.inner_text()
    page.locator("select[name=maaltal]").select_option("implied")
    page.get_by_role("button", name="Vis", exact=True).click()
    expect(page.locator(".figures .total td.right").first).not_to_have_text(stated)
    page.get_by_text("modsigelser i sagen").click()
    expect(page.get_by_text("dokument 004, linje 389, 463")).to_be_visible()


def test_the_walk_asks_for_a_purpose_once_logs_it_and_ends_at_events_by_position(
    measured: LiveServer, page: Page
) -> None:
    unit, day = measured.day.units[0].id, TODAY - timedelta(days=3)
    sign_in_office(page, measured, "manager", "manager")
    page.goto(f"{measured.url}/leder/keys/poster?enhed={unit}&fra={day}&til={day}")
    page.get_by_label("Formål").fill("Kontrol af tallene for uge 47")
    page.get_by_role("button", name="Gem formål og vis posterne").click()
    expect(page.get_by_role("row")).to_have_count(CARERS[0] + 1)
    page.get_by_role("link", name=re.compile("^Post ")).first.click()
    expect(page.get_by_role("heading", name="Hændelser bag posten")).to_be_visible()
    expect(page.locator(".events li").first).to_contain_text("position")
    with measured.runtime.database.reading() as session:
        walked = session.exec(select(EventRow).where(EventRow.event_type == "benefit.walked")).all()
    assert [w.data["purpose"] for w in walked] == ["Kontrol af tallene for uge 47"] * 2
    assert {w.data["role"] for w in walked} == {"benefit_owner"}


def test_no_carers_name_stands_on_any_of_the_pages(measured: LiveServer, page: Page) -> None:
    names = [carer.name for carer in measured.day.carers]
    open_overview(page, measured)
    for path in ("/leder", "/leder?periode=today", "/leder/keys"):
        page.goto(measured.url + path)
        text = page.locator("main").inner_text()
        assert [name for name in names if name in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/leder", "/leder?periode=today", "/leder/keys"])
def test_axe_finds_nothing(measured: LiveServer, page: Page, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_overview(page, measured)
    page.goto(measured.url + path)
    assert violations(page) == []


def test_nothing_is_too_wide_for_a_phone(measured: LiveServer, page: Page) -> None:
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        open_overview(page, measured)
        assert too_wide_px(page) <= 0


def test_the_overview_prints_on_one_landscape_page(measured: LiveServer, page: Page) -> None:
    open_overview(page, measured)
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1


def test_csv_and_workbook_carry_the_rows_of_the_page(measured: LiveServer, page: Page) -> None:
    open_overview(page, measured)
    csv = page.request.get(f"{measured.url}/leder/udtraek.csv").text()
    assert len(csv.strip().splitlines()) == 1 + page.locator(".figures tbody tr").count()
    assert page.request.get(f"{measured.url}/leder/udtraek.xlsx").body()[:2] == b"PK"


def test_before_a_case_is_in_use_the_page_says_so(live_server: LiveServer, page: Page) -> None:
    sign_in_office(page, live_server, "manager", "manager")
    live_server.runtime.parts.benefits = None
    page.goto(f"{live_server.url}/leder")
    expect(page.get_by_text("Der er endnu ikke taget en gevinstsag i brug her.")).to_be_visible()
