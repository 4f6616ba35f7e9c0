"""Kørebog in a browser: the week, what is open, what is missing, approval; and today's log on the tablet."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from devices.driving.messages import FixBatch
from devices.driving.model import Position
from devices.inbox.model import Incoming
from devices.simulator.vehicle import DriveLeg, fixes_of
from gateway.usecases.driving import VehicleMount, close_logs, mount_vehicles
from scheduling.tables import ShiftRow
from tests.browser.tablet_steps import sign_in, too_small, too_wide_px, violations, violations_in_both_schemes
from tests.conftest import TODAY
from tests.devices.driving.test_tracks import gpx
from tests.gateway.driving_day import ODOMETER_M, CarDay, bike_carers, car_carers, car_day, unit_of
from tests.gateway.platform import Platform, running_platform

pytestmark = pytest.mark.browser
WEEK = "2026-W48"


@dataclass
class Depot:
    """A platform on which somebody has driven, and thirty kilometres are missing."""

    platform: Platform
    own: CarDay
    rider: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.platform.port}"

    @property
    def unit(self) -> str:
        return unit_of(self.platform.day, self.own.tablet.carer_id)

    def open(self, page: Page, identity: str = "planner", **query: str) -> None:
        surface = "manager" if identity in ("manager", "auditor") else "planner"
        answer = page.request.post(
            f"{self.url}/api/v1/session",
            data={"identity": identity, "pin": "1234"},
            headers={"X-Surface": surface},
        )
        assert answer.ok, answer.text()
        named = "&".join(f"{k}={v}" for k, v in ({"surface": surface} | query).items())
        page.goto(f"{self.url}/koerebog?{named}")


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    for platform in running_platform(tmp_path_factory.mktemp("depot"), locks=False):
        tablet = platform.tablet(car_carers(platform.day)[0])
        tablet.start_shift("base")
        own = car_day(platform.runtime, platform.clock, platform.day, tablet, reg_no="BX 12 345", private_last=True)
        platform.fleets.append(own.fleet)  # type: ignore[arg-type]
        own.take_car()
        for number in (0, 1):
            own.drive(number)
            own.visit(number)
        own.drive(2)
        _drive_after_a_gap(platform, own)
        tablet.end_shift("citizen")
        rider = platform.tablet(
            next(
                c
                for c in bike_carers(platform.day)
                if unit_of(platform.day, c) == unit_of(platform.day, tablet.carer_id)
            )
        )
        rider.start_shift("base")
        stop = next(s for s in rider.day()["route"]["stops"] if s["mode"] == "physical")
        rider.begin_visit(stop["visit_id"])
        rider.end_visit(stop["visit_id"], "done")
        yield Depot(platform, own, rider.carer_id)


def _car_with_a_past(platform: Platform, unit_id: str) -> None:
    """A car whose odometer is known from a trip of this morning."""
    with platform.runtime.units.begin() as work:
        mount_vehicles(work, "demo", [VehicleMount("tracker-past", "CD 67 890", unit_id)])
    at = platform.clock.now() - timedelta(minutes=30)
    base = platform.day.units[0].base
    start = Position(base.lat_deg or 0.0, base.lon_deg or 0.0)
    leg = DriveLeg(start, Position(start.lat_deg + 0.01, start.lon_deg), at, at + timedelta(minutes=5))
    payload = FixBatch("tracker-past", 1, tuple(fixes_of([leg], odometer_m=ODOMETER_M, seed=3))).encode()
    now = platform.clock.now()
    assert not platform.runtime.inbox.accept(
        [Incoming("demo", "vehicle", "tracker-past", "fix", payload, now)]
    ).quarantined


def _drive_after_a_gap(platform: Platform, own: CarDay) -> None:
    """The tracker was dead for thirty kilometres, then it speaks again."""
    at = platform.clock.now() + timedelta(minutes=20)
    leg = DriveLeg(own.legs[0].end, own.legs[0].start, at, at + timedelta(minutes=6))
    platform.clock.advance_to(at + timedelta(minutes=12))
    fixes = fixes_of([leg], odometer_m=ODOMETER_M + 40_000, seed=2, boot=2)
    payload = FixBatch(own.vehicle_id, 2, tuple(fixes)).encode()
    now = platform.clock.now()
    accepted = platform.runtime.inbox.accept([Incoming("demo", "vehicle", own.vehicle_id, "fix", payload, now)])
    assert not accepted.quarantined


def test_the_week_shows_carers_by_name_with_their_legs_folded_away(depot: Depot, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    depot.open(page, enhed=depot.unit)
    expect(page.get_by_role("heading", level=1)).to_have_text("Kørebog, uge\u00a048")
    row = page.locator(".log", has_text="Bil").first
    expect(row).to_contain_text("Lukket")
    expect(row.locator("table")).to_be_hidden()
    row.locator("summary").press("Enter")
    expect(row).to_contain_text("BX 12 345: 48.211,4 –")
    expect(row.locator("tbody tr").first).to_contain_text("Base – Borger")
    private = row.locator("tr", has_text="Privat kørsel")
    expect(private.locator("th")).to_have_text("–")


def test_missing_kilometres_are_said_loudly(depot: Depot, page: Page) -> None:
    depot.open(page, enhed=depot.unit)

    expect(page.locator(".alert-danger")).to_contain_text("1 strækning mangler")
    expect(page.locator(".tag-danger", has_text="Manglende tur").first).to_be_visible()


def test_an_auditor_reads_and_cannot_approve(depot: Depot, page: Page) -> None:
    depot.open(page, "auditor", enhed=depot.unit)

    expect(page.locator(".log").first).to_be_visible()
    expect(page.get_by_role("button", name="Godkend ugen")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"koerebog-{WEEK}.csv"


def test_axe_finds_nothing_on_the_page_and_nothing_sticks_out_of_it(depot: Depot, page: Page) -> None:
    depot.open(page, enhed=depot.unit)
    page.locator(".log summary").first.click()

    assert violations_in_both_schemes(page) == []
    for width in (390, 800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_speaks_english(depot: Depot, page: Page) -> None:
    page.context.add_cookies([{"name": "lang", "value": "en", "url": depot.url}])
    depot.open(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("Driving log, week\u00a048")
    expect(page.get_by_text("Choose one centre to approve the week.")).to_be_visible()


def test_the_tablet_shows_todays_log_from_its_menu_and_lets_a_car_be_taken(depot: Depot, page: Page) -> None:
    carer = next(c for c in car_carers(depot.platform.day) if c != depot.own.tablet.carer_id)
    _car_with_a_past(depot.platform, unit_of(depot.platform.day, carer))
    depot.platform.tablet(carer).start_shift("base")
    page.set_viewport_size({"width": 800, "height": 1280})
    sign_in(page, depot, carer)  # type: ignore[arg-type]
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Kørebog").click()
    dialog = page.get_by_role("dialog", name="Kørebog")
    expect(dialog.locator(".stop").first).to_contain_text("planlagt")
    expect(dialog).to_contain_text("Slut vagt lukker kørebogen.")
    assert violations(page) == []

    dialog.get_by_label("Kilometertæller (km)").fill("48.000")
    dialog.get_by_role("button", name="Tag bilen").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Se på kilometertælleren")
    dialog.get_by_label("Kilometertæller (km)").fill("48.262")
    dialog.get_by_label("Kilometertæller (km)").press("Enter")
    expect(dialog).to_contain_text("Du har CD 67 890.")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_claim_is_written_on_the_tablet_and_each_wrong_field_is_named(depot: Depot, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, depot, depot.rider)  # type: ignore[arg-type]
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Kørselsbilag").press("Enter")
    dialog = page.get_by_role("dialog", name="Kørselsbilag")
    send = dialog.get_by_role("button", name="Send bilaget")
    expect(send).to_be_visible()
    assert violations(page) == []
    assert too_small(page) == []
    assert too_wide_px(page) <= 0

    send.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("hvor mange kilometer")
    dialog.get_by_label("Kørte km").fill("12,5")
    dialog.get_by_label("Formål").fill("besøg hos borger")
    dialog.get_by_label("Fra (adresse)").fill("Basen")
    dialog.get_by_label("Stop undervejs").fill("Torvet 2\n\n Torvet 3 ")
    dialog.get_by_label("Til (adresse)").fill("Torvet 9")
    send.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("bilens nummerplade")
    expect(dialog.get_by_label("Nummerplade")).to_be_focused()
    dialog.get_by_label("Nummerplade").fill("AB 12 345")
    send.press("Enter")

    expect(dialog.get_by_role("status")).to_contain_text("Bilaget er sendt.")
    expect(dialog.locator("li", has_text="Torvet 9")).to_contain_text("Afventer")
    (claim,) = page.request.get(f"{depot.url}/api/v1/me/mileage", headers={"X-Surface": "tablet"}).json()["claims"]
    assert (claim["distance_km"], claim["stops"], claim["day"]) == (12.5, ["Torvet 2", "Torvet 3"], TODAY.isoformat())
    assert violations(page) == []


def test_a_track_file_is_read_in_on_the_page_and_a_broken_one_names_its_line(depot: Depot, page: Page) -> None:
    with depot.platform.runtime.units.begin() as work:
        mount_vehicles(work, "demo", [VehicleMount("tracker-none", "EF 11 222", depot.unit)])
    at = depot.platform.clock.now() - timedelta(days=9)
    start = depot.own.legs[0].start
    leg = DriveLeg(start, Position(start.lat_deg + 0.02, start.lon_deg), at, at + timedelta(minutes=8))
    fixes = fixes_of([leg], odometer_m=0, seed=4, parked_every_s=10.0)
    depot.open(page)
    page.get_by_text("Indlæs et spor").click()
    form = page.locator("#track")
    form.get_by_label("Bil").select_option("EF 11 222")
    form.get_by_role("button", name="Indlæs filen").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("da sporet begyndte")
    form.get_by_label("Kilometertæller").fill("1.000")
    file = form.get_by_label("Fil", exact=True)
    file.set_input_files({"name": "tur.gpx", "mimeType": "application/gpx+xml", "buffer": gpx(fixes, lat="123")})
    form.get_by_role("button", name="Indlæs filen").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("linje 6")
    assert violations_in_both_schemes(page) == []

    file.set_input_files({"name": "tur.gpx", "mimeType": "application/gpx+xml", "buffer": gpx(fixes)})
    form.get_by_role("button", name="Indlæs filen").press("Enter")
    expect(page.locator("#said")).to_have_text(f"Filen er indlæst: {len(fixes)} positioner.")
    for width in (390, 800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert too_wide_px(page) <= 0
    depot.open(page, "manager")
    expect(page.locator("#track")).to_have_count(0)


def test_the_planner_sees_in_a_visits_panel_who_could_be_there_first(depot: Depot, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    depot.open(page)
    page.goto(f"{depot.url}/planlaegger")
    page.locator(f'[data-row="l:{depot.rider}"] .bar.s-planned').first.click()
    near = page.locator("details.nearest")
    near.locator("summary").press("Enter")

    expect(near.locator("li").first).to_contain_text("kl. ")
    expect(near).to_contain_text("sidst set ved besøg")
    expect(page.get_by_text("Beregner forslag")).to_have_count(0)
    assert violations(page) == []


def test_an_open_week_is_refused_in_words_and_a_closed_one_is_approved(depot: Depot, page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    depot.open(page, "manager", enhed=depot.unit)
    expect(page.locator(".alert-warn")).to_contain_text("kørebøger er åbne")
    page.get_by_role("button", name="Godkend ugen").click(force=True)
    expect(page.locator("#said")).to_contain_text("25.11.")

    page.set_viewport_size({"width": 1600, "height": 900})
    row = page.locator(".log", has_text="Bil").first
    row.locator("summary").press("Enter")
    row.get_by_role("button", name="Forklar").press("Enter")
    dialog = page.get_by_role("dialog", name="Hvad var turen?")
    assert violations(page) == []
    dialog.get_by_label("Til", exact=True).fill("Værkstedet")
    dialog.get_by_label("Formål").fill("dækskift")
    dialog.get_by_role("button", name="Gem").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Begrundelsen står i kørebogen")
    dialog.get_by_label("Begrundelse").fill("sporeren var slukket")
    dialog.get_by_label("Begrundelse").press("Enter")
    expect(page.locator("#said")).to_have_text("Rettelsen står i kørebogen.")
    expect(page.locator(".alert-danger")).to_have_count(0)

    with depot.platform.runtime.units.begin() as work:
        shifts = work.session.exec(select(ShiftRow).where(ShiftRow.unit_id == depot.unit, ShiftRow.day == TODAY)).all()
        for shift in shifts:
            shift.state, shift.started_at = "ended", shift.started_at or work.now
            shift.ended_at, shift.ended_place = shift.ended_at or work.now, shift.ended_place or "citizen"
        work.session.flush()
        close_logs(work, TODAY, [s.carer_id for s in shifts])
    page.reload()
    page.get_by_role("button", name="Godkend ugen").press("Enter")
    expect(page.locator("#said")).to_contain_text("Ugen er godkendt")
    expect(page.locator(".alert-ok")).to_be_visible()
    expect(page.locator(".log .tag-ok").first).to_contain_text("Godkendt")

    page.get_by_role("button", name="Lås ugen op").press("Enter")
    dialog = page.get_by_role("dialog", name="Lås ugen op?")
    dialog.get_by_label("Begrundelse").fill("forkert fører")
    dialog.get_by_label("Begrundelse").press("Enter")
    expect(page.locator("#said")).to_have_text("Ugen er låst op.")
    expect(page.get_by_text("Ugen har været låst op 1 gang")).to_be_visible()


def test_a_claim_is_approved_or_rejected_with_a_reason_on_its_page(depot: Depot, page: Page) -> None:
    body = {"day": TODAY.isoformat(), "vehicle": "cycle", "purpose": "besøg", "distance_km": 4.0}
    for address in ("Vej 1", "Vej 2"):
        body |= {"start_address": "Basen", "end_address": address}
        depot.own.tablet.call("POST", "/api/v1/me/mileage", body)
    page.set_viewport_size({"width": 1600, "height": 900})
    depot.open(page, "manager")
    page.get_by_role("link", name="Kørselsbilag").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kørselsbilag, november 2026")
    assert violations_in_both_schemes(page) == []
    for width in (390, 800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.locator("tr", has_text="Vej 1").get_by_role("button", name="Godkend").press("Enter")
    expect(page.locator("#said")).to_have_text("Kørselsbilaget er godkendt.")
    page.locator("tr", has_text="Vej 2").get_by_role("button", name="Afvis").press("Enter")
    dialog = page.get_by_role("dialog", name="Afvis kørselsbilaget?")
    dialog.get_by_role("button", name="Afvis").press("Enter")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Begrundelse").fill("kørt i enhedens bil")
    dialog.get_by_label("Begrundelse").press("Enter")

    expect(page.locator("tr", has_text="Vej 2")).to_contain_text("kørt i enhedens bil")
    expect(page.locator("tr", has_text="Vej 1")).to_contain_text("2,56")
