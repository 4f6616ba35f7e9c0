"""Everything is dead but the locks: planned doors open, also one for two and one behind a stairwell; a spoken code
opens one other; nothing is lost or told twice.

Web server, broker, signer and database are stopped; the locks' near link is all that is left. Then all of it starts
again on the same database, and the locks' logs come home in the tablets.
"""

import html
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from scheduling.model import Day, Pair, VisitId, VisitMode
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.browser.near_steps import WATCH, chain_seq, opened, quarantined, until_held
from tests.browser.tablet_steps import PIN, has_code_doors, sign_in, start_shift, violations
from tests.browser.tablet_steps import visit as visit_of
from tests.conftest import SMALL, LiveServer, start_platform, stop_platform
from tests.gateway.platform import eventually
from tests.gateway.stairwells import Stairwell, build_stairwell, put_before
from tests.gateway.web import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def live_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A platform where every door has a lock, with one visit for two."""
    live = start_platform(tmp_path, replace(SMALL, citizens=80, locks=80), change=with_a_visit_for_two)
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


@pytest.fixture
def stairs(live_server: LiveServer) -> Iterator[Stairwell]:
    """A housing company's stairwell in the unit of the visit for two; the test says what lies behind it."""
    unit = cast_of(live_server).together[0].unit_id
    near = live_server.__dict__["near"]
    built = build_stairwell(live_server.runtime, live_server.clock, near, unit, "stairs")
    yield built
    built.stop()


def with_a_visit_for_two(day: Day) -> Day:
    """The first visit whose door somebody comes to again later takes two carers, who begin together."""
    physical = [v for v in day.visits if v.door_id is not None and v.mode is VisitMode.PHYSICAL]
    again = [
        v for v in physical if any(w.door_id == v.door_id and w.window_open_at > v.window_close_at for w in physical)
    ]
    first = min(again, key=lambda v: (v.window_open_at, v.id))
    second = replace(first, id=VisitId(f"{first.id}-2"))
    return replace(day, visits=(*day.visits, second), pairs=(*day.pairs, Pair(first.id, second.id)))


@dataclass(frozen=True)
class Cast:
    """Who does what: two carers up to the door they open together, the first of them one visit further, and a third."""

    ann: str
    eva: str
    bo: str
    #: visits in the order they are driven
    anns: list[VisitRow]
    evas: list[VisitRow]
    #: of Ann and of Eva
    together: tuple[VisitRow, VisitRow]
    #: Bo's, later at the same door
    later: VisitRow


def cast_of(live: LiveServer) -> Cast:
    """Read from the plan."""
    with live.runtime.database.reading() as session:
        pair = session.exec(select(VisitRow).where(col(VisitRow.pair_id).is_not(None))).all()
        routes = {str(v.carer_id): publishing.stops_of(session, str(v.carer_id), live.day.on) for v in pair}
        later = session.exec(
            select(VisitRow)
            .where(VisitRow.door_id == pair[0].door_id, col(VisitRow.carer_id).not_in(sorted(routes)))
            .order_by(col(VisitRow.start_at))
        ).first()
        session.expunge_all()
    assert len(routes) == len(pair) == 2
    assert later is not None, "nobody else comes to that door"
    at = {v.carer_id: [s.id for s in routes[str(v.carer_id)]].index(v.id) for v in pair}
    one, other = sorted(pair, key=lambda v: (at[v.carer_id], v.id))
    ann, eva = str(one.carer_id), str(other.carer_id)
    return Cast(
        ann,
        eva,
        str(later.carer_id),
        routes[ann][: at[ann] + 2],
        routes[eva][: at[eva] + 1],
        (one, other),
        later,
    )


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


def tap(page: Page, visit: VisitRow) -> None:
    """The visit is the one in the card; tap, and count from there."""
    expect(page.locator(f".now-card[data-visit='{visit.id}']")).to_be_visible()
    page.evaluate(WATCH)
    page.get_by_role("button", name="Lås op").click()


