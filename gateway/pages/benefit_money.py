"""*Økonomi*: kroner of each case against its budget, when it pays back, and which assumption it hangs on."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from gateway.deps import PartsDep, ReadDep
from gateway.kept_overviews import money_of
from gateway.pages.manager_choice import PERIODS, Chosen, Manager
from gateway.pages.manager_facts import age_of
from gateway.pages.money_facts import CaseKroner, ranges_of
from gateway.routing import Router
from gateway.web.render import language_of, render
from metrics.money.assumptions import Assumptions, Result, Swing, result_of, swings_of
from metrics.targets import READINGS
from metrics.technologies import TECHNOLOGIES, name_of

#: the drawing of the sums, in its own units
WIDTH, LEFT, TOP, BOTTOM = 460.0, 8.0, 14.0, 150.0
#: room for the figures at the end of the lines, and how far apart they are at least
RIGHT, APART = 92.0, 14.0
#: the drawing of what a case hangs on
SWING_WIDTH = 300.0

router = Router(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Curves:
    """The sums month by month as points of the two lines, and the interval at the end of the first.

    ``labels_y`` are the heights of the figures at the ends of the lines: realised, then budget.
    """

    realised: tuple[tuple[float, float], ...]
    budget: tuple[tuple[float, float], ...]
    interval: tuple[float, float, float] | None
    zero_y: float
    labels_y: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Hanging:
    """One case with its assumptions as asked for: what it comes to, and the swings with their places."""

    case: CaseKroner
    basis: Assumptions
    asked: Assumptions
    result: Result
    swings: tuple[Swing, ...]
    bars: tuple[tuple[float, float], ...]
    middle_x: float


@router.get("/leder/oekonomi")
def money_page(
    request: Request,
    _who: Manager,
    parts: PartsDep,
    read: ReadDep,
    choice: Chosen,
    case: Annotated[str, Query(alias="sag", max_length=100)] = "",
    adoption: Annotated[float | None, Query(alias="brug", ge=0, le=100)] = None,
    minutes: Annotated[float | None, Query(alias="minutter", ge=-1_000, le=10_000)] = None,
    rate: Annotated[float | None, Query(alias="sats", ge=0, le=10_000)] = None,
    delay: Annotated[float | None, Query(alias="forsinkelse", ge=0, le=60)] = None,
) -> HTMLResponse:
    """Kroner by case; the assumptions of one of them can be moved, without a script as a plain form."""
    if choice is None:
        return render(request, "manager/not_adopted.html")
    now = parts.clock.now()
    figures = money_of(parts, read, choice, now)
    cases = figures.cases
    told = [one for one in cases if one.basis is not None]
    chosen = next((one for one in told if _key(one) == case), told[0] if told else None)
    hanging = None
    if chosen is not None and chosen.basis is not None:
        basis = chosen.basis
        asked = Assumptions(
            occasions_a_year=basis.occasions_a_year,
            adoption_ratio=basis.adoption_ratio if adoption is None else adoption / 100,
            minutes=basis.minutes if minutes is None else minutes,
            rate_ore=basis.rate_ore if rate is None else rate * 100,
            delay_months=0.0 if delay is None else delay,
        )
        hanging = _hanging(chosen, basis, asked)
    language = language_of(request)
    return render(
        request,
        "manager/money.html",
        **age_of(figures.computed_at, now),
        choice=choice,
        cases=cases,
        told=told,
        curves=[curves_of(one) for one in cases],
        hanging=hanging,
        key_of=_key,
        names={technology: name_of(technology, language) for technology in TECHNOLOGIES},
        periods=PERIODS,
        readings=READINGS,
        choices=choice.mine,
    )


def curves_of(case: CaseKroner) -> Curves | None:
    """The two lines of a case's sums; ``None`` with fewer than two months to draw a line between."""
    points = case.points
    told = [point.realised_ore for point in points if point.realised_ore is not None]
    if len(points) < 2 or not told:
        return None
    ends = [case.spread_ore.p10, case.spread_ore.p90] if case.spread_ore is not None else []
    every = [0, *told, *(point.budget_ore for point in points), *ends]
    low, high = min(every), max(1, *every)

    def y(ore: int) -> float:
        return round(BOTTOM - (ore - low) / (high - low) * (BOTTOM - TOP), 1)

    def x(index: int) -> float:
        return round(LEFT + index * (WIDTH - RIGHT - LEFT) / (len(points) - 1), 1)

    realised = tuple((x(i), y(p.realised_ore)) for i, p in enumerate(points) if p.realised_ore is not None)
    complete = len(realised) == len(points) and case.spread_ore is not None
    interval = (realised[-1][0], y(ends[1]), y(ends[0])) if complete else None
    budget = tuple((x(i), y(p.budget_ore)) for i, p in enumerate(points))
    return Curves(realised, budget, interval, y(0), _apart(realised[-1][1] + 4, budget[-1][1] + 4))


def _apart(realised_y: float, budget_y: float) -> tuple[float, float]:
    """The heights of two figures, moved away from each other where they would overlap."""
    lacking = APART - abs(realised_y - budget_y)
    if lacking <= 0:
        return realised_y, budget_y
    move = lacking / 2 if realised_y > budget_y else -lacking / 2
    return round(realised_y + move, 1), round(budget_y - move, 1)


def _key(case: CaseKroner) -> str:
    return case.row.technology if case.row.unit_id is None else f"{case.row.technology}:{case.row.unit_id}"


def _hanging(case: CaseKroner, basis: Assumptions, asked: Assumptions) -> Hanging:
    result = result_of(case.money, asked)
    swings = swings_of(case.money, asked, ranges_of(case, asked))
    ends = [result.left_ore, *(e for s in swings for e in (s.left_at_low_ore, s.left_at_high_ore))]
    low, span = min(ends), max(1, max(ends) - min(ends))

    def x(ore: int) -> float:
        return round(4 + (ore - low) / span * (SWING_WIDTH - 8), 1)

    bars = tuple(
        (x(min(s.left_at_low_ore, s.left_at_high_ore)), x(max(s.left_at_low_ore, s.left_at_high_ore))) for s in swings
    )
    return Hanging(case, basis, asked, result, swings, bars, x(result.left_ore))
