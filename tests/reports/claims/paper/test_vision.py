"""The claims about human label noise follow the run."""

import numpy as np
import pytest
from made_up_runs import MadeUpRun, arms_at, run_of_rows
from scipy.stats import rankdata

from influence_bench.bench.results.metrics import evaluate
from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import vision
from influence_bench.reports.claims.paper.rows import OUTLIER

BY_DETECTOR = dict(zip(OUTLIER, (0.8, 0.7, 0.75), strict=True))


@pytest.mark.parametrize(
    ("claim", "difference"),
    [
        (vision.trimming_by_outlier_gradients_gives_the_best_accuracy, 0.75 - 0.78),
        (vision.trimming_by_outlier_gradients_lifts_accuracy, 0.75 - 0.6),
        (vision.the_choice_of_the_rows_lifts_accuracy, 0.75 - 0.7),
    ],
)
def test_trimming_is_that_by_the_three_detectors_over_the_arm_of_the_contrast(claim, difference):
    arms = {(row, "5%"): accuracy for row, accuracy in BY_DETECTOR.items()} | {("self-confidence", "5%"): 0.78}
    arms |= arms_at("5%", loss=0.99, random=0.7, oracle=0.9) | arms_at("", none=0.6, unshuffled=0.2)
    evidence = claim(run_of_rows(accuracies=arms))
    assert evidence.differences.tolist() == pytest.approx([difference] * 3)
    assert "none 60.0 % [59.8 %, 60.2 %]" in evidence.figures
    assert "unshuffled" not in evidence.figures


def test_detection_is_that_of_the_three_detectors_over_chance_and_over_self_confidence():
    run = run_of_rows(BY_DETECTOR | {"loss": 0.9, "self-confidence": 0.85, "random": 0.4})
    over_chance = vision.outlier_gradients_find_human_label_noise(run)
    assert over_chance.differences.mean() == pytest.approx(0.25)
    assert over_chance.figures.startswith("ROC-AUC: loss 0.900 [0.897, 0.902]; self-confidence 0.850 [")
    over_baseline = vision.outlier_gradients_find_more_than_the_best_baseline(run)
    assert over_baseline.differences.tolist() == pytest.approx([-0.1] * 3)


@pytest.mark.parametrize(
    ("claim", "last", "everywhere", "averaged"),
    [
        (
            vision.gradients_of_the_last_checkpoint_are_enough,
            vision.L2,
            vision.L2_ALL,
            lambda scores: rankdata(scores) / len(scores),
        ),
        (vision.errors_of_the_last_checkpoint_are_enough, vision.EL2N, vision.EL2N_ALL, np.asarray),
    ],
)
def test_the_final_model_is_compared_with_the_mean_over_the_earlier_checkpoints_without_it(
    claim, last, everywhere, averaged
):
    rng, truth = np.random.default_rng(0), np.arange(40) < 10
    checkpoints = [truth * skill + rng.random(40) for skill in (0.1, 0.2, 0.9, 0.3, 0.4)]
    scores = {last: checkpoints[-1], everywhere: np.mean([averaged(each) for each in checkpoints], axis=0)}
    run = run_of_rows(
        {last: 0.5, everywhere: 0.5},
        scores_of={f"images-seed{seed}": scores for seed in range(2)},
        truths={f"images-seed{seed}": truth for seed in range(2)},
    )
    earlier = np.mean([averaged(each) for each in checkpoints[:-1]], axis=0)
    expected = evaluate(checkpoints[-1], truth)["roc_auc"] - evaluate(earlier, truth)["roc_auc"]
    assert expected != 0
    assert claim(run).differences.tolist() == pytest.approx([expected] * 2)


def test_what_is_trimmed_is_judged_by_the_wrong_labels_among_it():
    arms = {(row, "5%"): 0.8 for row in (*OUTLIER, "random", "oracle")}
    wrong = {**dict(zip(OUTLIER, (0.4, 0.5, 0.6), strict=True)), "random": 0.1, "oracle": 0.97}
    evidence = vision.what_is_trimmed_is_wrong(run_of_rows(accuracies=arms, wrong=wrong))
    assert evidence.differences.mean() == pytest.approx(0.01)  # each seed adds a wrong label in a hundred
    assert "oracle 98.0 %" in evidence.figures


def test_a_run_without_the_rows_of_a_claim_lacks_them_by_name():
    with pytest.raises(Lacking, match="models retrained without 5% of the rows"):
        vision.what_is_trimmed_is_wrong(run_of_rows())
    with pytest.raises(Lacking, match=r"^outlier-gradient, outlier-gradient\[detector=l1\]"):
        vision.outlier_gradients_find_human_label_noise(run_of_rows({"loss": 0.8}))
    run = MadeUpRun(scores_of={"images-seed0": {vision.L2: np.arange(4.0)}})
    with pytest.raises(Lacking, match=r"^outlier-gradient\[checkpoints=all,detector=l2\]$"):
        vision.gradients_of_the_last_checkpoint_are_enough(run)
