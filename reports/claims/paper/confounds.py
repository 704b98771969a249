"""Confounds in the paper's code: what moves its figures besides the methods, and by how much on equal data."""

import numpy as np
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ....bench.results.specs import CONTROLS
from ..claim import Evidence, Lacking, confound
from ..margins import of_accuracy, of_detection
from .figures import auc_list, auc_text, labelled, percent
from .rows import accuracy, aucs, best_over_last, interval, row, rows, scores_by_problem

SUITES = ("paper-synthetic", "paper-vision", "paper-vision-full")
QUALITY = ("self-confidence", "margin", "confidence-weighted-entropy")
INFLUENCE = ("grad-dot", "lissa", "datainf")
DATAINF, LISSA, NORM = "datainf-self-paper", "lissa-self-paper", "outlier-gradient[detector=l2]"


@confound(
    (*SUITES, "paper-text"),
    "its code: the baseline alone is trained without shuffling",
    "cross-entropy without shuffling, every trimmed model with it",
    of_accuracy(
        "the untrimmed model with shuffling", "the untrimmed model without", "test accuracy", "problem and seed"
    ),
)
def the_untrimmed_baseline_is_trained_without_shuffling(run: Run) -> Evidence:
    """Part of the gain is the order of the rows, since only trimmed models are trained on shuffled ones."""
    table = accuracy(run.trimmed(), "")
    shuffled, unshuffled = row(table, "none"), row(table, "none, unshuffled")
    return Evidence(
        shuffled - unshuffled,
        f"{labelled('shuffled', interval(shuffled), percent)}; {labelled('unshuffled', interval(unshuffled), percent)}",
    )


@confound(
    (*SUITES, "paper-text"),
    "its code: the best of all epochs by test accuracy is reported",
    "the maximum over 100 epochs of the test accuracy, for the untrimmed and the trimmed models",
    of_accuracy(
        "models trimmed by a method, the mean over all methods",
        "the untrimmed model",
        "accuracy of the best epoch minus that of the last, on the same test rows",
        "problem and seed",
    ),
)
def the_best_epoch_is_chosen_on_test_data(run: Run) -> Evidence:
    """Part of the gain is the choice of the best epoch by test accuracy, which lifts trimmed models more."""
    table = best_over_last(run.trimmed())
    trimmed, untrimmed = table[~table.index.isin(CONTROLS)].mean(), row(table, "none")
    if trimmed.isna().any():
        raise Lacking("models trimmed by a method")
    return Evidence(
        trimmed - untrimmed,
        f"best epoch over last epoch: {labelled('trimmed', interval(trimmed), percent)}; "
        f"{labelled('untrimmed', interval(untrimmed), percent)}",
    )


@confound(
    SUITES,
    "its code: `get_label_quality_scores(labels=preds, ...)`",
    "the three label-quality scores find none of the 20 flips of half moons (82.0 %)",
    of_detection(
        "self-confidence, margin and confidence-weighted entropy of the given labels, their mean",
        "the same of the predicted labels",
    ),
)
def label_quality_scores_are_given_predictions_for_labels(run: Run) -> Evidence:
    """Label-quality scores find fewer wrong labels for getting the model's predictions in the place of the labels."""
    table = aucs(run)
    predicted = [f"{name}[labels=predicted]" for name in QUALITY]
    figures = [
        f"{name} {auc_text(table, name)} with given labels, {auc_text(table, other)} with predictions"
        for name, other in zip(QUALITY, predicted, strict=True)
    ]
    return Evidence(rows(table, QUALITY).mean() - rows(table, predicted).mean(), f"ROC-AUC: {'; '.join(figures)}")


@confound(
    SUITES,
    "its code: the engine is given {0: gradient} for training and validation set alike",
    "Self-DataInf is a baseline of every table",
    of_detection(
        "Self-DataInf with one curvature over all samples",
        "Self-DataInf with the curvature of the one sample that is scored",
    ),
)
def self_influence_has_the_curvature_of_one_sample(run: Run) -> Evidence:
    """Self-DataInf finds fewer wrong labels for having the curvature of the one sample that is scored."""
    table = aucs(run)
    scores = [by_row[DATAINF] for by_row in scores_by_problem(run, [DATAINF]).values()]
    variation = max(np.ptp(values) / values.mean() for values in scores)
    return Evidence(
        row(table, "datainf-self") - row(table, DATAINF),
        f"ROC-AUC: {auc_list(table, ('datainf-self', DATAINF, 'influence-self'))}. With the curvature of one sample, "
        f"Self-DataInf varies over the rows by {variation:.1g} of its mean",
    )


@confound(
    SUITES,
    "its code: the engine is given {0: gradient} for training and validation set alike",
    "Self-LiSSA is a baseline of every table, the L2 norm an outlier gradient",
    of_detection(
        "Self-LiSSA with the curvature of the one sample that is scored", "outlier gradients by the L2 norm", alike=True
    ),
)
def self_lissa_is_an_outlier_gradient(run: Run) -> Evidence:
    """Self-LiSSA, with the curvature of the one sample that is scored, finds what the L2 norm of gradients finds."""
    table = aucs(run)
    problems = scores_by_problem(run, (LISSA, NORM)).values()
    ranks = min(float(spearmanr(scores[LISSA], scores[NORM]).statistic) for scores in problems)
    return Evidence(
        row(table, LISSA) - row(table, NORM),
        f"ROC-AUC: {auc_list(table, (LISSA, NORM))}. Spearman correlation of their scores {ranks:.3f} or more; "
        "the norm counts the bias too",
    )


@confound(
    SUITES,
    "its code: the mean training gradient in the place of the validation gradient, and the sign of DataInf's engine",
    "Gradient Tracing, LiSSA and DataInf find none of the 20 flips of half moons (82.0 %)",
    of_detection(
        "Gradient Tracing, LiSSA and DataInf on clean validation rows, their mean", "the same on the training rows"
    ),
)
def influence_is_measured_against_the_training_rows(run: Run) -> Evidence:
    """Influence finds fewer wrong labels for being measured against the training rows, wrong ones included."""
    table = aucs(run)
    training = [f"{name}[against=training]" for name in INFLUENCE]
    figures = [
        f"{name} {auc_text(table, name)} against clean validation rows, {auc_text(table, other)} against training "
        f"rows, {1 - interval(row(table, other))[0]:.3f} with the other sign"
        for name, other in zip(INFLUENCE, training, strict=True)
    ]
    return Evidence(rows(table, INFLUENCE).mean() - rows(table, training).mean(), f"ROC-AUC: {'; '.join(figures)}")
