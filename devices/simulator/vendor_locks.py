"""Locks of another maker, as its cloud keeps them: accesses, motors, a log, and withdrawals that take their time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from devices.keys.vendors.model import LogEntry
from kernel.clock import WorldClock

REVOCATION_DELAY_S = 30
"""From a confirmed withdrawal until the lock has heard of it: what such vendors sell."""


@dataclass
class VendorAccess:
    """One access at one lock. Aware UTC."""

    lock_ref: str
    user: str
    opens_at: datetime
    closes_at: datetime
    withdrawn_at: datetime | None = None


@dataclass
class VendorLock:
    """One lock: it is reached through its bridge or not at all."""

    online: bool = True
    battery_percent: int = 100
    jams: bool = False
    #: how often the motor has turned the bolt back: nobody may make it turn twice for one tap
    motor_runs: int = 0


@dataclass
class VendorLocks:
    """Everything the vendor knows. Every method may be called by many threads."""

    world: WorldClock
    revocation_delay_s: int = REVOCATION_DELAY_S
    locks: dict[str, VendorLock] = field(default_factory=dict)
    accesses: dict[str, VendorAccess] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)
    _mutex: Lock = field(default_factory=Lock)

    def issue(self, access_id: str, access: VendorAccess) -> bool:
        """Set an access, whatever stood there. Whether the lock exists."""
        with self._mutex:
            if access.lock_ref not in self.locks:
                return False
            self.accesses[access_id] = access
            return True

    def withdraw(self, access_id: str) -> bool:
        """Take an access back. Whether there was one; withdrawn again it keeps its first moment."""
        with self._mutex:
            access = self.accesses.get(access_id)
            if access is not None and access.withdrawn_at is None:
                access.withdrawn_at = self.world.now()
            return access is not None

    def open(self, lock_ref: str, access_id: str, request: str | None) -> LogEntry | None:
        """Turn a lock for an access. ``None`` where the vendor has no such lock or does not reach it."""
        with self._mutex:
            lock = self.locks.get(lock_ref)
            if lock is None or not lock.online:
                return None
            if not self._holds(lock_ref, access_id):
                return self._write(lock_ref, "denied", access_id, request, "no_access")
            lock.motor_runs += 1
            return self._write(lock_ref, "jammed" if lock.jams else "opened", access_id, request, None)

    def write(self, lock_ref: str, kind: str) -> LogEntry:
        """The lock tells something by itself."""
        with self._mutex:
            return self._write(lock_ref, kind, None, None, None)

    def after(self, number: int, limit: int) -> tuple[list[LogEntry], bool]:
        """The log after an entry, and whether there is more."""
        with self._mutex:
            found = [entry for entry in self.log if entry.number > number]
        return found[:limit], len(found) > limit

    def _holds(self, lock_ref: str, access_id: str) -> bool:
        access, now = self.accesses.get(access_id), self.world.now()
        if access is None or access.lock_ref != lock_ref or not access.opens_at <= now <= access.closes_at:
            return False
        delay = timedelta(seconds=self.revocation_delay_s)
        return access.withdrawn_at is None or now < access.withdrawn_at + delay

    def _write(
        self, lock_ref: str, kind: str, access_id: str | None, request: str | None, code: str | None
    ) -> LogEntry:
        entry = LogEntry(len(self.log) + 1, lock_ref, kind, self.world.now(), request, access_id or None, code)
        self.log.append(entry)
        return entry