def is_open(page: Page) -> float:
    """Wait for the lock's own word. Returns how long that took in the page, milliseconds."""
    expect(page.get_by_role("heading", name="Døren er låst op")).to_be_visible()
    shown = {step["state"]: step["at"] for step in page.evaluate("window.shown")}
    page.get_by_role("button", name="Gå til opgaver").click()
    return float(shown["unlocked"] - shown["sent"])


def end_as_done(page: Page) -> None:
    page.get_by_role("button", name="Afslut besøg").click()
    page.get_by_role("button", name="Udført", exact=True).click()


def visit_alone(live: LiveServer, page: Page, visit: VisitRow) -> None:
    """One of her own planned visits, from the door to its end."""
    lock = live.fleet.locks[lock_at(live, visit.door_id)]
    assert lock.bolt is Bolt.LOCKED
    time_of(live, visit)
    tap(page, visit)
    assert is_open(page) < 2_000
    assert lock.bolt is Bolt.UNLOCKED
    end_as_done(page)


def time_of(live: LiveServer, visit: VisitRow) -> None:
    """The world goes on to a visit."""
    assert visit.start_at is not None
    live.clock.advance_to(max(live.clock.now(), visit.start_at))


def by_code(page: Page, address: str, code: str) -> None:
    """A door by a spoken code."""
    page.get_by_role("button", name="Mere").click()
    page.get_by_role("button", name="Dør uden besøg").click()
    page.get_by_label("Søg adresse").fill(address)
    page.get_by_role("dialog").get_by_role("button", name=address).click()
    page.get_by_label("Kode").fill(code)
    page.get_by_role("button", name="Lås op med kode").click()


