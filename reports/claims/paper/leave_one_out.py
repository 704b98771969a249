"""Section 4: leave-one-out retraining as the truth of who harms."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ...statistics import mean_interval
from ...style import share
from ..claim import Finding, claim
from .figures import OUTLIER, auc_shown, aucs, best, told, verdict

TRUTH = "leave-one-out[retrain=2]"


@claim(
    "paper-leave-one-out",
    "section 4, Figure 1 and Hypothesis 3.2",
    "drawn against 0.9 minus the leave-one-out test accuracy for the network (its code), in steps of 0.01",
)
def outlier_gradients_stand_in_for_influence(run: Run) -> Finding:
    """Looking for outlier gradients can take the place of influence functions in finding the rows that harm."""
    alike = {
        (row, problem): spearmanr(scores, rows[TRUTH]).statistic
        for problem, rows in run.scores_by_problem().items()
        for row, scores in rows.items()
        if row != TRUTH and np.ptp(scores) > 0
    }
    table = pd.Series(alike).unstack()
    ours, influence = best(table, OUTLIER), best(table, ("influence-exact", "lissa", "datainf", "grad-dot"))
    difference = mean_interval(table.loc[ours] - table.loc[influence])
    order = table.mean(axis=1).sort_values(ascending=False).index
    return Finding(
        "Spearman correlation with what the validation rows gain when a row is left out and the model retrained: "
        + "; ".join(told(str(row), mean_interval(table.loc[row]), share) for row in order)
        + f". Leave-one-out itself finds the flips with ROC-AUC {auc_shown(aucs(run), TRUTH)}",
        verdict(
            difference,
            f"Stands: {ours} agrees with leave-one-out more than {influence} does.",
            f"Does not stand: {influence} agrees with leave-one-out more than {ours} does.",
            f"Cannot be told: {ours} and {influence} agree with leave-one-out about as much.",
        ),
    )
