"""The tablet's end of the near link, run in the browser against a simulated lock and against our own fragments."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from devices.keys.answer import read_answer
from devices.keys.cose import VerifyingKey, lock_trust
from devices.keys.fragments import NearMessage, Splitter
from devices.keys.log_box import open_log
from devices.keys.messages import Challenge, EventBatch, decode_message
from devices.keys.topics import Direction
from devices.simulator.holder import HolderKey
from devices.simulator.near_link import NearLink
from gateway.demo.tablets import Tablet
from gateway.web.assets import assets
from tests.conftest import LiveServer, start_platform, stop_platform

pytestmark = pytest.mark.browser
LONG = bytes(range(256)) * 5


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One platform for all: nothing here changes it."""
    live = start_platform(tmp_path_factory.mktemp("near"))
    yield live
    stop_platform(live)


@pytest.fixture
def modules(live_server: LiveServer, page: Page) -> Page:
    """A page that can import the tablet's modules by ``load(name)``, under the tablet's own content policy."""
    page.goto(f"{live_server.url}/tablet")
    page.evaluate("prefix => { window.load = (name) => import(prefix + name); }", assets().url(""))
    return page


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_browser_and_lock_cut_messages_alike_and_the_browser_joins_what_the_lock_cut(modules: Page) -> None:
    ours = Splitter().split(NearMessage("crl", LONG))

    theirs, joined, dropped = modules.evaluate(
        """async ([payload, fragments]) => {
            const { split, Joiner } = await load("tablet/near_link.js");
            const { b64u, bytesOf } = await load("tablet/proof.js");
            const joiner = new Joiner();
            const came = fragments.map((one) => joiner.take(bytesOf(one)));
            came.push(joiner.take(bytesOf(fragments[1]))); // continues nothing
            joiner.take(bytesOf(fragments[0]));
            came.push(joiner.take(bytesOf(fragments[2]))); // one is missing
            const shown = came.map((one) => one && [one.name, b64u(one.payload)]);
            return [split("crl", bytesOf(payload), 0).map(b64u), shown, joiner.dropped];
        }""",
        [b64u(LONG), [b64u(fragment) for fragment in ours]],
    )

    assert [from_b64u(fragment) for fragment in theirs] == ours
    assert joined == [None] * (len(ours) - 1) + [["crl", b64u(LONG)], None, None]
    assert dropped == 2


def test_a_page_reaches_the_lock_beside_it_through_nobody_else(live_server: LiveServer, modules: Page) -> None:
    lock_id, lock = sorted(live_server.fleet.locks.items())[0]
    carer = Tablet("127.0.0.1", live_server.port, live_server.carer_with_door_first(), HolderKey.generate())
    carer.sign_in()
    near = carer.day()["near"]["url"]
    carer.close()
    holder, cti = HolderKey.seeded("someone"), b"c" * 16

    payload = modules.evaluate(
        """async ([lock, url]) => {
            const { NearLink } = await load("tablet/near_link.js");
            const { b64u } = await load("tablet/proof.js");
            window.link = await NearLink.reach(lock, { url, timeoutMs: 2000 });
            return b64u(await link.challenge(new Uint8Array(16).fill(7)));
        }""",
        [lock_id, near],
    )
    challenge = decode_message(Direction.UP, "challenge", from_b64u(payload))
    assert isinstance(challenge, Challenge)
    command = holder.command(challenge, b"no grant at all", cti)
    said, more = modules.evaluate(
        """async (command) => {
            const { b64u, bytesOf } = await load("tablet/proof.js");
            link.send("open", bytesOf(command));
            const answer = b64u(await link.next("answer", 2000));
            const late = await link.next("nothing", 50).catch((error) => error.code);
            link.close();
            const after = await link.next("nothing", 50).catch((error) => error.code);
            return [answer, [late, after]];
        }""",
        b64u(command.encode()),
    )

    answer = read_answer(from_b64u(said), lock_trust(VerifyingKey(lock.public_key)))
    assert (answer.request, answer.code) == (b"\x07" * 16, "bad_grant")
    assert more == ["timeout", "lost"]


def test_a_page_fetches_the_sealed_log_to_carry_it_home(live_server: LiveServer, modules: Page) -> None:
    lock_id = sorted(live_server.fleet.locks)[1]
    live_server.fleet.lose(lock_id)
    live_server.fleet.beside(lock_id, lambda lock: lock.observe("tamper")).result(10)

    came = modules.evaluate(
        """async ([lock, url]) => {
            const { NearLink } = await load("tablet/near_link.js");
            const { b64u } = await load("tablet/proof.js");
            const link = await NearLink.reach(lock, { url, timeoutMs: 2000 });
            const log = await link.fetchLog(2000);
            link.close();
            return log.map(({ name, payload }) => [name, b64u(payload)]);
        }""",
        [lock_id, live_server.runtime.parts.near_url],
    )
    live_server.fleet.restore(lock_id)

    assert [name for name, _ in came] == ["evt", "birth"]
    batch = decode_message(
        Direction.UP, "evt", open_log(lock_id, from_b64u(came[0][1]), [live_server.runtime.service_key])
    )
    assert isinstance(batch, EventBatch)
    assert len(batch.events) == 1


def test_a_lock_that_is_not_near_is_said_to_be_unreachable_in_time(live_server: LiveServer, modules: Page) -> None:
    near = live_server.runtime.parts.near_url
    elsewhere = NearLink(live_server.fleet)
    elsewhere.start()

    codes = modules.evaluate(
        """async (addresses) => {
            const { NearLink } = await load("tablet/near_link.js");
            const tries = addresses.map((url) => NearLink.reach("no-such-lock", { url, timeoutMs: 1500 }));
            return (await Promise.allSettled(tries)).map((one) => one.reason.code);
        }""",
        # the last one answers, but the page's content policy allows one carrier alone
        [near, "ws://127.0.0.1:1/near", "not an address", elsewhere.url],
    )
    allowed = modules.evaluate(
        """([lock, url]) => load("tablet/near_link.js")
            .then(({ NearLink }) => NearLink.reach(lock, { url, timeoutMs: 1500 }))
            .then(() => "reached", (error) => error.code)""",
        [sorted(live_server.fleet.locks)[0], elsewhere.url],
    )
    elsewhere.stop()

    assert codes == ["unreachable"] * 4
    assert allowed == "unreachable"
