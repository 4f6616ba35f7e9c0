"""The exporter: gauges that agree with the ledger, quick to scrape, silent about few."""

from collections.abc import Iterator
from datetime import time, timedelta
from time import perf_counter
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from kernel.database import Database
from kernel.localtime import at_local
from metrics.adoption import Adoption
from metrics.benefit_gauges import BenefitCollector
from metrics.business_case import load_cases
from metrics.catalogue import BENEFITS
from metrics.exporter import ExporterServer, refresh_or_keep, serve_exporter
from metrics.rules_beside.choice import choose_rule
from metrics.technologies import WATERFALL
from tests.metrics.all_technologies import RESIDENCE, WholeWorld, adoptions
from tests.metrics.world import CASE_ID, GO_LIVE_ON, UNITS, World, adoption, plain_shift

LAST_ON = GO_LIVE_ON + timedelta(days=4)
REALISED = "omsorgstid_benefit_realised_seconds"


def lived(world: World, carers: dict[str, int]) -> World:
    world.measure()
    world.live(
        *(
            plain_shift(f"{unit}-{n}", GO_LIVE_ON + timedelta(days=day), unit, head_min=4 + n % 5)
            for day in range(5)
            for unit, count in carers.items()
            for n in range(count)
        )
    )
    world.fold()
    world.clock.advance_to(at_local(LAST_ON + timedelta(days=1), time(12)))
    return world


def collector_of(world: World, adopted: dict[str, Adoption] | None = None) -> BenefitCollector:
    in_use = adopted or {CASE_ID: adoption()}
    collector = BenefitCollector(world.database, world.clock, cases=load_cases(), adoptions=in_use)
    collector.refresh()
    return collector


def samples(collector: BenefitCollector) -> dict[tuple[str, tuple[str, ...]], float]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWorld]:
    """Three weeks of every technology."""
    made = WholeWorld(tmp_path_factory.mktemp("whole"))
    made.live_three_weeks()
    yield made
    made.close()


@pytest.fixture
def server(world: World) -> Iterator[ExporterServer]:
    lived(world, dict.fromkeys(UNITS, 16))
    in_use = {CASE_ID: adoption()}
    running = serve_exporter(world.url, 0, clock=world.clock, cases=load_cases(), adoptions=in_use, poll_s=0.05)
    yield running
    running.close()


def scrape(server: ExporterServer) -> str:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_the_gauges_are_the_reports_own_figures(world: World) -> None:
    lived(world, dict.fromkeys(UNITS, 16))
    found = samples(collector_of(world))
    *units, total = world.report(GO_LIVE_ON, LAST_ON)
    for row in [*units, total]:
        unit = row.unit_id or "all"
        assert found[REALISED, ("keys", unit, "p50")] == row.p50_s
        assert found[REALISED, ("keys", unit, "p10")] == row.p10_s
        assert found["omsorgstid_benefit_target_seconds", ("keys", unit)] == row.target_s
        chance = found["omsorgstid_benefit_target_probability_ratio", ("keys", unit)]
        assert chance == row.target_probability_ratio
    assert found["omsorgstid_benefit_evidence_grade_info", ("keys", "C")] == 1


def test_the_running_month_begins_with_its_first_day(world: World) -> None:
    lived(world, dict.fromkeys(UNITS, 16))
    month = world.report(LAST_ON.replace(day=1), LAST_ON)
    found = samples(collector_of(world))
    assert found["omsorgstid_benefit_month_realised_seconds", ("keys", "nord", "p50")] == month[0].p50_s


def test_today_is_not_shown_before_it_is_over(world: World) -> None:
    collector = collector_of(lived(world, dict.fromkeys(UNITS, 16)))
    before = samples(collector)
    world.live(plain_shift("nord-1", LAST_ON + timedelta(days=1)))
    world.fold()
    assert not collector.refresh()
    assert samples(collector)[REALISED, ("keys", "nord", "p50")] == before[REALISED, ("keys", "nord", "p50")]
    world.clock.advance_to(world.clock.now() + timedelta(days=1))
    assert collector.refresh()


