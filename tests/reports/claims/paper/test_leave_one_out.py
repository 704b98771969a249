"""The claim about leave-one-out retraining follows the run."""

import numpy as np
import pytest
from judging import word, words
from made_up_runs import run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS
from influence_bench.reports.claims.paper import leave_one_out
from influence_bench.reports.claims.paper.leave_one_out import EXACT, HALVES
from influence_bench.reports.claims.paper.rows import FOREST

CLAIMED = leave_one_out.outlier_gradients_stand_in_for_influence


def agreeing(forest, exact, rows=10_000, unsteady=0.0, seeds=3, number=0):
    """A run whose rows correlate with the true effects to some degree; leave-one-out's halves add noise of a spread."""
    rng, scores = np.random.default_rng(number), {}
    for seed in range(seeds):
        truth = rng.normal(size=rows)
        by_row = {half: truth + unsteady * rng.normal(size=rows) for half in HALVES}
        for name, r in ((FOREST, forest), (EXACT, exact), ("random", 0.0)):
            by_row[name] = r * truth + (1 - r**2) ** 0.5 * rng.normal(size=rows)
        scores[f"moons-seed{seed}"] = by_row
    return run_of_rows(dict.fromkeys(HALVES, 0.8), scores_of=scores)


@pytest.mark.parametrize(
    ("forest", "exact", "expected"), [(0.6, 0.0, STANDS), (0.6, 0.6, STANDS), (0.0, 0.6, FALLS), (0.3, 0.6, FALLS)]
)
def test_outlier_gradients_stand_in_for_influence_where_they_agree_no_less_with_leave_one_out(forest, exact, expected):
    run = agreeing(forest, exact)
    assert word(CLAIMED, run) == expected
    assert "It finds the flips with ROC-AUC leave-one-out[retrain=4] 0.800" in CLAIMED(run).figures


def test_the_reliability_of_leave_one_out_is_printed_with_the_bound_that_it_sets():
    figures = CLAIMED(agreeing(0.0, 1.0, rows=20_000, unsteady=1.0, seeds=2)).figures  # Pearson's are 1/2, 2/3 and 0.82
    assert "mlp 0.48" in figures
    assert "between halves of its trainings, so 0.65" in figures
    assert "no row can be expected above 0.80" in figures
    assert "influence-exact 0.80" in figures  # the true effects themselves


def test_a_lag_of_the_margin_is_neither_shown_to_count_nor_not_to():
    runs = [agreeing(0.0, 0.1047, rows=200, number=number) for number in range(20)]  # Spearman's is 0.1
    assert words(CLAIMED, runs) == {OPEN}


@pytest.mark.parametrize(
    ("scores", "lack"),
    [
        ({}, "finished cells"),
        ({"a-seed0": {"datainf": np.arange(3.0)}}, r"leave-one-out\[retrain=4\], leave-one-out\[first=4,retrain=4\]"),
        ({"a-seed0": dict.fromkeys(HALVES, np.arange(3.0))}, "outlier-gradient, influence-exact"),
    ],
)
def test_without_leave_one_out_or_the_arms_nothing_is_correlated(scores, lack):
    with pytest.raises(Lacking, match=lack):
        CLAIMED(run_of_rows(scores_of=scores))
