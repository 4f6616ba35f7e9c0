"""Drift, Belastning: the latest verdict of a load run, in two languages, for operations alone."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from gateway.load_verdict import Line, Machine, Share, Verdict, latest_file
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser

VERDICT = Verdict(
    profile="centre",
    title_da="Et center tages i brug",
    title_en="A centre going live",
    started_at=datetime(2026, 11, 25, 6, 0, tzinfo=UTC),
    ready=False,
    broke_first="board",
    lines=(
        Line(
            id="failed",
            da="andel af forespørgsler, der fejlede",
            en="share of requests that failed",
            unit="ratio",
            limit=0.001,
            measured=0.0,
            samples=4200,
            ok=True,
            source="our own goal",
        ),
        Line(
            id="board",
            da="planlæggerens tavle, 95 af 100",
            en="the planner's board, 95 of 100",
            unit="ms",
            limit=1000,
            measured=1234.5,
            samples=61,
            ok=False,
            broke_at_s=74.0,
            source="design section 10",
        ),
        Line(
            id="recovery",
            da="alt er oppe igen efter afbrydelsen",
            en="everything is up again after the outage",
            unit="s",
            limit=10,
            measured=None,
            samples=1,
            ok=False,
            broke_at_s=150.0,
            source="MQTT facts",
        ),
    ),
    shares=(
        Share(name="serve", generator=False, cpu_s=48.9, cpu_ratio=0.13, memory_mib=309),
        Share(name="people", generator=True, cpu_s=3.9, cpu_ratio=0.01, memory_mib=156),
    ),
    machine=Machine(
        cores=2,
        wall_s=185,
        calibration_before_ms=19,
        calibration_after_ms=26,
        generator_ratio=0.03,
        platform_ratio=0.33,
        others_ratio=0.1,
    ),
    failures=(("tablet_fact: TimeoutError", 3),),
)


def test_operations_read_the_verdict_and_what_broke_first(live_server: LiveServer, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    sign_in_office(page, live_server, "operations", "operations")
    page.goto(f"{live_server.url}/drift/belastning")
    expect(page.get_by_text("Her er ingen dom endnu.")).to_be_visible()
    assert violations(page) == []

    file = latest_file(live_server.runtime.settings.work_dir)
    file.parent.mkdir()
    file.write_text(VERDICT.model_dump_json())
    page.reload()

    expect(page.get_by_role("heading", level=2).first).to_have_text("Ikke klar: planlæggerens tavle, 95 af 100")
    expect(page.locator(".verdict")).to_contain_text("Målt 1.234 ms, højst 1.000 ms · kunne ikke reddes efter 74 s")
    row = page.get_by_role("row", name="alt er oppe igen efter afbrydelsen")
    expect(row).to_contain_text("Nej")
    expect(row).to_contain_text("aldrig")
    expect(page.get_by_role("row", name="people")).to_contain_text("laver belastningen")
    for width, height in ((1600, 900), (800, 1280), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("Not ready: the planner's board, 95 of 100")
    expect(page.locator(".verdict")).to_contain_text("1,234 ms")
