"""Each claim's figures and verdict follow the run: made-up runs in which the claim stands, and in which it does not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import influence_bench as ib
from influence_bench.reports.claims.paper import (
    confounds,
    generation,
    leave_one_out,
    synthetic,
    text,
    threshold,
    trees,
    vision,
)

BUDGETS = ("2.5%", "5%", "7.5%", "10%", "12.5%", "true")
OGA = ("outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]")


def a_run(aucs=None, accuracies=None, scores=None, wrong=None, problem="images"):
    """A run with a ROC-AUC for each row, an accuracy for each removal (at a budget) and scores for each row.

    Each figure moves by ±0.001 over three seeds, the same way for every row, so that differences are exact.
    """
    moved = (-0.001, 0.0, 0.001)
    cells = [
        {"method": row, "problem": problem, "seed": seed, "roc_auc": auc + move, "recall_at_k": auc + move}
        for row, auc in (aucs or {}).items()
        for seed, move in enumerate(moved)
    ]
    arms = [
        {
            "problem": "images",
            "problem_seed": seed,
            "seed": 0,
            "removal": removal,
            "budget": budget,
            "k": 100,
            "wrong_labels": round(100 * (wrong or {}).get(removal, 0)) + seed,
            "accuracy": accuracy + move,
            "accuracy_by_epoch": [accuracy + move + 0.02, accuracy + move],
        }
        for (removal, budget), accuracy in (accuracies or {}).items()
        for seed, move in enumerate(moved)
    ]
    return SimpleNamespace(
        frame=lambda: pd.DataFrame(cells), trimmed=lambda: pd.DataFrame(arms), scores_by_problem=lambda: scores or {}
    )


def at(budget, **accuracies):
    named = {"oga": OGA[0], "l2": OGA[2], "unshuffled": "none, unshuffled"}
    return {(named.get(name, name), budget): value for name, value in accuracies.items()}


def test_order_and_epoch_are_confounds_where_they_alone_lift_accuracy():
    run = a_run(accuracies=at("", none=0.80, unshuffled=0.78))
    found = confounds.the_untrimmed_baseline_is_trained_without_shuffling(run)
    assert "shuffling alone +2.00 [+2.00, +2.00] points" in found.ours
    assert found.verdict.startswith("Confirmed")
    found = confounds.the_best_epoch_is_chosen_on_test_data(run)
    assert "+2.00 [+2.00, +2.00] points" in found.ours
    assert found.verdict.startswith("Confirmed")
    reverse = confounds.the_untrimmed_baseline_is_trained_without_shuffling(
        a_run(accuracies=at("", none=0.7, unshuffled=0.8))
    )
    assert reverse.verdict.startswith("Not confirmed")


@pytest.mark.parametrize(("given", "sentence"), [(0.9, "Confirmed"), (0.5, "Not confirmed"), (0.6, "Cannot be told")])
def test_predicted_labels_are_a_confound_where_given_ones_do_better(given, sentence):
    rows = dict.fromkeys(confounds.QUALITY, given) | {f"{row}[labels=predicted]": 0.6 for row in confounds.QUALITY}
    found = confounds.label_quality_scores_are_given_predictions_for_labels(a_run(rows))
    assert f"margin {given:.3f}" in found.ours
    assert found.verdict.startswith(sentence)


def test_the_curvature_of_one_sample_is_told_by_what_it_does_to_the_scores():
    norms = np.arange(1.0, 9.0)
    constant, scores = np.full(8, 0.9), {"outlier-gradient[detector=l2]": norms, "lissa-self-paper": norms**2}
    rows = {"datainf-self": 0.8, "datainf-self-paper": 0.5, "lissa-self-paper": 0.75, "influence-self": 0.8}
    run = a_run(rows, scores={"images-seed0": scores | {"datainf-self-paper": constant}})
    found = confounds.self_influence_has_the_curvature_of_one_sample(run)
    assert "varies over the rows by 0 of its mean" in found.ours
    assert "Spearman 1.000 or more" in found.ours
    assert found.verdict.startswith("Confirmed")


def test_training_gradients_are_a_confound_where_clean_ones_find_more_and_both_signs_are_told():
    rows = {"grad-dot": 0.7, "lissa": 0.7, "datainf": 0.7}
    rows |= {f"{row}[against=training]": 0.3 for row in rows}
    found = confounds.influence_is_measured_against_the_training_rows(a_run(rows))
    assert "0.300" in found.ours
    assert "0.700 with the other sign" in found.ours
    assert found.verdict == "Confirmed: against clean validation rows these find 0.400 more of ROC-AUC."


@pytest.mark.parametrize(
    ("oga", "loss", "rand", "sentence"),
    [
        (0.85, 0.80, 0.7, "Stands: outlier-gradient is above the best other row, loss."),
        (0.75, 0.80, 0.7, "Does not stand: loss is above outlier-gradient."),
        (0.80, 0.80, 0.8, "nor from removing as many rows at random."),
        (0.80, 0.80, 0.7, "both are above random removal."),
    ],
)
def test_trimming_is_judged_beside_the_best_other_row_and_random_removal(oga, loss, rand, sentence):
    arms = at("5%", oga=oga, loss=loss, random=rand, oracle=0.99) | at("", none=0.78, unshuffled=0.7)
    found = vision.trimming_by_outlier_gradients_gives_the_best_accuracy(a_run(accuracies=arms))
    assert found.verdict.endswith(sentence)
    assert f"none {100 * (0.78 - rand):+.2f}" in found.ours


def test_detection_and_checkpoints_are_judged_by_paired_differences():
    others = ("self-confidence", "grad-dot", "datainf", "lissa", "trak")
    rows = dict.fromkeys(OGA, 0.8) | dict.fromkeys(others, 0.6) | {"loss": 0.85, "random": 0.5}
    found = vision.outlier_gradients_find_human_label_noise(a_run(rows))
    assert (
        found.verdict == "Stands in part: outlier gradients find wrong labels well above chance, but loss finds more."
    )
    assert "outlier-gradient over loss -0.050 [-0.050, -0.050]" in found.ours
    more = {"outlier-gradient[checkpoints=all]": 0.9, "el2n": 0.8, "el2n[checkpoints=all]": 0.8, "cartography": 0.8}
    found = vision.gradients_of_the_last_checkpoint_are_enough(a_run(rows | more | {"aum": 0.8}))
    assert found.verdict == "Does not stand: over all checkpoints the same forest has a ROC-AUC 0.100 higher."


def test_what_is_trimmed_is_told_by_the_wrong_labels_among_it():
    arms = at("5%", oga=0.8, loss=0.8, random=0.8, oracle=0.8)
    run = a_run(accuracies=arms, wrong={OGA[0]: 0.4, "loss": 0.4, "random": 0.1, "oracle": 0.97})
    found = vision.what_is_trimmed_is_wrong(run)
    assert "oracle 98.0 %" in found.ours
    assert found.verdict == "In part: outlier-gradient removes wrong labels, loss as many."


@pytest.mark.parametrize(("oga", "sentence"), [(0.85, "Stands against"), (0.8, "Cannot be told"), (0.75, "Does not")])
def test_budgets_are_judged_together_and_the_true_share_beside_five_percent(oga, sentence):
    arms = {}
    for budget in BUDGETS:
        arms |= at(budget, oga=oga + 0.05 * (budget == "true"), datainf=0.8, random=0.7, oracle=0.9)
    found = threshold.outlier_gradients_lead_whatever_the_budget(a_run(accuracies=arms))
    assert found.verdict.startswith(sentence)
    assert "datainf +10.00, +10.00, +10.00, +10.00, +10.00, +10.00" in found.ours
    found = threshold.five_percent_is_the_budget(a_run(accuracies=arms))
    assert "+5.00 [+5.00, +5.00] points more" in found.verdict


@pytest.mark.parametrize(
    ("many", "sentence"), [(0.7, "Stands"), (0.8, "more trees find more."), (0.6, "more trees find less.")]
)
def test_trees_are_judged_by_the_most_beside_the_fewest(many, sentence):
    rows = {f"outlier-gradient[trees={number}]": 0.7 for number in trees.TREES if number != 100}
    rows |= {"outlier-gradient": 0.7, "outlier-gradient[trees=200]": many}
    assert sentence in trees.the_number_of_trees_matters_little(a_run(rows)).verdict


@pytest.mark.parametrize(("other", "sentence"), [(0.8, "Does not stand: sever"), (0.6, "Stands: outlier-gradient")])
def test_other_detectors_are_judged_beside_the_papers_three(other, sentence):
    rows = dict.fromkeys(OGA, 0.7) | {"sever": other, "random": 0.9, "outlier-gradient[trees=200]": 0.99}
    found = trees.three_detectors_are_enough(a_run(rows))
    assert found.verdict.startswith(sentence)
    assert "trees=200" not in found.ours


@pytest.mark.parametrize(("agrees", "sentence"), [(OGA[0], "Stands"), ("datainf", "Does not stand")])
def test_leave_one_out_is_the_truth_that_rows_are_correlated_with(agrees, sentence):
    rng = np.random.default_rng(0)
    scores = {}
    for problem in ("a", "b", "c"):
        truth = rng.normal(size=200)
        rows = {row: rng.normal(size=200) for row in (*OGA, "datainf", "lissa")}
        scores[problem] = rows | {agrees: truth + 0.1 * rng.normal(size=200), leave_one_out.TRUTH: truth}
    found = leave_one_out.outlier_gradients_stand_in_for_influence(a_run({leave_one_out.TRUTH: 0.8}, scores=scores))
    assert found.verdict.startswith(sentence)
    assert "ROC-AUC 0.800" in found.ours


TEXT = {"outlier-gradient": 0.8, "grad-dot": 0.85, "datainf": 0.85, "datainf-paper": 0.2}


@pytest.mark.parametrize(
    ("adapters", "sentence"), [(0.6, "Confirmed"), (0.9, "Not confirmed"), (0.85, "Not confirmed")]
)
def test_other_layers_are_a_confound_where_they_alone_move_a_baseline(adapters, sentence):
    run = a_run(TEXT | {f"{row}[layers=lora]": adapters for row in ("outlier-gradient", "grad-dot", "datainf")})
    found = text.methods_see_other_layers(run)
    assert found.verdict.startswith(sentence)
    assert "] as compared in the paper, -0.050 [-0.050, -0.050] where both" in found.ours
    assert f"The forest over DataInf: {0.8 - adapters:+.3f} [" in found.ours


@pytest.mark.parametrize(("clean", "sentence"), [(0.85, "Confirmed"), (0.1, "Not confirmed")])
def test_the_papers_influence_on_texts_is_told_with_both_signs(clean, sentence):
    rows = {f"{row}{layers}": auc for layers in ("", "[layers=lora]") for row, auc in TEXT.items()}
    rows |= {"datainf": clean, "datainf[layers=lora]": clean}
    arms = {("datainf[layers=lora]", "30%"): 0.8, ("datainf-paper[layers=lora]", "30%"): 0.75}
    found = text.influence_on_the_training_rows_has_no_settled_sign(a_run(rows, arms))
    assert "as the paper's code has it 0.199, 0.200, 0.201 (seed by seed" in found.ours
    assert "+5.00 [+5.00, +5.00] points" in found.ours
    assert found.verdict.startswith(sentence)
    unsettled = text.influence_on_the_training_rows_has_no_settled_sign(a_run(rows | {"datainf-paper": 0.5}, arms))
    assert unsettled.verdict.startswith("Confirmed: which sign finds the flips differs from seed to seed")


def test_texts_are_judged_by_accuracy_and_by_detection():
    arms = at("30%", oga=0.80, loss=0.80, random=0.7, oracle=0.9) | at("", none=0.75)
    found = text.trimming_by_the_forest_gives_the_best_accuracy_on_texts(a_run(accuracies=arms))
    assert found.verdict.endswith("cannot be told from loss, the best other row; both are above random removal.")
    found = text.outlier_gradients_find_flips_in_texts(a_run(TEXT | {"grad-dot": 0.9, "random": 0.5}))
    assert found.verdict == "Stands in part: outlier gradients find flips, but grad-dot finds more."


def prompts(theirs, told, ours=0.6, alone=0.7, dot=0.7):
    rows = dict.fromkeys(generation.ALONE, alone) | dict.fromkeys(generation.TOLD, told) | {"pairwise-random": 0.5}
    rows |= {generation.THEIRS: theirs, generation.OURS: ours, generation.TRACING: dot}
    return a_run(rows, problem="math-with-reasoning · none · causal-lm")


def test_influential_prompts_are_judged_as_the_paper_does_and_with_the_classes_told_to_all():
    found = generation.outlier_gradients_tell_where_answers_come_from(prompts(0.9, 0.95))
    assert found.verdict.startswith("Stands as the paper compares: by its protocol outlier gradients are 0.200 of AUC")
    assert f"math-with-reasoning: {generation.THEIRS} 0.900 / 0.900" in found.ours
    for told, sentence in ((0.95, "Confirmed"), (0.9, "Confirmed"), (0.8, "Not the whole of it")):
        found = generation.the_classes_that_are_asked_for_are_given(prompts(0.9, told))
        assert found.verdict.startswith(sentence)
        assert f"To be told is worth {told - 0.7:+.3f}" in found.ours


@pytest.mark.parametrize(("ours", "sentence"), [(0.8, "Stands"), (0.6, "Does not stand"), (0.7, "Cannot be told")])
def test_without_the_classes_outlier_gradients_are_judged_beside_rows_that_are_told_none(ours, sentence):
    assert generation.forests_of_clusters_do_without_the_classes(prompts(1, 1, ours)).verdict.startswith(sentence)


@pytest.mark.parametrize(("dot", "sentence"), [(0.6, "Stands"), (0.8, "Does not stand"), (0.7, "Cannot be told")])
def test_datainf_is_judged_beside_gradient_tracing_on_mathematics(dot, sentence):
    found = generation.the_inverse_curvature_is_what_tracing_lacks(prompts(1, 1, dot=dot))
    assert found.verdict.startswith(sentence)
    assert "over DataInf: +0.000 [+0.000, +0.000]" in found.ours


def test_heat_maps_show_the_mean_of_each_pair_of_classes_on_both_widths():
    train, test = np.array([0, 0, 1, 2, 2, 2]), np.array([2, 0, 1, 1])
    same = train[:, None] == test
    influence = np.random.default_rng(0).normal(size=same.shape)
    standard = (influence - influence.mean(0)) / influence.std(0)
    means = generation.class_means(influence, same)
    own = [standard[train == kind][:, test == kind].mean() for kind in range(3)]
    assert sorted(np.diag(means)) == pytest.approx(sorted(own))
    scores = dict.fromkeys((generation.TRACING, generation.DATAINF, generation.THEIRS), influence)
    run = a_run(scores={f"{name}-none-causal-lm-seed{seed}": scores for name in ("maths", "words") for seed in (0, 1)})
    run.truth = lambda slug: same
    for width in (3.3, 7.8):
        assert len(generation.heat_maps(run, width).axes) == 3 * 2 + 1
    with pytest.raises(ib.InputError, match="no finished cells"):
        generation.heat_maps(a_run(), 3.3)


def test_a_run_without_the_rows_of_a_claim_is_told_by_their_names():
    with pytest.raises(KeyError, match="models retrained without 5% of the rows"):
        vision.what_is_trimmed_is_wrong(a_run())
    with pytest.raises(KeyError, match="outlier-gradient"):
        vision.outlier_gradients_find_human_label_noise(a_run({"loss": 0.8}))


def test_flagged_accuracy_counts_both_kinds_of_mistakes():
    run = a_run(scores={"p": {"row": np.array([3.0, 2, 1, 0])}})
    run.truth = lambda problem: np.array([True, False, False, False])
    assert synthetic.flagged_accuracy(run, 0.5).loc["row", "p"] == 0.75
