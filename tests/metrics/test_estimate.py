"""How sure a figure is: the interval covers the truth as often as it says, and repeats byte for byte."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from metrics.estimate import (
    DRAWS,
    MeasuredSubject,
    PairedSample,
    PairedSubject,
    SubjectOccasions,
    UnitSample,
    draw_paired,
    draw_unit,
    estimate_total,
    estimate_unit,
    grade,
    selection_not_ruled_out,
)
from metrics.targets import Comparison

PERIOD = (date(2026, 9, 30), date(2026, 11, 25))
LOTS = Comparison(description="Center Amager begyndte tolv uger senere", by_lot=True)


def simulated(seed: int, carers: int, measured: int) -> tuple[UnitSample, float]:
    """A unit with a known true saving: each carer has her own time before and after, each shift its noise."""
    rng = np.random.default_rng(seed)
    before_s = rng.normal(1_500, 240, carers)
    after_s = rng.normal(600, 240, carers)
    shift_counts = rng.integers(15, 45, carers)
    truth_s = float((shift_counts * (before_s - after_s)).sum())
    spent = [int(rng.normal(a, 180, n).sum()) for a, n in zip(after_s, shift_counts, strict=True)]
    study = [MeasuredSubject(20, int(rng.normal(b, 180, 20).sum())) for b in rng.normal(1_500, 240, measured)]
    mean_s = round(sum(m.total_s for m in study) / sum(m.count for m in study))
    return (
        UnitSample(
            unit_id=f"unit-{seed}",
            realised_s=mean_s * int(shift_counts.sum()) - sum(spent),
            subjects=tuple(SubjectOccasions((int(n),), s) for n, s in zip(shift_counts, spent, strict=True)),
            baselines=(tuple(study),),
        ),
        truth_s,
    )


@pytest.mark.parametrize(("carers", "measured", "method"), [(40, 40, "redraw"), (9, 30, "t")])
def test_the_eighty_percent_interval_covers_a_known_truth_about_eight_times_in_ten(
    carers: int, measured: int, method: str
) -> None:
    covered = 0
    for seed in range(200):
        sample, truth_s = simulated(seed, carers, measured)
        drawn = draw_unit(sample, rule_version="keys-1", period=PERIOD)
        assert drawn is not None
        assert drawn.method == method
        found = estimate_unit(drawn, 0)
        covered += found.p10_s <= truth_s <= found.p90_s
    assert 140 <= covered <= 180


def test_the_probability_of_a_target_is_calibrated_at_the_middle_and_the_ends() -> None:
    sample, _truth_s = simulated(1, 40, 40)
    drawn = draw_unit(sample, rule_version="keys-1", period=PERIOD)
    assert drawn is not None
    middle = estimate_unit(drawn, 0)
    assert middle.target_probability_ratio == 1
    assert estimate_unit(drawn, middle.p50_s).target_probability_ratio == pytest.approx(0.5, abs=0.01)
    assert estimate_unit(drawn, middle.p90_s).target_probability_ratio == pytest.approx(0.1, abs=0.01)
    assert middle.p50_s == pytest.approx(sample.realised_s, rel=0.01)


def test_the_same_sample_gives_the_same_draws_whatever_order_its_carers_come_in() -> None:
    sample, _truth_s = simulated(3, 30, 30)
    shuffled = UnitSample(sample.unit_id, sample.realised_s, sample.subjects[::-1], (sample.baselines[0][::-1],))
    first = draw_unit(sample, rule_version="keys-1", period=PERIOD)
    second = draw_unit(shuffled, rule_version="keys-1", period=PERIOD)
    assert first is not None
    assert second is not None
    assert first.draws_s.tobytes() == second.draws_s.tobytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda s: draw_unit(s, rule_version="keys-2", period=PERIOD),
        lambda s: draw_unit(s, rule_version="keys-1", period=(PERIOD[0], date(2026, 11, 24))),
    ],
    ids=["rule", "period"],
)
def test_another_rule_or_period_draws_anew(change: Callable[[UnitSample], object]) -> None:
    sample, _truth_s = simulated(3, 30, 30)
    first, second = draw_unit(sample, rule_version="keys-1", period=PERIOD), change(sample)
    assert first is not None
    assert second is not None
    assert first.draws_s.tobytes() != getattr(second, "draws_s").tobytes()  # noqa: B009


def test_carers_who_all_save_the_same_leave_only_the_baselines_uncertainty() -> None:
    subjects = tuple(SubjectOccasions((20,), 20 * 600) for _ in range(20))
    exact = tuple(MeasuredSubject(10, 15_000) for _ in range(20))
    sample = UnitSample("nord", 20 * 20 * 900, subjects, (exact,))
    drawn = draw_unit(sample, rule_version="keys-1", period=PERIOD)
    assert drawn is not None
    found = estimate_unit(drawn, 0)
    assert found.p10_s == found.p50_s == found.p90_s == 360_000


def test_redrawing_the_baseline_widens_the_interval() -> None:
    sample, _truth_s = simulated(4, 40, 40)
    sure = tuple(MeasuredSubject(20, 20 * 1_500) for _ in range(40))
    widths = []
    for baseline in (sample.baselines[0], sure):
        drawn = draw_unit(
            UnitSample("nord", sample.realised_s, sample.subjects, (baseline,)),
            rule_version="keys-1",
            period=PERIOD,
        )
        assert drawn is not None
        found = estimate_unit(drawn, 0)
        widths.append(found.p90_s - found.p10_s)
    assert widths[0] > widths[1] * 1.2


def test_shifts_measured_against_two_baselines_are_weighed_by_how_many_there_are_of_each() -> None:
    subjects = tuple(SubjectOccasions((10, 30), 40 * 600) for _ in range(20))
    baselines = tuple(tuple(MeasuredSubject(10, 10 * mean_s) for _ in range(20)) for mean_s in (1_500, 1_200))
    sample = UnitSample("nord", 20 * (10 * 900 + 30 * 600), subjects, baselines)
    drawn = draw_unit(sample, rule_version="keys-1", period=PERIOD)
    assert drawn is not None
    assert estimate_unit(drawn, 0).p50_s == sample.realised_s


def test_the_total_of_independent_units_is_narrower_than_the_sum_of_their_intervals() -> None:
    parts = []
    for seed in (5, 6, 7):
        drawn = draw_unit(simulated(seed, 40, 40)[0], rule_version="keys-1", period=PERIOD)
        assert drawn is not None
        parts.append(drawn)
    each = [estimate_unit(part, 0) for part in parts]
    total = estimate_total(parts, 0)
    assert total.p90_s - total.p10_s < 0.8 * sum(e.p90_s - e.p10_s for e in each)
    assert total.p50_s == pytest.approx(sum(e.p50_s for e in each), rel=0.01)
    assert estimate_total(parts[:1], 0) == each[0]


def test_of_one_carer_nothing_is_said() -> None:
    sample, _truth_s = simulated(8, 1, 20)
    assert draw_unit(sample, rule_version="keys-1", period=PERIOD) is None
    with pytest.raises(ValueError, match="at least one unit"):
        estimate_total([], 0)


def test_draws_have_the_promised_shape() -> None:
    drawn = draw_unit(simulated(9, 20, 20)[0], rule_version="keys-1", period=PERIOD)
    assert drawn is not None
    assert drawn.draws_s.shape == (DRAWS,)


def simulated_pairs(seed: int, subjects: int, weeks: int = 8) -> tuple[PairedSample, float]:
    """Citizens measured against themselves; the second value is what just these citizens truly saved."""
    rng = np.random.default_rng(seed)
    before_s = rng.normal(12_000, 3_000, subjects)
    saved_s = rng.normal(1_500, 1_500, subjects)
    occasions = rng.integers(4, 9, subjects)
    pairs = []
    realised_s = 0
    for before, saved, count in zip(before_s, saved_s, occasions, strict=True):
        measured = tuple(int(s) for s in rng.normal(before, 1_200, weeks))
        spent_s = int(rng.normal(before - saved, 1_200, count).sum())
        realised_s += int(count) * round(sum(measured) / weeks) - spent_s
        pairs.append(PairedSubject(((int(count), measured),), spent_s))
    return PairedSample(f"unit-{seed}", realised_s, tuple(pairs)), float((saved_s * occasions).sum())


@pytest.mark.parametrize(("subjects", "method"), [(40, "redraw"), (9, "t")])
def test_the_interval_holds_what_just_these_subjects_saved_eight_times_in_ten_however_they_differ(
    subjects: int, method: str
) -> None:
    covered = 0
    for seed in range(200):
        sample, truth_s = simulated_pairs(seed, subjects)
        drawn = draw_paired(sample, rule_version="screen-1", period=PERIOD)
        assert drawn is not None
        assert drawn.method == method
        found = estimate_unit(drawn, 0)
        covered += found.p10_s <= truth_s <= found.p90_s
    assert 140 <= covered <= 180


def measured_carers(seed: int, carers: int, others: bool) -> tuple[UnitSample, float]:
    """A unit whose carers differ a lot before and hardly after; the study was of them or of others of the unit."""
    rng = np.random.default_rng(seed)
    usual_s = rng.normal(1_600, 320, carers)
    studied_s = rng.normal(1_600, 320, carers) if others else usual_s
    study = []
    for n, mean_s in enumerate(studied_s):
        days = tuple((1, int(s)) for s in rng.normal(mean_s, 400, 8))
        study.append(MeasuredSubject(8, sum(s for _n, s in days), f"{'other' if others else 'carer'}-{n}", days))
    counterfactual_s = [rng.normal(mean_s, 400, 6).sum() for mean_s in usual_s]
    spent = rng.normal(6 * 600, 200, carers).astype(int)
    mean_s = sum(m.total_s for m in study) / (8 * carers)
    subjects = tuple(SubjectOccasions((6,), int(s), f"carer-{n}") for n, s in enumerate(spent))
    sample = UnitSample(f"unit-{seed}", round(6 * carers * mean_s) - int(spent.sum()), subjects, (tuple(study),))
    return sample, float(sum(counterfactual_s) - spent.sum())


@pytest.mark.parametrize("others", [False, True], ids=["the same carers", "others"])
@pytest.mark.parametrize("carers", [40, 10])
def test_the_interval_knows_whether_the_carers_of_the_study_are_those_of_the_period(carers: int, others: bool) -> None:
    covered = 0
    for seed in range(200):
        sample, truth_s = measured_carers(seed, carers, others)
        drawn = draw_unit(sample, rule_version="keys-1", period=PERIOD)
        assert drawn is not None
        found = estimate_unit(drawn, 0)
        covered += found.p10_s <= truth_s <= found.p90_s
    assert 140 <= covered <= 180


def test_a_subject_measured_once_is_as_unsure_as_the_others_are_in_proportion() -> None:
    often = tuple(PairedSubject(((7, (10_800, 13_200)),), 77_000) for _ in range(20))
    widths = []
    for once in ((), tuple(PairedSubject(((7, (12_000,)),), 77_000) for _ in range(20))):
        drawn = draw_paired(PairedSample("nord", 140_000, (*often, *once)), rule_version="screen-1", period=PERIOD)
        assert drawn is not None
        found = estimate_unit(drawn, 0)
        widths.append(found.p90_s - found.p10_s)
    assert widths[1] > widths[0] * 1.5


def test_where_everybody_was_measured_once_the_scatter_between_subjects_is_all_there_is() -> None:
    once = tuple(PairedSubject(((7, (12_000 + 600 * n,)),), 77_000) for n in range(20))
    drawn = draw_paired(PairedSample("nord", 140_000, once), rule_version="screen-1", period=PERIOD)
    assert drawn is not None
    assert drawn.method == "t"
    found = estimate_unit(drawn, 0)
    assert found.p10_s < 140_000 < found.p90_s


def test_differences_between_citizens_are_no_uncertainty_of_their_savings() -> None:
    alike = tuple(PairedSubject(((7, (12_000,) * 8),), 7 * 11_000) for _ in range(20))
    different = tuple(PairedSubject(((7, (4_000 * n,) * 8),), 7 * (4_000 * n - 1_000)) for n in range(1, 21))
    for subjects in (alike, different):
        drawn = draw_paired(PairedSample("nord", 140_000, subjects), rule_version="screen-1", period=PERIOD)
        assert drawn is not None
        found = estimate_unit(drawn, 0)
        assert found.p10_s == found.p50_s == found.p90_s == 140_000


def test_a_baseline_that_varies_from_week_to_week_widens_the_interval() -> None:
    widths = []
    for weeks in ((12_000,) * 4, (6_000, 18_000, 6_000, 18_000)):
        subjects = tuple(PairedSubject(((7, weeks),), 7 * 11_000) for _ in range(20))
        drawn = draw_paired(PairedSample("nord", 140_000, subjects), rule_version="screen-1", period=PERIOD)
        assert drawn is not None
        found = estimate_unit(drawn, 0)
        widths.append(found.p90_s - found.p10_s)
    assert widths[0] == 0 < widths[1]


def test_pairs_give_the_same_draws_whatever_order_subjects_and_weeks_come_in() -> None:
    sample, _truth_s = simulated_pairs(3, 30)
    turned = tuple(PairedSubject(((s.before[0][0], s.before[0][1][::-1]),), s.spent_s) for s in sample.subjects[::-1])
    again = PairedSample(sample.unit_id, sample.realised_s, turned)
    first, second = (draw_paired(each, rule_version="screen-1", period=PERIOD) for each in (sample, again))
    assert first is not None
    assert second is not None
    assert first.draws_s.tobytes() == second.draws_s.tobytes()


def test_of_one_citizen_nothing_is_said() -> None:
    assert draw_paired(simulated_pairs(1, 1)[0], rule_version="screen-1", period=PERIOD) is None


@pytest.mark.parametrize(
    ("measured", "device", "subjects", "compared", "expected"),
    [
        (True, True, 40, True, "A"),
        (True, False, 40, True, "B"),
        (True, True, 40, False, "C"),
        (True, True, 14, True, "C"),
        (False, True, 40, True, "D"),
    ],
    ids=["devices", "taps", "no comparison", "few carers", "assumed"],
)
def test_the_grade_follows_from_comparison_devices_and_numbers(
    measured: bool, device: bool, subjects: int, compared: bool, expected: str
) -> None:
    found = grade(measured_baseline=measured, all_by_device=device, subject_count=subjects, compared=compared)
    assert found == expected


def test_only_drawing_lots_rules_selection_out() -> None:
    assert selection_not_ruled_out(None)
    assert selection_not_ruled_out(Comparison(description="naboens center uden lås"))
    assert not selection_not_ruled_out(LOTS)
