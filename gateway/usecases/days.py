"""A day comes in whole: its people and visits to the register, its locks to their doors."""

from collections.abc import Mapping

from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry import store as registry_store
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from kernel.work import Work
from scheduling import day_store
from scheduling.events import CitizenEnrolled
from scheduling.model import Day

TECHNOLOGY = "electronic_key"


def import_day(work: Work, day: Day) -> None:
    """Store a day as it was read, all or nothing.

    Raises
    ------
    SchedulingError
        ``day_exists``.
    DayFileError
        If a visit has the id of one that is stored with another day.
    """
    day_store.save_day(work, day)


def locks_of(day: Day) -> dict[str, tuple[str, str, str]]:
    """Locks named in a day: device id to (door, citizen, unit)."""
    return {
        c.door.device_id: (c.door.id, c.id, c.unit_id)
        for c in day.citizens
        if c.door is not None and c.door.device_id is not None
    }


def enrol_locks(work: Work, tenant: str, day: Day, public_keys: Mapping[str, bytes], model: str) -> int:
    """Mount locks a day names and exchange their keys; those already enrolled are left as they are.

    Parameters
    ----------
    public_keys
        Each lock's own public key, 32 bytes, by device id: made in the lock, read out at mounting.

    Returns
    -------
    int
        How many were enrolled.
    """
    wanted = {k: v for k, v in locks_of(day).items() if k in public_keys}
    known = registry_store.known_devices(work.session, wanted)
    new = [(lock_id, *wanted[lock_id]) for lock_id in sorted(wanted) if lock_id not in known]
    enrol(
        work,
        tenant,
        [Enrolment(DeviceKind.LOCK, unit, model, door_id, lock_id) for lock_id, door_id, _, unit in new],
    )
    mount_locks(
        work,
        [LockEnrolment(lock_id, door_id, unit, public_keys[lock_id]) for lock_id, door_id, _, unit in new],
    )
    work.record(
        *(
            CitizenEnrolled(at=work.now, unit_id=unit, citizen_id=citizen, technology=TECHNOLOGY)
            for _, _, citizen, unit in new
        )
    )
    return len(new)
