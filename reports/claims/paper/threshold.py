"""Appendix C: how much to trim."""

import pandas as pd

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...trimming.sentences import points
from ..claim import Finding, claim
from .figures import verdict
from .rows import OUTLIER, accuracy, against_best_other, best, row, rows

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
    methods = [name for name in over["5%"].index if name not in ("random", "oracle")]
    figures = [
        f"{name} " + ", ".join(f"{100 * row(table, name).mean():+.2f}" for table in over.values())
        for name in [*methods, "oracle"]
    ]
    mean = sum((over[budget] for budget in PAPERS[1:]), over[PAPERS[0]]) / len(PAPERS)
    ours, other, difference = against_best_other(run, rows(mean, methods))
    return Finding(
        f"points over random removal at {', '.join(PAPERS)} and the true share: {'; '.join(figures)}. Over the paper's "
        f"five budgets, {ours} over {other} {points(*difference)}",
        verdict(
            difference,
            f"Stands against these rows: over the five budgets {ours} is above {other}.",
            f"Does not stand: over the five budgets {other} is above {ours}.",
            f"Undecided: over the five budgets {ours} and {other} differ by less than the seeds do.",
        ),
    )


@claim("paper-threshold", "section 5: 5 % are trimmed, 40.21 % are wrong", "budgets above 12.5 % are not tried")
def five_percent_is_the_budget(run: Run) -> Finding:
    """A budget far below the share of wrong labels is best."""
    few, many = _over_random(run, "5%"), _over_random(run, "true")
    figures = [
        f"{name} {points(*mean_interval(few.loc[name]))} at 5 %, "
        f"{points(*mean_interval(row(many, name)))} at the true one"
        for name in few.index
        if name != "random"
    ]
    ours = best(many, OUTLIER)
    difference = mean_interval(many.loc[ours] - row(few, ours))
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
    return table - row(table, "random")
