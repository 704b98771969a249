"""Appendix C: how much to trim."""

from collections.abc import Sequence

import pandas as pd

from ....bench.results.run import Run
from ..claim import Evidence, claim
from ..margins import of_accuracy
from .rows import by_mean, interval, row, rows
from .trimmed import accuracies

PAPERS = ("2.5%", "5%", "7.5%", "10%", "12.5%")
FEW, MANY = "5%", "true"
OUTLIER = ("outlier-gradient", "outlier-gradient[detector=l2]")
DATAINF = "datainf"


@claim(
    "paper-threshold",
    "appendix C, Table 5 (worst labels): accuracy by budget, 2.5 to 12.5 %",
    "outlier gradients L1 84.26, 84.20, 84.12, 84.32, 84.25; L2 84.48, 82.99, 84.09, 84.35, 84.43; isolation forest "
    "83.74, 83.72, 84.22, 84.44, 83.25; DataInf 84.31, 83.40, 83.45, 84.01, 84.12; said to be among the two best "
    "whatever the budget",
    of_accuracy(
        "models trimmed by outlier gradients, the mean of isolation forest and L2",
        "models trimmed by DataInf on clean validation rows",
        "test accuracy, the mean over the paper's five budgets",
        "seed",
    ),
)
def outlier_gradients_lead_whatever_the_budget(run: Run) -> Evidence:
    """Outlier gradients lead whatever the budget."""
    tables = [accuracies(run, budget) for budget in PAPERS]
    differences = [rows(table, OUTLIER).mean() - row(table, DATAINF) for table in tables]
    return Evidence(sum(differences[1:], differences[0]) / len(differences), _by_budget(PAPERS, tables))


@claim(
    "paper-threshold",
    "section 5: 5 % are trimmed, 40.21 % are wrong",
    "budgets above 12.5 % are not tried",
    of_accuracy(
        "models trimmed of 5 % by outlier gradients, the mean of isolation forest and L2",
        "models trimmed of as many rows as are wrong by the same",
        "test accuracy",
        "seed",
    ),
)
def five_percent_is_the_budget(run: Run) -> Evidence:
    """A budget far below the share of wrong labels is best."""
    tables = [accuracies(run, budget) for budget in (FEW, MANY)]
    few, many = (rows(table, OUTLIER).mean() for table in tables)
    return Evidence(few - many, _by_budget((FEW, "as many as are wrong"), tables))


def _by_budget(budgets: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """The accuracy of each row at each budget, in percent."""
    figures = [
        f"{name} " + ", ".join(f"{100 * interval(row(table, name))[0]:.2f}" for table in tables)
        for name in by_mean(tables[0])
    ]
    return f"test accuracy in percent at {', '.join(budgets)}: {'; '.join(figures)}"
