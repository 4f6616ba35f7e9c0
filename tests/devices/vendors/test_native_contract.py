"""Our own locks keep what every maker's have to (tests/devices/vendors/contract.py)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from devices.inbox.model import Outgoing
from devices.keys.answer import read_answer
from devices.keys.cose import VerifyingKey, lock_trust
from devices.keys.messages import Challenge, OpenCommand, decode_message
from devices.keys.model import Operation
from devices.keys.openings import request_id
from devices.keys.schemas import GrantIssued
from devices.keys.topics import Direction
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import AccessWindow, OpenOrder, OpenReply
from devices.keys.vendors.native import NativeVendor
from devices.registry.tables import DeviceRow
from devices.simulator.holder import HolderKey
from kernel.ids import new_id
from tests.devices.keys_store.town import Town, stop
from tests.devices.vendors.contract import House, VendorContract

LOCK = "lock-1"


class _Desk:
    """Carries messages to the town's locks while there is a network."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.up = True

    def challenges(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> list[Challenge | None]:  # noqa: ARG002
        return [self._challenge(question) if self.up else None for question, _ in questions]

    def hand_over(self, messages: Iterable[Outgoing]) -> None:
        self.send(messages)

    def send(self, messages: Iterable[Outgoing]) -> bool:
        if self.up:
            self.town.tell(list(messages))
        return self.up

    def _challenge(self, question: Outgoing) -> Challenge:
        ((name, payload, _),) = self.town.locks[LOCK].on_message(question.name, question.payload)
        return cast(Challenge, decode_message(Direction.UP, name, payload))


class NativeHouse(House):
    """A simulated lock of our own, its signer, and a carer's tablet."""

    def __init__(self, town: Town) -> None:
        self.town, self.lock_ref = town, LOCK
        self.lock = town.mount(LOCK, "door-1")
        with town.units.begin() as work:
            row = DeviceRow(device_id=LOCK, tenant="testby", kind="lock", state="active", enrolled_at=work.now)
            work.session.add(row)
        self.carer = town.begin_shift()
        self.desk = _Desk(town)
        self.vendor = NativeVendor(town.units, self.desk, town.service_key)
        self.grant: GrantIssued | None = None

    @property
    def now(self) -> datetime:
        return self.town.clock.now()

    def later(self, by: timedelta) -> None:
        self.town.pass_s(by.total_seconds())

    def allow(self) -> AccessWindow:
        self.town.publish(self.carer, 1, [stop("visit-1", "door-1", 0, 1)])
        (self.grant,) = self.town.grants(self.carer)
        window = AccessWindow(self.grant.right_id, LOCK, "carer", self.now, self.grant.expires_at)
        self.vendor.issue_access(window)
        return window

    def withdraw(self, window: AccessWindow) -> None:
        self.town.publish(self.carer, 2, [])
        with pytest.raises(VendorError, match="vendor_unreachable"):
            self.vendor.withdraw_access(window)  # it is sent; the lock confirms
        self.vendor.withdraw_access(window)

    def tap(self, window: AccessWindow) -> OpenReply:
        assert self.grant is not None
        own = window.access_id == self.grant.right_id
        key = self.carer.key if own else HolderKey.seeded("stranger")
        order = OpenOrder(new_id(), LOCK, window.access_id)
        reply = self.vendor.open_now(order, lambda: True)
        if reply.state != "challenged":
            return reply
        assert reply.nonce is not None
        proof = key.prove(LOCK, Operation.OPEN, self.grant.cti, reply.nonce)
        command = OpenCommand(
            request_id(order.request), Operation.OPEN, self.grant.token, key.public_key, reply.nonce, proof
        )
        said = [(name, payload) for name, payload, _ in self.lock.on_message("open", command.encode())]
        self.town.hear(LOCK, said)
        answer = read_answer(dict(said)["answer"], lock_trust(VerifyingKey(self.lock.public_key)))
        assert answer.result in ("opened", "denied")
        return OpenReply("opened" if answer.result == "opened" else "denied", answer.code)

    def runs(self) -> int:
        return len(self.town.events("door.opened"))

    def cut(self) -> None:
        self.desk.up = False

    def mend(self) -> None:
        self.desk.up = True


class TestNative(VendorContract):
    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        town = Town.build(tmp_path)
        yield NativeHouse(town)
        town.close()
