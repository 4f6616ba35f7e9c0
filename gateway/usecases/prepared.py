"""Unplanned doors without any server: what a designated tablet is given while there is one (ADR 0007)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from devices.events import OfflineCodesListed
from devices.keys import prepared, service
from devices.keys.codes import spoken_code
from devices.keys.prepared import Preparation
from devices.keys.rights import revoke_shift
from devices.keys.signer.model import MAX_BATCH, MintResult
from devices.keys.stairwells import keys_on_ways
from devices.keys.vendors.store import native_locks
from gateway.errors import EdgeError
from gateway.grants import held_ready
from gateway.parts import HeldGrant, Parts
from gateway.usecases.door_facts import CONSENT
from gateway.usecases.doors import tell_locks
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import shifts
from scheduling.consents import withdrawn_citizens
from scheduling.errors import SchedulingError
from scheduling.register.tables import CarerRow, CitizenRow
from scheduling.tables import ShiftRow


@dataclass(frozen=True, slots=True)
class PreparedDoor:
    """One door of a preparation: where it is, its grant, and the code that will open the envelope."""

    address: str
    grant: HeldGrant
    code: str


@dataclass(frozen=True, slots=True)
class PreparedDoors:
    """Everything a designated tablet holds for one window."""

    preparation: Preparation
    doors: tuple[PreparedDoor, ...]


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of the printed list: a door, and its code for each designated tablet on duty, by carer's id."""

    address: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeList:
    """The printed list of a day: whose tablets, and their codes door by door."""

    carers: tuple[str, ...]
    lines: tuple[CodeLine, ...]


def designate(parts: Parts, carer: CarerRow, by_role: str, *, on: bool) -> bool:
    """Make a carer's tablet a designated one, or an ordinary one. What an ordinary one holds is void at once."""
    locks: frozenset[str] = frozenset()
    with parts.units.begin() as work:
        changed = prepared.designate(work, carer.id, carer.unit_id, by_role, on=on)
        shift = shifts.shift_now(work.session, carer.id, work.now)
        if changed and not on and shift is not None and shift.state == "begun":
            locks = revoke_shift(work, shift.id)  # her own visits' grants are minted anew the next time she asks
    tell_locks(parts, locks)
    return changed


def prepare(parts: Parts, carer_id: str) -> list[PreparedDoors]:
    """What the tablet may hold now: the window in force, and the next one when it is time.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``.
    EdgeError
        ``not_designated``.
    SignerError
        If the signer does not answer; what the tablet holds stays good.
    """
    with parts.units.begin() as work:
        shift = _shift(work, carer_id)
        holder = bytes.fromhex(shift.holder_thumbprint or "")
        present, next_at = prepared.preparation_due(work.session, shift.id, work.now)
        new, wanted = None, []
        if next_at is not None and holder:
            doors = sorted(_doors(work.session, shift.unit_id, work.now))
            new = prepared.prepare(
                work,
                shift_id=shift.id,
                carer_id=carer_id,
                unit_id=shift.unit_id,
                holder_thumbprint=holder,
                door_ids=doors,
                opens_at=next_at,
            )
            wanted = prepared.wanted_for(work.session, new, holder, doors)
    minted: list[MintResult] = []
    for at in range(0, len(wanted), MAX_BATCH):
        minted += parts.grants.mint([want.request for want in wanted[at : at + MAX_BATCH]])
    if wanted:
        with parts.units.begin() as work:
            # Held until the end: a shift that ends meanwhile either sees these grants or is seen here.
            row = work.session.get(ShiftRow, shift.id, with_for_update=True)
            service.keep_unplanned(work, wanted, minted)
            over = row is None or row.state != "begun"
            locks = revoke_shift(work, shift.id) if over else frozenset[str]()
        tell_locks(parts, locks)
    with parts.database.reading() as session:
        return [_view(session, parts, each) for each in (present, new) if each is not None]


def code_list(parts: Parts, unit_ids: Collection[str], by_role: str) -> CodeList:
    """The codes of today's designated tablets, to be printed and locked away. That it was fetched is in the log."""
    with parts.units.begin() as work:
        session = work.session
        carers = prepared.designated_carers(session, unit_ids)
        found = (shifts.shift_now(session, c, work.now) for c in carers)
        on_duty = [shift for shift in found if shift is not None and shift.state != "ended"]
        uses = {shift.id: prepared.known_uses(session, shift.id) for shift in on_duty}
        doors: dict[str, str] = {}
        for unit_id in sorted({shift.unit_id for shift in on_duty}):
            doors |= _doors(session, unit_id, work.now)
        names = {c.id: c.name for c in session.exec(select(CarerRow).where(col(CarerRow.id).in_(carers))).all()}
        lines = [
            CodeLine(
                address,
                tuple(
                    spoken_code(parts.code_key, shift.id, door_id, uses[shift.id].get(door_id, 0)) for shift in on_duty
                ),
            )
            for door_id, address in sorted(doors.items(), key=lambda door: (door[1], door[0]))
        ]
        for unit_id in sorted({shift.unit_id for shift in on_duty}):
            work.record(
                OfflineCodesListed(
                    at=work.now,
                    unit_id=unit_id,
                    by_role=by_role,
                    tablet_count=len(on_duty),
                    door_count=len(lines),
                )
            )
    return CodeList(tuple(names.get(shift.carer_id, "?") for shift in on_duty), tuple(lines))


def _shift(work: Work, carer_id: str) -> ShiftRow:
    shift = shifts.shift_now(work.session, carer_id, work.now)
    if not prepared.is_designated(work.session, carer_id):
        raise EdgeError(
            403,
            "not_designated",
            "Tabletten er ikke en beredskabstablet. Planlæggeren kan gøre den til det.",
            "The tablet is not a designated one. The planner can make it one.",
        )
    if shift is None or shift.state != "begun":
        raise SchedulingError("shift_not_begun")
    return shift


def _doors(session: Session, unit_id: str, now: datetime) -> dict[str, str]:
    """Doors of a unit with a lock whose citizen has not said no, with their address."""
    rows = session.exec(
        select(CitizenRow).where(CitizenRow.unit_id == unit_id, col(CitizenRow.door_id).is_not(None))
    ).all()
    no = withdrawn_citizens(session, {row.id for row in rows}, CONSENT, local_day(now))
    found = {row.door_id: row.address for row in rows if row.door_id is not None and row.id not in no}
    locks = native_locks(session, found)
    return {door_id: address for door_id, address in found.items() if locks.get(door_id)}


def _view(session: Session, parts: Parts, preparation: Preparation) -> PreparedDoors:
    grants = prepared.prepared_grants(session, preparation, parts.clock.now())
    doors = [grant.door_id for grant in grants]
    ways = keys_on_ways(session, doors)
    rows = session.exec(select(CitizenRow).where(col(CitizenRow.door_id).in_(doors))).all()
    address = {row.door_id: row.address for row in rows}
    uses = prepared.known_uses(session, preparation.shift_id)
    return PreparedDoors(
        preparation,
        tuple(
            PreparedDoor(
                address=address.get(grant.door_id, "?"),
                grant=held_ready(grant, ways[grant.door_id], preparation.opens_at),
                code=spoken_code(parts.code_key, preparation.shift_id, grant.door_id, uses.get(grant.door_id, 0)),
            )
            for grant in grants
            if ways.get(grant.door_id)
        ),
    )
