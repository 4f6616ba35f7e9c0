"""The tablet's own arithmetic, run in the browser and compared with the server's."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page

from devices.keys.model import Operation
from devices.keys.proof import holder_thumbprint, proof_input, public_point, verify_proof
from gateway.web.assets import assets
from tests.conftest import LiveServer

pytestmark = pytest.mark.browser


@pytest.fixture
def modules(morning: LiveServer, page: Page) -> Page:
    """A page that can import the tablet's modules by ``load(name)``."""
    page.goto(f"{morning.url}/tablet")
    page.evaluate("prefix => { window.load = (name) => import(prefix + name); }", assets().url(""))
    return page


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("lock_id", ["a", "lock-1", "x" * 23, "x" * 24, "æøå", "x" * 64])
def test_the_tablet_signs_the_same_bytes_as_the_lock_checks(modules: Page, lock_id: str) -> None:
    cti, nonce = bytes(range(16)), bytes(range(240, 256))

    built = modules.evaluate(
        """async ([lock, cti, nonce]) => {
            const { proofInput, bytesOf, b64u } = await load("tablet/proof.js");
            return b64u(proofInput(lock, "open", bytesOf(cti), bytesOf(nonce)));
        }""",
        [lock_id, b64u(cti), b64u(nonce)],
    )

    assert from_b64u(built) == proof_input(lock_id, Operation.OPEN, cti, nonce)


def test_a_signature_made_in_the_browser_holds_for_the_lock(modules: Page) -> None:
    cti, nonce = b"c" * 16, b"n" * 16

    made = modules.evaluate(
        """async (challenge) => {
            const { makeHolderKey, signChallenge, heldThumbprint } = await load("tablet/holder_key.js");
            const point = await makeHolderKey();
            return { point, thumbprint: await heldThumbprint(), ...(await signChallenge(challenge)) };
        }""",
        {"lock_id": "lock-7", "op": "open", "cti": b64u(cti), "nonce": b64u(nonce)},
    )

    point = from_b64u(made["public_key"])
    assert made["point"] == made["public_key"]
    assert made["thumbprint"] == holder_thumbprint(point).hex()
    signed = proof_input("lock-7", Operation.OPEN, cti, nonce)
    verify_proof(point, holder_thumbprint(point), from_b64u(made["signature"]), signed)


def test_the_thumbprint_of_a_known_key_is_the_server_s(modules: Page) -> None:
    point = public_point(ec.derive_private_key(12345, ec.SECP256R1()))

    hashed = modules.evaluate(
        """async (point) => {
            const { thumbprintInput, bytesOf, b64u } = await load("tablet/proof.js");
            return b64u(await crypto.subtle.digest("SHA-256", thumbprintInput(bytesOf(point))));
        }""",
        b64u(point),
    )

    assert from_b64u(hashed) == holder_thumbprint(point)


def test_bytes_written_as_text_are_read_back(modules: Page) -> None:
    assert modules.evaluate(
        """async () => {
            const { bytesOf, b64u } = await load("tablet/proof.js");
            const all = Uint8Array.from({ length: 256 }, (_, i) => i);
            const parts = [0, 1, 2, 3, 255, 256].map((n) => all.slice(0, n));
            return parts.every((part) => String(bytesOf(b64u(part))) === String(part));
        }"""
    )


def test_no_order_of_happenings_shows_an_unlocked_door_unless_the_lock_has_said_so(modules: Page) -> None:
    """Every sequence of five steps, from the tap on: 7,776 of them."""
    wrong = modules.evaluate(
        """async () => {
            const m = await load("tablet/door_machine.js");
            const word = (state) => ({ id: "o", state });
            const steps = [
                (d, now) => m.ticked(d, now),
                (d) => m.aborted(d),
                (d, now) => (m.maySend(d, now) ? m.commanded(d) : m.notSent(d)),
                (d) => m.heard(d, word("sent")),
                (d) => m.heard(d, word("unknown")),
                (d) => m.observed(d, "open"),
            ];
            const wrong = [];
            const walk = (door, now, path) => {
                if (door.state === "unlocked") wrong.push(path);
                if (door.state === "expired" && door.commanded) wrong.push(path);
                if (path.length < 5) steps.forEach((step, i) => walk(step(door, now + 2500), now + 2500, [...path, i]));
            };
            walk(m.tapped("v", 0), 0, []);
            return wrong;
        }"""
    )

    assert wrong == []


def test_a_late_answer_of_the_lock_still_counts_and_is_not_taken_back(modules: Page) -> None:
    states = modules.evaluate(
        """async () => {
            const m = await load("tablet/door_machine.js");
            let door = m.commanded(m.tapped("v", 0));
            const seen = [];
            const say = (next) => { door = next; seen.push(door.state); };
            say(m.heard(door, { id: "o", state: "sent" }));
            say(m.ticked(door, 9999));
            say(m.ticked(door, 10000));
            say(m.heard(door, { id: "o", state: "unlocked", late: true }));
            say(m.heard(door, { id: "o", state: "unknown" }));
            say(m.heard(door, { id: "another", state: "refused" }));
            return seen;
        }"""
    )

    assert states == ["sent", "sent", "unknown", "unlocked", "unlocked", "unlocked"]


def test_nothing_is_signed_once_five_seconds_have_passed(modules: Page) -> None:
    assert modules.evaluate(
        """async () => {
            const m = await load("tablet/door_machine.js");
            const door = m.tapped("v", 1000);
            return [m.maySend(door, 5999), m.maySend(door, 6000), m.ticked(door, 6000).state];
        }"""
    ) == [True, False, "expired"]
