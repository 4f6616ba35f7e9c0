"""Doors behind a common door: which stairwell one goes through, and stairwells that belong to somebody else.

A grant names every lock on the way, so one tap opens all of them, each by its own challenge and answer. A stairwell
of another administration (a housing company, a neighbouring municipality) believes our issuer because *its* root key
has signed so; we carry that list, run its connection, and can only keep out. Its other issuers have epochs of their
own (docs/protocol.md, section 9).
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from sqlmodel import Session

from devices.events import DoorStairwellChanged
from devices.inbox.model import Outgoing
from devices.keys import store
from devices.keys.cose import MessageKind, unverified_payload
from devices.keys.envelope import unpack
from devices.keys.grant import MAX_AUDIENCE
from devices.keys.holders import door_of
from devices.keys.revocations import raise_epoch
from devices.keys.signer.model import ISSUER
from devices.keys.tables import DoorRow, LockTrustRow
from devices.keys.trust_list import list_of
from devices.keys.vendors.model import capabilities_of
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.work import Work


class StairwellError(DomainError):
    """What cannot be a way to a door, or a list that is not for this lock."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "stairwell_other_unit": ErrorText(
            ErrorKind.FORBIDDEN,
            "Opgangen hører til en anden enhed. Vælg en opgang i borgerens egen enhed.",
            "The stairwell belongs to another unit. Choose one of the citizen's own unit.",
        ),
        "stairwell_without_lock": ErrorText(
            ErrorKind.CONFLICT,
            "Opgangen har ingen elektronisk lås. Monter låsen først.",
            "The stairwell has no electronic lock. Mount the lock first.",
        ),
        "stairwell_of_vendor": ErrorText(
            ErrorKind.CONFLICT,
            "Døren åbnes med en anden leverandørs lås, og den åbner ikke sammen med en opgang. Flyt døren til vores "
            "egen lås først.",
            "The door is opened with another vendor's lock, which does not open together with a stairwell. Move the "
            "door to our own lock first.",
        ),
        "stairwell_in_a_row": ErrorText(
            ErrorKind.CONFLICT,
            "En opgang kan ikke selv ligge bag en opgang, og en dør ikke bag sig selv. Vælg en anden dør.",
            "A stairwell cannot lie behind a stairwell itself, nor a door behind itself. Choose another door.",
        ),
        "stairwell_is_home": ErrorText(
            ErrorKind.CONFLICT,
            "Døren er en borgers egen. Vælg en fælles dør.",
            "The door is a citizen's own. Choose a common one.",
        ),
        "home_without_lock": ErrorText(
            ErrorKind.CONFLICT,
            "Borger {found} har ingen lås på sin dør. Monter låsen først.",
            "Citizen {found} has no lock on the door. Mount the lock first.",
        ),
        "stairwell_for_two": ErrorText(
            ErrorKind.CONFLICT,
            "Kun en borgers egen dør kan kræve to. Vælg døren bag opgangen.",
            "Only a citizen's own door can ask for two. Choose the door behind the stairwell.",
        ),
        "issuer_is_ours": ErrorText(
            ErrorKind.INVALID,
            "Det er vores egen udsteder. Tag låsen ned, eller fjern adgangen på ruten.",
            "That is our own issuer. Take the lock down, or withdraw the access on the route.",
        ),
        "too_many_locks": ErrorText(
            ErrorKind.CONFLICT,
            "Der er {found} låse på vejen; en tilladelse kan åbne {expected}. Fjern en lås eller vælg en anden opgang.",
            "There are {found} locks on the way; a permission opens {expected}. Remove one or choose another.",
        ),
        "list_not_for_lock": ErrorText(
            ErrorKind.INVALID,
            "Listen er til låsen {found}, men skulle være til {expected}. Bed ejeren om den rigtige.",
            "The list is for lock {found}, and should be for {expected}. Ask the owner for the right one.",
        ),
        "list_not_newer": ErrorText(
            ErrorKind.CONFLICT,
            "Listen har version {found}; låsen har allerede version {expected}. Bed ejeren om en nyere.",
            "The list has version {found}; the lock has version {expected} already. Ask the owner for a newer one.",
        ),
        "list_of_our_own": ErrorText(
            ErrorKind.INVALID,
            "Listen siger, at låsen er vores. Vores egne lister laves af signereren og skal ikke sendes ind.",
            "The list says that the lock is ours. Our own lists are made by the signer and are not sent in.",
        ),
    }


