"""What in the paper's code moves its figures beside the methods: each confound, and what it is worth on equal data."""

import numpy as np
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ...statistics import mean_interval
from ...trimming.sentences import points
from ..claim import Finding, claim
from .figures import accuracy, auc_shown, aucs, aucs_told, percent, told, verdict

SUITES = ("paper-synthetic", "paper-vision", "paper-vision-full")
QUALITY = ("self-confidence", "margin", "confidence-weighted-entropy")


@claim(
    (*SUITES, "paper-text"),
    "its code: the baseline alone is trained without shuffling",
    "cross-entropy without shuffling, every trimmed model with it",
)
def the_untrimmed_baseline_is_trained_without_shuffling(run: Run) -> Finding:
    """Confound: part of the gain is the order of the rows, since only trimmed models are trained on shuffled ones."""
    table = accuracy(run.trimmed(), "")
    difference = mean_interval(table.loc["none"] - table.loc["none, unshuffled"])
    return Finding(
        f"{told('shuffled', mean_interval(table.loc['none']), percent)}; "
        f"{told('unshuffled', mean_interval(table.loc['none, unshuffled']), percent)}; "
        f"shuffling alone {points(*difference)} points",
        verdict(
            difference,
            "Confirmed: shuffling alone lifts accuracy, with nothing trimmed.",
            "Not confirmed: shuffling lowers accuracy here.",
        ),
    )


@claim(
    (*SUITES, "paper-text"),
    "its code: the best of all epochs by test accuracy is reported",
    "the maximum over 100 epochs of the test accuracy",
)
def the_best_epoch_is_chosen_on_test_data(run: Run) -> Finding:
    """Confound: the epoch that is reported is chosen by its test accuracy."""
    trimmed = run.trimmed()
    gap = trimmed["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1])
    lift = mean_interval(gap.groupby([trimmed["problem"], trimmed["problem_seed"]]).mean())
    return Finding(
        f"best epoch over last epoch, on the same test rows: {points(*lift)} points",
        verdict(lift, "Confirmed: the choice alone lifts the figure.", "Not confirmed."),
    )


@claim(
    SUITES,
    "its code: `get_label_quality_scores(labels=preds, ...)`",
    "the three label-quality scores find none of the 20 flips of half moons (82.0 %)",
)
def label_quality_scores_are_given_predictions_for_labels(run: Run) -> Finding:
    """Confound: label-quality scores are computed with the model's predictions in the place of the given labels."""
    table = aucs(run)
    predicted = [f"{row}[labels=predicted]" for row in QUALITY]
    figures = [
        f"{row} {auc_shown(table, row)} with given labels, {auc_shown(table, other)} with predictions"
        for row, other in zip(QUALITY, predicted, strict=True)
    ]
    difference = mean_interval(table.loc[list(QUALITY)].mean() - table.loc[predicted].mean())
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}",
        verdict(
            difference,
            f"Confirmed: predictions for labels cost these scores {difference[0]:.3f} of ROC-AUC.",
            "Not confirmed: predictions for labels do better here.",
        ),
    )


@claim(
    SUITES,
    "its code: the engine is given {0: gradient} for training and validation set alike",
    "Self-DataInf and Self-LiSSA are two baselines of every table",
)
def self_influence_has_the_curvature_of_one_sample(run: Run) -> Finding:
    """Confound: in the self-influence baselines the Hessian is made of the one sample that is scored."""
    table, scores = aucs(run), run.scores_by_problem().values()
    rows = ("datainf-self", "datainf-self-paper", "lissa-self-paper", "influence-self")
    alike = [spearmanr(one["lissa-self-paper"], one["outlier-gradient[detector=l2]"]).statistic for one in scores]
    constant = max(np.ptp(one["datainf-self-paper"]) / one["datainf-self-paper"].mean() for one in scores)
    difference = mean_interval(table.loc["datainf-self"] - table.loc["datainf-self-paper"])
    return Finding(
        f"ROC-AUC: {aucs_told(table, rows)}. With the curvature of one sample, Self-DataInf varies over the rows by "
        f"{constant:.1g} of its mean, and Self-LiSSA ranks as the L2 norm does, which counts the bias too (Spearman "
        f"{min(alike):.3f} or more)",
        verdict(
            difference,
            "Confirmed: so computed, Self-DataInf tells nothing and Self-LiSSA is an outlier gradient; with one "
            "curvature over all samples, self-influence finds wrong labels.",
            "Not confirmed: the curvature of one sample does better.",
        ),
    )


@claim(
    SUITES,
    "its code: the mean training gradient in the place of the validation gradient, and the sign of DataInf's engine",
    "Gradient Tracing, LiSSA and DataInf find none of the 20 flips of half moons (82.0 %)",
)
def influence_is_measured_against_the_training_rows(run: Run) -> Finding:
    """Confound: influence is measured against training rows, where its sign is not settled."""
    table, rows = aucs(run), ["grad-dot", "lissa", "datainf"]
    training = [f"{row}[against=training]" for row in rows]
    figures = [
        f"{row} {auc_shown(table, row)} against clean validation rows, {auc_shown(table, own)} against training rows, "
        f"{1 - table.loc[own].mean():.3f} with the other sign"
        for row, own in zip(rows, training, strict=True)
    ]
    difference = mean_interval(table.loc[rows].mean() - table.loc[training].mean())
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}",
        verdict(
            difference,
            f"Confirmed: against clean validation rows these find {difference[0]:.3f} more of ROC-AUC.",
            "Not confirmed: against training rows they find more.",
        ),
    )