def test_another_version_of_a_rule_is_served_as_soon_as_it_counts(world: World) -> None:
    collector = collector_of(lived(world, {"nord": 6}))
    assert not collector.refresh()
    with world.units.begin() as work:
        choose_rule(work, "keys-2", "benefit_owner")
    assert collector.refresh()
    assert not [labels for name, labels in samples(collector) if name == REALISED and labels[0] == "keys"]


def test_figures_of_few_carers_have_no_series_and_are_counted_as_withheld(world: World) -> None:
    found = samples(collector_of(lived(world, {"nord": 3, "midtbyen": 16, "amager": 17})))
    shown = {labels[1] for (name, labels) in found if name == REALISED}
    assert shown == {"amager", "all"}
    assert found["omsorgstid_benefit_cells_withheld", ("keys",)] == 2
    assert ("omsorgstid_benefit_target_seconds", ("keys", "nord")) in found


def test_units_in_use_without_a_baseline_are_counted(world: World) -> None:
    world.measure(unit_ids=["nord"])
    world.clock.advance_to(at_local(LAST_ON, time(12)))
    found = samples(collector_of(world))
    assert found["omsorgstid_benefit_baselines_missing", ("keys",)] == 2


def test_how_far_the_ledger_has_read_is_told(world: World) -> None:
    collector = collector_of(lived(world, dict.fromkeys(UNITS, 16)))
    read = samples(collector)
    last_update = ("omsorgstid_benefit_ledger_last_update_timestamp_seconds", ())
    assert read["omsorgstid_benefit_ledger_lag_events", ()] == 0
    assert read[last_update] == world.clock.now().timestamp()
    world.live(plain_shift("nord-1", LAST_ON + timedelta(days=1)))
    collector.refresh()
    behind = samples(collector)
    assert behind["omsorgstid_benefit_ledger_lag_events", ()] > 0
    assert behind[last_update] < world.clock.now().timestamp()


def test_before_go_live_the_exporter_serves_no_figures_and_does_not_fail(world: World) -> None:
    found = samples(collector_of(world))
    assert not [name for name, _labels in found if name == REALISED]


def test_every_served_metric_is_in_the_catalogue_with_its_labels(whole: WholeWorld) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector_of(whole, adoptions()))
    labels = {m.name: m.labels for m in BENEFITS}
    served = {family.name: family for family in registry.collect()}
    assert set(served) == set(labels)
    for name, family in served.items():
        assert family.samples, name
        assert all(tuple(sample.labels) == labels[name] for sample in family.samples)


def test_every_technology_is_served_by_unit_as_the_report_says(whole: WholeWorld) -> None:
    found = samples(collector_of(whole, adoptions()))
    rows = whole.rows()
    assert {row.technology for row in rows if row.status == "ok"} == set(WATERFALL)
    for row in rows:
        unit = row.unit_id or "all"
        assert found.get((REALISED, (row.technology, unit, "p50"))) == row.p50_s
        chance = found.get(("omsorgstid_benefit_target_probability_ratio", (row.technology, unit)))
        assert chance == row.target_probability_ratio
        target = found.get(("omsorgstid_benefit_target_seconds", (row.technology, unit)))
        promised = row.technology not in ("routing", "citizen_access")
        assert target == (row.target_s if promised else None)


def test_the_waterfall_is_served_in_seconds_freed_and_used(whole: WholeWorld) -> None:
    found = samples(collector_of(whole, adoptions()))
    name = "omsorgstid_benefit_waterfall_seconds"
    for step in whole.steps():
        assert step.net_s is not None
        assert found[name, (step.technology, "all", "freed")] == step.net_s
        assert found[name, (step.technology, "all", "used")] == step.used_s
    assert [step.technology for step in whole.steps()] == list(WATERFALL)


def test_the_waterfall_and_the_total_together_do_not_give_a_single_carer_away(world: World) -> None:
    found = samples(collector_of(lived(world, {"nord": 1, "midtbyen": 16, "amager": 17})))
    total = world.report(GO_LIVE_ON, LAST_ON)[-1]
    assert total.status == "ok"
    assert found["omsorgstid_benefit_waterfall_seconds", ("keys", "all", "freed")] == total.realised_s


