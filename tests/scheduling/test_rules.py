"""Every rule at its edge: the last moment at which it holds and the first at which it does not."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from kernel.ids import CarerId, DoorId, UnitId, VisitId
from scheduling import rules
from scheduling.model import Break, Competence, Door, Pair, Preferences, ShiftEnd, VisitMode
from scheduling.rules import Breach, Weight
from scheduling.working_time.pay import PAY_RATES
from tests.scheduling.days import SEVEN, lillestad

DAY = lillestad()
ANNA, BO = DAY.carers
AGNES = DAY.citizens[0]
V1, V2 = DAY.visits[:2]
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=61)


def code(breach: Breach | None) -> str | None:
    return None if breach is None else f"{breach.code}:{breach.weight}"


def test_a_missing_skill_is_named() -> None:
    breach = rules.skill(V2, BO)

    assert code(breach) == "missing_skill:hard"
    assert breach is not None
    assert breach.facts["missing"] == ("sygepleje",)
    assert rules.skill(V2, ANNA) is None


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (date(2026, 11, 25), None),
        (date(2026, 11, 24), "missing_competence:hard"),
        (None, None),
    ],
    ids=["valid to the end of the day", "ran out yesterday", "no end"],
)
def test_a_competence_counts_to_the_end_of_its_last_day(until: date | None, expected: str | None) -> None:
    carer = replace(ANNA, competences=(Competence("insulin", until),))

    assert code(rules.competence(V2, carer, DAY.on)) == expected


def test_a_competence_the_carer_never_had_is_missing() -> None:
    assert code(rules.competence(V2, BO, DAY.on)) == "missing_competence:hard"


def test_a_carer_of_another_unit_may_not_take_the_visit() -> None:
    assert rules.unit(V1, BO) is None
    assert code(rules.unit(V1, replace(BO, unit_id=UnitId("nord")))) == "other_unit:hard"


def test_a_citizen_can_ask_not_to_see_a_carer() -> None:
    citizen = replace(AGNES, preferences=Preferences(avoided_carer_ids=frozenset({BO.id})))

    assert code(rules.citizen_wish(citizen, BO)) == "citizen_wish:hard"
    assert rules.citizen_wish(citizen, ANNA) is None


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "expected"),
    [
        (SEVEN, SEVEN + timedelta(hours=8), None),
        (SEVEN - MOMENT, SEVEN + MINUTE, "outside_shift:hard"),
        (SEVEN + MINUTE, SEVEN + timedelta(hours=8) + MOMENT, "outside_shift:hard"),
    ],
    ids=["exactly the shift", "a moment before it", "a moment after it"],
)
def test_a_visit_lies_inside_the_shift(starts_at: datetime, ends_at: datetime, expected: str | None) -> None:
    assert code(rules.shift_hours(ANNA, V1, starts_at, ends_at)) == expected


@pytest.mark.parametrize(
    ("rest", "agreement", "expected"),
    [
        (timedelta(hours=11), None, None),
        (timedelta(hours=11) - MINUTE, None, "daily_rest:hard"),
        (timedelta(hours=11) - MINUTE, "LA-7", "daily_rest:warning"),
        (timedelta(hours=8), "LA-7", "daily_rest:warning"),
        (timedelta(hours=8) - MINUTE, "LA-7", "daily_rest:hard"),
    ],
    ids=["11 h", "a minute short", "short by agreement", "8 h by agreement", "below any agreement"],
)
def test_daily_rest_is_eleven_hours_or_eight_by_agreement(
    rest: timedelta, agreement: str | None, expected: str | None
) -> None:
    assert code(rules.daily_rest(ANNA.id, SEVEN - rest, SEVEN, agreement)) == expected


def test_a_short_rest_carries_the_figures_of_the_sentence_it_becomes() -> None:
    ends_at, starts_at = datetime.fromisoformat("2026-11-24T22:40+01:00"), SEVEN

    breach = rules.daily_rest(CarerId("karin"), ends_at, starts_at, None)

    assert breach is not None
    assert breach.facts == {
        "carer_id": "karin",
        "ends_at": ends_at,
        "starts_at": starts_at,
        "rest_s": (8 * 60 + 20) * 60.0,
        "required_s": 11 * 3600.0,
    }


def test_rest_is_counted_on_both_sides_of_the_shift() -> None:
    tired = replace(ANNA, previous_shift_ended_at=SEVEN - timedelta(hours=9))
    early = replace(ANNA, next_shift_starts_at=SEVEN + timedelta(hours=18))

    assert code(rules.rest_before_shift(tired, None)) == "daily_rest:hard"
    assert code(rules.rest_before_shift(tired, "LA-7")) == "daily_rest:warning"
    assert code(rules.rest_before_shift(replace(tired, rest_agreement_ref="LA-7"), None)) == "daily_rest:warning"
    assert rules.rest_before_shift(ANNA, None) is None
    assert rules.rest_after_shift(early, SEVEN + timedelta(hours=7), None) is None
    assert code(rules.rest_after_shift(early, SEVEN + timedelta(hours=7, minutes=1), None)) == "daily_rest:hard"
    assert rules.rest_after_shift(ANNA, SEVEN + timedelta(hours=20), None) is None


def test_work_may_end_no_later_than_the_shift_and_the_rest_before_the_next_allow() -> None:
    early = replace(ANNA, next_shift_starts_at=SEVEN + timedelta(hours=18))

    assert rules.latest_work_end(ANNA) == ANNA.shift_ends_at
    assert rules.latest_work_end(early) == SEVEN + timedelta(hours=7)
    assert rules.latest_work_end(replace(early, rest_agreement_ref="LA-7")) == ANNA.shift_ends_at


@pytest.mark.parametrize(
    ("starts_at", "expected"),
    [
        (SEVEN, None),
        (SEVEN - MOMENT, "before_window:hard"),
        (SEVEN + timedelta(minutes=75), None),
        (SEVEN + timedelta(minutes=75) + MINUTE, "late_start:warning"),
    ],
    ids=["as it opens", "a moment before", "at the end of the grace", "a minute behind the grace"],
)
def test_a_window_binds_before_and_warns_behind(starts_at: datetime, expected: str | None) -> None:
    assert code(rules.visit_window(V1, starts_at)) == expected


def test_a_visit_that_cannot_be_reached_in_time_tells_when_it_could_be() -> None:
    breach = rules.reach_in_time(V1, ANNA.id, SEVEN, SEVEN + MINUTE)

    assert code(breach) == "cannot_reach:hard"
    assert breach is not None
    assert breach.facts["earliest_at"] == SEVEN + MINUTE
    assert rules.reach_in_time(V1, ANNA.id, SEVEN, SEVEN) is None


def test_a_double_visit_needs_two_carers() -> None:
    pair = Pair(VisitId("v3"), VisitId("v4"))

    assert code(rules.two_carers(pair, ANNA.id, ANNA.id)) == "same_carer_twice:hard"
    assert rules.two_carers(pair, ANNA.id, BO.id) is None


def test_a_begun_visit_does_not_move() -> None:
    assert code(rules.not_begun(replace(V1, begun=True))) == "visit_begun:hard"
    assert rules.not_begun(V1) is None


def test_a_pinned_visit_keeps_its_carer_and_its_start() -> None:
    pinned = replace(V1, pinned_carer_id=ANNA.id, pinned_start_at=SEVEN)

    assert code(rules.pinned_carer(pinned, BO.id)) == "carer_pinned:hard"
    assert code(rules.pinned_carer(pinned, None)) == "carer_pinned:hard"
    assert rules.pinned_carer(pinned, ANNA.id) is None
    assert code(rules.pinned_start(pinned, SEVEN + MINUTE)) == "start_pinned:hard"
    assert rules.pinned_start(pinned, SEVEN) is None
    assert rules.pinned_start(V1, SEVEN + MINUTE) is None


def test_all_reasons_against_a_carer_are_told_at_once() -> None:
    assert [b.code for b in rules.may_do(DAY, V2, BO)] == ["missing_skill", "missing_competence"]
    assert rules.may_do(DAY, V2, ANNA) == ()


def test_a_rest_shortened_by_agreement_forbids_nothing() -> None:
    tired = replace(ANNA, previous_shift_ended_at=SEVEN - timedelta(hours=9), rest_agreement_ref="LA-7")

    assert rules.may_do(DAY, V1, tired) == ()
    assert [b.weight for b in rules.may_do(DAY, V1, replace(tired, rest_agreement_ref=None))] == [Weight.HARD]


def test_a_key_at_the_base_is_with_who_begins_there_and_a_named_one_with_its_holder() -> None:
    citizen = replace(DAY.citizens[1], door=Door(DoorId("d"), None, key_at_base=True))
    from_home = replace(BO, starts_from=ShiftEnd.HOME)
    held = replace(citizen, door=Door(DoorId("d"), None, key_carer_ids=frozenset({ANNA.id})))

    assert rules.key_access(V2, citizen, BO) is None
    assert code(rules.key_access(V2, citizen, from_home)) == "no_key:hard"
    assert rules.key_access(V2, held, ANNA) is None
    assert code(rules.key_access(V2, held, BO)) == "no_key:hard"


def test_a_lock_a_screen_or_a_door_nothing_is_known_of_needs_no_key() -> None:
    locked = replace(DAY.citizens[1], door=Door(DoorId("d"), "lock", key_at_base=True))
    keyed = replace(DAY.citizens[1], door=Door(DoorId("d"), None, key_at_base=True))
    from_home = replace(BO, starts_from=ShiftEnd.HOME)

    assert rules.key_access(V2, locked, from_home) is None
    assert rules.key_access(replace(V2, mode=VisitMode.SCREEN), keyed, from_home) is None
    assert rules.key_access(V2, replace(keyed, door=Door(DoorId("d"))), from_home) is None
    assert rules.key_access(V2, replace(keyed, door=None), from_home) is None


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(None, None, None), (0, 0, None), (1, None, "unit_closed:hard"), (None, -1, "unit_closed:hard")],
)
def test_a_unit_does_visits_from_its_first_day_to_its_last(
    first: int | None, last: int | None, expected: str | None
) -> None:
    on = {days: DAY.on + timedelta(days=days) for days in (-1, 0, 1)}
    unit = replace(
        DAY.units[0],
        valid_from_on=None if first is None else on[first],
        valid_to_on=None if last is None else on[last],
    )

    assert code(rules.unit_open(V1, unit, DAY.on)) == expected


def test_merged_units_are_one() -> None:
    nord = replace(BO, unit_id=UnitId("nord"))

    assert rules.unit(V1, nord, {V1.unit_id: UnitId("nord")}) is None
    assert code(rules.unit(V1, nord, {V1.unit_id: UnitId("syd")})) == "other_unit:hard"


@pytest.mark.parametrize(("minutes", "expected"), [(0, None), (60, None), (61, "break_too_late:hard")])
def test_a_break_begins_inside_its_window(minutes: int, expected: str | None) -> None:
    rest = Break(SEVEN, SEVEN + timedelta(hours=1), 1800.0)

    assert code(rules.shift_break(ANNA.id, rest, SEVEN + timedelta(minutes=minutes))) == expected


def test_a_shift_of_more_than_six_hours_without_a_break_is_told() -> None:
    six = replace(ANNA, shift_ends_at=ANNA.shift_starts_at + timedelta(hours=6))

    assert code(rules.shift_has_break(ANNA)) == "no_break:warning"
    assert rules.shift_has_break(six) is None
    assert rules.shift_has_break(replace(ANNA, breaks=(Break(SEVEN, SEVEN, 1800.0),))) is None


@pytest.mark.parametrize(
    ("balance_s", "minutes", "expected"),
    [
        (None, 60, None),
        (-3600.0, 60, None),
        (-3599.0, 60, "norm_exceeded:warning"),
        (0.0, 0, None),
        (600.0, 1, "norm_exceeded:warning"),
    ],
)
def test_work_beyond_the_shift_stays_below_the_norm(
    balance_s: float | None, minutes: int, expected: str | None
) -> None:
    carer = replace(ANNA, norm_balance_s=balance_s)

    assert code(rules.norm_hours(carer, timedelta(minutes=minutes), PAY_RATES[0])) == expected
