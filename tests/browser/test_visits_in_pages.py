"""The planner's pages of where visits come from, and the emergency list: by keyboard, in both languages, on a phone."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from scheduling.register.tables import CitizenRow
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import too_wide_px, violations_in_both_schemes
from tests.conftest import TODAY, LiveServer

pytestmark = pytest.mark.browser
TOMORROW = TODAY + timedelta(days=1)


def number_of_somebody(live: LiveServer, unit: str) -> int:
    """The number of a citizen of a unit."""
    with live.runtime.database.reading() as session:
        return session.exec(select(CitizenRow).where(CitizenRow.unit_id == unit).order_by(CitizenRow.id)).all()[0].short


def fits(page: Page) -> None:
    """No fault in either scheme, and nothing wider than a phone."""
    assert violations_in_both_schemes(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert too_wide_px(page) <= 0
    page.set_viewport_size({"width": 1600, "height": 900})


def test_a_planner_writes_the_weekly_plan_makes_a_day_imports_a_file_plans_absence_and_prints_the_list(
    live_server: LiveServer, page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    sign_in_office(page, live_server, "planner", "planner")
    page.goto(f"{live_server.url}/planlaegger/grundplan")
    unit = page.locator("#enhed").input_value()
    number = number_of_somebody(live_server, unit)

    page.get_by_label("Borgernummer").fill(str(number))
    page.get_by_label("Tidligste start").fill("07:30")
    page.get_by_label("Seneste start").fill("08:30")
    page.get_by_role("button", name="Gem").click()
    expect(page.get_by_role("alert")).to_contain_text("Ugedage: der skal stå mindst én ugedag")
    expect(page.get_by_label("Borgernummer")).to_have_value(str(number))
    for day in ("Mandag", "Torsdag"):
        page.get_by_label(day).check()
    page.get_by_role("button", name="Gem").press("Enter")
    row = page.get_by_role("row", name=str(number))
    expect(row).to_contain_text("man, tors")
    fits(page)
    page.get_by_label("Dag", exact=True).fill((TODAY + timedelta(days=8)).isoformat())
    page.get_by_role("button", name="Lav besøgene").click()
    expect(page.get_by_role("status")).to_contain_text("1 besøg lavet")
    page.get_by_role("link", name="Ret").first.click()
    expect(page.get_by_role("heading", name=f"Ret besøg hos borger {number}")).to_be_visible()
    expect(page.get_by_label("Torsdag")).to_be_checked()

    page.get_by_role("link", name="Indlæsning").click()
    file = tmp_path / "besoeg.csv"
    good = f"{TOMORROW:%d-%m-%Y};{number};Personlig pleje;10:00;11:00;20\n"
    head = "Dato;Borger;Ydelse;Fra;Til;Varighed\n"
    file.write_bytes((head + good + good.replace("10:00", "25:00")).encode("cp1252"))
    page.get_by_label("CSV-fil").set_input_files(file)
    page.get_by_role("button", name="Indlæs").click()
    expect(page.get_by_text("Intet er indlæst.")).to_be_visible()
    expect(page.get_by_role("row", name="25:00")).to_contain_text("et klokkeslæt som 07:30")
    fits(page)
    file.write_text(head + good)
    page.get_by_label("CSV-fil").set_input_files(file)
    page.get_by_role("button", name="Indlæs").click()
    expect(page.get_by_text("1 rækker: 1 nye")).to_be_visible()

    page.get_by_role("link", name="Fravær").click()
    name = page.get_by_label("Medarbejder").locator("option").first.inner_text()
    page.get_by_label("Til og med").fill((TODAY + timedelta(days=5)).isoformat())
    page.get_by_role("button", name="Planlæg fravær").click()
    expect(page.get_by_role("row", name=name)).to_contain_text("Ferie")
    fits(page)
    page.get_by_role("button", name="Slet").click()
    expect(page.get_by_text("Ingen medarbejdere er fraværende")).to_be_visible()

    page.get_by_role("link", name="Nødliste").click()
    page.get_by_role("button", name="Åbn listen").click()
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.locator(".stops tbody tr").first).to_contain_text(":")
    fits(page)
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Hent PDF", exact=True).click()
    assert Path(fetched.value.path()).read_bytes().startswith(b"%PDF-")
    page.context.add_cookies([{"name": "lang", "value": "en", "url": live_server.url}])
    for path, heading in (
        ("grundplan", "Weekly plan"),
        ("indlaesning", "Import"),
        ("fravaer", "Absence"),
        ("noedliste", "Emergency list"),
    ):
        page.goto(f"{live_server.url}/planlaegger/{path}")
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
