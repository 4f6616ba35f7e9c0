"""Drift: what was set aside and why, the devices, the parts, the jobs."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from devices.inbox.model import Incoming
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser

LIFT = "f00d0000f00d0000f00d0000f00d0000"


def open_drift(page: Page, live: LiveServer, identity: str = "operations") -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in_office(page, live, identity, "operations")
    page.goto(f"{live.url}/drift")
    expect(page.locator("#device-rows tr").nth(2)).to_be_visible()


def send_from_nowhere(live: LiveServer, number: int = 1) -> None:
    """A message of a device nobody knows."""
    inbox = live.runtime.parts.inbox
    tenant = live.runtime.parts.settings.mqtt.tenant
    at = live.clock.now() - timedelta(seconds=number)
    inbox.accept([Incoming(tenant, "lock", f"unknown-{number}", "evt", b"\x00not cbor", at)])


def test_a_message_is_read_corrected_and_run_again_by_keyboard(morning: LiveServer, page: Page) -> None:
    parts = morning.runtime.parts
    tenant = parts.settings.mqtt.tenant
    unit = morning.day.units[0].id
    with parts.units.begin() as work:
        enrol(work, tenant, [Enrolment(DeviceKind.LIFT, unit, device_id=LIFT)])
    wrong = b'{"v": 1, "device": "%s", "boot": "syv", "firmware": "1.0"}' % LIFT.encode()
    parts.inbox.accept([Incoming(tenant, "lift", LIFT, "birth", wrong, morning.clock.now())])
    open_drift(page, morning)
    expect(page.locator("#quarantine-open")).to_contain_text("1 afventer. Den ældste kom")
    page.get_by_role("button", name="Se indholdet af besked").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('"boot": "syv"')
    field = dialog.get_by_label("Rettelse")
    field.fill("{")
    dialog.get_by_role("button", name="Gem og kør igen").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Rettelsen kan ikke læses. Ventet: JSON.")
    assert violations(page) == []
    field.fill(wrong.decode().replace('"syv"', "7"))
    dialog.get_by_role("button", name="Gem og kør igen").press("Enter")
    expect(page.locator("#quarantine-said")).to_have_text("Beskeden er taget ind.")
    expect(page.locator("#quarantine-rows tr").first).to_contain_text("Kørt igen")
    expect(page.locator("#quarantine-rows tr").first).to_contain_text("rettet")


def test_a_message_set_aside_is_shown_with_its_reason_and_can_be_tried_again(morning: LiveServer, page: Page) -> None:
    open_drift(page, morning)
    send_from_nowhere(morning)
    row = page.locator("#quarantine-rows tr", has_text="Enheden kendes ikke.")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Afventer")
    expect(page.locator("#quarantine-counts")).to_contain_text("1 ukendt enhed")
    row.get_by_role("button", name="Kør igen").click()
    expect(page.locator("#quarantine-said")).to_contain_text("kunne stadig ikke tages ind")


def test_devices_tell_contact_and_battery_and_can_be_chosen_by_kind(morning: LiveServer, page: Page) -> None:
    open_drift(page, morning)
    expect(page.locator("#device-rows tr").first).to_contain_text("Lås")
    expect(page.locator("#device-rows .tag", has_text="Online").first).to_be_visible()
    page.get_by_label("Slags").select_option("vehicle")
    expect(page.get_by_text("Ingen enheder af den slags.")).to_be_visible()


def test_every_part_says_how_it_is(morning: LiveServer, page: Page) -> None:
    open_drift(page, morning)
    expect(page.locator(".part").first).to_be_visible()
    checks = morning.runtime.parts.checks
    as_it_is = checks["signer"]
    checks["signer"] = lambda: "svarer ikke"
    page.reload()
    part = page.locator(".part", has_text="Tilladelser (signer)")
    expect(part).to_contain_text("Nede")
    expect(part).to_contain_text("svarer ikke")
    checks["signer"] = as_it_is


def test_a_technician_sees_devices_but_no_jobs(morning: LiveServer, page: Page) -> None:
    open_drift(page, morning, "technician")
    expect(page.get_by_role("heading", name="Jobs")).to_have_count(0)
    expect(page.locator("#page-error")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(morning: LiveServer, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    send_from_nowhere(morning)
    open_drift(page, morning)
    expect(page.locator("#quarantine-rows button").first).to_be_visible()
    assert violations(page) == []
