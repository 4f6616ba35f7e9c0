"""A stored opening goes one step on: the machine says where to, the row follows, the log hears of an end.

``wall_s`` is link time as epoch seconds, so that the web process and the inbox judge the same deadlines.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from devices.events import OpeningSettled
from devices.keys import opening as machine
from devices.keys import opening_store
from devices.keys.opening import Answered, OpeningState, Step, Ticked
from devices.keys.schemas import DoorOpening
from kernel.errors import KernelError
from kernel.work import Work

_SETTLED = frozenset(
    {
        OpeningState.UNLOCKED,
        OpeningState.REFUSED,
        OpeningState.JAMMED,
        OpeningState.EXPIRED,
        OpeningState.UNKNOWN,
    }
)
_PENDING = frozenset(OpeningState) - _SETTLED


def stepped(opening: DoorOpening, step: Step, now: datetime) -> DoorOpening:
    """An opening after one step of the machine, itself where that changes nothing. ``now`` is world time."""
    before = machine.Opening(
        state=opening.state,
        tapped_s=opening.tapped_wall_s,
        sent_s=opening.sent_wall_s,
        settled_s=opening.settled_wall_s,
        code=opening.code,
        by_lock=opening.by_lock,
        late=opening.late,
        second_by_s=opening.second_by_wall_s,
    )
    after = machine.advance(before, step)
    if after == before:
        return opening
    return replace(
        opening,
        state=after.state,
        code=after.code,
        by_lock=after.by_lock,
        late=after.late,
        sent_wall_s=after.sent_s,
        settled_wall_s=after.settled_s,
        second_by_wall_s=after.second_by_s,
        settled_at=now if after.state in _SETTLED else opening.settled_at,
    )


def move(
    work: Work, opening: DoorOpening, step: Step, then: Mapping[str, int | bytes | None] = MappingProxyType({})
) -> DoorOpening:
    """Move a held opening by one step; tell when it settled. Returns it as it then stands, itself if it did not move.

    Parameters
    ----------
    then
        Further columns that are kept with the step, if it moves.
    """
    after = stepped(opening, step, work.now)
    if after is opening:
        return opening
    changed = {name: getattr(after, name) for name in _MOVING if getattr(after, name) != getattr(opening, name)}
    shown: dict[str, Any] = {name: value for name, value in then.items() if name in _SHOWN}
    after = replace(after, **shown)
    opening_store.change(work.session, after, {**changed, **then, "state": after.state.value})
    tell_if_settled(work, after)
    return after


def tell_if_settled(work: Work, opening: DoorOpening) -> None:
    """Tell the log of an opening that has come to its end."""
    if opening.state in _SETTLED:
        ids = opening.ids
        work.record(
            OpeningSettled(
                at=work.now,
                opening_id=opening.opening_id,
                door_id=ids.door_id,
                visit_id=ids.visit_id,
                shift_id=ids.shift_id,
                carer_id=ids.carer_id,
                unit_id=ids.unit_id,
                state=opening.state.value,
                code=opening.code,
                late=opening.late,
                elapsed_ms=round((work.now - opening.requested_at).total_seconds() * 1000),
                on_way=opening.on_way,
            )
        )


def held(work: Work, opening_id: str) -> DoorOpening:
    """An opening, held until the transaction ends.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = opening_store.opening_for_update(work.session, opening_id)
    if found is None:
        raise KernelError("not_found", what=f"opening {opening_id}")
    return found


def settle(
    work: Work, opening: DoorOpening, answered: Answered, boot: int, seq: int | None, motor_ms: int | None
) -> DoorOpening:
    """Take in the lock's own word, from its answer or from its chained event: the first of them stands."""
    return move(work, opening, answered, {"boot": boot, "seq": seq, "motor_ms": motor_ms})


def expire_due(work: Work, wall_s: float) -> list[DoorOpening]:
    """Settle what has waited too long: never sent within 5 s, or not answered within 10 s of the tap.

    Run it every second or so. It is idempotent, and an answer that comes later is still accepted.
    """
    due = opening_store.openings_free_for_update(work.session, _PENDING, wall_s - machine.SEND_WITHIN_S)
    after = [(opening, move(work, opening, Ticked(wall_s))) for opening in due]
    return [now for before, now in after if now is not before]


_MOVING = (
    "code",
    "by_lock",
    "late",
    "sent_wall_s",
    "settled_wall_s",
    "second_by_wall_s",
    "settled_at",
)
#: of what is kept with a step, what an opening shows
_SHOWN = frozenset({"cti", "nonce", "motor_ms"})
