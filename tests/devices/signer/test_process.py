"""The signer as a process of its own, asked by an honest gateway and by one that was taken over."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from devices.keys.answer import read_answer
from devices.keys.cose import MessageKind, Trust, VerifyingKey, lock_trust
from devices.keys.grant import read_grant
from devices.keys.messages import Challenge, ChallengeRequest, decode_message
from devices.keys.model import Operation
from devices.keys.signer import turn_key
from devices.keys.signer.client import SignerClient
from devices.keys.signer.errors import SignerError
from devices.keys.signer.model import Minted, MintRefusal, MintRequest, NotMinted
from devices.keys.signer.wire import NONCE_BYTES, SignerAddress, caller_mac, receive_frame, send_frame
from devices.keys.signing import load_or_create_secret, load_public_key
from devices.keys.topics import Direction
from tests.devices.keys_store.town import Carer, Town, stop

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Running:
    """A signer process and what belongs to it."""

    folder: Path
    database_url: str
    quota: int = 60
    address: str = ""
    parts: ExitStack = field(default_factory=ExitStack)

    def start(self) -> SignerClient:
        """Start the process and wait until it answers."""
        if not self.address:
            self.address = f"unix:{self.folder / 'signer.sock'}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        arguments = {
            "--address": self.address,
            "--database-url": self.database_url,
            "--key-file": self.folder / "issuer",
            "--secret-file": self.folder / "secret",
            "--log-file": self.folder / "signer.jsonl",
            "--per-carer": self.quota,
            "--clock": "log",
        }
        command = [sys.executable, "-m", "devices.keys.signer"]
        for name, value in arguments.items():
            command += [name, str(value)]
        process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=subprocess.DEVNULL)
        self.parts.callback(process.wait, timeout=20)
        self.parts.callback(process.terminate)
        client = SignerClient(self.address, load_or_create_secret(self.folder / "secret"))
        self.parts.callback(client.close)
        client.wait_ready(30)
        return client

    def stop(self) -> None:
        """End the process and wait for it."""
        self.parts.close()

    def log(self) -> list[Mapping[str, Any]]:
        """The lines of the signer's own log."""
        return [json.loads(line) for line in (self.folder / "signer.jsonl").read_text().splitlines()]

    def trust(self) -> Trust:
        """The exported public key, as a lock would pin it."""
        return Trust.of({MessageKind.GRANT: [load_public_key(self.folder / "issuer.pub")]})


@contextmanager
def _running(town: Town, quota: int = 60, address: str = "") -> Iterator[tuple[Running, SignerClient]]:
    running = Running(town.folder, town.database_url, quota, address)
    try:
        yield running, running.start()
    finally:
        running.stop()


def _set_up(town: Town) -> tuple[Carer, Carer]:
    """Two carers on shift, one door each, the first route in its second version."""
    for number in (1, 2, 3):
        town.mount(f"lock-{number}", f"door-{number}")
    first, second = town.begin_shift(), town.begin_shift("carer-b", "shift-b")
    town.publish(first, 1, [stop("v1", "door-1", 60), stop("v3", "door-3", 90)])
    town.publish(first, 2, [stop("v1", "door-1", 60)])
    town.publish(second, 1, [stop("v2", "door-2", 60)])
    return first, second


def _request(carer: Carer, version: int, visit: str, door: str, lock: str) -> MintRequest:
    return MintRequest(
        route_id=carer.route_id,
        route_version=version,
        visit_id=visit,
        door_id=door,
        lock_ids=(lock,),
        carer_id=carer.carer_id,
        shift_id=carer.shift_id,
        holder_thumbprint=carer.key.thumbprint,
        epoch=0,
    )


def test_an_honest_gateway_gets_a_grant_that_the_lock_believes(town: Town) -> None:
    first, _ = _set_up(town)
    with _running(town) as (running, client):
        (minted,) = client.mint([_request(first, 2, "v1", "door-1", "lock-1")])
        assert isinstance(minted, Minted)
        grant = read_grant(minted.token, running.trust())
        assert (grant.aud, grant.cnf, grant.cti) == (("lock-1",), first.key.thumbprint, minted.cti)
        assert (grant.nbf_at, grant.exp_at) == (minted.opens_at, minted.expires_at)
        assert grant.scope == {Operation.OPEN, Operation.LOCK}
        assert (grant.emergency, grant.dual) == (False, False)
        (line,) = running.log()
        assert (line["decision"], line["cti"], line["door"], line["shift"]) == (
            "minted",
            minted.cti.hex(),
            "door-1",
            "shift-a",
        )
        assert (running.folder / "signer.jsonl").stat().st_mode & 0o777 == 0o600
        assert client.status().minted == 1


