"""The settings a lock should run with, as the server wants them; what it made of them comes back in ``up/cfg``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.control import Cfg, sign_cfg
from devices.keys.cose import SigningKey
from devices.keys.tables import LockRow, LockSettingsRow
from kernel.errors import KernelError
from kernel.work import Work

Settings = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SettingsState:
    """What is wanted of a lock, in which version, and which version it says it has."""

    wanted: Settings
    version: int
    reported: int


def want_settings(work: Work, lock_id: str, settings: Settings) -> SettingsState:
    """Say what a lock should run with. The version rises only if something changed; send it after commit.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    lock, _ = found
    row = work.session.get(LockSettingsRow, lock_id)
    if row is None:
        row = LockSettingsRow(lock_id=lock_id, settings={}, changed_at=work.now)
    if row.settings != dict(settings):
        row.settings, row.changed_at = dict(settings), work.now
        lock.cfg_version += 1
        work.session.add(row)
    work.session.flush()
    return SettingsState(settings, lock.cfg_version, lock.cfg_reported)


def settings_of(session: Session, lock_id: str) -> SettingsState:
    """What is wanted of a lock.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    lock = session.get(LockRow, lock_id)
    if lock is None or lock.retired_at is not None:
        raise KernelError("not_found", what=f"lock {lock_id}")
    row = session.get(LockSettingsRow, lock_id)
    return SettingsState({} if row is None else row.settings, lock.cfg_version, lock.cfg_reported)


def present_settings(session: Session, lock_ids: Iterable[str], service_key: SigningKey) -> list[Outgoing]:
    """``dn/cfg`` for each mounted lock among these that has settings of its own."""
    locks = {lock.lock_id: lock for lock in store.mounted_locks(session, lock_ids)}
    rows = session.exec(select(LockSettingsRow).where(col(LockSettingsRow.lock_id).in_(sorted(locks))))
    return [
        Outgoing(
            "lock",
            row.lock_id,
            "cfg",
            sign_cfg(Cfg(row.lock_id, locks[row.lock_id].cfg_version, row.settings), service_key),
        )
        for row in sorted(rows, key=lambda row: row.lock_id)
    ]
