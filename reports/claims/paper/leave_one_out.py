"""Section 4: leave-one-out retraining as the ground truth of which rows harm."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...style import share
from ..claim import Finding, Lacking, claim
from .figures import auc_text, labelled, verdict
from .rows import OUTLIER, aucs, best, by_mean, scores_by_problem

TRUTH = "leave-one-out[retrain=2]"


@claim(
    "paper-leave-one-out",
    "section 4, Figure 1 and Hypothesis 3.2",
    "drawn against 0.9 minus the leave-one-out test accuracy for the network (its code), in steps of 0.01",
)
def outlier_gradients_stand_in_for_influence(run: Run) -> Finding:
    """Looking for outlier gradients can take the place of influence functions in finding the rows that harm."""
    correlations = {
        (name, problem): spearmanr(scores, by_row[TRUTH]).statistic
        for problem, by_row in scores_by_problem(run, [TRUTH]).items()
        for name, scores in by_row.items()
        if name != TRUTH and np.ptp(scores) > 0
    }
    if not correlations:
        raise Lacking("row besides leave-one-out")
    table = pd.Series(correlations).unstack()
    ours, influence = best(table, OUTLIER), best(table, ("influence-exact", "lissa", "datainf", "grad-dot"))
    difference = mean_interval(table.loc[ours] - table.loc[influence])
    figures = [labelled(name, mean_interval(table.loc[name]), share) for name in by_mean(table)]
    return Finding(
        "Spearman correlation with the gain of the validation rows when a row is left out and the model retrained: "
        f"{'; '.join(figures)}. Leave-one-out itself finds the flips with ROC-AUC {auc_text(aucs(run), TRUTH)}",
        verdict(
            difference,
            f"Stands: {ours} agrees with leave-one-out more than {influence} does.",
            f"Does not stand: {influence} agrees with leave-one-out more than {ours} does.",
            f"Undecided: {ours} and {influence} agree with leave-one-out about as much.",
        ),
    )
