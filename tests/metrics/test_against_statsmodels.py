"""The estimators of ours beside those of statsmodels, on the same samples.

Importing it takes a second and 115 MiB, which is why nothing that runs does: docs/adr/0011.
"""

from datetime import date, timedelta

import numpy as np
import pytest

from loadtests.honesty.table import wilson
from metrics.interrupted_series import UnitMonth, interrupted_series
from metrics.threats import CHANCE_RATIO, has_trend
from metrics.variance_components import Measurement, components, degrees_of_freedom


def months(seed: int) -> list[UnitMonth]:
    """Three units over a year and a half, one by one with a technology."""
    rng = np.random.default_rng(seed)
    return [
        UnitMonth(
            unit_id=f"unit-{unit}",
            number=24_300 + month,
            treated=month >= 6 + 3 * unit,
            minutes=visits * (30 + 2 * unit - 0.1 * month - 3 * (month >= 6 + 3 * unit) + rng.normal(0, 1)),
            visits=visits,
        )
        for unit in range(3)
        for month in range(18)
        for visits in [int(rng.integers(200, 2_000))]
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_interrupted_series_is_weighted_least_squares(seed: int) -> None:
    from statsmodels.regression.linear_model import WLS

    told = months(seed)
    units = sorted({m.unit_id for m in told})
    first = min(m.number for m in told)
    design = [[*(m.unit_id == unit for unit in units), m.number - first, m.treated] for m in told]
    fitted = WLS([m.per_visit_min for m in told], np.array(design, dtype=float), [m.visits for m in told]).fit()
    found = interrupted_series(told)
    assert found is not None
    assert (found.trend_min_a_month, found.step_min) == pytest.approx(tuple(fitted.params[-2:]))


def test_a_trend_is_seen_where_least_squares_with_errors_by_subject_sees_one() -> None:
    from statsmodels.regression.linear_model import OLS

    answers = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        subjects, days = 12, 5
        moved = rng.normal(0.4, 0.6, subjects)
        sample = [
            (f"s{s}", date(2026, 1, 5) + timedelta(days=7 * n), float(1_000 + 40 * s + 7 * n * moved[s] + noise))
            for s in range(subjects)
            for n, noise in enumerate(rng.normal(0, 9, days))
        ]
        x = np.array([on.toordinal() for _s, on, _y in sample], dtype=float).reshape(subjects, days)
        y = np.array([seconds for _s, _on, seconds in sample]).reshape(subjects, days)
        x, y = (values - values.mean(axis=1, keepdims=True) for values in (x, y))
        groups = np.repeat(np.arange(subjects), days)
        fitted = OLS(y.ravel(), x.ravel()).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        answers.append(has_trend(sample))
        assert answers[-1] == bool(fitted.pvalues[0] < CHANCE_RATIO), (seed, fitted.pvalues[0])
    assert 5 < sum(answers) < 35, "the samples are all alike"


@pytest.mark.parametrize("seed", range(3))
def test_variance_components_of_balanced_measurements_are_those_of_restricted_likelihood(seed: int) -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(seed)
    carers, days = 30, 6
    seconds = np.rint(1_500 + rng.normal(0, 120, (carers, 1)) + rng.normal(0, 200, (carers, days))).astype(int)
    found = components(
        [Measurement(days, int(row.sum()), tuple((1, int(one)) for one in row)) for row in seconds],
    )
    groups = np.repeat(np.arange(carers), days)
    fitted = MixedLM(seconds.ravel(), np.ones((carers * days, 1)), groups).fit(reml=True)
    assert found.between == pytest.approx(float(np.asarray(fitted.cov_re)[0, 0]), rel=0.001)
    assert found.within == pytest.approx(fitted.scale, rel=0.001)


def test_degrees_of_freedom_of_two_variances_are_those_of_welch() -> None:
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 3, 9), rng.normal(0, 1, 14)
    sources = [(float(np.var(s, ddof=1)) / len(s), len(s) - 1) for s in (one, other)]
    assert degrees_of_freedom(sources) == pytest.approx(CompareMeans(DescrStatsW(one), DescrStatsW(other)).dof_satt())


@pytest.mark.parametrize(("held", "runs"), [(0, 20), (326, 400), (400, 400)])
def test_the_interval_of_a_coverage_is_wilsons(held: int, runs: int) -> None:
    from statsmodels.stats.proportion import proportion_confint

    assert wilson(held, runs) == pytest.approx(proportion_confint(held, runs, alpha=0.05, method="wilson"), abs=1e-4)
