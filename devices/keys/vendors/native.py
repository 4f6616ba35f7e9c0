"""Adapter *native*: locks of our own protocol, which decide by themselves and say so signed (docs/protocol.md).

It adds nothing to what the protocol does: rights become grants when a tablet asks the signer, revocation lists take
them back, an opening begins with the lock's challenge and goes on with the tablet's proof
(:func:`devices.keys.release.proof_given`), and the log comes in through the inbox.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sqlmodel import Session, col, select

from devices.inbox.model import Outgoing
from devices.inbox.tables import ReportRow
from devices.keys import openings, revocations, store
from devices.keys.chain import read_event
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust
from devices.keys.messages import Challenge, ChallengeRequest
from devices.keys.opening import SEND_WITHIN_S
from devices.keys.tables import LockRow
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import (
    NATIVE,
    AccessWindow,
    Capabilities,
    LockHealth,
    LogEntry,
    LogPage,
    OpenOrder,
    OpenReply,
    capabilities_of,
)
from devices.registry.tables import DeviceRow
from kernel.work import UnitsOfWork

#: a little less than the deadline of the tap: a challenge that comes later could not be used any more
CHALLENGE_WITHIN_S = SEND_WITHIN_S - 0.5


class Desk(Protocol):
    """Carries messages to locks (gateway.door_desk)."""

    def challenges(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> list[Challenge | None]:
        """Ask locks for a nonce each, by question and request id. ``None`` where none came in time."""
        ...

    def send(self, messages: Iterable[Outgoing]) -> bool:
        """Hand messages to the broker, each once. Returns whether it took all of them."""
        ...


class NativeVendor:
    """Our own locks behind the port. A vendor's number of a lock is our own id of it."""

    def __init__(self, units: UnitsOfWork, desk: Desk, service_key: SigningKey) -> None:
        self._units = units
        self._desk = desk
        self._service_key = service_key

    @property
    def name(self) -> str:
        """As :class:`LockVendor`."""
        return NATIVE

    @property
    def capabilities(self) -> Capabilities:
        """As :class:`LockVendor`."""
        return capabilities_of(NATIVE)

    def issue_access(self, window: AccessWindow) -> None:
        """Nothing is to be told: the lock learns of an access by the grant that is presented to it."""

    def withdraw_access(self, window: AccessWindow) -> None:
        """Send the lock its present list, and say so once it runs with it.

        Raises
        ------
        VendorError
            ``vendor_unreachable`` until the lock has confirmed.
        """
        with self._units.begin() as work:
            lists = revocations.revocation_lists(work, [window.lock_ref], self._service_key)
            confirmed = all(
                (lock.crl_signed or 0) >= lock.crl_version
                for lock in store.mounted_locks(work.session, [window.lock_ref])
            )
        if confirmed:
            return
        self._desk.send(lists)
        raise VendorError("vendor_unreachable", why="not confirmed yet")

    def open_now(self, order: OpenOrder, going: Callable[[], bool]) -> OpenReply:  # noqa: ARG002
        """Ask the lock for its challenge. What opens leaves with the tablet's proof and not here."""
        request = openings.request_id(order.request)
        question = Outgoing("lock", order.lock_ref, "challenge", ChallengeRequest(request).encode())
        (challenge,) = self._desk.challenges([(question, request)], CHALLENGE_WITHIN_S)
        if challenge is None:
            return OpenReply("unreachable", "no_challenge")
        return OpenReply("challenged", nonce=challenge.nonce)

    def health(self) -> Sequence[LockHealth]:
        """As :class:`LockVendor`. Our locks tell millivolts and no per cent (devices.registry.battery)."""
        with self._units.database.reading() as session:
            rows = session.exec(
                select(LockRow.lock_id, DeviceRow.online)
                .join(DeviceRow, col(DeviceRow.device_id) == col(LockRow.lock_id))
                .where(col(LockRow.retired_at).is_(None))
                .order_by(col(LockRow.lock_id))
            ).all()
        return [LockHealth(lock_id, bool(online)) for lock_id, online in rows]

    def log_after(self, number: int, limit: int = 200) -> LogPage:
        """What locks have said, signed, in the order it came in; ``number`` counts what we stored."""
        with self._units.database.reading() as session:
            rows = session.exec(
                select(ReportRow)
                .where(ReportRow.kind == "lock", ReportRow.name == "evt", col(ReportRow.id) > number)
                .order_by(col(ReportRow.id))
                .limit(limit + 1)
            ).all()
            found = [_entry(session, row) for row in rows[:limit] if row.payload]
        return LogPage(tuple(found), len(rows) > limit)


def _entry(session: Session, row: ReportRow) -> LogEntry:
    lock = session.get_one(LockRow, row.device_id)
    event = read_event(bytes(row.payload), lock_trust(VerifyingKey(bytes(lock.public_key)))).event
    cti = None if event.cti is None else bytes(event.cti).hex()
    return LogEntry(row.id or 0, row.device_id, event.type, event.ts_at or row.received_at, None, cti, event.result)
