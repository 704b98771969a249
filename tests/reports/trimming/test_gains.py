"""The gains of trimming."""

import numpy as np
import pandas as pd
import pytest
from made_up_runs import MadeUpRun, retrained
from scipy import stats

from influence_bench.reports.trimming.gains import gains, mean_gains, trimming_of


def test_runs_that_retrained_the_same_models_count_them_once() -> None:
    once, twice = (trimming_of([MadeUpRun(trainings=retrained())] * times) for times in (1, 2))
    assert once is not None
    assert twice is not None
    pd.testing.assert_frame_equal(once.table, twice.table)


def test_trainings_without_a_random_removal_have_no_gains() -> None:
    interrupted = retrained().query("removal != 'random'")
    assert gains(interrupted).empty
    assert trimming_of([MadeUpRun(trainings=interrupted)]) is None
    assert trimming_of([MadeUpRun()]) is None


def test_budgets_are_in_order_of_their_numbers_and_the_true_one_is_last() -> None:
    table = gains(retrained(["true", "12.5%", "5%"]))
    assert list(table["budget"].unique()) == ["5%", "12.5%", "true"]


def test_a_removal_without_a_method_is_a_control() -> None:
    trimming = trimming_of([MadeUpRun(trainings=retrained())])
    assert trimming is not None
    assert (trimming.family("loss"), trimming.family("oracle")) == ("label quality", "control")


def test_a_model_that_is_trained_on_all_rows_is_paired_with_each_budget() -> None:
    table = gains(retrained()).query("removal == 'none'").set_index("budget")
    assert list(table.index) == ["5%", "true"]
    assert table["gain"].tolist() == pytest.approx([0, 0], abs=1e-4)


def with_problem_seeds(trainings: pd.DataFrame) -> pd.DataFrame:
    """The trainings, and others of two more seeds of the problem, on which `loss` gains 0.4 and 0.6 points more."""
    more = [
        trainings.assign(problem_seed=seed, accuracy=trainings["accuracy"] + lift * (trainings["removal"] == "loss"))
        for seed, lift in ((1, 0.004), (2, 0.006))
    ]
    return pd.concat([trainings, *more])


def test_the_seeds_of_a_problem_are_the_repetitions_and_trainings_of_each_count_as_their_mean() -> None:
    row = gains(with_problem_seeds(retrained())).query("removal == 'loss' and budget == '5%'").iloc[0]
    by_seed = np.array([0.005, 0.009, 0.011])
    assert row["gain"] == pytest.approx(by_seed.mean(), abs=1e-4)
    reach = stats.t.ppf(1 - 0.025 / 5, 2) * by_seed.std(ddof=1) / np.sqrt(3)  # five removals are compared with random
    assert row["high"] - row["gain"] == pytest.approx(reach, rel=0.01)


def test_mean_gains_average_budgets_and_problems_with_welchs_degrees_of_freedom() -> None:
    trainings = with_problem_seeds(retrained())
    both = pd.concat([trainings, trainings.assign(problem="blobs · mlp", accuracy=trainings["accuracy"] - 0.1)])
    means = mean_gains(both)
    by_seed = np.array([0.005, 0.009, 0.011])
    assert means.loc["loss", "gain"] == pytest.approx(by_seed.mean(), abs=1e-4)
    reach = stats.t.ppf(1 - 0.025 / 5, 4) * by_seed.std(ddof=1) / np.sqrt(6)
    assert means.loc["loss", "high"] - means.loc["loss", "gain"] == pytest.approx(reach, rel=0.01)


def test_a_removal_that_lacks_a_budget_has_no_mean_gain() -> None:
    trainings = retrained().query("removal != 'loss' or budget == '5%'")
    assert "loss" not in mean_gains(trainings).index
    assert "el2n" in mean_gains(trainings).index
