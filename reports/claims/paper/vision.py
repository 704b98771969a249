"""Section 5: human label noise in CIFAR-10N."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ....bench.results.metrics import evaluate
from ....bench.results.run import Run
from ...style import share
from ..claim import Evidence, claim
from ..contrast import Contrast
from ..margins import of_accuracy, of_detection
from .figures import auc_list, labelled, percent_list
from .rows import (
    OUTLIER,
    aucs,
    by_mean,
    by_problem_and_seed,
    interval,
    row,
    rows,
    scores_by_problem,
    wrong_among_removed,
)
from .trimmed import UNTRIMMED, lifted

SUITES = ("paper-vision", "paper-vision-full")
BUDGET = "5%"
BASELINE = "self-confidence"
L2, L2_ALL = "outlier-gradient[detector=l2]", "outlier-gradient[checkpoints=all,detector=l2]"
EL2N, EL2N_ALL = "el2n", "el2n[checkpoints=all]"
CHECKPOINTS = 5  # of every training of these suites; the last is the final model
DETECTORS = "outlier gradients, the mean of the paper's three detectors"
TRIMMED = "models trimmed by outlier gradients, the mean of the paper's three detectors"
PAIRED = "kind of noise and seed"
ACCURACY = "test accuracy after trimming 5 %"
TABLE_2 = (
    "cross-entropy 90.87, 89.17, 82.27 (aggregate, random, worst); L1 91.86, 90.66, 84.20; L2 92.21, 90.25, 82.99; "
    "isolation forest 91.36, 90.20, 83.72"
)
OF_TRIMMED = 0.02
Scores = NDArray[np.float64]


@claim(
    SUITES,
    "section 5, Table 2: accuracy after trimming 5 %",
    f"{TABLE_2}; self-confidence, the best baseline on average, 91.38, 90.09, 83.65",
    of_accuracy(
        TRIMMED, "models trimmed by self-confidence, the best baseline of Table 2 on average", ACCURACY, PAIRED
    ),
)
def trimming_by_outlier_gradients_gives_the_best_accuracy(run: Run) -> Evidence:
    """Trimming outlier gradients gives more accuracy than trimming by any baseline."""
    return lifted(run, BUDGET, OUTLIER, [BASELINE])


@claim(
    SUITES,
    "section 5, Table 2: accuracy after trimming 5 %",
    f"{TABLE_2}; cross-entropy is trained without shuffling",
    of_accuracy(TRIMMED, "untrimmed models, shuffled", ACCURACY, PAIRED),
)
def trimming_by_outlier_gradients_lifts_accuracy(run: Run) -> Evidence:
    """Trimming outlier gradients lifts accuracy."""
    return lifted(run, BUDGET, OUTLIER, [UNTRIMMED])


@claim(
    SUITES,
    "section 5, Table 2: accuracy after trimming 5 %",
    "no random removal",
    of_accuracy(TRIMMED, "models without as many random rows", ACCURACY, PAIRED),
)
def the_choice_of_the_rows_lifts_accuracy(run: Run) -> Evidence:
    """It is the choice of the trimmed rows that lifts accuracy: removing as many at random does not lift it as far."""
    return lifted(run, BUDGET, OUTLIER, ["random"])


@claim(
    SUITES,
    "Hypothesis 3.2; section 5 reports no detection metric, though the true labels are known",
    "none",
    of_detection(DETECTORS, "0.5, chance", PAIRED),
)
def outlier_gradients_find_human_label_noise(run: Run) -> Evidence:
    """Detrimental samples can be found as outliers in the gradient space (Hypothesis 3.2)."""
    table = aucs(run)
    return Evidence(rows(table, OUTLIER).mean() - 0.5, f"ROC-AUC: {auc_list(table, by_mean(table))}")


@claim(
    SUITES,
    "section 5 reports no detection metric, though the true labels are known",
    "none",
    of_detection(DETECTORS, "self-confidence, the best baseline of Table 2 on average", PAIRED),
)
def outlier_gradients_find_more_than_the_best_baseline(run: Run) -> Evidence:
    """Outlier gradients find more wrong labels than the baselines do."""
    table = aucs(run)
    return Evidence(
        rows(table, OUTLIER).mean() - row(table, BASELINE), f"ROC-AUC: {auc_list(table, (*OUTLIER, BASELINE, 'loss'))}"
    )


@claim(
    SUITES,
    "its code: gradients are taken once, of the last epoch's model",
    "not varied",
    of_detection(
        "the L2 norm of the final model's gradients",
        "the mean rank of that norm at the four earlier checkpoints",
        PAIRED,
    ),
)
def gradients_of_the_last_checkpoint_are_enough(run: Run) -> Evidence:
    """The gradients of the final model are those to look at: earlier ones find fewer wrong labels."""
    return _last_over_earlier(run, L2, L2_ALL, lambda norms: rankdata(norms) / len(norms))


@claim(
    SUITES,
    "its code: gradients are taken once, of the last epoch's model",
    "not varied; no errors",
    of_detection("EL2N of the final model", "the mean EL2N of the four earlier checkpoints", PAIRED),
)
def errors_of_the_last_checkpoint_are_enough(run: Run) -> Evidence:
    """The errors of the final model (EL2N) are those to look at: earlier ones find fewer wrong labels."""
    return _last_over_earlier(run, EL2N, EL2N_ALL, np.asarray)


def _last_over_earlier(run: Run, last: str, everywhere: str, averaged: Callable[[Scores], Scores]) -> Evidence:
    """ROC-AUC of a row at the final model minus that of the mean over the earlier checkpoints.

    Scores at all checkpoints are a mean: the final model's taken out of it, the mean over the earlier ones is left.

    Args:
        run: with both rows.
        last: the row at the final model.
        everywhere: the row at all checkpoints.
        averaged: makes of a checkpoint's scores those that the mean is over.
    """
    final, earlier = {}, {}
    for slug, scores in scores_by_problem(run, (last, everywhere)).items():
        truth = run.truth(slug)
        left = CHECKPOINTS * scores[everywhere].astype(np.float64) - averaged(scores[last])
        final[slug] = evaluate(scores[last], truth)["roc_auc"]
        earlier[slug] = evaluate(left.round(9), truth)["roc_auc"]  # rounded: rows that tie keep doing so
    first, second = by_problem_and_seed(run, final), by_problem_and_seed(run, earlier)
    figures = [
        labelled("final model", interval(first), share),
        labelled("earlier checkpoints", interval(second), share),
    ]
    return Evidence(first - second, f"ROC-AUC: {'; '.join(figures)}; {auc_list(aucs(run), (last, everywhere))}")


@claim(
    SUITES,
    "section 5: trimming budget of 5 %, far below the share of wrong labels",
    "9.03, 17.23 and 40.21 % of the labels are wrong (aggregate, random, worst)",
    Contrast(
        "rows trimmed by outlier gradients, the mean of the paper's three detectors",
        "one half",
        "share of wrong labels among the trimmed rows",
        PAIRED,
        margin=OF_TRIMMED,
        because="2 points of the 5 % are a thousandth of all rows",
    ),
)
def what_is_trimmed_is_wrong(run: Run) -> Evidence:
    """What is trimmed is what harms: most of the 5 % most suspect rows have wrong labels."""
    table = wrong_among_removed(run.trimmed(), BUDGET)
    figures = f"wrong among the trimmed: {percent_list(table, by_mean(table))}"
    return Evidence(rows(table, OUTLIER).mean() - 0.5, figures)
