"""How simulated carers begin their day."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.behaviour import PlannedStop, live_shift
from tests.scheduling.days import SEVEN


@given(seed=st.integers(0, 10_000), hours_later=st.floats(0, 8), needs_key=st.booleans())
def test_nobody_stands_at_the_first_door_long_before_it_may_be_opened(
    seed: int, hours_later: float, needs_key: bool
) -> None:
    first = PlannedStop("v", SEVEN + timedelta(hours=hours_later), 900.0, 5.0, "d", needs_key)

    lived = live_shift(Random(seed), Random(seed + 1), SEVEN, [first])

    assert lived.stops[0].arrives_at >= first.start_at - timedelta(minutes=3, seconds=1)
    assert lived.starts_at >= SEVEN - timedelta(minutes=6)
    assert timedelta() < lived.stops[0].arrives_at - lived.starts_at < timedelta(minutes=45)
    assert (lived.start_place == "base") or not needs_key
