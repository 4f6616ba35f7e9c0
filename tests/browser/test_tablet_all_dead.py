"""Everything is dead but the locks: planned doors open, a spoken code opens one other, nothing is lost or told twice.

Web server, broker, signer and database are stopped; the locks' near link is all that is left. Then all of it starts
again on the same database, and the locks' logs come home in the tablets.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import col, select

from devices.alarms.tables import AlarmRow
from devices.keys.model import Bolt
from devices.keys.tables import EmergencyRow
from gateway.app import create_app
from gateway.runtime import Duties, Runtime
from gateway.web_server import WebServer
from scheduling import publishing
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.browser.near_steps import WATCH, chain_seq, opened, quarantined, until_held
from tests.browser.tablet_steps import PIN, current_visit, sign_in, start_shift, violations, visit
from tests.conftest import SMALL, LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually

pytestmark = pytest.mark.browser


@pytest.fixture
def live_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A platform where every door has a lock."""
    live = start_platform(tmp_path, replace(SMALL, citizens=80, locks=80))
    yield live
    stop_platform(live)


@pytest.fixture
def pages(browser: Browser) -> Iterator[list[Page]]:
    """Three tablets, each with a profile of its own."""
    made: list[BrowserContext] = [
        browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen", viewport={"width": 800, "height": 1280})
        for _ in range(3)
    ]
    yield [context.new_page() for context in made]
    for context in made:
        context.close()


def who_meets(live: LiveServer) -> tuple[str, VisitRow, VisitRow]:
    """A carer, her first visit, and another carer's later visit behind the same door."""
    with live.runtime.database.reading() as session:
        found = []
        for carer in live.day.carers:
            first = next(iter(publishing.stops_of(session, carer.id, live.day.on)), None)
            if first is None or first.start_at is None or first.door_id is None:
                continue
            later = session.exec(
                select(VisitRow).where(
                    VisitRow.door_id == first.door_id,
                    VisitRow.mode == "physical",
                    col(VisitRow.carer_id).not_in([carer.id]),
                    col(VisitRow.start_at) > first.end_at,
                )
            ).first()
            if later is not None:
                found.append((first.start_at, carer.id, first, later))
        _, carer_id, first, later = min(found, key=lambda one: one[:2])
        session.expunge_all()
    return carer_id, first, later


def lock_at(live: LiveServer, door_id: str | None) -> str:
    """The lock on a door."""
    doors = {c.door.id: c.door.device_id for c in live.day.citizens if c.door is not None}
    found = doors[str(door_id)]
    assert found is not None
    return found


@contextmanager
def planner(live: LiveServer) -> Iterator[httpx.Client]:
    """The planner's browser."""
    with httpx.Client(base_url=live.url, headers={"X-Surface": "planner"}) as client:
        assert client.post("/api/v1/session", json={"identity": "planner", "pin": PIN}).status_code == 200
        yield client


def kill(live: LiveServer) -> None:
    """Web server, broker, signer, inbox and database are gone; the locks and what is beside them stay."""
    live.__dict__["server"].stop()
    live.runtime.stop()


def start_again(live: LiveServer) -> None:
    """Everything anew on what is on the disk, where the tablets look for it. No lock finds the new broker."""
    live.runtime = Runtime(live.runtime.settings, Duties(), clock=live.clock, speed=live.running)
    live.runtime.parts.demo = live.running
    live.runtime.parts.near_url = live.__dict__["near"].url
    live.runtime.start()
    live.__dict__["server"] = WebServer(create_app(live.runtime.parts), "127.0.0.1", live.port)
    live.__dict__["server"].start()


