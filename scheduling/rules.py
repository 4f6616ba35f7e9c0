"""The rules a plan must keep, one function each, named after the rule.

Every function answers ``None`` (kept) or a :class:`Breach` with a stable code and the facts a sentence needs;
no text is made here. ``weight`` tells whether the rule binds (hard) or is only to be seen (warning).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from kernel.ids import CarerId, UnitId
from scheduling.model import Break, Carer, Citizen, Day, Pair, ShiftEnd, Unit, Visit, VisitMode
from scheduling.working_time.pay import PayRates

Fact = str | int | float | datetime | tuple[str, ...]

CLOCK_TOLERANCE = timedelta(microseconds=60)
"""Starts are exact minutes that become instants by rounding: 1e-6 min, the benchmark's own tolerance."""


class Weight(StrEnum):
    """Whether a breach forbids or informs."""

    HARD = "hard"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule: code, weight and the facts of it (ids, instants, seconds as ``*_s``)."""

    code: str
    weight: Weight
    facts: Mapping[str, Fact] = field(default_factory=dict)


#: what a carer must have learnt to use a device alone (004:529, 541-544)
COMPETENCE_OF: Mapping[str, str] = {"lift": "transfer_lift", "turning": "transfer_turning"}


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Numbers of the rules, dated: a new agreement is a new row, never an edit."""

    daily_rest: timedelta
    daily_rest_with_agreement: timedelta
    window_grace: timedelta
    work_without_break: timedelta
    valid_from_on: date
    source: str


RULE_SETTINGS = RuleSettings(
    daily_rest=timedelta(hours=11),
    daily_rest_with_agreement=timedelta(hours=8),
    window_grace=timedelta(minutes=15),
    work_without_break=timedelta(hours=6),
    valid_from_on=date(2026, 11, 1),
    source="rest: BEK 324/2002 §3, reduction to 8 h by agreement only; break: LBK 896/2004 §3; grace of the window: "
    "assumption",
)


def skill(visit: Visit, carer: Carer) -> Breach | None:
    """The carer does every service the visit asks for."""
    missing = tuple(sorted(visit.required_skills - carer.skills))
    if not missing:
        return None
    return _hard("missing_skill", visit_id=visit.id, carer_id=carer.id, missing=missing)


def competence(visit: Visit, carer: Carer, on: date) -> Breach | None:
    """The carer holds every documented competence of the visit, valid on the day."""
    held = {c.code for c in carer.competences if c.valid_until_on is None or on <= c.valid_until_on}
    missing = tuple(sorted(visit.required_competences - held))
    if not missing:
        return None
    return _hard("missing_competence", visit_id=visit.id, carer_id=carer.id, missing=missing)


def one_carer_aid(day: Day, visit: Visit) -> Breach | None:
    """A visit that needs a lift or turning system goes to one carer only where the one at the citizen is approved.

    Inspected in time and without an open fault; with several of a kind one of them is enough. With two carers (a
    double visit) the transfer does not rest on the aid alone. That *she* is approved is :func:`competence`.
    """
    if visit.id in day.pair_of:
        return None
    for kind, code in COMPETENCE_OF.items():
        aids = [aid for aid in day.aids.get(visit.citizen_id, ()) if aid.kind == kind]
        if code not in visit.required_competences or not aids or any(aid.problem is None for aid in aids):
            continue
        worst = aids[0]
        facts: dict[str, Fact] = {"visit_id": visit.id, "device_id": worst.device_id, "kind": kind}
        facts["problem"] = worst.problem or ""
        if worst.due_on is not None:
            facts["due_on"] = worst.due_on.isoformat()
        return Breach("aid_not_approved", Weight.HARD, facts)
    return None


def unit(visit: Visit, carer: Carer, acting: Mapping[UnitId, UnitId] | None = None) -> Breach | None:
    """Visits are done by carers of the same unit; units that have merged are one (``Day.acting_unit``)."""
    now = acting or {}
    if now.get(visit.unit_id, visit.unit_id) == now.get(carer.unit_id, carer.unit_id):
        return None
    return _hard("other_unit", visit_unit_id=visit.unit_id, carer_unit_id=carer.unit_id, carer_id=carer.id)


def unit_open(visit: Visit, acting: Unit, on: date) -> Breach | None:
    """A unit does visits from its first day to its last; after that the one it merged into does."""
    begun = acting.valid_from_on is None or acting.valid_from_on <= on
    if begun and (acting.valid_to_on is None or on <= acting.valid_to_on):
        return None
    return _hard("unit_closed", visit_id=visit.id, unit_id=acting.id)


KeyKind = tuple[bool, frozenset[CarerId]] | None


