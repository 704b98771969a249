"""Appendix C: how much to trim."""

import pandas as pd

from ....bench.results.run import Run
from ...statistics import mean_interval
from ...trimming.sentences import points
from ..claim import Finding, claim
from .figures import OUTLIER, accuracy, best, verdict

PAPERS = ("2.5%", "5%", "7.5%", "10%", "12.5%")


@claim(
    "paper-threshold",
    "appendix C, Table 5 (worst labels): accuracy by budget, 2.5 to 12.5 %",
    "outlier gradients L1 84.26, 84.20, 84.12, 84.32, 84.25; L2 84.48, 82.99, 84.09, 84.35, 84.43; isolation forest "
    "83.74, 83.72, 84.22, 84.44, 83.25; DataInf 84.31, 83.40, 83.45, 84.01, 84.12; said to be among the two best "
    "whatever the budget",
)
def outlier_gradients_lead_whatever_the_budget(run: Run) -> Finding:
    """Outlier gradients are among the two best whatever the budget."""
    over = {budget: _over_random(run, budget) for budget in (*PAPERS, "true")}
    rows = [row for row in over["5%"].index if row not in ("random", "oracle")]
    figures = [
        f"{row} " + ", ".join(f"{100 * over[budget].loc[row].mean():+.2f}" for budget in over)
        for row in [*rows, "oracle"]
    ]
    mean = sum((over[budget] for budget in PAPERS[1:]), over[PAPERS[0]]) / len(PAPERS)
    ours = best(mean, OUTLIER)
    other = best(mean, [row for row in rows if not row.startswith("outlier-gradient")])
    difference = mean_interval(mean.loc[ours] - mean.loc[other])
    return Finding(
        f"points over random removal at {', '.join(PAPERS)} and the true share: {'; '.join(figures)}. Over the paper's "
        f"five budgets, {ours} over {other} {points(*difference)}",
        verdict(
            difference,
            f"Stands against these rows: over the five budgets {ours} is above {other}.",
            f"Does not stand: over the five budgets {other} is above {ours}.",
            f"Cannot be told: over the five budgets {ours} and {other} differ by less than the seeds do.",
        ),
    )


@claim("paper-threshold", "section 5: 5 % are trimmed, 40.21 % are wrong", "budgets above 12.5 % are not tried")
def five_percent_is_the_budget(run: Run) -> Finding:
    """A budget far below the share of wrong labels is best."""
    few, many = _over_random(run, "5%"), _over_random(run, "true")
    figures = [
        f"{row} {points(*mean_interval(few.loc[row]))} at 5 %, {points(*mean_interval(many.loc[row]))} at the true one"
        for row in few.index
        if row != "random"
    ]
    ours = best(many, OUTLIER)
    difference = mean_interval(many.loc[ours] - few.loc[ours])
    return Finding(
        f"points over random removal: {'; '.join(figures)}",
        verdict(
            difference,
            f"Does not stand: trimming as many rows as are wrong by {ours} gains {points(*difference)} points more.",
            "Stands: more than 5 % gains less over random removal.",
        ),
    )


def _over_random(run: Run, budget: str) -> pd.DataFrame:
    """Accuracy above that of random removal of as many rows, row × (problem, seed)."""
    table = accuracy(run.trimmed(), budget)
    return table - table.loc["random"]
