"""The issuer's key is replaced with an overlap, and every lock learns of it, however long it slept."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.keys.cose import SigningKey, server_trust
from devices.keys.model import Bolt, Operation
from devices.keys.signer.keyring import ANNOUNCE_BEFORE, GRANT_LIFE, REPLACE_AFTER, Keyring, KeyringError
from devices.keys.signer.turn_key import main
from devices.keys.signing import KeyFileError
from devices.simulator.lock import SimulatedLock
from tests.devices.simulator.door_bench import LOCK_ID, NOW_AT, DoorBench

OVERLAP = timedelta(hours=36) + GRANT_LIFE


class Issuer:
    """A ring of keys and the door that believes it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "issuer.key"
        self.ring = Keyring(self.file, "omsorgstid", NOW_AT)
        self.door = DoorBench()
        self.door.issuer = self.ring.present
        service, root = self.door.service.verifying_key, self.ring.root.verifying_key
        trust = server_trust([self.ring.present.verifying_key], [service], [root])
        self.door.lock = SimulatedLock(LOCK_ID, trust, world=self.door.world, link=self.door.link, seed=1)
        self.door.lock.power_on()

    def carry(self) -> None:
        """The newest list reaches the lock, whoever carries it."""
        (signed,) = self.ring.sign_lists([LOCK_ID])
        self.door.lock.on_message("trust", signed.message)

    def opens(self, key: SigningKey) -> bool:
        """Whether a grant signed with this key moves the bolt."""
        self.door.issuer = key
        towards = Operation.LOCK if self.door.lock.bolt is Bolt.UNLOCKED else Operation.OPEN
        before = self.door.lock.bolt
        self.door.lock.on_message("open", self.door.command(op=towards).encode())
        return self.door.lock.bolt is not before


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


def test_a_lock_that_hears_of_every_step_opens_for_each_key_as_long_as_its_grants_last(issuer: Issuer) -> None:
    old = issuer.ring.present
    assert issuer.ring.version == 0

    issuer.ring.announce(NOW_AT)
    issuer.carry()
    issuer.ring.switch(NOW_AT + ANNOUNCE_BEFORE, OVERLAP)
    new = issuer.ring.present

    assert new.kid != old.kid
    assert (issuer.opens(old), issuer.opens(new)) == (True, True)

    assert not issuer.ring.drop(NOW_AT + ANNOUNCE_BEFORE + OVERLAP - timedelta(seconds=1))
    assert issuer.ring.drop(NOW_AT + ANNOUNCE_BEFORE + OVERLAP)
    issuer.carry()
    assert (issuer.opens(old), issuer.opens(new)) == (False, True)


def test_a_lock_that_slept_through_two_replacements_needs_the_newest_list_alone(issuer: Issuer) -> None:
    at, oldest = NOW_AT, issuer.ring.present
    for _ in range(2):
        issuer.ring.announce(at)
        at += ANNOUNCE_BEFORE
        issuer.ring.switch(at, OVERLAP)
        at += OVERLAP
        issuer.ring.drop(at)
    assert not issuer.opens(issuer.ring.present)

    issuer.carry()

    assert (issuer.opens(oldest), issuer.opens(issuer.ring.present)) == (False, True)


def test_nothing_is_signed_with_a_key_that_was_not_announced_for_a_fortnight(issuer: Issuer) -> None:
    with pytest.raises(KeyringError, match="announced"):
        issuer.ring.switch(NOW_AT, OVERLAP)
    issuer.ring.announce(NOW_AT)
    with pytest.raises(KeyringError, match="no next key"):
        issuer.ring.announce(NOW_AT)
    with pytest.raises(KeyringError, match="wait until"):
        issuer.ring.switch(NOW_AT + ANNOUNCE_BEFORE - timedelta(seconds=1), OVERLAP)