def key_kind(visit: Visit, citizen: Citizen) -> KeyKind:
    """What decides who gets through the door by a key: at the base, and who has one; ``None``: no key needed."""
    door = citizen.door
    if visit.mode is VisitMode.SCREEN or door is None or door.device_id is not None:
        return None
    return (door.key_at_base, door.key_carer_ids) if door.key_at_base or door.key_carer_ids else None


def key_access(visit: Visit, citizen: Citizen, carer: Carer) -> Breach | None:
    """A door without an electronic lock is opened by who has its key.

    A carer has it if she is named, or if it hangs at the base and her shift begins there. A door nothing is known
    of hinders nobody: the citizen opens, or there is a key box.
    """
    kind = key_kind(visit, citizen)
    if kind is None or carer.id in kind[1] or (kind[0] and carer.starts_from is ShiftEnd.BASE):
        return None
    return _hard("no_key", visit_id=visit.id, citizen_id=citizen.id, carer_id=carer.id)


def citizen_wish(citizen: Citizen, carer: Carer) -> Breach | None:
    """A carer the citizen has asked not to see does not come."""
    if carer.id not in citizen.preferences.avoided_carer_ids:
        return None
    return _hard("citizen_wish", citizen_id=citizen.id, carer_id=carer.id)


def shift_hours(carer: Carer, visit: Visit, starts_at: datetime, ends_at: datetime) -> Breach | None:
    """A visit lies inside the carer's shift; the way home afterwards is overtime, not a breach."""
    early = carer.shift_starts_at - starts_at > CLOCK_TOLERANCE
    late = ends_at - carer.shift_ends_at > CLOCK_TOLERANCE
    if not early and not late:
        return None
    return _hard(
        "outside_shift",
        visit_id=visit.id,
        carer_id=carer.id,
        starts_at=starts_at,
        ends_at=ends_at,
        shift_starts_at=carer.shift_starts_at,
        shift_ends_at=carer.shift_ends_at,
    )


def daily_rest(
    carer_id: CarerId,
    ends_at: datetime,
    starts_at: datetime,
    agreement_ref: str | None,
    settings: RuleSettings = RULE_SETTINGS,
) -> Breach | None:
    """11 hours of rest between the end of one day's work and the start of the next.

    Source: BEK 324/2002 §3. With the reference of an agreement 8 to 11 hours are a warning that carries the
    reference; below 8 hours no agreement helps.
    """
    rest = starts_at - ends_at
    if rest >= settings.daily_rest:
        return None
    allowed = agreement_ref is not None and rest >= settings.daily_rest_with_agreement
    facts: dict[str, Fact] = {
        "carer_id": carer_id,
        "ends_at": ends_at,
        "starts_at": starts_at,
        "rest_s": rest.total_seconds(),
        "required_s": settings.daily_rest.total_seconds(),
    }
    if agreement_ref is not None:
        facts["agreement_ref"] = agreement_ref
    return Breach("daily_rest", Weight.WARNING if allowed else Weight.HARD, facts)


def shift_break(carer_id: CarerId, rest: Break, starts_at: datetime) -> Breach | None:
    """A break begins inside its window.

    Source: LBK 896/2004 §3, a break in a working day of more than six hours, laid by the rules of the workplace;
    when it lies and that it lasts half an hour are assumptions of the day file.
    """
    late = starts_at - rest.latest_at
    if late <= CLOCK_TOLERANCE:
        return None
    return _hard("break_too_late", carer_id=carer_id, starts_at=starts_at, latest_at=rest.latest_at)


def shift_has_break(carer: Carer, settings: RuleSettings = RULE_SETTINGS) -> Breach | None:
    """A shift of more than six hours has a break (LBK 896/2004 §3); seen, not enforced: the break may be agreed."""
    if carer.breaks or carer.shift_ends_at - carer.shift_starts_at <= settings.work_without_break:
        return None
    hours_s = (carer.shift_ends_at - carer.shift_starts_at).total_seconds()
    return Breach("no_break", Weight.WARNING, {"carer_id": carer.id, "shift_s": hours_s})


def norm_hours(carer: Carer, overrun: timedelta, rates: PayRates) -> Breach | None:
    """Work beyond the shift stays below 37 hours a week on average over the norm period.

    Source: agreement 79.01 (norm period of 4 weeks and more). A warning: what lies beyond is overtime and priced.
    """
    if carer.norm_balance_s is None or overrun <= timedelta(0):
        return None
    beyond_s = carer.norm_balance_s + overrun.total_seconds()
    if beyond_s <= 0.0:
        return None
    norm_s = rates.norm_week.total_seconds()
    return Breach("norm_exceeded", Weight.WARNING, {"carer_id": carer.id, "beyond_s": beyond_s, "norm_s": norm_s})


