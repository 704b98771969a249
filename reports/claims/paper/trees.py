"""Appendix C: how many trees the forest needs, and what other detectors find."""

from ....bench.results.run import Run
from ...statistics import mean_interval
from ..claim import Finding, claim
from .figures import OUTLIER, aucs, aucs_told, best, moved, verdict

TREES = (25, 50, 75, 100, 125, 150, 175, 200)


@claim(
    "paper-trees",
    "appendix C, Table 8: trees of the forest",
    "83.70, 84.38, 83.71, 83.72, 83.66, 83.97, 83.84, 83.42 for 25 to 200 trees (accuracy on CIFAR-10N worst)",
)
def the_number_of_trees_matters_little(run: Run) -> Finding:
    """The number of trees matters little."""
    table = aucs(run).loc[["outlier-gradient" + (f"[trees={trees}]" if trees != 100 else "") for trees in TREES]]
    figures = [f"{trees} trees {table.iloc[k].mean():.3f}" for k, trees in enumerate(TREES)]
    difference = mean_interval(table.iloc[-1] - table.iloc[0])
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. 200 over 25 trees {moved(difference)}",
        verdict(
            difference,
            "Does not stand for detection: more trees find more.",
            "Does not stand for detection: more trees find less.",
            "Stands: 200 trees cannot be told from 25.",
        ),
    )


@claim("paper-trees", "section 3.3: isolation forest and norms, of many outlier detectors", "three detectors")
def three_detectors_are_enough(run: Run) -> Finding:
    """Of all outlier detectors, the isolation forest and the L1 and L2 norms are those to use."""
    table = aucs(run)
    table = table[~table.index.str.contains("trees=") & (table.index != "random")]
    order = map(str, table.mean(axis=1).sort_values(ascending=False).index)
    ours, other = best(table, OUTLIER), best(table, [row for row in table.index if row not in OUTLIER])
    difference = mean_interval(table.loc[ours] - table.loc[other])
    return Finding(
        f"ROC-AUC: {aucs_told(table, order)}",
        verdict(
            difference,
            f"Stands: {ours} finds more than every other detector, {other} being next.",
            f"Does not stand: {other} finds more than {ours}.",
            f"Stands: {ours} finds as much as {other}, the best of the others.",
        ),
    )
