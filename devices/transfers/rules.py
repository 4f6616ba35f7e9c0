"""One carer or two: decided by evidence, never guessed (design §7.5). Pure.

A badge at the device says it best, then a tablet that its carer registered there. Where neither tells, somebody
who was on duty is asked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from devices.events import PresenceEvidence
from devices.transfers.model import Carers, Presence, Situation, Stay

#: how long a tablet counts as being at a device after its carer said so: a transfer with its set-up takes
#: 4 to 12 minutes
STAY = timedelta(minutes=15)
#: a carer whose tablet was at the device less than this before or after is asked before the rest of the rota
NEAR = timedelta(minutes=60)
#: nobody is asked about what was longer ago: the answer would be a guess
ASK_WITHIN = timedelta(hours=24)


def judge(situation: Situation, badges: Sequence[Stay], tablets: Sequence[Stay]) -> Presence | None:
    """How many carers were there, ``None`` where the evidence does not tell.

    Parameters
    ----------
    badges, tablets
        Who was at the device, at any time; what lies outside of the situation is left out.
    """
    by_badge = _presence(situation, badges, "badge")
    return by_badge if by_badge is not None else _presence(situation, tablets, "tablet")


def answered(situation: Situation, carers: Carers) -> Presence:
    """What an answer means: two carers were both there for the whole situation, with one there was no second."""
    return Presence(carers, situation.duration_s if carers == 2 else 0, "asked")


def stay_at(from_at: datetime, carer_id: str) -> Stay:
    """How long a tablet that was registered at an instant counts as being there."""
    return Stay(carer_id, from_at, from_at + STAY)


def nearest(situation: Situation, tablets: Sequence[Stay], on_duty: Sequence[str]) -> list[str]:
    """Whom to ask of those on duty: whose tablet was at the device last before or first after, else all of them."""
    away: dict[str, timedelta] = {}
    for stay in tablets:
        if stay.carer_id is not None and stay.carer_id in on_duty:
            gap = max(situation.begun_at - stay.until_at, stay.from_at - situation.ended_at, timedelta())
            away[stay.carer_id] = min(gap, away.get(stay.carer_id, gap))
    least = min(away.values(), default=NEAR)
    return sorted(c for c, gap in away.items() if gap == least) if least < NEAR else list(on_duty)


def second_carer_s(situation: Situation, stays: Sequence[Stay]) -> int:
    """Seconds of the situation during which anybody but the carer who stayed longest was at the device."""
    by_person: dict[str | None, list[Stay]] = {}
    for stay in stays:
        by_person.setdefault(stay.carer_id, []).append(stay)
    # Ties break by id, so that the same reports always give the same person.
    longest = max(by_person, key=lambda person: (_covered_s(situation, by_person[person]), person or ""))
    return _covered_s(situation, [stay for stay in stays if stay.carer_id != longest])


def _presence(situation: Situation, stays: Sequence[Stay], evidence: PresenceEvidence) -> Presence | None:
    there = [stay for stay in stays if _covered_s(situation, [stay]) > 0]
    known = {stay.carer_id for stay in there if stay.carer_id is not None}
    if len(known) >= 2:
        return Presence(2, second_carer_s(situation, there), evidence)
    if len(known) == 1 and all(stay.carer_id is not None for stay in there):
        return Presence(1, 0, evidence)
    # Nobody, or a badge that is nobody's: that does not tell one from two.
    return None


def _covered_s(situation: Situation, stays: Iterable[Stay]) -> int:
    """Seconds of the situation covered by at least one stay."""
    clipped = sorted(
        (max(stay.from_at, situation.begun_at), min(stay.until_at, situation.ended_at))
        for stay in stays
        if stay.until_at > situation.begun_at and stay.from_at < situation.ended_at
    )
    covered, reached = timedelta(), situation.begun_at
    for begins, ends in clipped:
        covered += max(timedelta(), ends - max(begins, reached))
        reached = max(reached, ends)
    return round(covered.total_seconds())
