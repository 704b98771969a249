"""Section 4: leave-one-out retraining as the ground truth of which rows harm."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ....bench.results.run import Run
from ...style import share
from ..claim import Evidence, claim
from ..contrast import CORRELATION, Contrast
from .figures import auc_list, labelled
from .rows import FOREST, aucs, by_mean, by_problem_and_seed, interval, row, scores_by_problem

HALVES = ("leave-one-out[retrain=4]", "leave-one-out[first=4,retrain=4]")
"""Rows that share no training; the truth is their sum."""
EXACT = "influence-exact"


@claim(
    "paper-leave-one-out",
    "section 4, Figure 1 and Hypothesis 3.2",
    "drawn against 0.9 minus the leave-one-out test accuracy for the network (its code), in steps of 0.01",
    Contrast(
        "outlier gradients by the isolation forest",
        "exact influence on clean validation rows",
        "Spearman correlation with what the validation rows gain when a row is left out and the model retrained",
        "problem and seed",
        margin=0.1,
        because="Cohen (1988) calls a correlation of 0.1 small; the paper has no figure",
        least=-0.1,
        unit=CORRELATION,
    ),
)
def outlier_gradients_stand_in_for_influence(run: Run) -> Evidence:
    """Looking for outlier gradients can take the place of influence functions in finding the rows that harm."""
    problems = scores_by_problem(run, (*HALVES, FOREST, EXACT))
    truths = {slug: np.add(*(scores[half] for half in HALVES)) for slug, scores in problems.items()}
    shared = set.intersection(*map(set, problems.values())) - set(HALVES)
    by_name = {
        name: by_problem_and_seed(run, {slug: spearman(problems[slug][name], truth) for slug, truth in truths.items()})
        for name in sorted(shared)
    }
    table = pd.DataFrame(by_name).T
    halves = {slug: spearman(*(scores[half] for half in HALVES)) for slug, scores in problems.items()}
    reliability = by_problem_and_seed(run, halves).groupby(level="problem").mean()
    figures = [labelled(name, interval(row(table, name)), share) for name in by_mean(table.dropna())]
    return Evidence(
        row(table, FOREST) - row(table, EXACT),
        f"Spearman correlation: {'; '.join(figures)}. "
        f"Of leave-one-out with itself: {'; '.join(_reliable(str(problem), r) for problem, r in reliability.items())}. "
        f"It finds the flips with ROC-AUC {auc_list(aucs(run), HALVES)}",
    )


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The rank correlation; NaN if either is constant."""
    return float(spearmanr(first, second).statistic) if np.ptp(first) * np.ptp(second) > 0 else np.nan


def _reliable(problem: str, halves: float) -> str:
    """How reliable leave-one-out is: a half of its trainings, and all of them by Spearman (1910) and Brown (1910)."""
    whole = 2 * halves / (1 + halves)
    return (
        f"{problem} {halves:.3f} between halves of its trainings, so {whole:.3f} for all, and no row can be expected "
        f"above {max(whole, 0.0) ** 0.5:.3f}"
    )
