"""Gets a shift's grants from the signer and keeps the tablet to those of the present and the next visits."""

from collections.abc import Callable

from sqlmodel import Session

from devices.keys import service, store
from devices.keys.rights import revoke_shift
from devices.keys.schemas import GrantIssued
from devices.keys.signer.client import SignerClient
from gateway.parts import HeldGrant
from kernel.work import UnitsOfWork
from scheduling import publishing
from scheduling.tables import ShiftRow

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
        with self._units.database.reading() as session:
            now = self._units.clock.now()
            shift = session.get(ShiftRow, shift_id)
            if shift is None or shift.state != "begun" or shift.holder_thumbprint is None:
                return []
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
            next_visits = _next_visits(session, carer_id, shift)
            held = service.tablet_grants(session, shift_id, now)
            locks = store.locks_of_doors(session, {g.door_id for g in held})
            windows = {(r.visit_id, r.door_id): r.opens_at for r in store.active_rights(session, day, {carer_id})}
        newest: dict[str, GrantIssued] = {}
        for grant in held:
            if grant.visit_id in next_visits and grant.visit_id not in newest:
                newest[grant.visit_id] = grant
        return [
            HeldGrant(
                visit_id=g.visit_id,
                door_id=g.door_id,
                lock_id=locks[g.door_id][0],
                cti=g.cti,
                token=g.token,
                opens_at=windows.get((g.visit_id, g.door_id), g.minted_at),
                closes_at=g.expires_at,
            )
            for g in newest.values()
            if locks.get(g.door_id)
        ]


def _next_visits(session: Session, carer_id: str, shift: ShiftRow) -> set[str]:
    stops = publishing.stops_of(session, carer_id, shift.day)
    ahead = [v.id for v in stops if v.state != "ended" and v.mode == "physical"]
    return set(ahead[:UNSEALED_VISITS])