def set_stairwell(work: Work, door_id: str, stairwell_id: str | None, by_role: str) -> frozenset[str]:
    """Say which common door one goes through, or none. Saying it again changes nothing.

    What was minted for the door is void: a grant names all its locks. Tablets fetch new ones.

    Returns
    -------
    frozenset
        Locks whose revocation list must be sent after commit.

    Raises
    ------
    KernelError
        ``not_found`` for either door.
    StairwellError
        Why this is no way to the door.
    """
    door = door_of(work.session, door_id)
    if door.stairwell_id == stairwell_id:
        return frozenset()
    if stairwell_id is not None:
        _require_way(work.session, door, stairwell_id)
    told = store.locks_of_doors(work.session, [door_id]).get(door_id, ())
    door.stairwell_id, door.former_stairwell_id = stairwell_id, door.stairwell_id
    work.session.add(door)
    work.session.flush()
    work.record(
        DoorStairwellChanged(
            at=work.now, unit_id=door.unit_id, door_id=door_id, stairwell_id=stairwell_id, by_role=by_role
        )
    )
    now = store.locks_of_doors(work.session, [door_id]).get(door_id, ())
    own = store.locks_on_doors(work.session, [door_id]).get(door_id, ())
    for lock_id in own:
        raise_epoch(work, lock_id)
    # The stairwells on either side of the change hear which grants are gone.
    store.raise_crl_version(work.session, {*told, *now} - set(own))
    return frozenset({*told, *now})


def adopt_list(work: Work, lock_id: str, message: bytes) -> Outgoing:
    """Keep the list of issuers that a lock's own administration has signed, to be sent after commit.

    The lock alone knows its root key, so it alone can say whether the list is genuine; a false one changes nothing
    there. Ours is only to know whose lock it is and what to carry.

    Raises
    ------
    KernelError
        ``not_found`` if no such lock is mounted.
    MessageError
        If it cannot be read.
    StairwellError
        ``list_not_for_lock``, ``list_not_newer``, ``list_of_our_own``.
    """
    found = store.lock_for_update(work.session, lock_id)
    if found is None:
        raise KernelError("not_found", what="Låsen")
    told = list_of(unpack("trust", unverified_payload(MessageKind.TRUST, message)))
    if told.lock != lock_id:
        raise StairwellError("list_not_for_lock", expected=lock_id, found=told.lock)
    if told.own == ISSUER:
        raise StairwellError("list_of_our_own")
    row = work.session.get(LockTrustRow, lock_id, with_for_update=True)
    if row is not None and found[0].owner is not None and row.version >= told.version:
        raise StairwellError("list_not_newer", expected=row.version, found=told.version)
    row = row or LockTrustRow(lock_id=lock_id, version=0, message=b"", signed_at=work.now)
    row.version, row.message, row.signed_at = told.version, message, work.now
    found[0].owner = told.own
    # Whose epoch is whose has changed with the owner.
    found[0].crl_version += 1
    work.session.add(row)
    work.session.flush()
    return Outgoing("lock", lock_id, "trust", message)


def keys_on_ways(session: Session, door_ids: Iterable[str]) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """The locks one tap opens, by door, each with its public key: the door's own first, then those on the way."""
    ways = store.ways_through(session, door_ids)
    every = {lock_id for way in ways.values() for lock_id in way}
    found = {row.lock_id: bytes(row.public_key) for row in store.mounted_locks(session, every)}
    return {door_id: tuple((lock_id, found[lock_id]) for lock_id in way) for door_id, way in ways.items()}


def _require_way(session: Session, door: DoorRow, stairwell_id: str) -> None:
    door_id, stairwell = door.door_id, door_of(session, stairwell_id)
    if stairwell.unit_id != door.unit_id:
        raise StairwellError("stairwell_other_unit")
    if stairwell_id == door_id or stairwell.stairwell_id is not None or store.doors_behind(session, [door_id]):
        raise StairwellError("stairwell_in_a_row")
    if not all(capabilities_of(each.vendor).stairwell for each in (door, stairwell)):
        raise StairwellError("stairwell_of_vendor")
    locks = store.locks_on_doors(session, [door_id, stairwell_id])
    if not locks.get(stairwell_id):
        raise StairwellError("stairwell_without_lock")
    count = sum(len(each) for each in locks.values())
    if count > MAX_AUDIENCE:
        raise StairwellError("too_many_locks", expected=MAX_AUDIENCE, found=count)
