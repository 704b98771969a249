"""Appendix C: how many trees the forest needs, and what other detectors find."""

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ..claim import Finding, claim
from .figures import auc_list, signed, verdict
from .rows import OUTLIER, aucs, best, by_mean, rows

TREES = (25, 50, 75, 100, 125, 150, 175, 200)


@claim(
    "paper-trees",
    "appendix C, Table 8: trees of the forest",
    "83.70, 84.38, 83.71, 83.72, 83.66, 83.97, 83.84, 83.42 for 25 to 200 trees (accuracy on CIFAR-10N worst)",
)
def the_number_of_trees_matters_little(run: Run) -> Finding:
    """The number of trees matters little."""
    names = ["outlier-gradient" + (f"[trees={trees}]" if trees != 100 else "") for trees in TREES]
    table = rows(aucs(run), names)
    figures = [f"{trees} trees {table.iloc[k].mean():.3f}" for k, trees in enumerate(TREES)]
    difference = mean_interval(table.iloc[-1] - table.iloc[0])
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. 200 over 25 trees {signed(difference)}",
        verdict(
            difference,
            "Does not stand for detection: more trees find more.",
            "Does not stand for detection: more trees find less.",
            "Stands: 200 trees cannot be distinguished from 25.",
        ),
    )


@claim("paper-trees", "section 3.3: isolation forest and norms, of many outlier detectors", "three detectors")
def three_detectors_are_enough(run: Run) -> Finding:
    """Of all outlier detectors, the isolation forest and the L1 and L2 norms are those to use."""
    table = aucs(run)
    other_trees = {record.method for record in run.cells() if "trees" in record.hyperparameters}
    table = table[~table.index.isin([*other_trees, "random"])]
    ours, other = best(table, OUTLIER), best(table, [name for name in table.index if name not in OUTLIER])
    difference = mean_interval(table.loc[ours] - table.loc[other])
    return Finding(
        f"ROC-AUC: {auc_list(table, by_mean(table))}",
        verdict(
            difference,
            f"Stands: {ours} finds more than every other detector; {other} is next.",
            f"Does not stand: {other} finds more than {ours}.",
            f"Stands: {ours} finds as much as {other}, the best of the others.",
        ),
    )
