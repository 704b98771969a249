"""The claims about half moons and blobs follow the run."""

import numpy as np
import pytest
from made_up_runs import MadeUpRun, arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import synthetic
from influence_bench.reports.claims.paper.rows import OUTLIER

TRUTH = np.array([True, False, False, False] * 5)


def test_flagged_accuracy_counts_both_kinds_of_mistakes():
    scores = {"row": np.array([3.0, 2, 1, 0])}
    run = MadeUpRun(scores_of={"p-seed0": scores}, truths={"p-seed0": np.array([True, False, False, False])})
    assert synthetic.flagged_accuracy(run, 0.5).loc["row", "p-seed0"] == 0.75


@pytest.mark.parametrize(("ours", "loss", "sentence"), [(1, -1, "Stands: "), (-1, 1, "Does not"), (1, 1, "Half of it")])
def test_detection_is_judged_on_half_moons_alone(ours, loss, sentence):
    scores = dict.fromkeys(OUTLIER, ours * TRUTH * 1.0) | {"loss": loss * TRUTH * 1.0, "random": np.arange(20.0)}
    blobs = {row: -values for row, values in scores.items()}
    moves = np.arange(20) / 100  # so that the seeds differ
    moons = {f"half-moons-seed{seed}": {row: s + seed * moves for row, s in scores.items()} for seed in range(3)}
    slugs = {**moons, "half-moons-of-another-kind-seed0": blobs, "blobs-seed0": blobs}
    run = MadeUpRun(scores_of=slugs, truths=dict.fromkeys(slugs, TRUTH))
    assert synthetic.outlier_gradients_find_flips_that_baselines_miss(run).verdict.startswith(sentence)


@pytest.mark.parametrize(("forest", "sentence"), [(0.9, "Stands for"), (0.7, "Does not stand: random"), (0.8, "over")])
def test_trimming_is_judged_by_the_forest_over_random_removal(forest, sentence):
    arms = arms_at("10%", oga=forest, l2=0.8, random=0.8, oracle=0.95) | arms_at("", none=0.75)
    run = run_of_rows({"loss": 0.8}, arms, dataset="half-moons")
    finding = synthetic.trimming_by_outlier_gradients_lifts_accuracy(run)
    assert sentence in finding.verdict
    assert f"outlier-gradient {100 * forest:.1f} % (" in finding.ours
    assert "none 75.0 % (-5.00" in finding.ours


def test_a_run_without_half_moons_or_trainings_lacks_them():
    blobs = {"blobs-seed0": {"loss": np.arange(20.0)}}
    with pytest.raises(Lacking, match="problem of half-moons"):
        synthetic.outlier_gradients_find_flips_that_baselines_miss(
            MadeUpRun(scores_of=blobs, truths={"blobs-seed0": TRUTH})
        )
    with pytest.raises(Lacking, match=r"^outlier-gradient$"):
        synthetic.trimming_by_outlier_gradients_lifts_accuracy(run_of_rows({"loss": 0.8}, dataset="half-moons"))
