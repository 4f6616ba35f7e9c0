"""Whose day a visit after midnight is: of the night that makes it, on the nights the clocks change too."""

from datetime import date, datetime, time, timedelta

import pytest

from kernel.localtime import at_local
from scheduling.nights import Duty, visit_day

MONDAY = date(2026, 11, 30)
SPRING, AUTUMN = date(2027, 3, 27), date(2026, 10, 24)
NEXT = timedelta(days=1)


def duty(day: date, starts: str, ends: str) -> Duty:
    starts_at, ends_at = (at_local(day, time.fromisoformat(clock)) for clock in (starts, ends))
    return Duty(day, starts_at, ends_at if ends > starts else at_local(day + NEXT, time.fromisoformat(ends)))


def window(day: date, opens: str, closes: str) -> tuple[datetime, datetime]:
    return at_local(day, time.fromisoformat(opens)), at_local(day, time.fromisoformat(closes))


NIGHT, DAY = duty(MONDAY, "22:45", "07:15"), duty(MONDAY + NEXT, "06:00", "14:00")


@pytest.mark.parametrize(
    ("opens", "closes", "duties", "is_nights"),
    [
        pytest.param("00:30", "00:50", [NIGHT, DAY], True, id="only the night is there"),
        pytest.param("06:20", "06:40", [NIGHT], True, id="before anybody of the day"),
        pytest.param("06:20", "06:40", [NIGHT, DAY], False, id="both could: its own date"),
        pytest.param("05:45", "06:05", [NIGHT, DAY], False, id="the day begins inside the window"),
        pytest.param("07:00", "07:30", [NIGHT], False, id="it would last longer than the night"),
        pytest.param("00:30", "00:50", [DAY], False, id="nobody at all: its own date"),
        pytest.param("00:30", "00:50", [], False, id="no shifts yet"),
        pytest.param("00:30", "00:50", [duty(MONDAY - NEXT, "22:45", "07:15")], False, id="another night"),
    ],
)
def test_a_visit_belongs_to_the_date_it_opens_on_unless_only_the_night_before_can_make_it(
    opens: str, closes: str, duties: list[Duty], is_nights: bool
) -> None:
    own = MONDAY + NEXT

    assert visit_day(*window(own, opens, closes), 1_200.0, duties) == (MONDAY if is_nights else own)


@pytest.mark.parametrize(
    ("saturday", "hours"), [(SPRING, 7.5), (AUTUMN, 9.5)], ids=["an hour is missing", "an hour comes twice"]
)
def test_on_the_nights_the_clocks_change_a_shift_has_its_real_hours_and_all_its_visits(
    saturday: date, hours: float
) -> None:
    night = duty(saturday, "22:45", "07:15")

    assert (night.ends_at - night.starts_at) == timedelta(hours=hours)
    assert night.passes_midnight
    for clock in ("00:00", "01:55", "02:30", "03:05", "06:30"):
        opens_at = at_local(saturday + NEXT, time.fromisoformat(clock))
        assert visit_day(opens_at, opens_at, 1_800.0, [night]) == saturday


def test_a_shift_that_ends_at_midnight_does_not_pass_it() -> None:
    assert not duty(MONDAY, "15:00", "00:00").passes_midnight
    assert duty(MONDAY, "15:00", "00:01").passes_midnight
