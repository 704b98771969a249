"""Each confound follows the run: made-up runs in which it is confirmed, and in which it is not."""

import numpy as np
import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import confounds


def test_order_and_epoch_are_confounds_where_they_alone_lift_accuracy():
    run = run_of_rows(accuracies=arms_at("", none=0.80, unshuffled=0.78))
    finding = confounds.the_untrimmed_baseline_is_trained_without_shuffling(run)
    assert "shuffling alone +2.00 [+2.00, +2.00] points" in finding.ours
    assert finding.verdict.startswith("Confirmed")
    finding = confounds.the_best_epoch_is_chosen_on_test_data(run)
    assert "+2.00 [+2.00, +2.00] points" in finding.ours
    assert finding.verdict.startswith("Confirmed")
    reverse = confounds.the_untrimmed_baseline_is_trained_without_shuffling(
        run_of_rows(accuracies=arms_at("", none=0.7, unshuffled=0.8))
    )
    assert reverse.verdict.startswith("Not confirmed")


@pytest.mark.parametrize(("given", "sentence"), [(0.9, "Confirmed"), (0.5, "Not confirmed"), (0.6, "Cannot be")])
def test_predicted_labels_are_a_confound_where_given_ones_do_better(given, sentence):
    rows = dict.fromkeys(confounds.QUALITY, given) | {f"{row}[labels=predicted]": 0.6 for row in confounds.QUALITY}
    finding = confounds.label_quality_scores_are_given_predictions_for_labels(run_of_rows(rows))
    assert f"margin {given:.3f}" in finding.ours
    assert finding.verdict.startswith(sentence)


def test_the_curvature_of_one_sample_is_judged_by_its_effect_on_the_scores():
    norms = np.arange(1.0, 9.0)
    constant, scores = np.full(8, 0.9), {"outlier-gradient[detector=l2]": norms, "lissa-self-paper": norms**2}
    rows = {"datainf-self": 0.8, "datainf-self-paper": 0.5, "lissa-self-paper": 0.75, "influence-self": 0.8}
    run = run_of_rows(rows, scores_of={"images-seed0": scores | {"datainf-self-paper": constant}})
    finding = confounds.self_influence_has_the_curvature_of_one_sample(run)
    assert "varies over the rows by 0 of its mean" in finding.ours
    assert "Spearman 1.000 or more" in finding.ours
    assert finding.verdict.startswith("Confirmed")


def test_training_gradients_are_a_confound_where_clean_ones_find_more_and_both_signs_are_given():
    rows = {"grad-dot": 0.7, "lissa": 0.7, "datainf": 0.7}
    rows |= {f"{row}[against=training]": 0.3 for row in rows}
    finding = confounds.influence_is_measured_against_the_training_rows(run_of_rows(rows))
    assert "0.300" in finding.ours
    assert "0.700 with the other sign" in finding.ours
    assert finding.verdict == "Confirmed: against clean validation rows these find 0.400 more of ROC-AUC."


def test_a_run_without_retrained_models_lacks_them():
    with pytest.raises(Lacking, match="models retrained on all rows"):
        confounds.the_untrimmed_baseline_is_trained_without_shuffling(run_of_rows())
    with pytest.raises(Lacking, match="retrained models"):
        confounds.the_best_epoch_is_chosen_on_test_data(run_of_rows())


def test_a_problem_without_a_row_lacks_it_though_another_has_it():
    rows = ("datainf-self-paper", "lissa-self-paper", "outlier-gradient[detector=l2]")
    scores = dict.fromkeys(rows, np.arange(1.0, 9.0))
    run = run_of_rows({"loss": 0.8}, scores_of={"a-seed0": scores, "b-seed0": {"loss": scores[rows[0]]}})
    with pytest.raises(Lacking, match=r"^datainf-self-paper, lissa-self-paper"):
        confounds.self_influence_has_the_curvature_of_one_sample(run)
