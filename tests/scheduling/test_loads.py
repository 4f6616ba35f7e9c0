import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.cost import CARE_WEIGHTS, HHCRSP_WEIGHTS, uneven_price_min
from scheduling.loads import Loads

WORK = [20.0, 35.5, 60.0, 12.3, 48.9, 90.0]
FAIR = [100.0, 50.0]


@given(changes=st.lists(st.tuples(st.integers(0, 1), st.floats(-90.0, 90.0)), max_size=30))
def test_undone_changes_leave_the_very_same_numbers(changes: list[tuple[int, float]]) -> None:
    loads = Loads(WORK, FAIR, CARE_WEIGHTS)
    loads.recount([[0, 1], [3]])
    before = (list(loads.load), loads.uneven)

    for c, work_min in changes:
        loads.add(c, work_min)
    loads.rollback()

    assert (loads.load, loads.uneven) == before


def test_a_change_costs_what_was_said_before_it_was_made() -> None:
    loads = Loads(WORK, FAIR, CARE_WEIGHTS)

    foretold = loads.uneven + loads.rise_min(1, 180.0)
    loads.add(1, 180.0)
    loads.commit()

    assert loads.uneven == pytest.approx(foretold)
    assert loads.uneven == pytest.approx(
        uneven_price_min(0.0, 100.0, CARE_WEIGHTS) + uneven_price_min(180.0, 50.0, CARE_WEIGHTS)
    )


def test_while_a_plan_is_filled_a_carer_who_is_ahead_of_the_others_is_dear_already() -> None:
    loads = Loads(WORK, FAIR, CARE_WEIGHTS)
    loads.add(0, 40.0)

    assert loads.rise_min(0, 20.0, share=0.1) > 0.0
    assert loads.rise_min(0, 20.0) < 0.0


def test_without_a_price_nothing_is_kept_and_nothing_costs() -> None:
    loads = Loads(WORK, [], HHCRSP_WEIGHTS)

    loads.add(1, 500.0)

    assert loads.rise_min(0, 500.0) == 0.0
    assert (loads.load, loads.uneven) == ([], 0.0)
