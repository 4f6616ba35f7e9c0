"""May this carer open this door now: one refusal a rule, at its edge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devices.keys.model import (
    Allowed,
    ClockState,
    DoorFacts,
    RefusalCode,
    Refused,
    RightFacts,
    VisitFacts,
)
from devices.keys.rules import may_open, visit_window

START_AT = datetime(2026, 11, 25, 9, 45, tzinfo=UTC)
END_AT = START_AT + timedelta(minutes=25)
MINUTE = timedelta(minutes=1)
DOOR = DoorFacts(epoch=3, clock=ClockState.OK, battery_mv=5_900, battery_empty_mv=4_400)
RIGHT = RightFacts(epoch=3, expires_at=END_AT + 60 * MINUTE, revoked_at=None)
FACTS = VisitFacts(
    now_at=START_AT,
    carer="mette",
    planned_carer="mette",
    planned_start_at=START_AT,
    planned_end_at=END_AT,
    consent_active=True,
    right=RIGHT,
    door=DOOR,
    required_competences=frozenset({"insulin"}),
    held_competences=frozenset({"insulin", "lift"}),
)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(FACTS, id="everything in order"),
        pytest.param(replace(FACTS, now_at=START_AT - 30 * MINUTE), id="the first moment"),
        pytest.param(replace(FACTS, now_at=END_AT + 60 * MINUTE), id="the last moment"),
        pytest.param(replace(FACTS, required_competences=frozenset()), id="nothing special needed"),
        pytest.param(replace(FACTS, right=replace(RIGHT, epoch=4)), id="a newer right than the door knows"),
        pytest.param(replace(FACTS, door=replace(DOOR, battery_mv=4_401)), id="just enough battery"),
        pytest.param(replace(FACTS, door=replace(DOOR, battery_mv=None)), id="battery not told"),
        pytest.param(replace(FACTS, door=replace(DOOR, clock=None)), id="a lock without a clock"),
        pytest.param(replace(FACTS, door=replace(DOOR, clock=ClockState.UNSURE)), id="clock good for a while"),
    ],
)
def test_a_planned_visit_with_everything_in_order_may_be_opened(facts: VisitFacts) -> None:
    assert may_open(facts) == Allowed(START_AT - 30 * MINUTE, END_AT + 60 * MINUTE)


@pytest.mark.parametrize(
    ("facts", "code", "told"),
    [
        pytest.param(
            replace(FACTS, now_at=START_AT - 30 * MINUTE - timedelta(microseconds=1)),
            RefusalCode.OUTSIDE_VISIT_WINDOW,
            {"opens_at": START_AT - 30 * MINUTE, "planned_start_at": START_AT},
            id="a moment too early",
        ),
        pytest.param(
            replace(FACTS, now_at=END_AT + 60 * MINUTE + timedelta(microseconds=1)),
            RefusalCode.OUTSIDE_VISIT_WINDOW,
            {"closes_at": END_AT + 60 * MINUTE},
            id="a moment too late",
        ),
        pytest.param(
            replace(FACTS, planned_carer="ali", moved_at=START_AT, moved_reason="syg"),
            RefusalCode.NOT_ON_ROUTE,
            {"moved_at": START_AT, "reason": "syg"},
            id="moved to somebody else",
        ),
        pytest.param(replace(FACTS, planned_carer=None), RefusalCode.NOT_ON_ROUTE, {}, id="on nobody's route"),
        pytest.param(replace(FACTS, right=None), RefusalCode.NOT_ON_ROUTE, {}, id="no door right"),
        pytest.param(
            replace(FACTS, required_competences=frozenset({"sonde", "insulin", "kateter"})),
            RefusalCode.MISSING_COMPETENCE,
            {"competence": "kateter, sonde"},
            id="two competences missing",
        ),
        pytest.param(
            replace(FACTS, right=replace(RIGHT, expires_at=START_AT - MINUTE)),
            RefusalCode.GRANT_EXPIRED,
            {"expired_at": START_AT - MINUTE},
            id="right over before the window",
        ),
        pytest.param(
            replace(FACTS, right=replace(RIGHT, revoked_at=START_AT)),
            RefusalCode.EPOCH_REVOKED,
            {"revoked_at": START_AT},
            id="tablet reported lost",
        ),
        pytest.param(replace(FACTS, right=replace(RIGHT, epoch=2)), RefusalCode.EPOCH_REVOKED, {}, id="an older epoch"),
        pytest.param(
            replace(FACTS, door=replace(DOOR, clock=ClockState.LOST)),
            RefusalCode.CLOCK_UNSURE,
            {},
            id="no clock",
        ),
        pytest.param(replace(FACTS, consent_active=False), RefusalCode.CONSENT_WITHDRAWN, {}, id="consent withdrawn"),
        pytest.param(
            replace(FACTS, door=replace(DOOR, battery_mv=4_400)),
            RefusalCode.BATTERY_LOW,
            {"battery_mv": 4_400, "battery_empty_mv": 4_400},
            id="battery at the limit",
        ),
    ],
)
def test_each_broken_rule_gives_its_own_refusal_with_the_facts_of_its_sentence(
    facts: VisitFacts, code: RefusalCode, told: dict[str, object]
) -> None:
    verdict = may_open(facts)

    assert isinstance(verdict, Refused)
    assert verdict.code is code
    assert told.items() <= dict(verdict.facts).items()


def test_a_revoked_tablet_learns_nothing_else_about_the_visit() -> None:
    everything_wrong = replace(
        FACTS,
        now_at=START_AT - 600 * MINUTE,
        planned_carer="ali",
        consent_active=False,
        right=replace(RIGHT, revoked_at=START_AT),
        held_competences=frozenset(),
    )

    verdict = may_open(everything_wrong)

    assert isinstance(verdict, Refused)
    assert (verdict.code, dict(verdict.facts)) == (RefusalCode.EPOCH_REVOKED, {"revoked_at": START_AT})


@pytest.mark.parametrize(
    ("start_at", "end_at"),
    [(START_AT.replace(tzinfo=None), END_AT), (START_AT, END_AT.replace(tzinfo=None)), (END_AT, START_AT)],
    ids=["naive start", "naive end", "ends before it starts"],
)
def test_a_window_needs_two_aware_instants_in_order(start_at: datetime, end_at: datetime) -> None:
    with pytest.raises(ValueError, match="Expected"):
        visit_window(start_at, end_at)