def unlock(page: Page) -> float:
    """Tap, and wait for the lock's own word. Returns how long that took in the page, milliseconds."""
    page.evaluate(WATCH)
    page.get_by_role("button", name="Lås op").click()
    expect(page.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    shown = {step["state"]: step["at"] for step in page.evaluate("window.shown")}
    page.get_by_role("button", name="Gå til opgaver").click()
    return float(shown["unlocked"] - shown["sent"])


def end_as_done(page: Page) -> None:
    page.get_by_role("button", name="Afslut besøg").click()
    page.get_by_role("button", name="Udført", exact=True).click()


def by_code(page: Page, address: str, code: str) -> None:
    """A door by a spoken code."""
    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Dør uden besøg").click()
    page.get_by_label("Søg adresse").fill(address)
    page.get_by_role("dialog").get_by_role("button", name=address).click()
    page.get_by_label("Kode").fill(code)
    page.get_by_role("button", name="Lås op med kode").click()


def unplanned_door(live: LiveServer, unit_id: str, but: set[str | None]) -> CitizenRow:
    """A citizen of the unit behind another door."""
    with live.runtime.database.reading() as session:
        rows = session.exec(select(CitizenRow).where(CitizenRow.unit_id == unit_id).order_by(CitizenRow.id)).all()
        found = next(row for row in rows if row.door_id is not None and row.door_id not in but)
        session.expunge(found)
    return found


def code_of(client: httpx.Client, address: str) -> str:
    """The code of a door on the printed list."""
    page = client.get("/planlaegger/beredskab").text
    row = re.search(rf"<th scope=\"row\">{re.escape(html.escape(address))}</th><td[^>]*>([0-9 ]+)</td>", page)
    assert row is not None
    return row[1]


def test_with_everything_dead_doors_open_and_the_logs_come_home_in_another_carers_tablet(
    live_server: LiveServer, pages: list[Page]
) -> None:
    live, (ann, eva, bo) = live_server, pages
    carer_id, first, later = who_meets(live)
    reserve = next(c for c in live.day.carers if c.unit_id == first.unit_id and c.id not in (carer_id, later.carer_id))
    assert first.start_at is not None
    live.clock.advance_to(max(live.clock.now(), first.start_at))
    home = unplanned_door(live, first.unit_id, {first.door_id})
    with planner(live) as office:
        named = office.post(f"/api/v1/carers/{reserve.id}/offline-tablet", json={"designated": True})
        assert named.status_code == 200, named.text
        code = code_of(office, home.address)
    for page, who in ((ann, carer_id), (eva, reserve.id)):
        sign_in(page, live, who)
        start_shift(page)
        until_held(page)
    expect(eva.get_by_role("button", name="Mere")).to_be_visible()
    assert eventually(lambda: has_code_doors(eva))

    kill(live)

    # planned doors, one after the other
    took_ms = unlock(ann)
    assert took_ms < 2_000
    assert live.fleet.locks[lock_at(live, first.door_id)].bolt is Bolt.UNLOCKED
    end_as_done(ann)
    assert not has_code_doors(ann), "an ordinary tablet has no such thing"

    # a door nobody planned: by the code and by nothing else, once
    lock = live.fleet.locks[lock_at(live, home.door_id)]
    by_code(eva, home.address, "1234 5678 9012")
    expect(eva.get_by_text("Koden passer ikke til denne dør.")).to_be_visible()
    assert violations(eva) == []
    assert lock.bolt is Bolt.LOCKED
    eva.get_by_label("Kode").fill(code)
    eva.get_by_role("button", name="Lås op med kode").click()
    expect(eva.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    assert lock.bolt is Bolt.UNLOCKED
    eva.get_by_role("button", name="Tilbage").click()
    by_code(eva, home.address, code)
    expect(eva.get_by_role("heading", name="Afvist – tilladelsen er brugt")).to_be_visible()

    start_again(live)
    assert later.start_at is not None
    live.clock.advance_to(max(live.clock.now(), later.start_at))

    # another carer comes to the same door, and the log of the first goes home with her
    assert later.carer_id is not None
    ann.context.close()
    sign_in(bo, live, later.carer_id)
    start_shift(bo)
    until_held(bo)
    bo.locator(f"[data-key=stop-{later.id}]").or_(bo.locator(f".now-card[data-visit='{later.id}']")).click()
    unlock(bo)
    lock_id = lock_at(live, first.door_id)
    assert eventually(lambda: len(opened(live, lock_id)) == 2, 20.0)
    assert {one["visit_id"] for one in opened(live, lock_id)} == {first.id, later.id}
    assert eventually(lambda: chain_seq(live, lock_id) == live.fleet.locks[lock_id].log.next_seq - 1)
    assert quarantined(live, lock_id) == []
    begun = visit(live, first.id)
    assert (begun.state, begun.source) == ("begun", "device")

    # the opening by code is loud as soon as it is home
    other = lock_at(live, home.door_id)
    assert eventually(lambda: len(opened(live, other)) == 1, 20.0)
    with live.runtime.database.reading() as session:
        emergencies: list[Any] = list(session.exec(select(EmergencyRow)).all())
        alarms = session.exec(select(AlarmRow).where(AlarmRow.door_id == home.door_id)).all()
    assert [(e.door_id, e.reason, e.outcome) for e in emergencies] == [(home.door_id, "offline", None)]
    assert [a.kind for a in alarms] == ["emergency_opening"]
    with planner(live) as office:
        assert code_of(office, home.address) != code, "a used code is followed by another"
    assert current_visit(eva)


def has_code_doors(page: Page) -> bool:
    """Whether the tablet offers doors by spoken code."""
    page.get_by_role("button", name="Mere").click()
    offered = page.get_by_role("button", name="Dør uden besøg").is_visible()
    page.get_by_role("button", name="Tilbage").click()
    return offered
