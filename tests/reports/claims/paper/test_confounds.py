"""Each confound follows the run: made-up runs in which it is real, in which it is not, and noise."""

from dataclasses import replace

import numpy as np
import pytest
from judging import noisy, word, words
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS
from influence_bench.reports.claims.margins import DETECTED
from influence_bench.reports.claims.paper import confounds


def quality(given, predicted=0.6):
    rows = dict.fromkeys(confounds.QUALITY, given)
    return run_of_rows(rows | {f"{row}[labels=predicted]": predicted for row in confounds.QUALITY})


def lifted(lifts):
    """A run whose models of a removal lose some accuracy after their best epoch."""
    run = run_of_rows(accuracies=arms_at("", none=0.8) | arms_at("5%", oga=0.8, l2=0.8, random=0.8))
    by_epoch = [
        [a + lifts[removal], a] for removal, a in zip(run.trainings.removal, run.trainings.accuracy, strict=True)
    ]
    return replace(run, trainings=run.trainings.assign(accuracy_by_epoch=by_epoch))


@pytest.mark.parametrize(("unshuffled", "expected"), [(0.78, STANDS), (0.8, FALLS), (0.82, FALLS)])
def test_shuffling_is_a_confound_where_it_alone_lifts_accuracy(unshuffled, expected):
    run = run_of_rows(accuracies=arms_at("", none=0.80, unshuffled=unshuffled))
    claimed = confounds.the_untrimmed_baseline_is_trained_without_shuffling
    assert word(claimed, run) == expected
    assert "shuffled 80.0 % [79.8 %, 80.2 %]" in claimed(run).figures


@pytest.mark.parametrize(("untrimmed", "expected"), [(0.0, STANDS), (0.02, FALLS), (0.04, FALLS)])
def test_the_choice_of_an_epoch_is_a_confound_where_it_lifts_trimmed_models_more(untrimmed, expected):
    run = lifted({"none": untrimmed, "outlier-gradient": 0.03, "outlier-gradient[detector=l2]": 0.01, "random": 0.5})
    claimed = confounds.the_best_epoch_is_chosen_on_test_data
    assert word(claimed, run) == expected
    assert claimed(run).figures.startswith("best epoch over last epoch: trimmed 2.0 %")


@pytest.mark.parametrize(("given", "expected"), [(0.9, STANDS), (0.5, FALLS), (0.6, FALLS)])
def test_predicted_labels_are_a_confound_where_given_ones_find_more(given, expected):
    claimed = confounds.label_quality_scores_are_given_predictions_for_labels
    assert word(claimed, quality(given)) == expected
    assert f"margin {given:.3f}" in claimed(quality(given)).figures


@pytest.mark.parametrize(("gap", "wrong"), [(0.0, STANDS), (DETECTED, FALLS)])
def test_noise_is_no_confound(gap, wrong):
    rng, run = np.random.default_rng(0), quality(0.6 + gap)
    claimed = confounds.label_quality_scores_are_given_predictions_for_labels
    assert wrong not in words(claimed, [noisy(run, rng) for _ in range(20)])


@pytest.mark.parametrize(("paper", "expected"), [(0.5, STANDS), (0.8, FALLS)])
def test_the_curvature_of_one_sample_is_a_confound_where_it_costs_self_datainf(paper, expected):
    run = run_of_rows(
        {"datainf-self": 0.8, "datainf-self-paper": paper, "influence-self": 0.8},
        scores_of={"images-seed0": {"datainf-self-paper": np.full(8, 0.9)}},
    )
    claimed = confounds.self_influence_has_the_curvature_of_one_sample
    assert word(claimed, run) == expected
    assert "varies over the rows by 0 of its mean" in claimed(run).figures


@pytest.mark.parametrize(("lissa", "expected"), [(0.75, STANDS), (0.76, STANDS), (0.6, FALLS), (0.9, FALLS)])
def test_self_lissa_is_an_outlier_gradient_where_it_finds_as_much(lissa, expected):
    norms = np.arange(1.0, 9.0)
    scores = {"images-seed0": {confounds.NORM: norms, confounds.LISSA: norms**2}}
    run = run_of_rows({confounds.LISSA: lissa, confounds.NORM: 0.75}, scores_of=scores)
    claimed = confounds.self_lissa_is_an_outlier_gradient
    assert word(claimed, run) == expected
    assert "Spearman correlation of their scores 1.000 or more" in claimed(run).figures


@pytest.mark.parametrize(("training", "expected"), [(0.3, STANDS), (0.7, FALLS), (0.8, FALLS)])
def test_training_rows_are_a_confound_where_clean_ones_find_more_and_both_signs_are_given(training, expected):
    rows = dict.fromkeys(confounds.INFLUENCE, 0.7)
    run = run_of_rows(rows | {f"{row}[against=training]": training for row in rows})
    claimed = confounds.influence_is_measured_against_the_training_rows
    assert word(claimed, run) == expected
    assert f"{1 - training:.3f} with the other sign" in claimed(run).figures


def test_signs_that_differ_by_chance_confirm_nothing():
    rng = np.random.default_rng(0)
    rows = {f"{row}{against}": 0.5 for row in confounds.INFLUENCE for against in ("", "[against=training]")}
    runs = [noisy(run_of_rows(rows), rng, 0.2) for _ in range(20)]
    assert words(confounds.influence_is_measured_against_the_training_rows, runs) == {OPEN}


def test_a_run_without_retrained_models_lacks_them():
    with pytest.raises(Lacking, match="models retrained on all rows"):
        confounds.the_untrimmed_baseline_is_trained_without_shuffling(run_of_rows())
    with pytest.raises(Lacking, match="retrained models"):
        confounds.the_best_epoch_is_chosen_on_test_data(run_of_rows())
    with pytest.raises(Lacking, match="models trimmed by a method"):
        confounds.the_best_epoch_is_chosen_on_test_data(run_of_rows(accuracies=arms_at("", none=0.8)))


def test_a_problem_without_a_row_lacks_it_though_another_has_it():
    scores = dict.fromkeys((confounds.LISSA, confounds.NORM), np.arange(1.0, 9.0))
    rows = {confounds.LISSA: 0.8, confounds.NORM: 0.8}
    run = run_of_rows(rows, scores_of={"a-seed0": scores, "b-seed0": {"loss": scores[confounds.LISSA]}})
    with pytest.raises(Lacking, match=r"^lissa-self-paper, outlier-gradient\[detector=l2\]"):
        confounds.self_lissa_is_an_outlier_gradient(run)
