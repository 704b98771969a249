"""Appendix C: how many trees the forest needs."""

from ...bench.results import Run
from ..claims import Finding, claim
from ..statistics import mean_interval
from ..style import share
from .figures import told


@claim(
    "paper-trees",
    "appendix C, Table 8: trees of the forest",
    "83.70, 84.38, 83.71, 83.72, 83.66, 83.97, 83.84, 83.42 for 25 to 200 trees (accuracy on CIFAR-10N worst)",
)
def the_number_of_trees_matters_little(run: Run) -> Finding:
    """The number of trees matters little."""
    frame = run.frame()
    forests = frame[frame["method"].str.startswith("outlier-gradient") & ~frame["method"].str.contains("detector")]
    table = forests.pivot(index="method", columns=["problem", "seed"], values="roc_auc")
    figures = [told(str(row), mean_interval(table.loc[row]), share) for row in table.index]
    spread = float(table.mean(axis=1).max() - table.mean(axis=1).min())
    seeds = float(table.std(axis=1, ddof=1).mean())
    stands = spread < seeds
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. Spread over trees {spread:.3f}, deviation over seeds {seeds:.3f}",
        "Stands: seeds differ more than numbers of trees do."
        if stands
        else "Does not stand for detection: numbers of trees differ more than seeds do.",
    )
