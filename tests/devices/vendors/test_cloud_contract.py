"""A vendor's cloud, over real HTTP: the contract of every maker, and what such clouds do besides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from devices.keys.vendors.cloud import CloudAddress, CloudVendor
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import AccessWindow, OpenOrder, OpenReply
from devices.simulator.vendor_cloud import VendorCloud
from kernel.clock import ManualLinkClock, SimulatedWorldClock
from kernel.ids import new_id
from tests.devices.vendors.contract import House, VendorContract

REF = "V-1001"
NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


class CloudHouse(House):
    """A running cloud with one lock."""

    def __init__(self) -> None:
        self.clock, self.link = SimulatedWorldClock(NOW), ManualLinkClock(1_000.0)
        self.cloud = VendorCloud(self.clock, self.link, [REF])
        self.cloud.start()
        address = CloudAddress(self.cloud.url, self.cloud.client_id, self.cloud.client_secret)
        self.vendor: CloudVendor = CloudVendor(address, self.link, answer_within_s=1.0)
        self.lock_ref = REF
        self.left = 0

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def later(self, by: timedelta) -> None:
        self.clock.advance_to(self.now + by)

    def allow(self) -> AccessWindow:
        window = AccessWindow(new_id(), REF, "somebody", self.now, self.now + timedelta(hours=1))
        self.vendor.issue_access(window)
        return window

    def withdraw(self, window: AccessWindow) -> None:
        self.vendor.withdraw_access(window)

    def tap(self, window: AccessWindow) -> OpenReply:
        return self.vendor.open_now(OpenOrder(new_id(), REF, window.access_id), self._leaves)

    def runs(self) -> int:
        return self.cloud.vendor.locks[REF].motor_runs

    def cut(self) -> None:
        self.cloud.stop()

    def mend(self) -> None:
        self.cloud.start()

    def orders(self) -> int:
        """How many orders to open have reached the cloud."""
        return sum(path.endswith("/open") for _, path in self.cloud.requests)

    def _leaves(self) -> bool:
        self.left += 1
        return True


@pytest.fixture
def house() -> Iterator[CloudHouse]:
    found = CloudHouse()
    yield found
    found.cloud.close()


class TestCloud(VendorContract):
    """The promises of every maker."""


def test_what_was_withdrawn_may_open_for_thirty_seconds_more_and_no_longer(house: CloudHouse) -> None:
    window = house.allow()
    house.withdraw(window)
    house.later(timedelta(seconds=29))
    assert house.tap(window).state == "opened"

    house.later(timedelta(seconds=1))
    assert house.tap(window) == OpenReply("denied", "no_access", house.vendor.log_after(1).entries[0])


def test_a_token_that_ran_out_is_renewed_and_the_order_leaves_once_more_and_opens_once(house: CloudHouse) -> None:
    window = house.allow()
    house.cloud.faults.forget_tokens = True

    assert house.tap(window).state == "opened"
    assert (house.runs(), house.left) == (1, 1)

    house.link.advance(house.cloud.token_life_s)
    assert house.tap(window).state == "opened"
    assert len(house.cloud.tokens) == 2


def test_a_wrong_client_secret_sends_nothing(house: CloudHouse) -> None:
    wrong = CloudVendor(CloudAddress(house.cloud.url, house.cloud.client_id, "wrong"), house.link)

    assert wrong.open_now(OpenOrder(new_id(), REF, "x"), house._leaves).state == "unreachable"
    assert (house.left, house.orders()) == (0, 0)


def test_a_busy_vendor_has_done_nothing_and_is_not_asked_again(house: CloudHouse) -> None:
    window = house.allow()
    house.cloud.faults.before.append(429)

    assert house.tap(window) == OpenReply("denied", "vendor_busy")
    assert (house.runs(), house.orders()) == (0, 1)


@pytest.mark.parametrize("status", [500, 503, 0])
def test_nobody_knows_after_a_fault_and_the_order_is_never_repeated(house: CloudHouse, status: int) -> None:
    window = house.allow()
    house.cloud.faults.after_opening.append(status)

    assert house.tap(window).state == "unknown"

    assert (house.runs(), house.orders()) == (1, 1)
    assert [entry.kind for entry in house.vendor.log_after(0).entries] == ["opened"]


def test_an_answer_that_takes_too_long_is_no_answer(house: CloudHouse) -> None:
    window = house.allow()
    house.cloud.faults.slow_s = 5.0

    assert house.tap(window).state == "unknown"
    assert (house.runs(), house.orders()) == (1, 1)


def test_an_order_whose_time_is_over_does_not_leave(house: CloudHouse) -> None:
    window = house.allow()

    assert house.vendor.open_now(OpenOrder(new_id(), REF, window.access_id), lambda: False).state == "unreachable"
    assert house.orders() == 0


def test_a_lock_without_connection_and_one_that_jams_are_told_apart(house: CloudHouse) -> None:
    window = house.allow()
    house.cloud.vendor.locks[REF].online = False
    assert house.tap(window) == OpenReply("denied", "vendor_lock_away")

    house.cloud.vendor.locks[REF].online, house.cloud.vendor.locks[REF].jams = True, True
    assert house.tap(window).state == "jammed"


def test_facts_of_an_unknown_lock_are_refused_and_a_cloud_that_is_away_is_tried_again_later(house: CloudHouse) -> None:
    strange = AccessWindow(new_id(), "V-0", "somebody", NOW, NOW + timedelta(hours=1))
    with pytest.raises(VendorError) as refused:
        house.vendor.issue_access(strange)
    assert refused.value.code == "vendor_refuses"

    house.cut()
    with pytest.raises(VendorError) as away:
        house.vendor.withdraw_access(strange)
    assert away.value.code == "vendor_unreachable"
