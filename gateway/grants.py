"""Gets a shift's grants from the signer; the tablet may use those of the present and the next visits."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from devices.keys import service, store
from devices.keys.rights import revoke_shift
from devices.keys.rules import visit_window
from devices.keys.schemas import GrantIssued
from devices.keys.signer.client import SignerClient
from devices.keys.signer.model import MintRequest, MintResult
from devices.keys.tables import LockRow
from gateway.parts import HeldGrant, ShiftGrants
from kernel.work import UnitsOfWork
from scheduling import publishing
from scheduling.tables import ShiftRow, VisitRow

#: doors a tablet may hold unsealed: the present visit and the next three (design §8)
UNSEALED_VISITS = 4


class Grants:
    """Asks the signer outside of any transaction; it decides, this only fetches and stores.

    Parameters
    ----------
    tell
        Called after a commit with the locks that need a new revocation list.
    """

    def __init__(self, units: UnitsOfWork, signer: SignerClient, tell: Callable[[frozenset[str]], None]) -> None:
        self._units = units
        self._signer = signer
        self._tell = tell

    def grants_of(self, shift_id: str, carer_id: str) -> list[HeldGrant]:
        """Grants for the doors of the current and the next three visits of a begun shift.

        Raises
        ------
        SignerError
            If the signer does not answer. Doors already granted stay open to the tablet that holds them.
        """
        return self.shift_grants(shift_id, carer_id).unsealed

    def mint(self, requests: Sequence[MintRequest]) -> list[MintResult]:
        """Ask the signer for what rests on no route; the caller stores what it minted.

        Raises
        ------
        SignerError
            As :meth:`grants_of`.
        """
        return self._signer.mint(requests)

    def shift_grants(self, shift_id: str, carer_id: str) -> ShiftGrants:
        """Grants for all doors ahead of a begun shift, in the order of the route.

        Raises
        ------
        SignerError
            As :meth:`grants_of`.
        """
        with self._units.database.reading() as session:
            now = self._units.clock.now()
            shift = session.get(ShiftRow, shift_id)
            if shift is None or shift.state != "begun" or shift.holder_thumbprint is None:
                return ShiftGrants()
            wanted = service.wanted_grants(
                session,
                carer_id=carer_id,
                day=shift.day,
                shift_id=shift_id,
                holder_thumbprint=bytes.fromhex(shift.holder_thumbprint),
                now=now,
            )
            day = shift.day
        if wanted:
            minted = self._signer.mint([w.request for w in wanted])
            with self._units.begin() as work:
                # Held until the end: a shift that ends meanwhile either sees these grants or is seen here.
                present = work.session.get(ShiftRow, shift_id, with_for_update=True)
                to_tell = service.keep_grants(work, wanted, minted).locks_to_tell
                if present is None or present.state != "begun":
                    to_tell |= revoke_shift(work, shift_id)
            self._tell(to_tell)
        with self._units.database.reading() as session:
            ahead = _visits_ahead(session, carer_id, shift, now)
            held = service.tablet_grants(session, shift_id, now)
            ways = store.ways_through(session, {g.door_id for g in held})
            keys = _keys_of(session, ways)
            windows = {(r.visit_id, r.door_id): r.opens_at for r in store.active_rights(session, day, {carer_id})}
        newest: dict[str, HeldGrant] = {}
        for grant in held:
            if grant.visit_id not in newest and ways.get(grant.door_id):
                way = [(lock_id, keys.get(lock_id, b"")) for lock_id in ways[grant.door_id]]
                opens_at = windows.get((grant.visit_id, grant.door_id), grant.minted_at)
                newest[grant.visit_id] = held_ready(grant, way, opens_at)
        visits = tuple((visit_id, newest.get(visit_id)) for visit_id in ahead)
        return ShiftGrants(visits[:UNSEALED_VISITS], visits[UNSEALED_VISITS:])


def _visits_ahead(session: Session, carer_id: str, shift: ShiftRow, now: datetime) -> list[str]:
    """Physical visits that have not ended and whose door could still be opened: what was missed takes no place."""
    stops = publishing.stops_of(session, carer_id, shift.day)
    return [v.id for v in stops if v.state != "ended" and v.mode == "physical" and _closes_at(v) > now]


def _closes_at(visit: VisitRow) -> datetime:
    return visit_window(visit.start_at or visit.window_open_at, visit.end_at or visit.window_close_at)[1]


def _keys_of(session: Session, ways: Mapping[str, tuple[str, ...]]) -> dict[str, bytes]:
    wanted = sorted({lock_id for way in ways.values() for lock_id in way})
    rows = session.exec(select(LockRow).where(col(LockRow.lock_id).in_(wanted))).all()
    return {row.lock_id: bytes(row.public_key) for row in rows}


def held_ready(grant: GrantIssued, way: Sequence[tuple[str, bytes]], opens_at: datetime) -> HeldGrant:
    """A grant as its tablet needs it. ``way``: the door's own lock and those on the way, with their keys."""
    lock_id, lock_key = way[0]
    return HeldGrant(
        visit_id=grant.visit_id,
        door_id=grant.door_id,
        lock_id=lock_id,
        cti=grant.cti,
        token=grant.token,
        opens_at=opens_at,
        closes_at=grant.expires_at,
        lock_key=lock_key,
        way=tuple(way[1:]),
    )
