"""The gains of trimming."""

import pandas as pd
import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.trimming.gains import gains, trimming_of


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
