"""The port to a maker of locks. Adapters: :mod:`devices.keys.vendors.native`, :mod:`devices.keys.vendors.cloud`.

What any adapter has to do is written down as tests: ``tests/devices/vendors/contract.py``.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from devices.keys.vendors.model import AccessWindow, Capabilities, LockHealth, LogPage, OpenOrder, OpenReply


class LockVendor(Protocol):
    """Asked without any transaction open: every call may take as long as a network does.

    Facts (accesses) may be told again as often as needed; an order to open is given once, and an adapter that
    cannot know whether it was heard says ``unknown`` and never repeats it.
    """

    @property
    def name(self) -> str:
        """The vendor's name, as ``DoorRow.vendor`` has it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What its doors can keep."""
        ...

    def issue_access(self, window: AccessWindow) -> None:
        """Let a person in at a lock for a time. Saying it again changes nothing.

        Raises
        ------
        VendorError
            ``vendor_unreachable``: say it again later. ``vendor_refuses``: it is wrong in itself.
        """
        ...

    def withdraw_access(self, window: AccessWindow) -> None:
        """Take it back; returns when the vendor has confirmed. Saying it again changes nothing.

        It holds ``capabilities.revocation_delay_s`` after the confirmation at the latest.

        Raises
        ------
        VendorError
            As :meth:`issue_access`.
        """
        ...

    def open_now(self, order: OpenOrder, going: Callable[[], bool]) -> OpenReply:
        """Open a lock, at once or never.

        Parameters
        ----------
        going
            Called once, right before the first byte leaves that could open the lock. Where it says no, nothing
            leaves, and the reply is ``unreachable``.
        """
        ...

    def health(self) -> Sequence[LockHealth]:
        """How its locks are.

        Raises
        ------
        VendorError
            ``vendor_unreachable``.
        """
        ...

    def log_after(self, number: int, limit: int = 200) -> LogPage:
        """Its log after an entry, oldest first.

        Raises
        ------
        VendorError
            ``vendor_unreachable``, or ``vendor_unclear`` where its answer cannot be read.
        """
        ...
