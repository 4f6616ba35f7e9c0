"""What every adapter to a maker of locks has to keep, whatever its name. Run by one test module per adapter.

A new adapter brings a *house*: locks that really turn, an adapter in front of them, and a person who taps.
"""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta

from devices.keys.vendors.model import CAPABILITIES, AccessWindow, OpenReply
from devices.keys.vendors.port import LockVendor


class House(ABC):
    """One door with one lock of the vendor, and a person with an access to it from now on for an hour."""

    vendor: LockVendor
    lock_ref: str

    @property
    @abstractmethod
    def now(self) -> datetime:
        """World time."""

    @abstractmethod
    def later(self, by: timedelta) -> None:
        """World time goes on."""

    @abstractmethod
    def allow(self) -> AccessWindow:
        """The person's right is issued, and the vendor told of it."""

    @abstractmethod
    def withdraw(self, window: AccessWindow) -> None:
        """The right is taken back, and the vendor told until it has confirmed."""

    @abstractmethod
    def tap(self, window: AccessWindow) -> OpenReply:
        """The person taps, and does what this vendor's tablet does after that; how it ended."""

    @abstractmethod
    def runs(self) -> int:
        """How often the motor has turned."""

    @abstractmethod
    def cut(self) -> None:
        """Nothing of the vendor's can be reached any more."""

    @abstractmethod
    def mend(self) -> None:
        """It can again."""


class VendorContract:
    """The promises. Subclasses give a fixture ``house``."""

    def test_its_name_and_what_it_can_keep_are_those_that_pages_and_bounds_are_made_of(self, house: House) -> None:
        assert house.vendor.capabilities == CAPABILITIES[house.vendor.name]

    def test_an_access_opens_and_its_log_tells_of_it_once(self, house: House) -> None:
        before = [entry.number for entry in house.vendor.log_after(0).entries]
        window = house.allow()

        assert house.tap(window).state == "opened"

        assert house.runs() == 1
        new = [e for e in house.vendor.log_after(0).entries if e.number not in before and e.kind == "opened"]
        assert len(new) == 1
        assert new[0].lock_ref == house.lock_ref
        assert abs(new[0].at - house.now) < timedelta(minutes=2)

    def test_the_log_goes_on_after_any_of_its_entries(self, house: House) -> None:
        window = house.allow()
        for _ in range(3):
            house.tap(window)

        whole = house.vendor.log_after(0).entries
        numbers = [entry.number for entry in whole]
        assert numbers == sorted(set(numbers))
        assert house.vendor.log_after(numbers[1]).entries == whole[2:]
        page = house.vendor.log_after(0, limit=1)
        assert (page.entries, page.more) == (whole[:1], True)

    def test_nobody_gets_in_without_an_access(self, house: House) -> None:
        known = house.allow()
        other = AccessWindow("not-known", house.lock_ref, "nobody", known.opens_at, known.closes_at)

        assert house.tap(other).state in ("denied", "unreachable")
        assert house.runs() == 0

    def test_an_access_ends_with_its_window(self, house: House) -> None:
        window = house.allow()
        house.later(timedelta(minutes=90))

        assert house.tap(window).state in ("denied", "unreachable")
        assert house.runs() == 0

    def test_what_was_withdrawn_opens_no_more_once_the_vendors_own_delay_is_over(self, house: House) -> None:
        window = house.allow()
        house.withdraw(window)
        house.later(timedelta(seconds=house.vendor.capabilities.revocation_delay_s))

        assert house.tap(window).state in ("denied", "unreachable")
        assert house.runs() == 0

    def test_facts_may_be_told_twice(self, house: House) -> None:
        window = house.allow()
        house.vendor.issue_access(window)
        assert house.tap(window).state == "opened"

        house.withdraw(window)
        house.vendor.withdraw_access(window)

    def test_an_order_that_could_not_leave_never_opens_later(self, house: House) -> None:
        window = house.allow()
        house.cut()
        assert house.tap(window).state == "unreachable"

        house.mend()

        house.vendor.health()
        assert house.runs() == 0

    def test_it_says_how_its_locks_are(self, house: House) -> None:
        assert house.lock_ref in {lock.lock_ref for lock in house.vendor.health()}
