"""The claims about half moons follow the run."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_runs import SPEC, MadeUpRun, arms_at, info, run_of_rows

from influence_bench.bench.results.specs import ProblemSpec
from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import synthetic
from influence_bench.reports.claims.paper.rows import OUTLIER

TRUTH = np.array([True, False, False, False] * 5)
CLAIMS = (
    synthetic.outlier_gradients_find_flips_that_label_quality_scores_miss,
    synthetic.outlier_gradients_find_flips_that_influence_functions_miss,
)


@pytest.fixture
def moons(monkeypatch):
    """The record of a run on half moons, on another model and on the network that made-up problems have."""
    monkeypatch.setattr(synthetic, "NETWORK", SPEC.model)
    specs = [replace(SPEC, dataset="half-moons", model=model) for model in ("logistic", SPEC.model)]
    record = info("paper-synthetic")
    return replace(record, suite=replace(record.suite, problems=(*specs, ProblemSpec("blobs", SPEC.model))))


def test_flagged_accuracy_counts_both_kinds_of_mistakes():
    scores = {"row": np.array([3.0, 2, 1, 0])}
    run = MadeUpRun(scores_of={"p-seed0": scores}, truths={"p-seed0": np.array([True, False, False, False])})
    assert synthetic.flagged_accuracy(run, 0.5).loc["row"].tolist() == [0.75]


@pytest.mark.parametrize("claim", CLAIMS)
def test_detection_is_that_of_the_three_detectors_over_the_mean_of_the_baselines_on_half_moons_alone(claim, moons):
    found, missed = TRUTH * 1.0, TRUTH * -1.0
    scores = dict.fromkeys(OUTLIER, found) | dict.fromkeys((*synthetic.QUALITY, *synthetic.INFLUENCE), missed)
    scores |= {synthetic.QUALITY[0]: found, synthetic.INFLUENCE[0]: found}
    slugs = {f"half-moons-seed{seed}": scores for seed in range(3)}
    slugs["blobs-seed0"] = {row: -values for row, values in scores.items()}
    run = MadeUpRun(scores_of=slugs, truths=dict.fromkeys(slugs, TRUTH), record=moons)
    evidence = claim(run)
    alike, missing = (1 - (2 + 5 - 2 * hits) / 20 for hits in (2, 0))
    baselines = 3 if claim is CLAIMS[0] else 4
    assert evidence.differences.tolist() == pytest.approx([(alike - missing) * (baselines - 1) / baselines] * 3)
    assert f"{OUTLIER[1]} {100 * alike:.1f} %" in evidence.figures
    assert "loss" not in evidence.figures


def test_trimming_is_that_by_the_forest_over_no_trimming_and_over_random_removal(moons):
    arms = arms_at("10%", oga=0.9, l2=0.5, random=0.8, oracle=0.95) | arms_at("", none=0.75, unshuffled=0.5)
    run = run_of_rows(accuracies=arms, dataset="half-moons", record=moons)
    run.trainings["problem"] = moons.suite.problems[1].label
    over_none = synthetic.trimming_by_outlier_gradients_lifts_accuracy(run)
    over_random = synthetic.the_choice_of_the_rows_lifts_accuracy(run)
    assert over_none.differences.tolist() == pytest.approx([0.15] * 3)
    assert over_random.differences.tolist() == pytest.approx([0.1] * 3)
    assert over_none.figures.startswith("test accuracy: oracle 95.0 % [94.7 %, 95.2 %]; outlier-gradient 90.0 % [")


def test_a_run_without_the_network_or_trainings_lacks_them(moons):
    run = MadeUpRun(scores_of={"half-moons-seed0": {"loss": TRUTH * 1.0}}, truths={"half-moons-seed0": TRUTH})
    with pytest.raises(Lacking, match="problem of half-moons and mlp"):
        CLAIMS[0](run)
    with pytest.raises(Lacking, match=r"outlier-gradient, outlier-gradient\[detector=l1\]"):
        CLAIMS[0](replace(run, record=moons))
    with pytest.raises(Lacking, match="models retrained without 10% of the rows"):
        synthetic.trimming_by_outlier_gradients_lifts_accuracy(replace(run, record=moons))
    elsewhere = run_of_rows(accuracies=arms_at("10%", oga=0.9) | arms_at("", none=0.8), record=moons)
    with pytest.raises(Lacking, match="finished cells or models of half-moons"):
        synthetic.trimming_by_outlier_gradients_lifts_accuracy(elsewhere)
