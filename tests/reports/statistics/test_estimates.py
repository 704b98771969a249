"""Means over problems with their standard errors and intervals, compared with known answers and known truths."""

import numpy as np
import pandas as pd
import pytest
import simulations
from made_up_tables import table
from scipy import stats

from influence_bench.reports.statistics import estimates


@pytest.mark.parametrize("design", ["1 × 5", "3 × 3", "4 × 5", "10 × 5"])
@pytest.mark.parametrize("deviations", [simulations.even, simulations.over_problems, simulations.on_one_problem])
def test_intervals_hold_the_true_mean_19_times_in_20(design: str, deviations: simulations.Deviations) -> None:
    assert 0.93 <= simulations.coverage(deviations, simulations.DESIGNS[design]) <= 0.97


@pytest.mark.parametrize("design", ["1 × 5", "3 × 3", "4 × 5", "10 × 5"])
def test_intervals_of_a_metric_near_1_hold_it_too(design: str) -> None:
    seeds = simulations.DESIGNS[design]
    assert 0.93 <= simulations.coverage_near_one(seeds, 0.009) <= 0.97


def test_intervals_of_a_share_never_leave_the_range_of_shares() -> None:
    near = table([[1.0, 0.9], [0.0, 0.2], [1.0, 1.0], [0.0, 0.0]], 1)
    bounds = estimates.share_intervals(near)
    assert ((bounds >= 0) & (bounds <= 1)).all(axis=None)
    assert bounds.loc["m2"].tolist() == [1, 1]
    assert bounds.loc["m3"].tolist() == [0, 0]


def test_an_interval_of_a_share_is_students_on_the_logit_of_the_mean() -> None:
    low, high = estimates.share_intervals(table([[0.90, 0.94]], 1)).loc["m0"]
    middle, reach = np.log(0.92 / 0.08), stats.t.ppf(0.975, 1) * 0.02 / (0.92 * 0.08)
    assert np.log(low / (1 - low)) == pytest.approx(middle - reach)
    assert np.log(high / (1 - high)) == pytest.approx(middle + reach)


def test_one_problem_has_students_interval() -> None:
    values = np.array([0.8, 0.84, 0.9])
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert estimates.estimate(table([values], 1).loc["m0"]).interval() == pytest.approx(tuple(expected))


def test_two_problems_have_welchs_interval() -> None:
    a, b = np.array([0.8, 0.84, 0.9]), np.array([0.3, 0.6, 0.2, 0.5, 0.9])
    welch = stats.ttest_ind(a, -b, equal_var=False).confidence_interval()
    columns = pd.MultiIndex.from_tuples([("a", i) for i in range(3)] + [("b", i) for i in range(5)])
    values = pd.DataFrame([np.r_[a, b]], columns=columns.set_names(["problem", "seed"]))
    assert estimates.estimate(values.loc[0]).interval() == pytest.approx((welch.low / 2, welch.high / 2))


def test_intervals_are_the_same_each_time_and_for_any_company() -> None:
    values = table(np.random.default_rng(0).normal(0.8, 0.01, (3, 12)), 4)
    bounds = estimates.share_intervals(values)
    pd.testing.assert_frame_equal(bounds, estimates.share_intervals(values))
    pd.testing.assert_frame_equal(bounds.loc[["m2"]], estimates.share_intervals(values.loc[["m2"]]))


def test_one_seed_has_no_interval() -> None:
    single = table(np.full((2, 4), 0.8), problems=4)
    assert estimates.estimates(single)[["error", "freedom"]].isna().all(axis=None)
    assert estimates.share_intervals(single).isna().all(axis=None)
    assert estimates.estimates(single)["mean"].tolist() == pytest.approx([0.8, 0.8])
