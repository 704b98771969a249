"""Confounds in the paper's code: what moves its figures besides the methods, and by how much on equal data."""

import numpy as np
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...trimming.sentences import points
from ..claim import Finding, Lacking, confound
from .figures import auc_list, auc_text, labelled, percent, verdict
from .rows import accuracy, aucs, row, rows, scores_by_problem

SUITES = ("paper-synthetic", "paper-vision", "paper-vision-full")
QUALITY = ("self-confidence", "margin", "confidence-weighted-entropy")


@confound(
    (*SUITES, "paper-text"),
    "its code: the baseline alone is trained without shuffling",
    "cross-entropy without shuffling, every trimmed model with it",
)
def the_untrimmed_baseline_is_trained_without_shuffling(run: Run) -> Finding:
    """Part of the gain is the order of the rows, since only trimmed models are trained on shuffled ones."""
    table = accuracy(run.trimmed(), "")
    shuffled, unshuffled = row(table, "none"), row(table, "none, unshuffled")
    difference = mean_interval(shuffled - unshuffled)
    return Finding(
        f"{labelled('shuffled', mean_interval(shuffled), percent)}; "
        f"{labelled('unshuffled', mean_interval(unshuffled), percent)}; "
        f"shuffling alone {points(*difference)} points",
        verdict(
            difference,
            "Confirmed: shuffling alone lifts accuracy, with nothing trimmed.",
            "Not confirmed: shuffling lowers accuracy here.",
        ),
    )


@confound(
    (*SUITES, "paper-text"),
    "its code: the best of all epochs by test accuracy is reported",
    "the maximum over 100 epochs of the test accuracy",
)
def the_best_epoch_is_chosen_on_test_data(run: Run) -> Finding:
    """The epoch that is reported is chosen by its test accuracy."""
    trimmed = run.trimmed()
    if trimmed.empty:
        raise Lacking("retrained models")
    gap = trimmed["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1])
    lift = mean_interval(gap.groupby([trimmed["problem"], trimmed["problem_seed"]]).mean())
    return Finding(
        f"best epoch over last epoch, on the same test rows: {points(*lift)} points",
        verdict(lift, "Confirmed: the choice alone lifts the figure.", "Not confirmed."),
    )


@confound(
    SUITES,
    "its code: `get_label_quality_scores(labels=preds, ...)`",
    "the three label-quality scores find none of the 20 flips of half moons (82.0 %)",
)
def label_quality_scores_are_given_predictions_for_labels(run: Run) -> Finding:
    """Label-quality scores are computed with the model's predictions in the place of the given labels."""
    table = aucs(run)
    predicted = [f"{name}[labels=predicted]" for name in QUALITY]
    figures = [
        f"{name} {auc_text(table, name)} with given labels, {auc_text(table, other)} with predictions"
        for name, other in zip(QUALITY, predicted, strict=True)
    ]
    difference = mean_interval(rows(table, QUALITY).mean() - rows(table, predicted).mean())
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}",
        verdict(
            difference,
            f"Confirmed: predictions for labels cost these scores {difference[0]:.3f} of ROC-AUC.",
            "Not confirmed: predictions for labels do better here.",
        ),
    )


@confound(
    SUITES,
    "its code: the engine is given {0: gradient} for training and validation set alike",
    "Self-DataInf and Self-LiSSA are two baselines of every table",
)
def self_influence_has_the_curvature_of_one_sample(run: Run) -> Finding:
    """In the self-influence baselines the Hessian is made of the one sample that is scored."""
    names = ("datainf-self", "datainf-self-paper", "lissa-self-paper", "influence-self")
    datainf, lissa, norm = names[1], names[2], "outlier-gradient[detector=l2]"
    table, problems = aucs(run), scores_by_problem(run, (datainf, lissa, norm)).values()
    alike = [spearmanr(scores[lissa], scores[norm]).statistic for scores in problems]
    variation = max(np.ptp(scores[datainf]) / scores[datainf].mean() for scores in problems)
    difference = mean_interval(row(table, "datainf-self") - row(table, datainf))
    return Finding(
        f"ROC-AUC: {auc_list(table, names)}. With the curvature of one sample, Self-DataInf varies over the rows by "
        f"{variation:.1g} of its mean, and Self-LiSSA ranks as the L2 norm does, which counts the bias too (Spearman "
        f"{min(alike):.3f} or more)",
        verdict(
            difference,
            "Confirmed: so computed, Self-DataInf carries no information and Self-LiSSA is an outlier gradient; with "
            "one curvature over all samples, self-influence finds wrong labels.",
            "Not confirmed: the curvature of one sample does better.",
        ),
    )


@confound(
    SUITES,
    "its code: the mean training gradient in the place of the validation gradient, and the sign of DataInf's engine",
    "Gradient Tracing, LiSSA and DataInf find none of the 20 flips of half moons (82.0 %)",
)
def influence_is_measured_against_the_training_rows(run: Run) -> Finding:
    """Influence is measured against training rows, where its sign is not settled."""
    table, names = aucs(run), ["grad-dot", "lissa", "datainf"]
    training = [f"{name}[against=training]" for name in names]
    figures = [
        f"{name} {auc_text(table, name)} against clean validation rows, {auc_text(table, other)} against training "
        f"rows, {1 - table.loc[other].mean():.3f} with the other sign"
        for name, other in zip(names, training, strict=True)
    ]
    difference = mean_interval(rows(table, names).mean() - rows(table, training).mean())
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}",
        verdict(
            difference,
            f"Confirmed: against clean validation rows these find {difference[0]:.3f} more of ROC-AUC.",
            "Not confirmed: against training rows they find more.",
        ),
    )
