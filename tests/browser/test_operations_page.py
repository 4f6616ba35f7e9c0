"""Drift: what was set aside and why, the devices, the parts, the jobs."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from devices.inbox.model import Incoming
from tests.browser.office_steps import sign_in_office
from tests.browser.tablet_steps import violations
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


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


def test_a_message_set_aside_is_shown_with_its_reason_and_can_be_tried_again(
    live_server: LiveServer, page: Page
) -> None:
    open_drift(page, live_server)
    send_from_nowhere(live_server)
    row = page.locator("#quarantine-rows tr", has_text="Enheden kendes ikke.")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Afventer")
    expect(page.locator("#quarantine-counts")).to_contain_text("1 ukendt enhed")
    row.get_by_role("button", name="Kør igen").click()
    expect(page.locator("#quarantine-said")).to_contain_text("kunne stadig ikke tages ind")


def test_devices_tell_contact_and_battery_and_can_be_chosen_by_kind(live_server: LiveServer, page: Page) -> None:
    open_drift(page, live_server)
    expect(page.locator("#device-rows tr").first).to_contain_text("Lås")
    expect(page.locator("#device-rows .tag", has_text="Online").first).to_be_visible()
    page.get_by_label("Slags").select_option("vehicle")
    expect(page.get_by_text("Ingen enheder af den slags.")).to_be_visible()


def test_every_part_says_how_it_is(live_server: LiveServer, page: Page) -> None:
    open_drift(page, live_server)
    expect(page.locator(".part").first).to_be_visible()
    live_server.runtime.parts.checks["signer"] = lambda: "svarer ikke"
    page.reload()
    part = page.locator(".part", has_text="Tilladelser (signer)")
    expect(part).to_contain_text("Nede")
    expect(part).to_contain_text("svarer ikke")


def test_a_technician_sees_devices_but_no_jobs(live_server: LiveServer, page: Page) -> None:
    open_drift(page, live_server, "technician")
    expect(page.get_by_role("heading", name="Jobs")).to_have_count(0)
    expect(page.locator("#page-error")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(live_server: LiveServer, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    send_from_nowhere(live_server)
    open_drift(page, live_server)
    expect(page.locator("#quarantine-rows button").first).to_be_visible()
    assert violations(page) == []
