"""Whether a vendor is heard: its webhooks, and its log read besides; an alarm where one of them stays away.

Link time (``wall_s``) is epoch seconds: two processes judge the same silence.
"""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlmodel import col

from devices.alarms.model import NewAlarm
from devices.alarms.service import clear_for, raise_alarm
from devices.events import AlarmSeverity
from devices.keys.vendors.cloud_wire import TOLERANCE_S
from devices.keys.vendors.log import HeardBy, take_in
from devices.keys.vendors.model import LockHealth, LogEntry
from devices.keys.vendors.store import link_of, locks_of_vendor
from devices.keys.vendors.tables import VendorDeliveryRow, VendorLinkRow
from kernel.work import Work

LOOK_EVERY_S = 5.0
"""How often the log is read, webhooks or not: an opening nobody answered is settled by it."""

SILENT_AFTER_S = 20.0
"""How long the log may know what no webhook has told before somebody is called."""

AWAY_AFTER_S = 60.0
"""How long a cloud may not answer at all before somebody is called."""

KIND = "vendor_silent"


def claim_look(work: Work, vendor: str, wall_s: float) -> int | None:
    """Take a vendor's next look. Returns the entry its log is known up to; ``None`` where it is not time."""
    link = link_of(work, vendor)
    if link.next_look_wall_s > wall_s:
        return None
    link.next_look_wall_s = wall_s + LOOK_EVERY_S
    work.session.flush()
    return link.log_number


def heard_webhook(work: Work, vendor: str, entries: Sequence[LogEntry], wall_s: float) -> int:
    """A believed webhook: its entries are taken in, and webhooks come. Returns how many entries were new."""
    new = take_in(work, vendor, entries, "webhook", wall_s)
    link = link_of(work, vendor)
    highest = max((entry.number for entry in entries), default=0)
    link.webhook_number, link.webhook_wall_s = max(link.webhook_number, highest), wall_s
    _judge(work, link, wall_s, webhooks_expected=True)
    return new


def heard_log(
    work: Work, vendor: str, entries: Sequence[LogEntry], wall_s: float, *, webhooks_expected: bool, by: HeardBy = "log"
) -> int:
    """The vendor's log was read. Returns how many entries were new."""
    new = take_in(work, vendor, entries, by, wall_s)
    link = link_of(work, vendor)
    link.log_number = max(link.log_number, max((entry.number for entry in entries), default=0))
    link.away_wall_s = None
    _judge(work, link, wall_s, webhooks_expected=webhooks_expected)
    old = wall_s - 2 * TOLERANCE_S
    work.session.execute(delete(VendorDeliveryRow).where(col(VendorDeliveryRow.received_wall_s) < old))
    return new


def heard_nothing(work: Work, vendor: str, wall_s: float) -> None:
    """The vendor did not answer."""
    link = link_of(work, vendor)
    link.away_wall_s = link.away_wall_s if link.away_wall_s is not None else wall_s
    work.session.flush()
    if wall_s - link.away_wall_s >= AWAY_AFTER_S:
        _alarm(work, vendor, "critical", "away")


def note_health(work: Work, vendor: str, health: Sequence[LockHealth]) -> None:
    """How the vendor says its locks are."""
    by_ref = {each.lock_ref: each for each in health}
    for row in locks_of_vendor(work.session, vendor):
        told = by_ref.get(row.lock_ref)
        row.online, row.battery_percent = (False, None) if told is None else (told.online, told.battery_percent)
        row.looked_at = work.now
    work.session.flush()


def _judge(work: Work, link: VendorLinkRow, wall_s: float, *, webhooks_expected: bool) -> None:
    missed = webhooks_expected and link.log_number > link.webhook_number
    link.missed_wall_s = (link.missed_wall_s if link.missed_wall_s is not None else wall_s) if missed else None
    work.session.flush()
    if link.missed_wall_s is not None and wall_s - link.missed_wall_s >= SILENT_AFTER_S:
        _alarm(work, link.vendor, "warn", "webhooks")
    elif link.missed_wall_s is None and link.away_wall_s is None:
        for unit_id in _units(work, link.vendor):
            clear_for(work, KIND, None, None, unit_id)


def _alarm(work: Work, vendor: str, severity: AlarmSeverity, what: str) -> None:
    for unit_id in _units(work, vendor):
        raise_alarm(work, NewAlarm(KIND, unit_id, severity=severity, facts={"vendor": vendor, "what": what}))


def _units(work: Work, vendor: str) -> list[str]:
    return sorted({row.unit_id for row in locks_of_vendor(work.session, vendor)})
