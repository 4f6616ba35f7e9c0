"""Who has not begun is measured beside those who have, by the same rules, and is named on the figure."""

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta

from sqlmodel import col, select

from kernel.events import Event
from kernel.localtime import at_local
from metrics.adoption import AdoptedUnit, Adoption
from metrics.report import BenefitRow, all_benefits
from metrics.report_formats import to_csv
from metrics.store import is_unreplaced
from metrics.tables import EntryRow
from tests.metrics.care import MONDAY, SETTLED_ON, SUNDAY, enrolled, left, screen_csv, screen_visit, visit
from tests.metrics.town import NOW, TO_ON, adoptions, cases, live_a_week
from tests.metrics.world import CASE_ID, GO_LIVE_ON, UNITS, Shift, Stop, World, adoption, plain_shift

DAYS = [MONDAY + timedelta(days=n) for n in range(2)]
BEGUN, WAITING = [f"a{n}" for n in range(6)], [f"b{n}" for n in range(6)]


def as_before(carer: str, day: date, unit_id: str = "nord", minutes: float = 30) -> Shift:
    """Half of the minutes before the first visit and half after the last, and no route on the tablet."""
    stops = (Stop(minutes / 2, 200), Stop(206, 420 - minutes / 2))
    return Shift(carer, day, stops, unit_id, delivered_min=None)


def keys_row(world: World, adopted: Adoption | None = None, unit_id: str | None = "nord") -> BenefitRow:
    rows = world.report(GO_LIVE_ON, DAYS[-1], adopted=adopted)
    return next(row for row in rows if row.unit_id == unit_id)


def untouched(world: World, technology: str = "screen") -> list[EntryRow]:
    """Lines of those who have not begun that none replaces, in order."""
    query = select(EntryRow).where(is_unreplaced(), col(EntryRow.rule_version) == f"{technology}-0")
    with world.database.reading() as session:
        return list(session.exec(query.order_by(col(EntryRow.day_on), col(EntryRow.id))))


def carers(world: World, waiting: Sequence[str], unit_id: str = "nord", minutes: float = 30) -> None:
    """Five with keys (15 minutes saved a day) and others who still fetch them; ten were measured."""
    world.measure(carers=10)
    world.live(*(plain_shift(f"nord-{n}", day) for n in range(5) for day in DAYS))
    world.live(*(as_before(carer, day, unit_id, minutes) for carer in waiting for day in DAYS))
    world.fold()


def test_carers_who_still_fetch_keys_are_the_comparison_and_count_for_nobody(world: World) -> None:
    carers(world, [f"nord-{n}" for n in range(5, 10)])
    row = keys_row(world)
    assert (row.realised_s, row.subject_count, row.ineligible_count) == (10 * 900, 5, 10)
    # By their own means they took 25 minutes a shift, and take 30: so would the others without keys.
    found = row.compared
    assert found is not None
    assert (found.where, found.subject_count, found.change_ratio) == ("same_unit", 5, 0.2)
    assert found.realised_s == 10 * (1_800 - 600)
    assert found.p10_s < found.realised_s < found.p90_s
    assert "Sammenlignet med 5 medarbejdere i samme enhed" in row.compared_text()
    assert row.compared_text("en").startswith("Compared with 5 carers of the same unit")
    assert to_csv([row]).splitlines()[1].split(";")[-6:-4] == ["same_unit", "5"]
    # Their time rose by a fifth, so a figure without them is not the whole story.
    assert "drift" in row.threats
    assert [(e.outcome, e.net_s) for e in untouched(world, "keys")] == [("counted", 25 * 60 - 30 * 60)] * 10


def test_a_group_that_did_not_change_rules_drift_out_and_says_nothing_of_selection(world: World) -> None:
    carers(world, [f"nord-{n}" for n in range(5, 10)], minutes=25)
    assert keys_row(world).threats == ("selection", "regression")


def test_too_few_carers_or_none_of_them_measured_are_no_group_and_the_figure_says_so(world: World) -> None:
    carers(world, [*(f"nord-{n}" for n in range(6, 10)), *(f"stranger-{n}" for n in range(6))])
    row = keys_row(world)
    assert row.compared is None
    assert row.compared_text() == (
        "Ingen sammenligningsgruppe: der er ikke 5 medarbejdere, som er målt og ikke er begyndt."
    )
    assert row.grade == "C"


def test_who_has_a_route_on_any_day_has_begun_and_is_compared_with_nobody(world: World) -> None:
    carers(world, [f"nord-{n}" for n in range(5, 10)])
    assert keys_row(world).compared is not None
    world.live(plain_shift("nord-6", DAYS[-1] + timedelta(days=1)))
    world.fold()
    rows = world.report(GO_LIVE_ON, DAYS[-1] + timedelta(days=1))
    assert next(row for row in rows if row.unit_id == "nord").compared is None


