"""What a tablet carries between a lock without a network and the server: logs home, lists and times back.

The tablet is a bag and nothing more. What it brings goes through the inbox as if it had come over the broker:
verified by the lock's own signatures, deduplicated, recorded, junk kept in the quarantine. What it takes back
is signed by the service for that one lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from devices.inbox.model import Incoming, Outgoing
from devices.keys import store
from devices.keys.errors import MessageError
from devices.keys.fragments import NearMessage
from devices.keys.log_box import is_sealed, open_log
from devices.keys.revocations import revocation_lists
from devices.keys.settings import present_settings
from devices.keys.trust_store import present_trust
from gateway.parts import Parts
from kernel.errors import KernelError
from scheduling import shifts

KIND = "lock"
UP = ("evt", "answer", "birth", "time", "cfg")
DOWN = ("ack", "crl", "time", "cfg", "trust", "ask")


@dataclass(frozen=True, slots=True)
class Ferried:
    """How many messages are taken in (known ones included), how many are set aside, and what to carry back."""

    accepted: int
    set_aside: int
    down: tuple[NearMessage, ...]


def carry_home(parts: Parts, lock_id: str, messages: Sequence[NearMessage]) -> Ferried:
    """Take in what a lock gave to a tablet. Everything is committed when this returns.

    Parameters
    ----------
    lock_id
        The lock that the tablet names; the signatures say whether it is true.
    messages
        In the order in which the lock gave them; a sealed log is opened here.
    """
    now = parts.clock.now()
    bare = Incoming(parts.settings.mqtt.tenant, KIND, lock_id, "", b"", now, ferried=True)
    batch = [bare._replace(name=m.name, payload=_opened(parts, lock_id, m)) for m in messages]
    accepted = parts.inbox.accept(batch)
    down = tuple(_carried(outgoing) for outgoing in accepted.outgoing if _is_for(outgoing, lock_id))
    return Ferried(accepted.accepted + accepted.duplicates, len(accepted.quarantined), _newest(down))


def to_carry(parts: Parts, carer_id: str, lock_id: str) -> tuple[NearMessage, ...]:
    """What to show a lock before it is opened: its present revocations, settings and trust list.

    Raises
    ------
    KernelError
        ``not_found`` if none of the carer's doors of today has this lock.
    """
    with parts.units.begin() as work:
        if lock_id not in _locks_of_today(work.session, parts, carer_id):
            raise KernelError("not_found", what="Låsen")
        lists: list[Outgoing] = revocation_lists(work, [lock_id], parts.service_key)
        lists += present_settings(work.session, [lock_id], parts.service_key)
        lists += present_trust(work.session, [lock_id])
    return tuple(_carried(outgoing) for outgoing in lists)


def _locks_of_today(session: Session, parts: Parts, carer_id: str) -> set[str]:
    rights = store.active_rights(session, shifts.day_now(session, carer_id, parts.clock.now()), {carer_id})
    locks = store.locks_of_doors(session, {right.door_id for right in rights})
    return {lock_id for some in locks.values() for lock_id in some}


def _opened(parts: Parts, lock_id: str, message: NearMessage) -> bytes:
    if message.name != "evt" or not is_sealed(message.payload):
        return message.payload
    try:
        return open_log(lock_id, message.payload, [parts.service_key])
    except MessageError:
        return message.payload  # the inbox keeps it, with the reason that it cannot be read


def _is_for(outgoing: Outgoing, lock_id: str) -> bool:
    return outgoing.kind == KIND and outgoing.device_id == lock_id and outgoing.name in DOWN


def _newest(down: Sequence[NearMessage]) -> tuple[NearMessage, ...]:
    """Of each name the last: a later watermark covers the ones before; times answer one nonce each and all stay."""
    last = {message.name: at for at, message in enumerate(down)}
    return tuple(message for at, message in enumerate(down) if message.name == "time" or last[message.name] == at)


def _carried(outgoing: Outgoing) -> NearMessage:
    return NearMessage(outgoing.name, outgoing.payload)
