"""What must not be shown, also not by subtraction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.suppression import MINIMUM_SUBJECTS, Cell, Withheld, withhold


@pytest.mark.parametrize(
    ("counts", "total", "keys", "hides_total"),
    [
        ([40, 42, 41], 123, "", False),
        ([3, 42, 41], 86, "ac", False),
        ([3, 4, 41], 48, "ab", False),
        ([2, 2, 41], 45, "abc", False),
        ([3], 3, "a", True),
        ([0, 42, 41], 83, "", False),
        ([3, 0, 41], 44, "ac", False),
        ([3, 0, 0], 3, "a", True),
        ([2, 2], 4, "ab", True),
        ([3, 3], 6, "ab", False),
    ],
)
def test_small_cells_take_another_with_them(counts: list[int], total: int, keys: str, hides_total: bool) -> None:
    cells = [Cell(key, count) for key, count in zip("abc", counts, strict=False)]
    assert withhold(cells, total) == Withheld(frozenset(keys), hides_total)


@given(st.lists(st.integers(min_value=0, max_value=30), min_size=1, max_size=8))
def test_neither_a_shown_cell_nor_a_difference_rests_on_one_to_four_carers(counts: list[int]) -> None:
    cells = [Cell(f"u{n}", count) for n, count in enumerate(counts)]
    found = withhold(cells, sum(counts))
    assert all(c.subject_count == 0 or c.subject_count >= MINIMUM_SUBJECTS for c in cells if c.key not in found.keys)
    hidden = [c.subject_count for c in cells if c.key in found.keys]
    if hidden and not found.total:
        assert len(hidden) >= 2
        assert sum(hidden) >= MINIMUM_SUBJECTS
    if 0 < sum(counts) < MINIMUM_SUBJECTS:
        assert found.total


@given(st.lists(st.integers(min_value=5, max_value=30), min_size=1, max_size=8))
def test_nothing_is_withheld_where_every_cell_is_large_enough(counts: list[int]) -> None:
    cells = [Cell(f"u{n}", count) for n, count in enumerate(counts)]
    assert withhold(cells, sum(counts)) == Withheld(frozenset(), False)