def test_units_that_have_not_begun_are_compared_with_where_the_unit_itself_has_too_few(world: World) -> None:
    waiting = Adoption(
        case_id=CASE_ID,
        units=tuple(
            AdoptedUnit(
                unit_id=unit,
                name=UNITS[unit],
                document_unit="Center Nord",
                go_live_on=GO_LIVE_ON if unit == "nord" else date(2027, 1, 1),
                share=0.5,
            )
            for unit in ("nord", "amager")
        ),
    )
    carers(world, [f"amager-{n}" for n in range(6)], "amager")
    found = keys_row(world, waiting).compared
    assert found is not None
    assert found.where == "other_units"
    # Once amager has begun it is nobody's comparison, and its shifts without a route are just not counted.
    assert keys_row(world, adoption(units=["nord", "amager"])).compared is None


def screen_row(world: World, unit_id: str | None = "nord") -> BenefitRow:
    with world.database.reading() as session:
        rows = all_benefits(
            session,
            from_on=MONDAY,
            to_on=TO_ON,
            cases=cases(),
            adoptions=adoptions(["nord"]),
            reading="stated",
            now=NOW,
        )
    return next(row for row in rows if row.technology == "screen" and row.unit_id == unit_id)


def citizens(minutes: float) -> Iterator[Event]:
    for n, (begun, waiting) in enumerate(zip(BEGUN, WAITING, strict=True)):
        yield enrolled(begun)
        yield from screen_visit(begun, MONDAY, time(9, n), minutes=20)
        for day in range(5):
            yield from visit(waiting, MONDAY + timedelta(days=day), time(10, n), minutes=minutes + n % 3 - 1)


def live_citizens(world: World, minutes: float = 35) -> None:
    world.import_measurements("screen", screen_csv([*BEGUN, *WAITING], [(140, 50), (160, 50)]))
    world.append(*sorted(citizens(minutes), key=lambda event: event.at))
    world.append(*visit("somebody-else", SETTLED_ON, time(7)))
    world.fold()


def test_measured_citizens_who_are_not_enrolled_are_the_comparison_of_screen_visits(world: World) -> None:
    live_citizens(world)
    # Five visits of 35 + 5 minutes a week, 200 before: nothing changed.
    found = screen_row(world).compared
    assert found is not None
    assert (found.subject_count, found.change_ratio, found.realised_s) == (6, 0.0, screen_row(world).realised_s)
    assert [(e.unit_id, e.outcome, e.baseline_s, e.reason) for e in untouched(world)] == [
        ("nord", "counted", 12_000, None)
    ] * 6
    assert {e.subject for e in untouched(world)} == {world.pseudonyms.subject(c) for c in WAITING}
    assert screen_row(world, None).compared is not None


def test_a_week_told_late_corrects_the_comparison_and_one_who_begins_leaves_it(world: World) -> None:
    live_citizens(world)
    world.append(*visit(WAITING[0], SUNDAY, time(18), minutes=90))
    world.append(*visit(WAITING[1], SUNDAY, time(18), unit_id="amager"), *visit(WAITING[2], SUNDAY, minutes=None))
    world.append(enrolled(WAITING[3], at=at_local(SETTLED_ON, time(8))), left("b3", at_local(SETTLED_ON, time(9))))
    world.append(*visit(WAITING[3], MONDAY + timedelta(days=9), minutes=30))
    world.append(*visit("somebody-else", SETTLED_ON + timedelta(days=7), time(7)))
    world.fold()
    subject = world.pseudonyms.subject
    found = {(e.subject, e.day_on): (e.outcome, e.reason, e.revision) for e in untouched(world)}
    assert found[subject(WAITING[0]), SUNDAY] == ("counted", None, 3)
    assert found[subject(WAITING[1]), SUNDAY][:2] == ("ineligible", "no_visit")
    assert found[subject(WAITING[2]), SUNDAY][:2] == ("ineligible", "visit_not_ended")
    # The week before she began stands; of the week she began and left in there is none.
    assert found[subject(WAITING[3]), SUNDAY] == ("counted", None, 1)
    assert (subject(WAITING[3]), SUNDAY + timedelta(days=7)) not in found
    # Three are left of that week: nobody is compared with so few.
    assert screen_row(world).compared is None


def test_lifts_have_no_comparison_and_say_why(world: World) -> None:
    live_a_week(world)
    world.fold()
    with world.database.reading() as session:
        rows = all_benefits(
            session,
            from_on=MONDAY,
            to_on=TO_ON,
            cases=cases(),
            adoptions=adoptions(["nord"]),
            reading="stated",
            now=NOW,
        )
    (row, _total) = [row for row in rows if row.technology == "transfers"]
    assert row.status == "ok"
    assert row.compared_text("en") == ("No comparison group: without a device no events tell when there were two.")
