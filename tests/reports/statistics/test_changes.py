"""Several differences judged together."""

import numpy as np
import pytest
import simulations
from scipy import stats

from influence_bench.reports.statistics.changes import BETTER, OPEN, WORSE, Estimate, change, changes

ONE = np.array([4])


def test_differences_are_judged_at_the_level_of_all_rows_together() -> None:
    first, second = np.array([0.9, 0.94, 0.91, 0.93]), np.array([0.88, 0.9, 0.86, 0.9])
    rows = changes({"a": change(first, second, ONE), "b": change(second, first, ONE), "c": change(first, first, ONE)})
    together = stats.ttest_rel(first, second).confidence_interval(1 - 0.05 / 3)
    assert rows.loc["a", ["low", "high"]].tolist() == pytest.approx(list(together))
    assert rows["verdict"].tolist() == [BETTER, WORSE, OPEN]
    assert rows.loc["c", ["mean", "low", "high", "visible"]].tolist() == [0, 0, 0, 0]


def test_a_row_without_a_standard_error_has_no_verdict_and_costs_the_others_nothing() -> None:
    single = Estimate(0.1, np.nan, np.nan)
    rows = changes({"a": Estimate(0.1, 0.01, 4.0), "b": single})
    assert rows["verdict"].tolist() == [BETTER, ""]
    assert rows.loc["a", "low"] == pytest.approx(Estimate(0.1, 0.01, 4.0).interval()[0])
    assert np.isnan(rows.loc["b", "visible"])


def test_nothing_to_judge_is_an_empty_table() -> None:
    assert changes({}).empty


def test_differences_of_nothing_are_shown_in_one_of_20_tables_at_most() -> None:
    rng, seeds = np.random.default_rng(0), simulations.DESIGNS["4 × 5"]
    reference = rng.normal(size=(400, 1, 20))
    shown = [
        changes({str(i): change(row, by[0], seeds) for i, row in enumerate(rng.normal(size=(6, 20)))})["verdict"]
        for by in reference
    ]
    assert np.mean([(verdicts != OPEN).any() for verdicts in shown]) <= 0.05 + 0.02
