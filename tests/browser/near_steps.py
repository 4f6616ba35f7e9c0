"""What happens beside a lock, and what a tablet holds, as a test says it."""

from threading import Event
from typing import Any

from playwright.sync_api import Page
from sqlmodel import select

from devices.inbox.tables import QuarantineRow
from devices.keys.tables import LockRow
from devices.simulator.fleet import Fleet
from kernel.log import read_after
from tests.conftest import LiveServer
from tests.gateway.platform import eventually

_MODULE = 'import(document.querySelector("script[type=module]").src.replace("app.js", "{name}"))'
#: seconds are counted in the page, from one state of the door's panel to the next
WATCH = """() => {
    window.shown = [];
    new MutationObserver(() => {
        const state = document.querySelector("[data-state]")?.dataset.state ?? "ready";
        if (window.shown.at(-1)?.state !== state) window.shown.push({ state, at: performance.now() });
    }).observe(document.body, { childList: true, subtree: true });
}"""
#: everything the tablet keeps, as text: what a thief of its store would read
STORE = """() => new Promise((resolve) => {
    const text = (value) => JSON.stringify(value, (_, one) => {
        if (one instanceof ArrayBuffer) return text(Array.from(new Uint8Array(one)));
        if (one instanceof CryptoKey) return `key extractable=${one.extractable}`;
        return ArrayBuffer.isView(one) ? Array.from(one) : one;
    });
    indexedDB.open("omsorgstid-tablet").onsuccess = (event) => {
        const asked = event.target.result.transaction("kept").objectStore("kept").getAll();
        asked.onsuccess = () => resolve(text(asked.result));
    };
})"""


def held(page: Page) -> list[str]:
    """Visits whose doors the tablet can open now without asking anybody."""
    module = _MODULE.format(name="keyring.js")
    return list(page.evaluate(f"async () => (await (await {module}).heldGrants()).visits"))


def until_held(page: Page, count: int = 1) -> None:
    """Wait until the tablet holds so many grants.

    Asked from here again and again: a promise given to ``wait_for_function`` counts as true before it is fulfilled.
    """
    assert eventually(lambda: len(held(page)) >= count), f"expected {count} grants on the tablet, it holds {held(page)}"


def stops(page: Page) -> list[dict[str, Any]]:
    """The route as the server tells it."""
    return list(page.evaluate('async () => (await (await fetch("/api/v1/me/day")).json()).route.stops'))


def lock_of(page: Page, visit_id: str) -> str:
    """The lock of a visit."""
    return str(next(s for s in stops(page) if s["visit_id"] == visit_id)["door"]["lock_id"])


def switch_radio(fleet: Fleet, lock_id: str, *, on: bool) -> None:
    """A lock's near link goes on or off."""
    done = Event()

    def act(lock: Any) -> tuple[()]:
        lock.switch_radio(on=on)
        done.set()
        return ()

    fleet.act(lock_id, act)
    assert done.wait(10)


def out_of_reach(live: LiveServer, lock_id: str) -> None:
    """No network and no near link: nobody talks to this lock."""
    live.fleet.lose(lock_id)
    switch_radio(live.fleet, lock_id, on=False)


def opened(live: LiveServer, lock_id: str) -> list[dict[str, Any]]:
    """What the log says of this lock having opened."""
    with live.runtime.database.reading() as session:
        return [e.data for e in read_after(session, 0, 100_000, {"door.opened"}) if e.data["lock_id"] == lock_id]


def chain_seq(live: LiveServer, lock_id: str) -> int:
    """The last event of a lock's log that is home."""
    with live.runtime.database.reading() as session:
        return int(session.get_one(LockRow, lock_id).chain_seq)


def quarantined(live: LiveServer, lock_id: str) -> list[str]:
    """Why messages of a lock were set aside."""
    with live.runtime.database.reading() as session:
        return [str(row.reason) for row in session.exec(select(QuarantineRow)).all() if row.device_id == lock_id]
