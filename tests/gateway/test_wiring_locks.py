"""Locks hear of what is revoked: after a shift has ended, a day was planned anew, a right went while minting."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from sqlmodel import Session, col, select

from devices.keys import service, store
from devices.keys.schemas import GrantIssued
from devices.keys.signer.client import SignerClient
from devices.keys.signer.model import MintRequest, MintResult
from devices.keys.signing import load_or_create_secret
from devices.keys.tables import GrantRow, LockRow
from gateway.demo.tablets import Tablet
from gateway.grants import Grants
from gateway.runtime import signer_address, signer_secret
from gateway.usecases.doors import tell_locks
from gateway.usecases.planning import plan_day_body
from kernel.database import Database
from kernel.jobs import Progress
from tests.gateway.day import PlannedDay, planned_day
from tests.gateway.platform import Platform, eventually, running_platform


def _with_grants(platform: Platform) -> tuple[Tablet, str, list[dict[str, Any]]]:
    """A tablet whose shift has begun, its shift's id, and the grants it holds."""
    tablet = platform.tablet(platform.fresh_carer())
    shift_id = tablet.start_shift("citizen")["shift"]["id"]
    grants: list[dict[str, Any]] = tablet.call("GET", "/api/v1/me/grants")["grants"]
    assert grants
    return tablet, shift_id, grants


def _ctis(session: Session, shift_id: str) -> dict[str, set[bytes]]:
    """The revoked grants of a shift by door."""
    rows = session.exec(select(GrantRow).where(GrantRow.shift_id == shift_id, col(GrantRow.revoked_at).is_not(None)))
    found: dict[str, set[bytes]] = {}
    for row in rows:
        found.setdefault(row.door_id, set()).add(bytes(row.cti))
    return found


def _versions(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {row.lock_id: row.crl_version for row in session.exec(select(LockRow))}


def _all_heard(platform: Platform, shift_id: str) -> bool:
    """Whether every lock with a revoked grant of the shift refuses it by itself, at the version it should have."""
    with platform.runtime.database.reading() as session:
        revoked = _ctis(session, shift_id)
        locks = store.locks_of_doors(session, revoked)
    versions = _versions(platform.runtime.database)
    return bool(revoked) and all(
        platform.fleets[0].locks[lock_id].access.ctis >= ctis
        and platform.fleets[0].locks[lock_id].access.crl_version == versions[lock_id]
        for door_id, ctis in revoked.items()
        for lock_id in locks[door_id]
    )


def test_after_the_shift_has_ended_every_lock_of_its_grants_knows_that_they_are_void(platform: Platform) -> None:
    tablet, shift_id, _ = _with_grants(platform)

    tablet.end_shift("citizen")

    assert eventually(lambda: _all_heard(platform, shift_id))


def test_a_shift_ended_twice_with_one_key_raises_no_list_again(platform: Platform) -> None:
    tablet, shift_id, _ = _with_grants(platform)
    tablet.end_shift("citizen")
    assert eventually(lambda: _all_heard(platform, shift_id))
    before = _versions(platform.runtime.database)

    assert tablet.end_shift("citizen")["shift"]["state"] == "ended"

    assert _versions(platform.runtime.database) == before


class _Meanwhile(SignerClient):
    """The real signer's client; something happens between the signer's answer and its storing."""

    def __init__(self, platform: Platform, act: Callable[[], object]) -> None:
        settings = platform.runtime.settings
        super().__init__(signer_address(settings), load_or_create_secret(signer_secret(settings)))
        self._act = act

    def mint(self, requests: Sequence[MintRequest]) -> list[MintResult]:
        minted = super().mint(requests)
        self._act()
        return minted


def test_a_grant_minted_while_its_shift_ended_is_stored_revoked_and_its_lock_told(platform: Platform) -> None:
    tablet = platform.tablet(platform.fresh_carer())
    shift_id = tablet.start_shift("citizen")["shift"]["id"]
    signer = _Meanwhile(platform, lambda: tablet.end_shift("citizen"))
    grants = Grants(platform.runtime.units, signer, lambda locks: tell_locks(platform.runtime.parts, locks))

    held = grants.grants_of(shift_id, tablet.carer_id)
    signer.close()

    assert held == [], "no tablet gets what an ended shift asked for"
    assert eventually(lambda: _all_heard(platform, shift_id))


def test_without_a_broker_a_shift_ends_all_the_same_and_at_once(tmp_path: Path) -> None:
    for office in running_platform(tmp_path, locks=False):
        tablet, shift_id, _ = _with_grants(office)
        assert office.runtime.broker is not None
        office.runtime.broker.stop()
        assert eventually(lambda: not office.runtime.desk.is_up)  # noqa: B023 - there is one office
        before = _versions(office.runtime.database)
        began_s = monotonic()

        ended = tablet.end_shift("citizen")

        assert ended["shift"]["state"] == "ended"
        assert monotonic() - began_s < 4.0, "nobody waits for a broker that is away"
        after = _versions(office.runtime.database)
        with office.runtime.database.reading() as session:
            doors = _ctis(session, shift_id)
            locks = {lock for some in store.locks_of_doors(session, doors).values() for lock in some}
        assert {lock for lock, version in after.items() if version > before[lock]} == locks, "told at the next birth"


def _granted(town: PlannedDay) -> None:
    """A grant in force for every right of the day, as the signer would have given it."""
    with town.units.begin() as work:
        rights = store.active_rights(work.session, town.day.on, {str(c.id) for c in town.day.carers})
        grants = [
            GrantIssued(
                cti=number.to_bytes(16, "big"),
                right_id=right.right_id,
                door_id=right.door_id,
                visit_id=right.visit_id,
                carer_id=right.carer_id,
                unit_id=right.unit_id,
                shift_id=f"shift-of-{right.carer_id}",
                holder_thumbprint=bytes(32),
                epoch=0,
                minted_at=work.now,
                expires_at=right.closes_at,
                token=b"token",
            )
            for number, right in enumerate(rights)
        ]
        service.record_grants(work, grants)


class _Quiet(Progress):
    """Progress of a body that no job row stands behind."""

    def __init__(self) -> None:
        self.ratio = 0.0

    def report(self, ratio: float) -> None:
        self.ratio = ratio


def test_a_day_planned_anew_tells_the_locks_of_what_it_took_away_after_the_commit(database: Database) -> None:
    town = planned_day(database)
    _granted(town)
    before = _versions(database)
    told: list[tuple[frozenset[str], dict[str, int]]] = []
    body = plan_day_body(town.units, tell=lambda locks: told.append((locks, _versions(database))))

    body(
        {"day": town.day.on.isoformat(), "unit_id": str(town.day.units[0].id), "seed": 99, "moves": 0},
        _Quiet(),
    )

    ((locks, stored),) = told
    assert locks, "the new plan has other windows"
    assert {lock for lock, version in stored.items() if version > before[lock]} == locks