def test_a_gateway_that_was_taken_over_opens_no_other_door_and_leaves_its_traces(town: Town) -> None:
    first, second = _set_up(town)
    ended = town.begin_shift("carer-c", "shift-c")
    town.publish(ended, 1, [stop("v4", "door-3", 60)])
    town.end_shift(ended)
    attacks = {
        # another carer's visit, with the own shift and key
        replace(
            _request(second, 1, "v2", "door-2", "lock-2"),
            carer_id=first.carer_id,
            shift_id=first.shift_id,
            holder_thumbprint=first.key.thumbprint,
        ): MintRefusal.NOT_THE_ROUTES_CARER,
        _request(first, 2, "v2", "door-2", "lock-2"): MintRefusal.VISIT_NOT_ON_ROUTE,
        _request(first, 1, "v3", "door-3", "lock-3"): MintRefusal.ROUTE_SUPERSEDED,
        _request(ended, 1, "v4", "door-3", "lock-3"): MintRefusal.SHIFT_ENDED,
        _request(first, 2, "v1", "door-2", "lock-2"): MintRefusal.DOOR_NOT_AT_VISIT,
        _request(first, 2, "v1", "door-1", "lock-2"): MintRefusal.LOCK_NOT_AT_DOOR,
        replace(
            _request(first, 2, "v1", "door-1", "lock-1"), holder_thumbprint=second.key.thumbprint
        ): MintRefusal.HOLDER_MISMATCH,
        replace(_request(first, 2, "v1", "door-1", "lock-1"), epoch=9): MintRefusal.EPOCH_MISMATCH,
        replace(_request(first, 2, "v1", "door-1", "lock-1"), shift_id="made-up"): MintRefusal.UNKNOWN_SHIFT,
    }
    with _running(town) as (running, client):
        assert client.mint(list(attacks)) == [NotMinted(code) for code in attacks.values()]
        lines = running.log()
        assert [line["reason"] for line in lines] == [code.value for code in attacks.values()]
        assert [(line["door"], line["shift"]) for line in lines] == [
            (request.door_id, request.shift_id) for request in attacks
        ]
        assert client.status().refused == len(attacks)


def test_the_quota_holds_across_batches_and_restarts(town: Town) -> None:
    first, second = _set_up(town)
    mine = _request(first, 2, "v1", "door-1", "lock-1")
    with _running(town, quota=3) as (running, client):
        results = client.mint([mine] * 2)
        running.stop()
        again = running.start()
        results += again.mint([mine] * 3)
        assert [isinstance(result, Minted) for result in results] == [True, True, True, False, False]
        assert results[3:] == [NotMinted(MintRefusal.QUOTA_CARER)] * 2
        (other,) = again.mint([_request(second, 1, "v2", "door-2", "lock-2")])
        assert isinstance(other, Minted), "one carer's quota is no other carer's"
        assert [line["reason"] for line in running.log()] == ["", "", "", "quota_carer", "quota_carer", ""]


def test_a_route_published_a_moment_ago_counts_and_voids_the_version_before(town: Town) -> None:
    first, _ = _set_up(town)
    with _running(town) as (_, client):
        town.publish(first, 3, [stop("v1", "door-1", 60)])
        results = client.mint([_request(first, version, "v1", "door-1", "lock-1") for version in (2, 3)])
        assert results[0] == NotMinted(MintRefusal.ROUTE_SUPERSEDED)
        assert isinstance(results[1], Minted)


def test_more_requests_than_fit_one_frame_are_answered_in_order(town: Town) -> None:
    first, _ = _set_up(town)
    good = _request(first, 2, "v1", "door-1", "lock-1")
    bad = replace(good, visit_id="nowhere")
    with _running(town, quota=500) as (_, client):
        results = client.mint([good, bad] * 120)
        assert [isinstance(result, Minted) for result in results] == [True, False] * 120
        tokens = {result.cti for result in results if isinstance(result, Minted)}
        assert len(tokens) == 120, "every grant has an identifier of its own"


def test_whoever_does_not_know_the_secret_gets_nothing(town: Town) -> None:
    first, _ = _set_up(town)
    with _running(town) as (running, client), closing(SignerClient(running.address, bytes(32))) as stranger:
        with pytest.raises(SignerError) as refused:
            stranger.mint([_request(first, 2, "v1", "door-1", "lock-1")])
        assert refused.value.code == "signer_not_authorised"
        assert (running.log(), client.status().refused) == ([], 0)


def test_a_stranger_who_goes_on_regardless_is_hung_up_on(town: Town) -> None:
    _set_up(town)
    with _running(town) as (running, _), SignerAddress.parse(running.address).connect(5) as stranger:
        nonce = receive_frame(stranger).octets("nonce", NONCE_BYTES)
        guessed = caller_mac(b"a guessed secret", nonce, bytes(NONCE_BYTES))
        send_frame(stranger, {"nonce": bytes(NONCE_BYTES), "mac": guessed})
        assert receive_frame(stranger).optional_octets("mac", 32) is None
        assert stranger.recv(1) == b""


