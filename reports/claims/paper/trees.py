"""Appendix C: how many trees the forest needs, and what other detectors find."""

from ....bench.results.run import Run
from ..claim import Evidence, claim
from ..margins import DETECTED, of_detection
from .figures import auc_list
from .rows import OUTLIER, aucs, by_mean, interval, row, rows

TREES = (25, 50, 75, 100, 125, 150, 175, 200)
NEIGHBOURS = "outlier-gradient[detector=knn]"


@claim(
    "paper-trees",
    "appendix C, Table 8: trees of the forest",
    "83.70, 84.38, 83.71, 83.72, 83.66, 83.97, 83.84, 83.42 for 25 to 200 trees (accuracy on CIFAR-10N worst)",
    of_detection("a forest of 200 trees", "a forest of 25 trees", "seed", alike=True),
)
def the_number_of_trees_matters_little(run: Run) -> Evidence:
    """The number of trees matters little."""
    names = ["outlier-gradient" + (f"[trees={trees}]" if trees != 100 else "") for trees in TREES]
    table = rows(aucs(run), names)
    figures = [f"{trees} trees {interval(table.iloc[k])[0]:.3f}" for k, trees in enumerate(TREES)]
    return Evidence(table.iloc[-1] - table.iloc[0], f"ROC-AUC: {'; '.join(figures)}")


@claim(
    "paper-trees",
    "section 3.3: isolation forest and norms, of many outlier detectors",
    "three detectors",
    of_detection(
        "the isolation forest and the L1 and L2 norms, their mean",
        "the distance to the k nearest neighbours, the detector that led in an earlier run",
        "seed",
        least=-DETECTED,
    ),
)
def three_detectors_are_enough(run: Run) -> Evidence:
    """Of all outlier detectors, the isolation forest and the L1 and L2 norms are enough: another finds no more."""
    table = aucs(run)
    other_trees = {record.method for record in run.cells() if "trees" in record.hyperparameters}
    shown = by_mean(table[~table.index.isin([*other_trees, "random"])])
    return Evidence(rows(table, OUTLIER).mean() - row(table, NEIGHBOURS), f"ROC-AUC: {auc_list(table, shown)}")
