"""Pictures of the gains of trimming, for the suites about budgets and epochs."""

from matplotlib.figure import Figure

from ....bench.results.run import Run
from ...trimming import curves
from ...trimming.gains import Trimming, trimming_of
from ..claim import Lacking, picture


@picture("paper-threshold")
def accuracy_by_budget(run: Run, width: float) -> Figure:
    """Mean test accuracy over trainings by budget, a panel for each removal; random removal is dashed, the others are
    grey. The budget "true" is the number of wrong labels."""
    trimming = _trimming(run)
    return curves.accuracy_by_budget(trimming, _of_several_budgets(trimming), width)


@picture("paper-threshold")
def gains_by_budget(run: Run, width: float) -> Figure:
    """The same figures as points above random removal of as many rows (dashed), with 95 % intervals as bands. Random
    removal costs accuracy, the more the more rows it takes: a gain at one budget is not to be compared with a gain at
    another."""
    trimming = _trimming(run)
    return curves.by_budget(trimming, _of_several_budgets(trimming), width)


@picture("paper-text")
def accuracy_by_epoch(run: Run, width: float) -> Figure:
    """Mean test accuracy over trainings after each epoch, a panel for each removal; random removal is dashed, the
    others are grey."""
    trimming = _trimming(run)
    problem, budget = next(iter(curves.largest_budgets(trimming.table).items()))
    return curves.by_epoch(trimming, problem, budget, width)


def _trimming(run: Run) -> Trimming:
    trimming = trimming_of([run])
    if trimming is None:
        raise Lacking("retrained models")
    return trimming


def _of_several_budgets(trimming: Trimming) -> str:
    """The first problem that was trimmed by several budgets."""
    problems = curves.several_budgets(trimming.table)
    if not problems:
        raise Lacking("problem that was trimmed by several budgets")
    return problems[0]