def test_a_stolen_key_is_replaced_and_forgotten_at_once(issuer: Issuer) -> None:
    stolen = issuer.ring.present
    arguments = ["--key-file", str(issuer.file), "--at-once"]

    assert [main([step, *arguments], NOW_AT) for step in ("announce", "switch", "drop")] == [0, 0, 0]

    issuer.ring.refresh()
    issuer.carry()
    assert (issuer.opens(stolen), issuer.opens(issuer.ring.present)) == (False, True)
    assert stolen.private_bytes().hex() not in "".join(p.read_text() for p in issuer.file.parent.iterdir())


def test_the_operator_is_told_why_a_step_cannot_be_taken(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["switch", "--key-file", str(issuer.file)], NOW_AT) == 1
    assert "Announce it first" in capsys.readouterr().err


def test_the_calendar_takes_every_step_by_itself(issuer: Issuer) -> None:
    first = issuer.ring.present.kid
    seen = []
    for days in range(0, 220, 1):
        issuer.ring.turn(NOW_AT + timedelta(days=days), OVERLAP)
        seen.append((issuer.ring.version, issuer.ring.present.kid))

    changed = [day for day in range(1, 220) if seen[day][1] != seen[day - 1][1]]
    assert seen[0] == (0, first)
    assert changed == [90, 180]
    assert (REPLACE_AFTER.days, ANNOUNCE_BEFORE.days) == (90, 14)
    assert [version for version, _ in seen] == sorted(version for version, _ in seen)


def test_a_power_failure_between_ring_and_key_is_finished_by_whoever_opens_the_ring_next(issuer: Issuer) -> None:
    issuer.ring.announce(NOW_AT)
    next_key = SigningKey(bytes.fromhex((issuer.file.parent / "issuer.key.next").read_text().strip()))
    ring_file = issuer.file.parent / "issuer.key.ring.json"
    body = json.loads(ring_file.read_text())
    old = {"key": issuer.ring.present.public_bytes.hex(), "until": (NOW_AT + OVERLAP).isoformat()}
    ring_file.write_text(json.dumps({**body, "next_since": None, "retiring": [old]}))

    opened = Keyring(issuer.file, "omsorgstid", NOW_AT)

    assert opened.present.kid == next_key.kid
    assert (issuer.file.parent / "issuer.key.pub").read_text().strip() == next_key.public_bytes.hex()


def test_other_administrations_are_believed_at_the_locks_that_name_them_and_nowhere_else(issuer: Issuer) -> None:
    other = SigningKey.generate()
    others = issuer.file.parent / "issuer.key.others.json"
    others.write_text(json.dumps([{"issuer": "nabo", "keys": [other.public_bytes.hex()], "locks": [LOCK_ID]}]))
    issuer.ring.refresh()
    issuer.carry()
    grant = replace(issuer.door.grant(), iss="nabo")
    issuer.door.issuer = other

    answer = issuer.door.lock.on_message("open", issuer.door.command(grant).encode())

    assert issuer.ring.version == 1
    assert issuer.door.lock.bolt is Bolt.UNLOCKED
    assert answer
    elsewhere = issuer.ring.sign_lists(["another-lock"])[0].message
    assert other.public_bytes not in elsewhere

    others.unlink()
    issuer.ring.refresh()
    assert issuer.ring.version == 2


@pytest.mark.parametrize("text", ["no list", '[{"issuer": "omsorgstid", "keys": ["00"], "locks": []}]', '[{"a": 1}]'])
def test_a_file_of_others_that_cannot_be_used_is_named(issuer: Issuer, text: str) -> None:
    (issuer.file.parent / "issuer.key.others.json").write_text(text)

    with pytest.raises(KeyFileError, match="others"):
        issuer.ring.refresh()
    assert issuer.ring.version == 0


def test_the_ring_says_nothing_of_a_private_key(issuer: Issuer) -> None:
    issuer.ring.announce(datetime(2026, 11, 25, tzinfo=UTC))
    ring = (issuer.file.parent / "issuer.key.ring.json").read_text()

    assert issuer.ring.present.private_bytes().hex() not in ring
    assert (issuer.file.parent / "issuer.key.root").stat().st_mode & 0o077 == 0
