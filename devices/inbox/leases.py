"""Who runs which shard: processes say that they live, share the shards out evenly, and take over from the dead.

A lease spares processes a fight at the broker. What it does not have to do is keep order: a shard's session lets one
connection in at a time, and :func:`require_held` makes the database refuse a holder that was taken over from.
"""

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, delete, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from devices.inbox.errors import InboxError
from devices.inbox.tables import IngestLeaseRow, IngestMemberRow
from devices.inbox.upsert import insert_into
from kernel.statements import Prepared, table_of

TTL_S = 5.0
"""How long a process counts as alive after it last said so."""

_FORGET_S = 3_600.0
_C = table_of(IngestLeaseRow).c
_HELD = Prepared(
    sql_select(_C.generation)
    .where(_C.shard == bindparam("shard"), _C.holder == bindparam("holder"), _C.generation == bindparam("generation"))
    .with_for_update(read=True)
)


class LeaseLostError(Exception):
    """Another process runs the shard now: nothing more of it may be committed here."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard this process runs."""

    shard: int
    generation: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a process says of itself: age of its oldest unacknowledged message, how many wait, how many are in."""

    oldest_s: float = 0.0
    waiting: int = 0
    committed: int = 0


@dataclass(frozen=True, slots=True)
class Crew:
    """How the inbox stands, all processes together.

    ``oldest_s`` is the age of the oldest unacknowledged message anywhere; ``held`` counts shards that a living
    process runs.
    """

    processes: int
    shards: int
    held: int
    oldest_s: float
    waiting: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a process holds, which of it is ``too_many`` and for others, and what is ``free`` for it to take."""

    hold: tuple[Lease, ...]
    too_many: tuple[Lease, ...] = ()
    free: tuple[Lease, ...] = ()


def holder_name(instance: str) -> str:
    """A name for this process that tells others on the same machine whether it still lives."""
    return f"{_machine()} {os.getpid()} {instance}"


def former_layout(session: Session, shards: int, holder: str, now_s: float) -> int:
    """Number of shards of another layout whose sessions are still to be emptied; 0 where there is none.

    Raises
    ------
    InboxError
        ``shards_differ`` while another process lives that runs another layout.
    """
    rows = session.exec(select(IngestLeaseRow).order_by(col(IngestLeaseRow.shard)).with_for_update()).all()
    if not rows or rows[0].shards == shards:
        return 0
    if _living(session, now_s) - {holder}:
        raise InboxError("shards_differ", expected=rows[0].shards, found=shards)
    return rows[0].shards


def lay_out(session: Session, shards: int) -> None:
    """Make the rows of a layout, in place of another one's. Where they are there already nothing changes."""
    session.execute(delete(IngestLeaseRow).where(col(IngestLeaseRow.shards) != shards))
    insert = insert_into(session, table_of(IngestLeaseRow)).on_conflict_do_nothing()
    session.execute(insert, [{"shard": n, "shards": shards, "generation": 0} for n in range(shards)])


def say_alive(session: Session, holder: str, pulse: Pulse, now_s: float) -> None:
    """Say that this process lives. A transaction of its own, once a second: nothing in it can be waited for."""
    said = {
        "until_s": now_s + TTL_S,
        "oldest_s": pulse.oldest_s,
        "waiting": pulse.waiting,
        "committed": pulse.committed,
    }
    statement = insert_into(session, table_of(IngestMemberRow)).values(holder=holder, **said)
    session.execute(statement.on_conflict_do_update(index_elements=["holder"], set_=said))
    session.execute(delete(IngestMemberRow).where(col(IngestMemberRow.until_s) < now_s - _FORGET_S))


def share_of(session: Session, holder: str, now_s: float) -> Share:
    """What a living process is to run: an even share of all shards, those first that it runs already."""
    living = _living(session, now_s) | {holder}
    rows = session.exec(select(IngestLeaseRow).order_by(col(IngestLeaseRow.shard))).all()
    fair = -(-len(rows) // len(living))
    mine = [Lease(row.shard, row.generation) for row in rows if row.holder == holder]
    free = [Lease(row.shard, row.generation) for row in rows if row.holder not in living]
    return Share(tuple(mine), tuple(mine[fair:]), tuple(free[: max(0, fair - len(mine))]))


def take(session: Session, holder: str, free: Collection[Lease]) -> None:
    """Reach for shards nobody runs. Whoever is first has it; a batch a dead holder left open is waited for."""
    for lease in sorted(free, key=lambda lease: lease.shard):
        session.execute(
            update(IngestLeaseRow)
            .where(col(IngestLeaseRow.shard) == lease.shard, col(IngestLeaseRow.generation) == lease.generation)
            .values(holder=holder, generation=lease.generation + 1)
        )


def release(session: Session, holder: str, shards: Collection[int]) -> None:
    """Let others run these shards."""
    session.execute(
        update(IngestLeaseRow)
        .where(col(IngestLeaseRow.holder) == holder, col(IngestLeaseRow.shard).in_(sorted(shards)))
        .values(holder=None)
    )


def leave(session: Session, holder: str) -> None:
    """This process ends."""
    session.execute(update(IngestLeaseRow).where(col(IngestLeaseRow.holder) == holder).values(holder=None))
    session.execute(delete(IngestMemberRow).where(col(IngestMemberRow.holder) == holder))


def require_held(session: Session, holder: str, lease: Lease) -> None:
    """Make sure, until the transaction ends, that nobody takes the shard over.

    Raises
    ------
    LeaseLostError
        If somebody has.
    """
    if _HELD.first(session, {"shard": lease.shard, "holder": holder, "generation": lease.generation}) is None:
        raise LeaseLostError(f"shard {lease.shard}, generation {lease.generation}")


def crew(session: Session, now_s: float) -> Crew:
    """How the inbox stands."""
    living = _living(session, now_s)
    members = [m for m in session.exec(select(IngestMemberRow)).all() if m.holder in living]
    rows = session.exec(select(IngestLeaseRow)).all()
    return Crew(
        processes=len(members),
        shards=len(rows),
        held=sum(row.holder in living for row in rows),
        oldest_s=max((_age_s(m, now_s) for m in members), default=0.0),
        waiting=sum(m.waiting for m in members),
    )


def _age_s(member: IngestMemberRow, now_s: float) -> float:
    """What a process said of its oldest message, and the time since, if something waited when it said so."""
    since_s = max(0.0, now_s - (member.until_s - TTL_S))
    return member.oldest_s + (since_s if member.waiting else 0.0)


def _living(session: Session, now_s: float) -> set[str]:
    rows = session.exec(select(IngestMemberRow.holder).where(col(IngestMemberRow.until_s) >= now_s)).all()
    return {holder for holder in rows if not _is_dead(holder)}


def _is_dead(holder: str) -> bool:
    """Whether a process of this machine has ended; of other machines nobody knows before its time is up."""
    machine, _, rest = holder.partition(" ")
    pid = rest.partition(" ")[0]
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    # Containers may share a name; the numbers of their processes mean nothing to each other.
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
