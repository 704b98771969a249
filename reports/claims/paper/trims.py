"""Pictures of the gains of trimming, for the suites about budgets and epochs."""

from matplotlib.figure import Figure

from ....bench.results.run import Run
from ...trimming.curves import by_budget, by_epoch, largest_budgets, several_budgets
from ...trimming.gains import Trimming, trimming_of
from ..claim import Lacking, picture


@picture("paper-threshold")
def gains_by_budget(run: Run, width: float) -> Figure:
    """Points of test accuracy above random removal (dashed) by budget, a panel for each removal, with 95 % intervals
    as bands; the others are grey. The budget "true" is the number of wrong labels."""
    trimming = _trimming(run)
    problems = several_budgets(trimming.table)
    if not problems:
        raise Lacking("problem that was trimmed by several budgets")
    return by_budget(trimming, problems[0], width)


@picture("paper-text")
def accuracy_by_epoch(run: Run, width: float) -> Figure:
    """Mean test accuracy over trainings after each epoch, a panel for each removal; random removal is dashed, the
    others are grey."""
    trimming = _trimming(run)
    problem, budget = next(iter(largest_budgets(trimming.table).items()))
    return by_epoch(trimming, problem, budget, width)


def _trimming(run: Run) -> Trimming:
    trimming = trimming_of([run])
    if trimming is None:
        raise Lacking("retrained models")
    return trimming
