"""Talks to the makers of locks that have a cloud of their own: orders at once or never, facts until confirmed.

No transaction is open while a vendor is waited for. Several processes may run one: rows are claimed, looks too.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.keys import release
from devices.keys.schemas import DoorOpening
from devices.keys.vendors import access, listening
from devices.keys.vendors.access import ToTell
from devices.keys.vendors.cloud import CloudAddress, CloudVendor
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.log import settle_reply
from devices.keys.vendors.model import OpenOrder, OpenReply
from devices.keys.vendors.port import LockVendor
from gateway.settings import VendorCloudSettings
from gateway.usecases.visits import begin_opened
from kernel.clock import LinkClock
from kernel.errors import DomainError, KernelError
from kernel.work import UnitsOfWork

log = structlog.get_logger(__name__)

#: orders under way at once; a carer waits at each of those doors, so one more is refused and not queued
ORDERS_AT_ONCE = 16
TELLERS = 4
EVERY_S = 1.0
#: what is committed within so long of a wake is looked for together: a busy morning commits a hundred times a second
GATHER_S = 0.1
HEALTH_EVERY_LOOKS = 12


class VendorDesk:
    """The threads that talk to vendors.

    Parameters
    ----------
    webhooks
        Vendors whose log should come by webhook; of the others it is only read.
    """

    def __init__(self, units: UnitsOfWork, vendors: Sequence[LockVendor], webhooks: frozenset[str]) -> None:
        self._units = units
        self._vendors: Mapping[str, LockVendor] = {vendor.name: vendor for vendor in vendors}
        self._webhooks = webhooks
        self._orders = ThreadPoolExecutor(ORDERS_AT_ONCE, "vendor-order")
        self._tellers = ThreadPoolExecutor(TELLERS, "vendor-teller")
        self._free = Semaphore(ORDERS_AT_ONCE)
        self._woken = Event()
        self._stopping = Event()
        self._looks = 0
        self._threads = [
            Thread(target=self._tell_on, name="vendor-facts", daemon=True),
            Thread(target=self._look_on, name="vendor-log", daemon=True),
        ]

    def start(self) -> None:
        """Begin, where there is any vendor."""
        if self._vendors:
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """End; orders under way get their answer, everything else is told by whoever comes next."""
        self._stopping.set()
        self._woken.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=15)
        self._tellers.shutdown(wait=True, cancel_futures=True)
        self._orders.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Something was committed: there may be a fact to tell."""
        self._woken.set()

    def vendor(self, name: str) -> LockVendor | None:
        """A vendor that is set up here."""
        return self._vendors.get(name)

    def open(self, opening: DoorOpening, order: OpenOrder) -> None:
        """Carry an order to its vendor, once. What cannot leave at once is refused and never leaves later."""
        vendor = self._vendors.get(opening.vendor)
        if vendor is None or self._stopping.is_set() or not self._free.acquire(blocking=False):
            self._settle(opening, OpenReply("unreachable", "vendor_unreachable" if vendor is None else "vendor_busy"))
            return
        self._orders.submit(self._carry, vendor, opening, order)

    def tell_due(self, wall_s: float) -> int:
        """Tell vendors what they have to know now. Returns how many facts were confirmed."""
        with self._units.database.reading() as session:
            if not access.anything_to_tell(session, wall_s):
                return 0
        with self._units.begin() as work:
            due = access.take_to_tell(work, wall_s)
        return sum(self._tellers.map(self._tell, due))

    def look(self, wall_s: float) -> int:
        """Read the logs that are due and how locks are. Returns how many entries were new."""
        return sum(self._look(vendor, wall_s) for vendor in self._vendors.values())

    def _carry(self, vendor: LockVendor, opening: DoorOpening, order: OpenOrder) -> None:
        try:
            self._settle(opening, vendor.open_now(order, lambda: self._may_leave(opening)))
        except (SQLAlchemyError, DomainError) as err:
            # Whatever was sent, the log will tell; until then the sweeper says that nobody knows.
            log.warning("vendor_order_not_settled", error=type(err).__name__)
        except Exception:
            log.exception("vendor_order_failed")
        finally:
            self._free.release()

    def _may_leave(self, opening: DoorOpening) -> bool:
        with self._units.begin() as work:
            return release.command_leaves(work, opening.opening_id, time.time())

    def _settle(self, opening: DoorOpening, reply: OpenReply) -> None:
        with self._units.begin() as work:
            settle_reply(work, opening.vendor, opening.opening_id, reply, time.time())
            begin_opened(work, work.recorded)

    def _tell(self, fact: ToTell) -> bool:
        vendor = self._vendors.get(fact.vendor)
        confirmed = False
        try:
            if vendor is not None:
                if fact.wanted == access.WITHDRAWN:
                    vendor.withdraw_access(fact.window)
                else:
                    vendor.issue_access(fact.window)
                confirmed = True
        except VendorError as err:
            log.info("vendor_not_told", vendor=fact.vendor, code=err.code, attempts=fact.attempts)
        with self._units.begin() as work:
            if confirmed:
                access.note_told(work, fact)
            else:
                access.note_not_told(work, fact, time.time())
        return confirmed

    def _look(self, vendor: LockVendor, wall_s: float) -> int:
        with self._units.begin() as work:
            number = listening.claim_look(work, vendor.name, wall_s)
        if number is None:
            return 0
        new, more = 0, True
        try:
            while more:
                page = vendor.log_after(number)
                with self._units.begin() as work:
                    new += listening.heard_log(
                        work, vendor.name, page.entries, time.time(), webhooks_expected=vendor.name in self._webhooks
                    )
                    begin_opened(work, work.recorded)
                number = page.entries[-1].number if page.entries else number
                more = page.more and bool(page.entries)
            self._looks += 1
            if self._looks % HEALTH_EVERY_LOOKS == 1:
                health = vendor.health()
                with self._units.begin() as work:
                    listening.note_health(work, vendor.name, health)
        except VendorError as err:
            log.info("vendor_log_not_read", vendor=vendor.name, code=err.code)
            with self._units.begin() as work:
                listening.heard_nothing(work, vendor.name, time.time())
        return new

    def _tell_on(self) -> None:
        while not self._stopping.is_set():
            if not self._done(self.tell_due):
                if self._woken.wait(EVERY_S):
                    self._stopping.wait(GATHER_S)
                self._woken.clear()

    def _look_on(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._done(self.look)

    def _done(self, act: Callable[[float], int]) -> int:
        try:
            return act(time.time())
        except (SQLAlchemyError, KernelError) as err:
            log.warning("vendor_round_failed", error=type(err).__name__)
        except Exception:  # whatever it is, the next round is in a second
            log.exception("vendor_round_failed")
        return 0


def make_vendor_desk(units: UnitsOfWork, settings: VendorCloudSettings, link: LinkClock) -> VendorDesk:
    """The desk for the vendors that the settings name."""
    if not settings.url or settings.client_secret is None:
        return VendorDesk(units, (), frozenset())
    address = CloudAddress(settings.url, settings.client_id, settings.client_secret.get_secret_value())
    cloud = CloudVendor(address, link)
    return VendorDesk(units, (cloud,), frozenset({cloud.name}) if settings.webhook_secret is not None else frozenset())
