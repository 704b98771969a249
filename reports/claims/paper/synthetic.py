"""Section 4: flipped labels in half moons, on the paper's own network."""

from collections.abc import Sequence

import pandas as pd

from ....bench.results.metrics import expected_hits
from ....bench.results.run import Run
from ..claim import Evidence, Lacking, claim
from ..contrast import Contrast
from .figures import percent_list
from .rows import FOREST, OUTLIER, by_problem_and_seed, on, rows, scores_by_problem
from .trimmed import UNTRIMMED, lifted

DATASET, NETWORK = "half-moons", "two-unit-mlp"
QUALITY = ("margin", "self-confidence", "confidence-weighted-entropy")
INFLUENCE = ("influence-exact", "grad-dot", "lissa", "datainf")
FLAGGED, BUDGET = 0.1, "10%"
DETECTORS = 0.02
OF_DETECTORS = "the paper's own three detectors differ by 2 points, 96.0 and 98.0 %"
TEST_ROW = 0.01
OF_TEST_ROW = "a single one of the paper's 100 test rows, where its gain is 6 points"


def moons(run: Run) -> list[str]:
    """The label of the problem of half moons and the paper's network.

    Raises:
        Lacking: if the run has no such problem.
    """
    specs = run.info.suite.problems
    labels = [spec.label for spec in specs if (spec.dataset, spec.model) == (DATASET, NETWORK)]
    if not labels:
        raise Lacking(f"problem of {DATASET} and {NETWORK}")
    return labels[:1]


def flagged_accuracy(run: Run, share_flagged: float) -> pd.DataFrame:
    """The paper's detection accuracy, row × (problem, seed); only rows all of whose cells ended well.

    It is the share of training rows that are classified correctly as wrong or right labels when the given share of
    most suspect rows is flagged.

    Raises:
        Lacking: if no cell ended well.
    """
    by_row: dict[str, dict[str, float]] = {}
    for problem, scores_by_row in scores_by_problem(run).items():
        truth = run.truth(problem)
        k = round(share_flagged * len(truth))
        for name, scores in scores_by_row.items():
            wrong = k + truth.sum() - 2 * expected_hits(scores, truth, k)
            by_row.setdefault(name, {})[problem] = 1 - wrong / len(truth)
    return pd.DataFrame({name: by_problem_and_seed(run, by_slug) for name, by_slug in by_row.items()}).T.dropna()


def _found(run: Run, baselines: Sequence[str]) -> Evidence:
    """Detection accuracy of the three detectors, on average, minus that of baselines."""
    table = on(flagged_accuracy(run, FLAGGED), moons(run))
    differences = rows(table, OUTLIER).mean() - rows(table, baselines).mean()
    shown = [*OUTLIER, *baselines, *(name for name in ("loss", "random") if name in table.index)]
    return Evidence(differences, f"detection accuracy: {percent_list(table, shown)}")


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, detection accuracy",
    "isolation forest 96.0 %, L1 and L2 98.0 %; margin, self-confidence and confidence-weighted entropy 82.0 %, which "
    "is to flag no flip at all; its code gives these the predictions in the place of the labels",
    Contrast(
        "outlier gradients, the mean of the paper's three detectors",
        "margin, self-confidence and confidence-weighted entropy of the given labels, their mean",
        "detection accuracy with 10 % of the rows flagged, on half moons and the paper's network",
        "seed",
        margin=DETECTORS,
        because=OF_DETECTORS,
    ),
)
def outlier_gradients_find_flips_that_label_quality_scores_miss(run: Run) -> Evidence:
    """Outlier gradients find flipped labels that label-quality scores miss."""
    return _found(run, QUALITY)


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, detection accuracy",
    "isolation forest 96.0 %, L1 and L2 98.0 %; exact influence 90.0 %; Gradient Tracing, LiSSA and DataInf 82.0 %, "
    "which is to flag no flip at all; its code measures these against the training rows",
    Contrast(
        "outlier gradients, the mean of the paper's three detectors",
        "exact influence, Gradient Tracing, LiSSA and DataInf on clean validation rows, their mean",
        "detection accuracy with 10 % of the rows flagged, on half moons and the paper's network",
        "seed",
        margin=DETECTORS,
        because=OF_DETECTORS,
    ),
)
def outlier_gradients_find_flips_that_influence_functions_miss(run: Run) -> Evidence:
    """Outlier gradients find flipped labels that influence functions miss."""
    return _found(run, INFLUENCE)


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, accuracy after trimming 10 %",
    "no trimming 90.0 %; isolation forest 96.0 %, L1 and L2 87.0 %; one seed",
    Contrast(
        "models trimmed by the isolation forest on gradients",
        "untrimmed models, shuffled",
        "test accuracy on half moons, the paper's network",
        "seed",
        margin=TEST_ROW,
        because=OF_TEST_ROW,
    ),
)
def trimming_by_outlier_gradients_lifts_accuracy(run: Run) -> Evidence:
    """Trimming outlier gradients and retraining lifts accuracy."""
    return lifted(run, BUDGET, [FOREST], [UNTRIMMED], moons(run))


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, accuracy after trimming 10 %",
    "no random removal",
    Contrast(
        "models trimmed by the isolation forest on gradients",
        "models without as many random rows",
        "test accuracy on half moons, the paper's network",
        "seed",
        margin=TEST_ROW,
        because=OF_TEST_ROW,
    ),
)
def the_choice_of_the_rows_lifts_accuracy(run: Run) -> Evidence:
    """It is the choice of the trimmed rows that lifts accuracy: removing as many at random does not lift it as far."""
    return lifted(run, BUDGET, [FOREST], ["random"], moons(run))