def test_the_adoption_funnel_is_served_by_technology_and_unit(whole: WholeWorld) -> None:
    found = samples(collector_of(whole, adoptions()))
    name = "omsorgstid_adoption_subjects"
    assert found[name, ("screen", "all", "enrolled")] == 24
    assert found[name, ("screen", "nord", "used_weekly")] == 8
    assert found[name, ("transfers", RESIDENCE, "enrolled")] == 8
    assert found[name, ("keys", "all", "enrolled")] == 48


def test_a_step_that_one_unit_hides_is_shown_for_all_units_only(world: World) -> None:
    found = samples(collector_of(lived(world, {"nord": 3, "midtbyen": 16, "amager": 17})))
    keys = [labels for name, labels in found if name == "omsorgstid_adoption_subjects" and labels[0] == "keys"]
    assert {unit for _technology, unit, _step in keys} == {"all"}
    assert found["omsorgstid_adoption_subjects", ("keys", "all", "enrolled")] == 36


def test_what_was_not_adopted_has_no_series(world: World) -> None:
    found = samples(collector_of(lived(world, dict.fromkeys(UNITS, 16))))
    technologies = {labels[0] for _name, labels in found if labels}
    # Routes are planned for those who drive with the log: routing comes with the keys.
    assert technologies == {"keys", "routing"}
    assert found["omsorgstid_benefit_baselines_missing", ("routing",)] == 0


def test_a_centre_that_has_ended_no_longer_lacks_a_baseline(world: World) -> None:
    ends_on = GO_LIVE_ON + timedelta(days=1)
    units = [
        unit.model_copy(update={"valid_to_on": ends_on, "merged_into": "midtbyen"} if unit.unit_id == "amager" else {})
        for unit in adoption().units
    ]
    world.measure(unit_ids=["nord", "midtbyen"])
    world.clock.advance_to(at_local(LAST_ON, time(12)))
    merged = Adoption(case_id=CASE_ID, units=tuple(units))
    found = samples(collector_of(world, {CASE_ID: merged}))
    assert found["omsorgstid_benefit_baselines_missing", ("keys",)] == 0
    apart = samples(collector_of(world))
    assert apart["omsorgstid_benefit_baselines_missing", ("keys",)] == 1
    targets = [found["omsorgstid_benefit_target_seconds", ("keys", unit)] for unit in UNITS]
    assert sum(targets) == found["omsorgstid_benefit_target_seconds", ("keys", "all")]
    assert found["omsorgstid_benefit_target_seconds", ("keys", "all")] == pytest.approx(
        apart["omsorgstid_benefit_target_seconds", ("keys", "all")], abs=10
    )


def test_a_scrape_over_http_parses_and_takes_less_than_50_ms(server: ExporterServer) -> None:
    families = {family.name for family in text_string_to_metric_families(scrape(server))}
    assert REALISED in families
    took_s = []
    for _ in range(5):
        begun_s = perf_counter()
        scrape(server)
        took_s.append(perf_counter() - begun_s)
    assert min(took_s) < 0.05


def test_the_server_notices_a_changed_ledger_by_itself(server: ExporterServer, world: World) -> None:
    world.live(*(plain_shift(f"nord-{n}", LAST_ON, head_min=1) for n in range(20, 40)))
    world.fold()
    row = world.report(GO_LIVE_ON, LAST_ON)[0]
    expected = f'{REALISED}{{estimate="p50",technology="keys",unit="nord"}} {float(row.p50_s or 0)}'
    deadline_s = perf_counter() + 20
    while expected not in (served := scrape(server)) and perf_counter() < deadline_s:
        pass
    assert expected in served


def test_a_database_that_is_away_leaves_the_last_figures_standing(world: World) -> None:
    collector = collector_of(lived(world, dict.fromkeys(UNITS, 16)))
    before = samples(collector)
    other = Database(world.url)
    with other.writing() as session:
        session.execute(text("ALTER TABLE benefit_entry RENAME TO away"))
    other.dispose()
    refresh_or_keep(collector)
    key = (REALISED, ("keys", "all", "p50"))
    assert samples(collector)[key] == before[key]
