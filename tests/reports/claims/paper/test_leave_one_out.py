"""The claim about leave-one-out retraining follows the run."""

import numpy as np
import pytest
from made_up_runs import run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import leave_one_out
from influence_bench.reports.claims.paper.rows import OUTLIER


@pytest.mark.parametrize(("agrees", "sentence"), [(OUTLIER[0], "Stands"), ("datainf", "Does not stand")])
def test_leave_one_out_is_the_truth_that_rows_are_correlated_with(agrees, sentence):
    rng = np.random.default_rng(0)
    scores = {}
    for problem in ("a", "b", "c"):
        truth = rng.normal(size=200)
        rows = {row: rng.normal(size=200) for row in (*OUTLIER, "datainf", "lissa")}
        scores[problem] = rows | {agrees: truth + 0.1 * rng.normal(size=200), leave_one_out.TRUTH: truth}
    run = run_of_rows({leave_one_out.TRUTH: 0.8}, scores_of=scores)
    finding = leave_one_out.outlier_gradients_stand_in_for_influence(run)
    assert finding.verdict.startswith(sentence)
    assert "ROC-AUC 0.800" in finding.ours


@pytest.mark.parametrize(
    ("scores", "lack"),
    [
        ({}, "finished cells"),
        ({"a": {"datainf": np.arange(3.0)}}, r"leave-one-out\[retrain=2\]"),
        ({"a": {leave_one_out.TRUTH: np.arange(3.0)}}, "row besides leave-one-out"),
    ],
)
def test_without_leave_one_out_or_other_rows_nothing_is_correlated(scores, lack):
    with pytest.raises(Lacking, match=lack):
        leave_one_out.outlier_gradients_stand_in_for_influence(run_of_rows(scores_of=scores))