def unplanned_door(live: LiveServer, unit_id: str, but: Collection[str | None]) -> CitizenRow:
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
    live_server: LiveServer, pages: list[Page], stairs: Stairwell
) -> None:
    live, (ann, eva, bo) = live_server, pages
    cast = cast_of(live)
    together, flat = cast.together[0], cast.anns[-1]
    planned = {v.door_id for v in (*cast.anns, *cast.evas)}
    home = unplanned_door(live, together.unit_id, planned)
    shared, other = lock_at(live, together.door_id), lock_at(live, home.door_id)
    with planner(live) as office:
        assert office.post(f"/api/v1/doors/{together.door_id}/holders", json={"holders": 2}).status_code == 200
        named = office.post(f"/api/v1/carers/{cast.eva}/offline-tablet", json={"designated": True})
        assert named.status_code == 200, named.text
        code = code_of(office, home.address)
    technician = Person(live.port)
    assert technician.sign_in("technician").status == 200
    put_before(technician, stairs, str(flat.door_id), live.runtime.issuer_key())
    technician.close()
    assert eventually(lambda: stairs.lock.trust_version == 1)
    time_of(live, min(cast.anns[0], cast.evas[0], key=lambda v: v.start_at or v.window_open_at))
    for page, who, visits in ((ann, cast.ann, cast.anns), (eva, cast.eva, cast.evas)):
        sign_in(page, live, who)
        start_shift(page)
        until_held(page, len(visits))
    assert eventually(lambda: has_code_doors(eva))

    kill(live)
    assert eventually(lambda: live.fleet.up_count == 0), "every lock has noticed"

    # planned doors, one after the other; the door for two when both are there, and not before
    for page, visits in ((ann, cast.anns), (eva, cast.evas)):
        for visit in visits[: visits.index(next(v for v in visits if v.door_id == together.door_id))]:
            visit_alone(live, page, visit)
    time_of(live, together)
    tap(ann, cast.together[0])
    expect(ann.get_by_role("heading", name="Venter på kollega")).to_be_visible()
    assert live.fleet.locks[shared].bolt is Bolt.LOCKED
    tap(eva, cast.together[1])
    for page in (eva, ann):
        is_open(page)
        end_as_done(page)
    assert live.fleet.locks[shared].bolt is Bolt.UNLOCKED
    # a stairwell of somebody else's and the flat behind it, in one tap
    time_of(live, flat)
    tap(ann, flat)
    expect(ann.locator("[data-state=unlocked]")).to_contain_text("Opgang: låst op · Lejlighed: låst op")
    assert (stairs.lock.bolt, live.fleet.locks[lock_at(live, flat.door_id)].bolt) == (Bolt.UNLOCKED, Bolt.UNLOCKED)

    # a door nobody planned: refused, and the tablet says what to do
    ann.get_by_role("button", name="Gå til opgaver").click()
    end_as_done(ann)
    assert not has_code_doors(ann), "an ordinary tablet has no such thing"
    ann.get_by_role("button", name="Nødkald").click()
    ann.get_by_role("searchbox").fill(home.name)
    expect(ann.get_by_text("Nødkald kræver net. Ring til vagttelefonen, eller ring 112.")).to_be_visible()
    assert violations(ann) == []
    # but by the code on a tablet meant for that, and by nothing else, once
    lock = live.fleet.locks[other]
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

    # Ann's tablet is broken and Eva's stays away; a third carer comes to the door the two have opened
    ann.context.close()
    eva.context.set_offline(True)
    start_again(live)
    time_of(live, cast.later)
    with planner(live) as office:  # one is enough in the afternoon
        assert office.post(f"/api/v1/doors/{together.door_id}/holders", json={"holders": 1}).status_code == 200
    sign_in(bo, live, cast.bo)
    start_shift(bo)
    until_held(bo)
    bo.locator(f"[data-key=stop-{cast.later.id}]").or_(bo.locator(f".now-card[data-visit='{cast.later.id}']")).click()
    bo.evaluate(WATCH)
    bo.get_by_role("button", name="Lås op").click()
    assert is_open(bo) < 9_000
    visits = {*(v.id for v in cast.together), cast.later.id}
    assert eventually(lambda: visits_told(live, shared) == visits, 40.0), "both of those who opened together, and Bo"
    assert eventually(lambda: chain_seq(live, shared) == live.fleet.locks[shared].log.next_seq - 1)
    assert quarantined(live, shared) == []
    begun = [visit_of(live, v.id) for v in cast.together]
    assert [(v.state, v.source) for v in begun] == [("begun", "device")] * 2

    # Eva is back: her doors come home too, what was told already counts once, and the code is loud
    eva.context.set_offline(False)
    mine = [lock_at(live, v.door_id) for v in cast.evas]
    assert eventually(lambda: all(opened(live, lock_id) for lock_id in (*mine, other)), 20.0)
    assert len(opened(live, shared)) == len({(one["boot"], one["seq"]) for one in opened(live, shared)})
    assert eventually(lambda: visit_of(live, cast.together[1].id).state == "ended")
    with live.runtime.database.reading() as session:
        emergencies: list[Any] = list(session.exec(select(EmergencyRow)).all())
        alarms = session.exec(select(AlarmRow).where(AlarmRow.door_id == home.door_id)).all()
    assert [(e.door_id, e.reason, e.outcome) for e in emergencies] == [(home.door_id, "offline", None)]
    assert [a.kind for a in alarms] == ["emergency_opening"]
    with planner(live) as office:
        assert code_of(office, home.address) != code, "a used code is followed by another"
    # what only Ann's tablet had heard waits in the locks
    waits = [lock_at(live, v.door_id) for v in cast.anns if v.door_id != together.door_id]
    assert all(live.fleet.locks[lock_id].log.held for lock_id in waits)
    assert stairs.lock.log.held


def visits_told(live: LiveServer, lock_id: str) -> set[str]:
    """The visits that the log says a lock has opened for."""
    told = opened(live, lock_id)
    return {str(visit) for one in told for visit in (one["visit_id"], one["with_visit_id"]) if visit is not None}
