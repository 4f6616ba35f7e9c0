"""What a lock is to run with: stored, signed, sent; a lock that is away gets it at its next birth or by a tablet."""

import structlog

from devices.events import LockSettingsChanged
from devices.keys.settings import Settings, SettingsState, present_settings, want_settings
from gateway.parts import Parts

log = structlog.get_logger(__name__)


def set_lock_settings(
    parts: Parts, lock_id: str, unit_id: str | None, settings: Settings, by_role: str
) -> SettingsState:
    """Say what a lock is to run with, and tell it.

    Raises
    ------
    KernelError
        ``not_found`` if no such lock is mounted.
    """
    with parts.units.begin() as work:
        state = want_settings(work, lock_id, settings)
        work.record(
            LockSettingsChanged(
                at=work.now,
                unit_id=unit_id,
                lock_id=lock_id,
                version=state.version,
                settings=dict(settings),
                by_role=by_role,
            )
        )
        outgoing = present_settings(work.session, [lock_id], parts.service_key)
    if not parts.doors.send(outgoing):
        log.warning("lock_settings_not_sent", lock_id=lock_id)
    return state