def test_a_frame_that_makes_no_sense_ends_its_own_connection_only(town: Town) -> None:
    _set_up(town)
    with _running(town) as (running, client):
        with SignerAddress.parse(running.address).connect(5) as broken:
            receive_frame(broken)
            send_frame(broken, {"nonce": 7})
            assert receive_frame(broken).text("error") == "message_malformed"
            assert broken.recv(1) == b""
        assert client.status().minted == 0


def test_a_signer_that_is_away_is_named_and_found_again(town: Town) -> None:
    _set_up(town)
    with _running(town) as (running, client):
        running.stop()
        with pytest.raises(SignerError) as away:
            client.status()
        assert away.value.code == "signer_unavailable"
        key = (running.folder / "issuer.pub").read_text()
        running.start()
        with closing(client):
            assert client.status().public_key.hex() == key.strip(), "the key is made once"


def test_a_loopback_port_does_as_well_as_a_socket_file(town: Town) -> None:
    first, _ = _set_up(town)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with _running(town, address=f"tcp:127.0.0.1:{port}") as (_, client):
        (minted,) = client.mint([_request(first, 2, "v1", "door-1", "lock-1")])
        assert isinstance(minted, Minted)


def test_a_signer_whose_parent_is_gone_ends_by_itself(town: Town) -> None:
    _set_up(town)
    address = f"unix:{town.folder / 'orphan.sock'}"
    options = (
        f"--address {address} --database-url '{town.database_url}' --key-file issuer "
        "--secret-file secret --log-file signer.jsonl --end-with-parent"
    )
    script = f"'{sys.executable}' -m devices.keys.signer {options} >/dev/null & read line"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(["sh", "-c", script], cwd=town.folder, env=environment, stdin=subprocess.PIPE)
    secret = load_or_create_secret(town.folder / "secret")
    with parent, closing(SignerClient(address, secret, timeout_s=10)) as client:
        client.wait_ready(30)
        assert parent.stdin is not None
        parent.stdin.close()
        parent.wait(timeout=10)
        with pytest.raises(SignerError) as gone:
            _ask_until_it_fails(client, within_s=15)
        assert gone.value.code == "signer_unavailable"


def _ask_until_it_fails(client: SignerClient, within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        client.status()


@pytest.mark.parametrize("address", ["tcp:0.0.0.0:9000", "tcp:127.0.0.1:0", "unix:", "http://x", f"unix:/{'x' * 120}"])
def test_an_address_that_others_can_reach_is_a_wrong_setting(address: str) -> None:
    with pytest.raises(ValueError, match="Expected"):
        SignerAddress.parse(address)


def test_a_replaced_key_is_believed_by_a_lock_that_slept_and_the_old_one_until_it_is_dropped(town: Town) -> None:
    first, _ = _set_up(town)
    request = _request(first, 2, "v1", "door-1", "lock-1")
    with _running(town) as (running, client):
        (before,) = client.mint([request])
        assert client.status().trust_version == 0
    key_file = ["--key-file", str(town.folder / "issuer"), "--at-once"]
    assert [turn_key.main([step, *key_file]) for step in ("announce", "switch")] == [0, 0]

    with _running(town) as (running, client):
        (after,) = client.mint([request])
        assert isinstance(before, Minted)
        assert isinstance(after, Minted)
        assert [_opens(town, first, each) for each in (before, after)] == ["opened", "bad_grant"]

        (signed,) = client.trust_lists(["lock-1"])
        assert (signed.lock_id, signed.version) == ("lock-1", client.status().trust_version) == ("lock-1", 1)
        town.locks["lock-1"].on_message("trust", signed.message)
        assert [_opens(town, first, each) for each in (before, after)] == ["opened", "opened"]

        # The signer notices what is done beside it while it runs.
        assert turn_key.main(["drop", *key_file]) == 0
        deadline_s = time.monotonic() + 10
        while client.status().trust_version < 2 and time.monotonic() < deadline_s:
            time.sleep(0.02)
        town.locks["lock-1"].on_message("trust", client.trust_lists(["lock-1"])[0].message)
        assert [_opens(town, first, each) for each in (before, after)] == ["bad_grant", "opened"]
        assert running.log()[-1]["decision"] == "minted"


def _opens(town: Town, carer: Carer, minted: Minted) -> str:
    """What the lock says to this grant: what it did, or the code of its denial."""
    lock = town.locks["lock-1"]
    town.clock.advance_to(max(town.clock.now(), minted.opens_at))
    (given,) = lock.on_message("challenge", ChallengeRequest(os.urandom(16)).encode())
    challenge = decode_message(Direction.UP, "challenge", given.payload)
    assert isinstance(challenge, Challenge)
    said = lock.on_message("open", carer.key.command(challenge, minted.token, minted.cti).encode())
    answer = read_answer(said[0].payload, lock_trust(VerifyingKey(lock.public_key)))
    return answer.code or answer.result.value
