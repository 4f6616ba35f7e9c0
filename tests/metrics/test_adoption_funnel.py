"""How far a technology is in use, in subjects; and nothing about a few of them."""

from datetime import timedelta

from metrics.adoption_funnel import AdoptionStep, adoption_funnel, adoption_funnels
from tests.metrics.care import MONDAY, SUNDAY, enrolled, morning, screen_visit, transfer, visit
from tests.metrics.town import live_a_week
from tests.metrics.world import Shift, World, plain_shift

NEXT_SUNDAY = SUNDAY + timedelta(days=7)


def counts(steps: list[AdoptionStep]) -> dict[str, int | None]:
    return {step.key: step.count for step in steps}


def funnel(world: World, technology: str, unit_ids: tuple[str, ...] = ("nord",)) -> dict[str, int | None]:
    world.fold()
    with world.database.reading() as session:
        return counts(adoption_funnel(session, technology, unit_ids, MONDAY, NEXT_SUNDAY))


def test_citizens_go_from_enrolled_to_installed_to_used_weekly(world: World) -> None:
    world.append(*(enrolled(f"c{n}") for n in range(20)))
    both, one, never = range(6), range(6, 12), range(12, 20)
    for week in (0, 7):
        on = MONDAY + timedelta(days=week)
        for n in [*both, *(one if week == 0 else ())]:
            world.append(*screen_visit(f"c{n}", on))
        for n in never:
            world.append(*visit(f"c{n}", on))
    world.append(*visit("x", NEXT_SUNDAY + timedelta(days=2)))
    assert funnel(world, "screen") == {"enrolled": 20, "installed": 12, "used_weekly": 12, "used_at_share": 6}


def test_residents_who_are_never_moved_stay_enrolled_only(world: World) -> None:
    world.append(*(enrolled(f"r{n}", "transfers") for n in range(12)))
    for day in range(14):
        on = MONDAY + timedelta(days=day)
        world.append(*(transfer(f"r{n}", on) for n in range(6)), morning(on + timedelta(days=1)))
    found = funnel(world, "transfers")
    assert found == {"enrolled": 12, "installed": 6, "used_weekly": 6, "used_at_share": 6}


def test_carers_are_enrolled_by_their_shifts_and_installed_by_a_route_on_the_tablet(world: World) -> None:
    stops = plain_shift("x", MONDAY).stops
    world.live(*(plain_shift(f"c{n}", MONDAY) for n in range(7)))
    world.live(*(Shift(f"v{n}", MONDAY, stops, delivered_min=None) for n in range(5)))
    assert funnel(world, "keys") == {"enrolled": 12, "installed": 7, "used_weekly": 7, "used_at_share": 7}


def test_few_subjects_are_not_shown_nor_how_few_fell_away(world: World) -> None:
    live_a_week(world)
    world.append(*(enrolled(f"late-{n}") for n in range(2)))
    assert funnel(world, "screen") == {"enrolled": 8, "installed": None, "used_weekly": None, "used_at_share": None}
    assert set(funnel(world, "screen", ("midtbyen",)).values()) == {0}


def test_a_unit_of_few_is_not_found_by_taking_the_others_from_the_whole(world: World) -> None:
    world.append(*(enrolled(f"n{n}") for n in range(12)), *(enrolled(f"m{n}", unit_id="midtbyen") for n in range(9)))
    world.append(*(enrolled(f"a{n}", unit_id="amager") for n in range(3)))
    world.append(*visit("x", NEXT_SUNDAY + timedelta(days=2)))
    world.fold()
    with world.database.reading() as session:
        found = adoption_funnels(session, "screen", ("nord", "midtbyen", "amager"), MONDAY, NEXT_SUNDAY)
    assert {unit: steps[0].count for unit, steps in found.items()} == {
        None: 24,
        "nord": 12,
        "midtbyen": None,
        "amager": None,
    }


def test_use_before_the_period_still_counts_as_installed(world: World) -> None:
    world.append(*(enrolled(f"c{n}") for n in range(6)))
    for n in range(6):
        world.append(*screen_visit(f"c{n}", MONDAY))
    world.append(*visit("x", NEXT_SUNDAY + timedelta(days=2)))
    world.fold()
    with world.database.reading() as session:
        found = adoption_funnel(session, "screen", ["nord"], SUNDAY + timedelta(days=1), NEXT_SUNDAY)
    assert counts(found) == {"enrolled": 6, "installed": 6, "used_weekly": 0, "used_at_share": 0}
