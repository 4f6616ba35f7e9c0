"""The issuer's keys over time, and what locks are told to believe.

A key is replaced in three steps, each of which raises the version of the trust list: the next key is *announced*
(locks believe both, nothing is signed with it yet), it is *taken into use* (the old private half is destroyed,
its grants are still good), and the old one is *dropped* when its last grant is over. Every list is signed by the
root key, so a lock that slept through all of it needs the newest list alone, from whoever carries it.

Administrations whose grants our locks believe as well (a shared stairwell) stand in a file beside the key, written
by whoever runs the signer's machine: the gateway has no say in it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from devices.keys.cose import SigningKey
from devices.keys.signer.model import SignedTrust
from devices.keys.signing import KeyFileError, load_or_create_key
from devices.keys.trust_list import TrustedIssuer, TrustList, sign_trust

REPLACE_AFTER = timedelta(days=90)
ANNOUNCE_BEFORE = timedelta(days=14)
"""How long locks are told of the next key before anything is signed with it."""

GRANT_LIFE = timedelta(hours=24)
"""No grant lasts longer from the opening of its window on; with the furthest window it bounds an old key's use."""


class KeyringError(ValueError):
    """A step that cannot be taken now, with what to do instead."""


@dataclass(frozen=True, slots=True)
class Retiring:
    """A key that signs nothing any more and is believed until the last grant it signed is over."""

    public_key: bytes
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Ring:
    """What the ring's file holds. ``others`` is the hash of the file of other administrations, empty without one."""

    since_at: datetime
    version: int = 0
    next_since_at: datetime | None = None
    retiring: tuple[Retiring, ...] = ()
    others: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """Another administration: its issuer's name and keys, and the locks of ours that believe it."""

    issuer: TrustedIssuer
    locks: frozenset[str] = field(default_factory=frozenset)


