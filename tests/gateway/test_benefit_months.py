"""A month is closed by a person, once, on the page; what changes afterwards stands beside it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from kernel.clock import SimulatedWorldClock
from tests.gateway.benefits_town import BenefitsTown, benefits_town
from tests.metrics.all_technologies import FIRST_WEEK_ON
from tests.metrics.world import plain_shift

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenefitsTown]:
    """Three weeks of October 2026, looked at in November."""
    with benefits_town(tmp_path_factory.mktemp("months")) as started:
        for clock in (started.runtime.clock, started.world.clock):
            assert isinstance(clock, SimulatedWorldClock)
            clock.advance_to(datetime(2026, 11, 3, 9, tzinfo=UTC))
        yield started


def close(town: BenefitsTown, identity: str, month: str = "2026-10") -> tuple[int, str]:
    with closing(town.person(identity)) as person:
        answer = person.post("/leder/maaneder", f"maaned={month}".encode(), **FORM)
    return answer.status, answer.content.decode()


def page(town: BenefitsTown, identity: str = "manager") -> str:
    with closing(town.person(identity)) as person:
        answer = person.get("/leder/maaneder")
    assert answer.status == 200
    return answer.content.decode()


def test_only_a_manager_who_sees_every_centre_closes_a_month_and_only_when_it_is_over(town: BenefitsTown) -> None:
    assert "Luk oktober 2026" in page(town)
    assert "Luk oktober 2026" not in page(town, "leader-nord")
    assert "Luk oktober 2026" not in page(town, "auditor")
    status, said = close(town, "leader-nord")
    assert (status, "Bed en leder, der ser dem alle" in said) == (403, True)
    assert close(town, "auditor")[0] == 403
    status, said = close(town, "manager", "2026-11")
    assert (status, "2026-11 er ikke slut endnu. Luk måneden, når den er forbi." in said) == (409, True)
    assert close(town, "manager", "oktober")[0] == 422
    assert "Luk oktober 2026" in page(town)


def test_a_closed_month_stands_and_what_comes_late_is_a_correction_beside_it(town: BenefitsTown) -> None:
    assert close(town, "manager")[0] == 303
    closed = page(town)
    assert "Lukket" in closed
    assert "Luk oktober 2026" not in closed
    assert "Rettelse" not in closed
    status, said = close(town, "manager")
    assert (status, "2026-10 er allerede lukket. Ændringer vises som rettelser." in said) == (409, True)
    late_on = FIRST_WEEK_ON + timedelta(days=15)
    town.world.live(*(plain_shift(f"late-{n}", late_on) for n in range(6)))
    town.world.fold()
    corrected = page(town)
    assert "Rettelse" in corrected
    # The figure as closed is the one that was there before.
    assert closed.split("<tbody>")[1].split("</tr>")[0] == corrected.split("<tbody>")[1].split("</tr>")[0]
    assert "Rettelse" not in page(town, "leader-bakken")