def visit_window(visit: Visit, starts_at: datetime, settings: RuleSettings = RULE_SETTINGS) -> Breach | None:
    """A visit starts inside its window; lateness is priced, and beyond the grace somebody should know.

    A start before the window opens is hard: the citizen is not ready and the door right does not hold yet.
    """
    if visit.window_open_at - starts_at > CLOCK_TOLERANCE:
        return _hard("before_window", visit_id=visit.id, starts_at=starts_at, window_open_at=visit.window_open_at)
    late = starts_at - visit.window_close_at
    if late <= settings.window_grace + CLOCK_TOLERANCE:
        return None
    return Breach(
        "late_start",
        Weight.WARNING,
        {
            "visit_id": visit.id,
            "starts_at": starts_at,
            "window_close_at": visit.window_close_at,
            "late_s": late.total_seconds(),
        },
    )


def reach_in_time(visit: Visit, carer_id: CarerId, due_at: datetime, earliest_at: datetime) -> Breach | None:
    """The carer can be there when the visit must start: the stop before has ended and the way is done."""
    if earliest_at - due_at <= CLOCK_TOLERANCE:
        return None
    return _hard("cannot_reach", visit_id=visit.id, carer_id=carer_id, due_at=due_at, earliest_at=earliest_at)


def two_carers(pair: Pair, first_carer: CarerId, second_carer: CarerId) -> Breach | None:
    """A double visit is done by two different carers."""
    if first_carer != second_carer:
        return None
    return _hard("same_carer_twice", first_visit_id=pair.first_id, second_visit_id=pair.second_id, carer_id=first_carer)


def not_begun(visit: Visit) -> Breach | None:
    """A visit that has begun does not move."""
    return _hard("visit_begun", visit_id=visit.id) if visit.begun else None


def pinned_carer(visit: Visit, carer_id: CarerId | None) -> Breach | None:
    """A visit locked to a carer stays with that carer."""
    if visit.pinned_carer_id is None or visit.pinned_carer_id == carer_id:
        return None
    return _hard("carer_pinned", visit_id=visit.id, pinned_carer_id=visit.pinned_carer_id)


def pinned_start(visit: Visit, starts_at: datetime) -> Breach | None:
    """A visit locked to a time starts at that time."""
    pinned_at = visit.pinned_start_at
    if pinned_at is None or abs(starts_at - pinned_at) <= CLOCK_TOLERANCE:
        return None
    return _hard("start_pinned", visit_id=visit.id, pinned_start_at=pinned_at, starts_at=starts_at)


def may_do(day: Day, visit: Visit, carer: Carer) -> tuple[Breach, ...]:
    """Every hard rule that forbids this carer this visit whatever the time of day; empty: may do it."""
    found = (
        skill(visit, carer),
        competence(visit, carer, day.on),
        one_carer_aid(day, visit),
        unit(visit, carer, day.acting_unit),
        _unit_open(day, visit),
        key_access(visit, day.citizen_by_id[visit.citizen_id], carer),
        citizen_wish(day.citizen_by_id[visit.citizen_id], carer),
        pinned_carer(visit, carer.id),
        rest_before_shift(carer, None),
    )
    return tuple(breach for breach in found if breach is not None and breach.weight is Weight.HARD)


def rest_before_shift(carer: Carer, agreement_ref: str | None) -> Breach | None:
    """Daily rest between the previous shift and this one."""
    if carer.previous_shift_ended_at is None:
        return None
    return daily_rest(
        carer.id,
        carer.previous_shift_ended_at,
        carer.shift_starts_at,
        agreement_ref or carer.rest_agreement_ref,
    )


def rest_after_shift(carer: Carer, work_ends_at: datetime, agreement_ref: str | None) -> Breach | None:
    """Daily rest between the end of this day's work and the next shift."""
    if carer.next_shift_starts_at is None:
        return None
    return daily_rest(carer.id, work_ends_at, carer.next_shift_starts_at, agreement_ref or carer.rest_agreement_ref)


def latest_work_end(carer: Carer, settings: RuleSettings = RULE_SETTINGS) -> datetime:
    """The latest end of a visit that keeps shift hours and leaves the daily rest before the next shift."""
    if carer.next_shift_starts_at is None:
        return carer.shift_ends_at
    rest = settings.daily_rest_with_agreement if carer.rest_agreement_ref else settings.daily_rest
    return min(carer.shift_ends_at, carer.next_shift_starts_at - rest)


def _unit_open(day: Day, visit: Visit) -> Breach | None:
    acting = day.unit_by_id.get(day.acting_unit.get(visit.unit_id, visit.unit_id))
    return unit_open(visit, acting, day.on) if acting is not None else None


def _hard(code: str, **facts: Fact) -> Breach:
    return Breach(code, Weight.HARD, facts)