class Keyring:
    """The keys in one place. Several processes may open it; every step is taken under a lock on its file.

    Parameters
    ----------
    key_file
        The present issuer key; root, next key, ring and other administrations lie beside it.
    issuer
        Name of the issuer in its grants.
    now
        World time, for a ring that is new.

    Raises
    ------
    KeyFileError
        If a file may be read by others or holds something else.
    """

    def __init__(self, key_file: Path, issuer: str, now: datetime) -> None:
        self._key_file = key_file
        self._issuer = issuer
        self._next_file = _beside(key_file, "next")
        self._ring_file = _beside(key_file, "ring.json")
        self._others_file = _beside(key_file, "others.json")
        self._seen: tuple[int, ...] = ()
        self._ring = Ring(now)
        self._next: SigningKey | None = None
        self._others: tuple[Other, ...] = ()
        with self._held():
            if not self._ring_file.exists():
                self._write(Ring(now))
            self.present = load_or_create_key(key_file)
            """What grants are signed with."""
        self.root = load_or_create_key(_beside(key_file, "root"))
        self.refresh()

    @property
    def version(self) -> int:
        """Version of the trust list; 0 while locks need no other than what was pinned at enrolment."""
        return self._ring.version

    def refresh(self) -> None:
        """Look whether another process has taken a step, or the other administrations have changed."""
        files = (self._key_file, self._ring_file, self._others_file)
        seen = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
        if seen == self._seen:
            return
        with self._held():
            ring, others = self._read(), self._read_others()
            digest = sha256(self._others_file.read_bytes()).hexdigest() if others else ""
            if digest != ring.others:
                ring = replace(ring, version=ring.version + 1, others=digest)
                self._write(ring)
            self._finish_switch(ring)
            self._ring, self._others = ring, others
            self.present = load_or_create_key(self._key_file)
            self._next = load_or_create_key(self._next_file) if ring.next_since_at is not None else None
        self._seen = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)

    def announce(self, now: datetime) -> None:
        """Make the next key and tell locks of it.

        Raises
        ------
        KeyringError
            If one is announced already.
        """
        with self._step() as ring:
            if ring.next_since_at is not None:
                raise KeyringError(f"Expected no next key, got one announced at {ring.next_since_at.isoformat()}.")
            load_or_create_key(self._next_file)
            self._write(replace(ring, version=ring.version + 1, next_since_at=now))
        self.refresh()

    def switch(self, now: datetime, believed_for: timedelta, *, at_once: bool = False) -> None:
        """Sign with the next key from now on; the old private half is gone, its grants are believed a while longer.

        Parameters
        ----------
        believed_for
            How long the last grant of the old key may still be good.
        at_once
            Do not wait until the announcement is :data:`ANNOUNCE_BEFORE` old: the old key may be stolen.

        Raises
        ------
        KeyringError
            If none is announced, or not for long enough.
        """
        with self._step() as ring:
            if ring.next_since_at is None:
                raise KeyringError("Expected an announced key, got none. Announce it first.")
            if not at_once and now < ring.next_since_at + ANNOUNCE_BEFORE:
                due_at = ring.next_since_at + ANNOUNCE_BEFORE
                raise KeyringError(f"Expected to wait until {due_at.isoformat()}, got {now.isoformat()}.")
            old = Retiring(self.present.public_bytes, now + believed_for)
            switched = replace(ring, since_at=now, next_since_at=None, retiring=(*ring.retiring, old))
            # Who reads the ring now finds the old key retiring while it is still the present one, and finishes.
            self._write(switched)
            self._finish_switch(switched)
        self.refresh()

    def drop(self, now: datetime, *, at_once: bool = False) -> bool:
        """Tell locks to forget old keys whose last grant is over; all of them ``at_once`` if one was stolen."""
        with self._step() as ring:
            left = () if at_once else tuple(old for old in ring.retiring if old.until_at > now)
            if left == ring.retiring:
                return False
            self._write(replace(ring, version=ring.version + 1, retiring=left))
        self.refresh()
        return True

    def turn(self, now: datetime, believed_for: timedelta) -> None:
        """Take whatever step is due by the calendar."""
        ring = self._ring
        if ring.next_since_at is None and now >= ring.since_at + REPLACE_AFTER - ANNOUNCE_BEFORE:
            self.announce(now)
        elif ring.next_since_at is not None and now >= ring.next_since_at + ANNOUNCE_BEFORE:
            self.switch(now, believed_for)
        self.drop(now)

    def sign_lists(self, lock_ids: Sequence[str]) -> list[SignedTrust]:
        """The present list for each lock."""
        return [SignedTrust(lock_id, self.version, sign_trust(self._list(lock_id), self.root)) for lock_id in lock_ids]

    def _list(self, lock_id: str) -> TrustList:
        keys = [self.present.public_bytes, *(old.public_key for old in self._ring.retiring)]
        if self._next is not None:
            keys.append(self._next.public_bytes)
        others = [other.issuer for other in self._others if lock_id in other.locks]
        own = TrustedIssuer(self._issuer, tuple(dict.fromkeys(keys)))
        return TrustList(lock_id, self.version, self._issuer, (own, *others))

    def _finish_switch(self, ring: Ring) -> None:
        present = load_or_create_key(self._key_file).public_bytes
        if self._next_file.exists() and any(old.public_key == present for old in ring.retiring):
            self._next_file.replace(self._key_file)
            load_or_create_key(self._key_file)  # exports the public half
            _beside(self._next_file, "pub").unlink(missing_ok=True)

    def _read(self) -> Ring:
        try:
            body = json.loads(self._ring_file.read_text())
            announced = body["next_since"]
            return Ring(
                since_at=datetime.fromisoformat(body["since"]),
                version=int(body["version"]),
                next_since_at=None if announced is None else datetime.fromisoformat(announced),
                retiring=tuple(
                    Retiring(bytes.fromhex(old["key"]), datetime.fromisoformat(old["until"]))
                    for old in body["retiring"]
                ),
                others=str(body["others"]),
            )
        except (ValueError, KeyError, TypeError) as err:
            raise KeyFileError(f"Expected a ring of keys in {self._ring_file}, got {type(err).__name__}.") from err

    def _write(self, ring: Ring) -> None:
        body = {
            "version": ring.version,
            "since": ring.since_at.isoformat(),
            "next_since": None if ring.next_since_at is None else ring.next_since_at.isoformat(),
            "retiring": [{"key": old.public_key.hex(), "until": old.until_at.isoformat()} for old in ring.retiring],
            "others": ring.others,
        }
        fresh = _beside(self._ring_file, "new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(body, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._ring_file)

    def _read_others(self) -> tuple[Other, ...]:
        if not self._others_file.exists():
            return ()
        try:
            others = tuple(_other(entry) for entry in json.loads(self._others_file.read_text()))
            keys = (self.root.public_bytes,)
            names = [self._issuer, *(other.issuer.iss for other in others)]
            TrustList("x", 1, self._issuer, (TrustedIssuer(self._issuer, keys), *(o.issuer for o in others)))
        except (ValueError, KeyError, TypeError) as err:
            raise KeyFileError(
                f"Expected a list of issuer, keys (hexadecimal) and locks in {self._others_file}, got {err}."
            ) from err
        return others if len(names) > 1 else ()

    @contextmanager
    def _step(self) -> Iterator[Ring]:
        self.refresh()
        with self._held():
            yield self._read()

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _beside(self._key_file, "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _other(entry: Mapping[str, Any]) -> Other:
    keys = tuple(bytes.fromhex(key) for key in entry["keys"])
    if not all(len(key) == 32 for key in keys):
        raise ValueError("a key that is not of 32 bytes")
    return Other(TrustedIssuer(str(entry["issuer"]), keys), frozenset(str(lock_id) for lock_id in entry["locks"]))
