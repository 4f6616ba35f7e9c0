"""One carer instead of two: who and what has to be approved, and the share converted by the document's own figures."""

from datetime import date

import pytest

from scheduling.model import AidState
from scheduling.transfer_rules import (
    FIRST_YEAR_SHARE,
    LATER_SHARE,
    PlannedTransfer,
    RotaPart,
    conversion_of,
    may_be_done_by_one,
    rota_lacks,
    told_share,
)

LIFT = AidState("lift-1", "lift")
OVERDUE = AidState("lift-1", "lift", "inspection_overdue", date(2026, 10, 1))
DAY = RotaPart("day", frozenset({"anna", "bo"}), {"lift": frozenset({"anna"})})
NIGHT = RotaPart("night", frozenset({"bo"}), {"lift": frozenset({"anna"})})


def _code(aid: str, aids: list[AidState], rota: list[RotaPart]) -> str | None:
    breach = may_be_done_by_one(aid, aids, rota)
    return None if breach is None else breach.code


@pytest.mark.parametrize(
    ("aid", "aids", "rota", "expected"),
    [
        ("lift", [LIFT], [DAY], None),
        ("lift", [OVERDUE, AidState("lift-2", "lift")], [DAY], None),  # one approved aid of the kind is enough
        ("lift", [LIFT], [], None),  # nobody knows tomorrow's rota yet: its import will be asked
        ("none", [LIFT], [DAY], "one_carer_needs_aid"),
        ("lift", [], [DAY], "aid_missing"),
        ("turning", [LIFT], [DAY], "aid_missing"),  # a lift is no turning system
        ("lift", [OVERDUE], [DAY], "aid_not_approved"),
        ("lift", [AidState("lift-1", "lift", "fault_open")], [DAY], "aid_not_approved"),
        ("lift", [LIFT], [DAY, NIGHT], "rota_without_competence"),  # she who has learnt it sleeps
    ],
)
def test_one_carer_is_enough_only_with_an_approved_aid_and_an_approved_carer_on_every_part_of_the_rota(
    aid: str, aids: list[AidState], rota: list[RotaPart], expected: str | None
) -> None:
    assert _code(aid, aids, rota) == expected


def test_the_reason_names_what_is_wrong_since_when() -> None:
    breach = may_be_done_by_one("lift", [OVERDUE], [DAY])

    assert breach is not None
    assert (breach.facts["problem"], breach.facts["due_on"]) == ("inspection_overdue", "2026-10-01")
    lacking = rota_lacks({"lift"}, [NIGHT])
    assert lacking is not None
    assert (lacking.facts["part"], lacking.facts["missing"]) == ("night", "transfer_lift")


def test_the_share_is_of_transfers_a_day_and_not_of_citizens_or_rows() -> None:
    plans = [
        PlannedTransfer("a", "lift", 6, 2, 1),
        PlannedTransfer("a", "none", 1, 2, 2),
        PlannedTransfer("b", "turning", 3, 2, 2),
        PlannedTransfer("c", "lift", 9, 1, 1),  # was always one: there was nothing to convert
    ]
    found = conversion_of(plans)

    assert (found.two_person_per_day, found.converted_per_day, found.citizens) == (10, 6, 2)
    assert found.share == FIRST_YEAR_SHARE
    assert conversion_of([]).share is None


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2025, 12, 31), None),  # before it began
        (date(2026, 1, 1), 0.60),  # 003:7924: year 1, up to 60 %
        (date(2026, 12, 31), 0.60),
        (date(2027, 1, 1), 0.75),  # 003:7925: years 2 to 4, up to 75 %
        (date(2029, 12, 31), 0.75),
        (date(2030, 1, 1), None),  # the source tells of no fifth year
    ],
)
def test_what_the_source_tells_of_is_sixty_percent_in_the_first_year_and_seventy_five_until_the_fourth(
    on: date, expected: float | None
) -> None:
    assert told_share(date(2026, 1, 1), on) == expected


def test_the_pilots_125_residents_reach_the_sources_shares_when_so_many_are_converted() -> None:
    # 003:7947: two centres with 125 residents; four transfers by two each makes 500 a day to go through.
    def converted(count: int) -> float | None:
        return conversion_of(
            [PlannedTransfer(f"r{n // 4}", "lift", 1, 2, 1 if n < count else 2) for n in range(500)]
        ).share

    assert (converted(300), converted(375)) == (FIRST_YEAR_SHARE, LATER_SHARE)
